//! A sample of any text is parsed or refused; its spans are words of it, in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_package::sample::Sample;

fuzz_target!(|text: &str| {
    if let Ok(sample) = Sample::parse(text) {
        let mut last = 0;
        for span in &sample.spans {
            assert!(span.start >= last && sample.text.get(span.start..span.end).is_some());
            last = span.end;
        }
    }
});
