//! Sentences of any bytes are read or refused; what is read can be compiled or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_fuzz::CLIMATE;
use valet_package::Sentences;
use valet_understanding::{SkillSource, Understander, Vocabulary};

fuzz_target!(|text: &str| {
    let manifest = &CLIMATE.0;
    if let Ok(sentences) = Sentences::parse("en.toml", text, manifest) {
        let source = [SkillSource { manifest, sentences: &sentences }];
        let _ = Understander::build("en", &source, &Vocabulary::new());
    }
});
