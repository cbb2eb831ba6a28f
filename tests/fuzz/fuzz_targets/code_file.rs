//! A file of the cache of compiled code: what has no right header, length and hash is refused
//! before anybody maps it; and one that a package carries, which is of one component. The bytes that get through are
//! compared, never run.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../daemon/skill-host/src/code"]
mod code {
    pub mod file;
}
use code::file::{header, unseal};
use valet_package::code as carried;

/// SHA-256 of the text `component`.
const OF_COMPONENT: [u8; 32] = [
    0x69, 0x85, 0xca, 0x1f, 0x4d, 0xaa, 0x5a, 0x58, 0x4a, 0x28, 0xea, 0xe0, 0x43, 0xa2, 0x39, 0xcb,
    0x96, 0x68, 0x9a, 0xf1, 0x33, 0x7e, 0xa1, 0x3a, 0xfb, 0x63, 0xe0, 0x0c, 0x2b, 0xf5, 0x12, 0xfa,
];

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = unseal(bytes) {
        assert_eq!(bytes, [&header(&found)[..], &found].concat());
    }
    let whole = [&header(bytes)[..], bytes].concat();
    assert_eq!(unseal(&*whole).expect("sealed"), bytes);
    let mut changed = whole.clone();
    let at = bytes.first().map_or(0, |first| usize::from(*first) % whole.len());
    changed[at] ^= bytes.last().copied().unwrap_or(0) | 1;
    assert!(unseal(&*changed).is_err() && unseal(&whole[..at]).is_err());
    if let Ok(code) = carried::of_file(bytes, &[0; 32]) {
        assert_eq!(bytes, [&b"VALETMC1"[..], &[0; 32], code].concat());
    }
    let file = carried::to_file(b"component", bytes);
    assert_eq!(carried::of_file(&file, &OF_COMPONENT), Ok(bytes));
    assert!(carried::of_file(&file, &[0; 32]).is_err(), "of another component");
});
