//! A vocabulary of any bytes is read or refused; what it cuts a text into lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../daemon/inference/src"]
mod inference {
    pub mod error;
    pub mod wordpiece;
}
use inference::{error, wordpiece::Vocabulary};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(vocabulary) = Vocabulary::parse(bytes) {
        // Its own lines are the text that most of its pieces are in.
        let text = &String::from_utf8_lossy(bytes);
        let cut = vocabulary.tokenize(text, 64);
        assert!(cut.ids.len() <= 64 && cut.spans.len() + 2 == cut.ids.len());
        let all = vocabulary.tokenize(text, usize::MAX);
        assert_eq!(all.ids[..63.min(all.ids.len() - 1)], cut.ids[..cut.ids.len() - 1]);
        for span in &all.spans {
            assert!(text.get(span.start as usize..span.end as usize).is_some());
        }
    }
});
