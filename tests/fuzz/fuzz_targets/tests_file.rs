//! A skill's tests of any bytes are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_fuzz::CLIMATE;
use valet_package::tests_file::TestsFile;

fuzz_target!(|text: &str| {
    let _ = TestsFile::parse("tests.toml", text, &CLIMATE.0);
});
