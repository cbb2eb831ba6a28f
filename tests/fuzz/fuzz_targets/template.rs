//! A template of any text is parsed or refused, alone and as a rule that names itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use valet_package::template::{Rules, Template};

fuzz_target!(|text: &str| {
    let _ = Template::parse(text);
    let rules = [("a".to_owned(), text.to_owned()), ("b".to_owned(), "<a> x".to_owned())];
    let _ = Rules::parse(&BTreeMap::from(rules));
});
