//! A model's manifest of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_inference::ModelManifest;

fuzz_target!(|text: &str| {
    let _ = ModelManifest::parse(text);
});
