//! Verdicts on containers: what was written comes back, and everything else is refused.

use super::*;

fn two_files() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer.add("skill.toml", b"schema = 1\n").expect("a file");
    writer.add("assets/names.txt", &[7; 700]).expect("a file");
    writer.finish().expect("an end")
}

fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let (mut reader, mut files) = (Reader::new(bytes), Vec::new());
    while let Some(entry) = reader.next_entry()? {
        let content = reader.content(&entry, 1000)?;
        files.push((entry.name, content));
    }
    Ok(files)
}

/// The header at `at`, changed, its sum made right again.
fn with_header(at: usize, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = two_files();
    let header = &mut bytes[at..at + BLOCK];
    change(header);
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes
}

#[test]
fn what_was_written_comes_back() {
    let files = read(&two_files()).expect("a container");
    assert_eq!(files[0], ("skill.toml".to_owned(), b"schema = 1\n".to_vec()));
    assert_eq!(files[1], ("assets/names.txt".to_owned(), vec![7; 700]));
    assert_eq!(two_files(), two_files());
}

#[test]
fn cut_at_any_byte_it_is_refused() {
    let whole = two_files();
    for length in 0..whole.len() {
        let error = read(&whole[..length]).expect_err("cut short");
        assert!(matches!(error, ArchiveError::Truncated { .. }), "{length}: {error}");
    }
}

#[test]
fn a_flipped_bit_outside_of_the_contents_is_refused() {
    let whole = two_files();
    let contents = [512..523, 1536..2236];
    for at in (0..whole.len()).filter(|at| !contents.iter().any(|range| range.contains(at))) {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert!(read(&bytes).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn each_kind_of_wrong_has_its_own_error() {
    type Check = fn(&ArchiveError) -> bool;
    let mut trailing = two_files();
    trailing.push(0);
    let cases: [(&str, Vec<u8>, Check); 12] = [
        ("symbolic link", with_header(0, |h| h[156] = b'2'), |e| {
            matches!(e, ArchiveError::NotRegular { kind: "a symbolic link", .. })
        }),
        ("hard link", with_header(0, |h| h[156] = b'1'), |e| {
            matches!(e, ArchiveError::NotRegular { kind: "a hard link", .. })
        }),
        ("folder", with_header(1024, |h| h[156] = b'5'), |e| {
            matches!(e, ArchiveError::NotRegular { kind: "a folder", .. })
        }),
        ("PAX", with_header(0, |h| h[156] = b'x'), |e| {
            matches!(e, ArchiveError::Extended { kind: "PAX", .. })
        }),
        ("GNU long name", with_header(0, |h| h[156] = b'L'), |e| {
            matches!(e, ArchiveError::Extended { kind: "GNU", .. })
        }),
        ("out of the package", with_header(0, |h| h[..10].copy_from_slice(b"../../ab.c")), |e| {
            matches!(e, ArchiveError::Name { why: "it leads out of the package", .. })
        }),
        ("absolute", with_header(0, |h| h[0] = b'/'), |e| matches!(e, ArchiveError::Name { .. })),
        ("an owner", with_header(0, |h| h[114] = b'1'), |e| {
            matches!(e, ArchiveError::Field { field: "the owner", .. })
        }),
        ("a time", with_header(0, |h| h[146] = b'1'), |e| {
            matches!(e, ArchiveError::Field { field: "the time", .. })
        }),
        ("a length of blanks", with_header(0, |h| h[124..135].fill(b' ')), |e| {
            matches!(e, ArchiveError::Field { field: "the length", .. })
        }),
        ("a huge length", with_header(0, |h| h[124..135].fill(b'7')), |e| {
            matches!(e, ArchiveError::TooLarge { .. })
        }),
        ("trailing", trailing, |e| matches!(e, ArchiveError::Trailing { .. })),
    ];
    for (what, bytes, fits) in cases {
        let error = read(&bytes).expect_err(what);
        assert!(fits(&error), "{what}: {error}");
    }
    assert!(matches!(read(&[b'x'; 4096]), Err(ArchiveError::NoHeader { .. })));
    let mut damaged = two_files();
    damaged[3] ^= 1;
    assert!(matches!(read(&damaged), Err(ArchiveError::Damaged { at: 0 })));
}

#[test]
fn names_that_lead_elsewhere_are_not_written() {
    for name in ["", "/etc/passwd", "../x", "a/../b", "a//b", ".hidden", "a/.b", "a b", "ä"] {
        assert!(Writer::new(Vec::new()).add(name, b"").is_err(), "{name}");
    }
}
