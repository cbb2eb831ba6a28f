//! A script of understanding of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_understanding::Script;

fuzz_target!(|text: &str| {
    let _ = Script::parse("script.toml", text);
});
