//! A signal catalogue and an overlay of any bytes are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use valet_devices::Catalogue;

const SMALL: &str = include_str!("../seeds/fuzz_catalogue/small.tsv");

static BASE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse("small.tsv", SMALL).expect("the seed is right"));

fuzz_target!(|text: &str| {
    let _ = Catalogue::parse("fuzz.tsv", text);
    let _ = BASE.clone().with_overlay("overlay.toml", text);
});
