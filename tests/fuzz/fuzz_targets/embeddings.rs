//! Embeddings of any bytes, kept ones and carried ones, are read or refused. The bytes come as they are, sealed, and as
//! changes of a file that an encoder made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use valet_core::encoder::Encoder;
use valet_fuzz::{Changes, WordEncoder};
use valet_understanding::heads::{
    cache::seal,
    carried::{self, Refusal},
    embeddings::Embeddings,
};

static MADE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let texts = ["set the fan to 3", "lock the doors", "日本語 のテスト"].map(str::to_owned);
    carried::make(&texts.into(), &mut WordEncoder).expect("the encoder does not fail")
});

/// Reads a file that a skill carries, all of it and some of it.
fn read(file: &[u8], dimensions: usize) -> Result<(), Refusal> {
    let of = (WordEncoder.fingerprint(), dimensions);
    let all = carried::read(file, of, &|_| true).map(drop);
    let some = carried::read(file, of, &|name| name[0] < 128).map(drop);
    // Numbers beyond belief refuse a file by what is wanted of it.
    assert!(some.is_ok() || all == some);
    all
}

fuzz_target!(|parts: (u8, Changes, &[u8])| {
    let (dimensions, changes, bytes) = parts;
    let dimensions = usize::from(dimensions % 5);
    let _ = Embeddings::parse(bytes, dimensions);
    assert_eq!(read(bytes, dimensions), Err(Refusal::Seal), "nobody finds a hash");
    // What is behind the seal changes, and the seal is made anew.
    let key: [u8; 32] = MADE[8..40].try_into().expect("a magic, then the key");
    let _ = read(&seal(&key, bytes), dimensions);
    let changed = seal(&key, &changes.applied_to(&MADE[80..]));
    let readable = read(&changed, WordEncoder.dimensions()).is_ok();
    assert!(readable || !changes.is_empty(), "what was made can be read");
});
