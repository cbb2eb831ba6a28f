//! A package of any bytes, and changes of one that is right: it is read or refused, and all files are read of what is
//! read. The headers' sums are made right again, so that changes come further than them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use valet_fuzz::Changes;
use valet_package::{Package, pack};

const BLOCK: usize = 512;

static PACKAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = valet_fuzz::scratch_folder();
    let skill = concat!(env!("CARGO_MANIFEST_DIR"), "/../../skills/climate");
    for (name, bytes) in [
        ("skill.toml", std::fs::read(format!("{skill}/skill.toml")).expect("there")),
        ("skill.wasm", vec![7; 100]),
    ] {
        std::fs::write(folder.join(name), bytes).expect("the folder takes it");
    }
    let mut bytes = Vec::new();
    pack::pack(&folder, &mut bytes).expect("the folder is a skill");
    bytes
});

/// Makes the sum of each block that looks like a header right.
fn with_right_sums(mut bytes: Vec<u8>) -> Vec<u8> {
    for header in bytes.as_chunks_mut::<BLOCK>().0 {
        if header[257..262] == *b"ustar" {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    bytes
}

fn is_read(bytes: &[u8]) -> bool {
    let Ok(package) = Package::open(bytes) else { return false };
    let mut unpacked = 0;
    let files = package.manifest.files.len();
    let read = package.unpack(|_| {
        unpacked += 1;
        Ok(std::io::sink())
    });
    assert!(read.is_err() || unpacked == files);
    read.is_ok()
}

fuzz_target!(|parts: (Changes, &[u8])| {
    let (changes, bytes) = parts;
    is_read(bytes);
    is_read(&with_right_sums(bytes.to_vec()));
    let changed = with_right_sums(changes.applied_to(&PACKAGE));
    assert!(is_read(&changed) || changed != *PACKAGE, "as it was, and refused");
});
