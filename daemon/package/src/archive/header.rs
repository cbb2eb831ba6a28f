//! The one form of a header, and what is said of others.

use super::{ArchiveError, BLOCK};

/// Longest name, bytes: what fits the header's field.
pub const MAX_NAME_BYTES: usize = 100;
/// Largest length that the header's field holds.
const MAX_BYTES: u64 = 0o777_7777_7777;

/// The fields of a ustar header besides name and link: place, what to call them.
const FIELDS: [(std::ops::Range<usize>, &str); 9] = [
    (100..108, "the mode"),
    (108..116, "the owner"),
    (116..124, "the group"),
    (124..136, "the length"),
    (136..148, "the time"),
    (148..156, "the sum"),
    (157..257, "the name of a link"),
    (257..265, "the magic"),
    (265..512, "the owner's name, a device or a prefix"),
];
const SUM: std::ops::Range<usize> = 148..156;

/// A header of 512 bytes.
pub(super) type Header = [u8; BLOCK];

/// The header of a regular file.
///
/// # Errors
/// [`ArchiveError::Name`] and [`ArchiveError::TooLarge`].
pub(super) fn header(name: &str, bytes: u64) -> Result<Header, ArchiveError> {
    check_name(name).map_err(|why| ArchiveError::Name { at: 0, name: name.to_owned(), why })?;
    if bytes > MAX_BYTES {
        return Err(ArchiveError::TooLarge { name: name.to_owned(), bytes, limit: MAX_BYTES });
    }
    let mut header = [0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{bytes:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[329..337].copy_from_slice(b"0000000\0");
    header[337..345].copy_from_slice(b"0000000\0");
    let sum = format!("{:06o}\0 ", sum(&header));
    header[SUM].copy_from_slice(sum.as_bytes());
    Ok(header)
}

/// The sum of all bytes, its own place taken for blanks.
fn sum(header: &Header) -> u32 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, byte)| if SUM.contains(&at) { 32 } else { u32::from(*byte) }).sum()
}

/// Name and length of a header, when it is the one that such a file has.
///
/// # Errors
/// What is wrong with it, as exactly as can be told.
pub(super) fn parse(header: &Header, at: u64) -> Result<(String, u64), ArchiveError> {
    if header[257..262] != *b"ustar" {
        let found = header[..16].escape_ascii().to_string();
        return Err(ArchiveError::NoHeader { at, found });
    }
    let written = std::str::from_utf8(&header[SUM.start..SUM.start + 6]);
    if written.ok().and_then(|sum| u32::from_str_radix(sum, 8).ok()) != Some(sum(header)) {
        return Err(ArchiveError::Damaged { at });
    }
    let end = header[..MAX_NAME_BYTES].iter().position(|byte| *byte == 0).unwrap_or(MAX_NAME_BYTES);
    let name = String::from_utf8_lossy(&header[..end]).into_owned();
    check_kind(header[156], at, &name)?;
    check_name(&name).map_err(|why| ArchiveError::Name { at, name: name.clone(), why })?;
    let bytes = std::str::from_utf8(&header[124..135]).ok();
    let bytes = bytes.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    let Some(bytes) = bytes.and_then(|digits| u64::from_str_radix(digits, 8).ok()) else {
        return Err(ArchiveError::Field { at, name, field: "the length" });
    };
    let expected = self::header(&name, bytes)?;
    let differs = FIELDS.iter().find(|(range, _)| header[range.clone()] != expected[range.clone()]);
    match differs {
        Some((_, field)) => Err(ArchiveError::Field { at, name, field }),
        None if *header != expected => Err(ArchiveError::Field { at, name, field: "the name" }),
        None => Ok((name, bytes)),
    }
}

fn check_kind(kind: u8, at: u64, name: &str) -> Result<(), ArchiveError> {
    let kind = match kind {
        b'0' => return Ok(()),
        b'x' | b'g' => return Err(ArchiveError::Extended { at, kind: "PAX" }),
        b'A'..=b'Z' => return Err(ArchiveError::Extended { at, kind: "GNU" }),
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'5' => "a folder",
        b'6' => "a pipe",
        _ => "of a kind unknown here",
    };
    Err(ArchiveError::NotRegular { at, name: name.to_owned(), kind })
}

/// Whether a name is one that a file of a package can have: parts of `a-z A-Z 0-9 . _ -` between single slashes, none of
/// which begins with a dot.
///
/// # Errors
/// Which rule it breaks.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err("expected 1 to 100 bytes");
    }
    if name.starts_with('/') {
        return Err("it is absolute, expected one within the package");
    }
    for part in name.split('/') {
        if part == ".." {
            return Err("it leads out of the package");
        }
        if part.is_empty() || part.starts_with('.') {
            return Err("a part of it is empty or begins with a dot");
        }
        if !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err("expected letters, digits, dots, `_` and `-`");
        }
    }
    Ok(())
}
