//! A file of the cache of compiled code: what has no right header, length and hash is refused
//! before anybody maps it. The bytes that get through are compared, never run.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../daemon/skill-host/src/code"]
mod code {
    pub mod file;
}
use code::file::{header, unseal};

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
});
