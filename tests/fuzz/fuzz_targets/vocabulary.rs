//! A vocabulary of any bytes is read or refused; what it cuts a text into lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_inference::Vocabulary;

fuzz_target!(|parts: (&[u8], &str)| {
    let (bytes, text) = parts;
    if let Ok(vocabulary) = Vocabulary::parse(bytes) {
        let cut = vocabulary.tokenize(text, 64);
        assert!(cut.ids.len() <= 64);
    }
});
