//! Any utterance is normalised, searched for entities and matched with templates; every slot
//! points into the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use valet_core::{understanding::Request, utterance::Utterance, zone::Zone};
use valet_fuzz::{CLIMATE, NAVIGATION, TIMERS};
use valet_understanding::{SkillSource, Understander, Vocabulary, normalise::Tokens};

static UNDERSTANDER: LazyLock<Understander> = LazyLock::new(|| {
    let sources = [&*CLIMATE, &*TIMERS, &*NAVIGATION]
        .map(|(manifest, sentences)| SkillSource { manifest, sentences });
    Understander::build("en", &sources, &Vocabulary::new()).expect("the shipped skills fit")
});

fuzz_target!(|text: &str| {
    let Ok(utterance) = Utterance::parse(text) else { return };
    let text = utterance.as_str();
    let inside = |start: u32, end: u32| text.get(start as usize..end as usize).is_some();
    let tokens = Tokens::read(text);
    for token in tokens.list() {
        assert!(inside(token.start, token.end));
    }
    let understood = UNDERSTANDER.understand(
        &Request {
            text: text.to_owned(),
            language: "en".to_owned(),
            zone: Zone::DRIVER,
            expected: None,
            local_now: Some((2026, 2, 28, 23, 59)),
            previous: None,
        },
        None,
    );
    for command in &understood.commands {
        assert!(inside(command.start, command.end));
        for slot in &command.best.slots {
            assert!(inside(slot.start, slot.end));
        }
    }
});
