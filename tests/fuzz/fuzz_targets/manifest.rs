//! A skill's manifest of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_package::Manifest;

fuzz_target!(|text: &str| {
    if let Err(refused) = Manifest::parse("skill.toml", text) {
        assert!(!refused.to_string().is_empty());
    }
});
