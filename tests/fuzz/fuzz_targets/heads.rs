//! Trained heads of any bytes are read or refused; what is read ranks a sentence. The bytes come
//! as they are, and as changes of heads that were really trained.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use valet_core::{encoder::Encoder, entity::EntityKind, intent::IntentId, signal::Class};
use valet_fuzz::{Changes, WordEncoder};
use valet_understanding::{
    entities::{Context, Entities, Kind},
    heads::{
        Earlier, Heads,
        cache::{key_of, seal, unseal},
    },
    normalise::Tokens,
    training::{Origin, TrainingExample, TrainingIntent, TrainingSet, TrainingSlot, TrainingSpan},
};

static SET: LazyLock<TrainingSet> = LazyLock::new(training_set);
static TRAINED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let heads = Heads::train(
        &SET,
        &Entities::default(),
        &mut WordEncoder,
        Earlier::default(),
        &mut |_, _| {},
    );
    heads.expect("the encoder does not fail").to_bytes()
});

fn intent(name: &str, class: Class, slot: Option<Kind>) -> TrainingIntent {
    let slot = slot.map(|kind| TrainingSlot {
        name: "level".to_owned(),
        entity: EntityKind::Number,
        kind,
    });
    TrainingIntent {
        id: IntentId::parse(&format!("org.valetd.fuzz/{name}")).expect("a valid name"),
        class,
        description: name.to_owned(),
        slots: slot.into_iter().collect(),
    }
}

/// Two commands and a question; the first has a slot.
fn training_set() -> TrainingSet {
    let said = [
        (0, "set the fan to 3", Some((15, 16))),
        (0, "fan to level 5", Some((13, 14))),
        (0, "put the blower at 2", Some((18, 19))),
        (1, "lock the doors", None),
        (1, "please lock the car", None),
        (1, "close and lock every door", None),
        (2, "are the doors locked", None),
        (2, "is the car locked", None),
        (2, "did i lock up", None),
    ];
    let example = |(intent, text, span): &(usize, &str, Option<(u32, u32)>)| TrainingExample {
        intent: *intent,
        text: (*text).to_owned(),
        spans: span
            .iter()
            .map(|(start, end)| TrainingSpan { slot: 0, start: *start, end: *end })
            .collect(),
        origin: Origin::Sample,
    };
    TrainingSet {
        intents: vec![
            intent("set-fan", Class::Comfort, Some(Kind::Number)),
            intent("lock", Class::Security, None),
            intent("query-doors", Class::Info, None),
        ],
        examples: said.iter().map(example).collect(),
        fingerprint: [7; 32],
    }
}

/// Reads a payload and asks what was read; whether it could be read.
fn read(payload: &[u8]) -> bool {
    let Some(heads) =
        Heads::parse(payload, &SET, (WordEncoder.fingerprint(), WordEncoder.dimensions()))
    else {
        return false;
    };
    for text in ["set the fan to 4", "is the car locked", "", "日本語 fan to 3"] {
        let tokens = Tokens::read(text);
        let ranked = heads
            .rank(&tokens, &Context::default(), &Entities::default(), &mut WordEncoder)
            .expect("the encoder does not fail");
        for slot in ranked.candidates.iter().flat_map(|candidate| &candidate.slots) {
            assert_eq!(text.get(slot.start as usize..slot.end as usize), Some(slot.text.as_str()));
        }
    }
    true
}

fuzz_target!(|parts: (Changes, &[u8])| {
    let (changes, bytes) = parts;
    let key = key_of(&[b"fuzz"]);
    assert_eq!(unseal(bytes, &key), None, "nobody finds a hash");
    assert_eq!(unseal(&seal(&key, bytes), &key), Some(bytes));
    read(bytes);
    let readable = read(&changes.applied_to(&TRAINED));
    assert!(readable || !changes.is_empty(), "what was trained can be read");
});
