//! Kept embeddings of any bytes are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_understanding::heads::embeddings::Embeddings;

fuzz_target!(|parts: (u8, &[u8])| {
    let (dimensions, bytes) = parts;
    let _ = Embeddings::parse(bytes, usize::from(dimensions % 5));
});
