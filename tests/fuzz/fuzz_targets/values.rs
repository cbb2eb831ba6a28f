//! A run-time vocabulary of any texts is built into the understander, which then understands
//! those texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_core::{understanding::Request, zone::Zone};
use valet_fuzz::TIMERS;
use valet_understanding::{SkillSource, Understander, Vocabulary};

fuzz_target!(|text: &str| {
    // A line is a value with its synonyms; empty texts and control characters are refused before.
    let values: Vec<(String, Vec<String>)> = text
        .lines()
        .filter_map(|line| {
            let mut texts = line
                .split('|')
                .filter(|text| !text.trim().is_empty() && !text.chars().any(char::is_control))
                .map(str::to_owned);
            Some((texts.next()?, texts.collect()))
        })
        .collect();
    let said: Vec<String> = values.iter().map(|(value, _)| format!("cancel {value}")).collect();
    let vocabulary = Vocabulary::from([("timer-scope".to_owned(), values)]);
    let (manifest, sentences) = &*TIMERS;
    let source = [SkillSource { manifest, sentences }];
    let Ok(understander) = Understander::build("en", &source, &vocabulary) else { return };
    for text in said.into_iter().take(4) {
        let request = Request {
            text: text.clone(),
            language: "en".to_owned(),
            zone: Zone::DRIVER,
            expected: None,
            local_now: None,
            previous: None,
        };
        for command in &understander.understand(&request, None).commands {
            assert!(text.get(command.start as usize..command.end as usize).is_some());
        }
    }
});
