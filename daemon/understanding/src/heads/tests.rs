//! The heads as a whole, on a plain encoder whose vectors are the words' hashes.

use super::*;
use crate::training::{Origin, TrainingExample, TrainingSet, TrainingSlot, TrainingSpan};
use std::path::PathBuf;
use valet_core::{
    encoder::TokenSpan,
    entity::{EntityKind, Value},
    intent::IntentId,
};

pub(super) const DIMENSIONS: usize = 32;

/// Sums the hashes of words; counts its calls.
pub(super) struct HashEncoder {
    calls: usize,
    broken: Option<f32>,
}

impl HashEncoder {
    pub(super) fn new() -> Self {
        Self { calls: 0, broken: None }
    }
}

fn hashed(word: &str) -> Vec<f32> {
    let mut random = crate::random::Random::new(vectors::hash_of(&[word]));
    (0..DIMENSIONS)
        .map(|_| f32::from(u8::try_from(random.below(200)).unwrap_or(0)) / 100.0 - 1.0)
        .collect()
}

impl Encoder for HashEncoder {
    fn fingerprint(&self) -> &str {
        "hash"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
        self.calls += 1;
        let mut sentence = vec![0.0; DIMENSIONS];
        let (mut tokens, mut token_vectors) = (Vec::new(), Vec::new());
        for word in text.split_whitespace() {
            let start = u32::try_from(word.as_ptr() as usize - text.as_ptr() as usize).unwrap_or(0);
            let end = start + u32::try_from(word.len()).unwrap_or(0);
            tokens.push(TokenSpan { start, end });
            let row = hashed(&word.to_lowercase());
            vectors::add_scaled(&mut sentence, &row, 1.0);
            token_vectors.extend(row);
        }
        vectors::normalise(&mut sentence);
        if let Some(value) = self.broken {
            sentence.fill(value);
            token_vectors.fill(value);
        }
        Ok(Encoding { sentence, tokens, token_vectors })
    }
}

pub(super) fn intent(name: &str, slot: Option<Kind>) -> TrainingIntent {
    let slots = slot.into_iter().map(|kind| TrainingSlot {
        name: "what".to_owned(),
        entity: EntityKind::Number,
        kind,
    });
    TrainingIntent {
        id: IntentId::parse(&format!("org.valetd.test/{name}")).expect("a valid name"),
        class: Class::Comfort,
        description: name.to_owned(),
        slots: slots.collect(),
    }
}

pub(super) fn example(intent: usize, marked: &str) -> TrainingExample {
    let (text, spans) = match marked.split_once('[') {
        None => (marked.to_owned(), Vec::new()),
        Some((before, rest)) => {
            let (value, after) = rest.split_once(']').expect("a closed span");
            let start = u32::try_from(before.len()).expect("short");
            let end = start + u32::try_from(value.len()).expect("short");
            (format!("{before}{value}{after}"), vec![TrainingSpan { slot: 0, start, end }])
        }
    };
    TrainingExample { intent, text, spans, origin: Origin::Sample }
}

pub(super) fn set(more: &[&str]) -> TrainingSet {
    let fan = [
        "set the fan to [3]",
        "fan to level [five]",
        "put the blower at [2]",
        "make the fan [4]",
        "i want the fan at [1]",
        "blower level [six] please",
    ];
    let door = [
        "lock the doors",
        "lock the car",
        "please lock up",
        "close and lock every door",
        "make sure the car is locked",
        "lock everything",
    ];
    let mut examples: Vec<TrainingExample> = fan.iter().map(|t| example(0, t)).collect();
    examples.extend(door.iter().chain(more).map(|t| example(1, t)));
    let texts: Vec<&[u8]> = examples.iter().map(|e| e.text.as_bytes()).collect();
    TrainingSet {
        intents: vec![intent("set-fan", Some(Kind::Number)), intent("lock", None)],
        fingerprint: cache::key_of(&texts),
        examples,
    }
}

fn train(set: &TrainingSet, encoder: &mut HashEncoder, folder: Option<&Path>) -> Heads {
    let earlier = Earlier { cache: folder, heads: None };
    Heads::train(set, &Entities::default(), encoder, earlier, &mut |_, _| {}).expect("no fault")
}

fn rank(heads: &Heads, text: &str) -> Ranked {
    let (tokens, context) = (Tokens::read(text), Context::default());
    heads.rank(&tokens, &context, &Entities::default(), &mut HashEncoder::new()).expect("no fault")
}

/// A folder that goes when the test ends.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("valet-heads-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn samples_are_recognised_and_their_slots_filled() {
    let heads = train(&set(&[]), &mut HashEncoder::new(), None);
    let fan = rank(&heads, "set the fan to 4");
    assert_eq!(fan.candidates[0].intent.name(), "set-fan");
    assert_eq!(fan.candidates[0].slots[0].value, Value::Number(4.0));
    assert_eq!(fan.candidates[0].slots[0].text, "4");
    assert_eq!(rank(&heads, "lock the doors now").candidates[0].intent.name(), "lock");
}

#[test]
fn heads_from_the_cache_are_those_that_were_trained() {
    let folder = Folder::new("same");
    let fresh = train(&set(&[]), &mut HashEncoder::new(), Some(&folder.0));
    let mut encoder = HashEncoder::new();
    let cached = train(&set(&[]), &mut encoder, Some(&folder.0));
    assert_eq!(encoder.calls, 0, "nothing was embedded");
    assert_eq!(fresh.learned, cached.learned);
}

#[test]
fn a_damaged_cache_is_trained_again_to_the_same_heads() {
    let folder = Folder::new("damaged");
    let fresh = train(&set(&[]), &mut HashEncoder::new(), Some(&folder.0));
    for file in ["heads.bin", "embeddings.bin"] {
        let path = folder.0.join(file);
        let mut bytes = std::fs::read(&path).expect("it was written");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        std::fs::write(&path, bytes).expect("writable");
    }
    let mut encoder = HashEncoder::new();
    let again = train(&set(&[]), &mut encoder, Some(&folder.0));
    assert!(encoder.calls > 0, "it was embedded again");
    assert_eq!(fresh.learned, again.learned);
}

#[test]
fn a_changed_skill_embeds_only_what_is_new() {
    let folder = Folder::new("changed");
    train(&set(&[]), &mut HashEncoder::new(), Some(&folder.0));
    let mut encoder = HashEncoder::new();
    train(&set(&["bolt the doors", "secure the car"]), &mut encoder, Some(&folder.0));
    assert_eq!(encoder.calls, 2);
}

#[test]
fn a_tagger_is_trained_again_only_where_its_own_intent_changed() {
    let mut encoder = HashEncoder::new();
    let mut again = |set: &TrainingSet, heads: &Heads| {
        let earlier = Earlier { cache: None, heads: Some(heads) };
        Heads::train(set, &Entities::default(), &mut encoder, earlier, &mut |_, _| {})
            .expect("no fault")
    };
    let tagger = |heads: &Heads| heads.learned.taggers[0].clone().expect("the fan has a slot");
    let first = train(&set(&[]), &mut HashEncoder::new(), None);
    let more_doors = again(&set(&["bolt the doors", "secure the car"]), &first);
    assert!(Arc::ptr_eq(&tagger(&first), &tagger(&more_doors)));
    let mut more_fans = set(&[]);
    more_fans.examples.push(example(0, "fan [two] now"));
    let more_fans = again(&more_fans, &more_doors);
    assert_ne!(tagger(&first).of, tagger(&more_fans).of);
    let same = again(&set(&[]), &first);
    assert_eq!(same.learned, first.learned, "what is taken over is what would come out");
    let mut strange = train(&set(&[]), &mut HashEncoder::new(), None);
    strange.encoder = "another".to_owned();
    assert!(!Arc::ptr_eq(&tagger(&strange), &tagger(&again(&set(&[]), &strange))));
}

#[test]
fn stored_heads_of_any_length_and_content_never_panic() {
    let set = set(&[]);
    let bytes = train(&set, &mut HashEncoder::new(), None).to_bytes();
    assert!(Heads::parse(&bytes, &set, ("hash", DIMENSIONS)).is_some());
    let mut random = crate::random::Random::new(3);
    for _ in 0..2000 {
        let mut broken = bytes.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(broken.len());
            broken[at] = u8::try_from(random.below(256)).unwrap_or(0);
        }
        broken.truncate(bytes.len() - random.below(2) * random.below(bytes.len()));
        let _ = Heads::parse(&broken, &set, ("hash", DIMENSIONS));
    }
}

#[test]
fn any_text_gives_finite_confidences_in_order() {
    let heads = train(&set(&[]), &mut HashEncoder::new(), None);
    let long = "fan ".repeat(900);
    for text in
        ["", " ", "?!", "日本語 のテスト", "ünïcode 🚗 fan to 3", "0 0 0 0", &long, "\u{200d}"]
    {
        let ranked = rank(&heads, text);
        let confidences: Vec<f64> = ranked.candidates.iter().map(|c| c.confidence).collect();
        assert!(confidences.iter().all(|c| (0.0..=1.0).contains(c)), "{text:?}: {confidences:?}");
        assert!(confidences.windows(2).all(|pair| pair[0] >= pair[1]), "{text:?}: {confidences:?}");
        for slot in ranked.candidates.iter().flat_map(|c| &c.slots) {
            assert_eq!(&text[slot.start as usize..slot.end as usize], slot.text);
        }
    }
}

#[test]
fn an_encoder_that_gives_no_numbers_accepts_nothing() {
    let heads = train(&set(&[]), &mut HashEncoder::new(), None);
    let mut encoder = HashEncoder { calls: 0, broken: Some(f32::NAN) };
    let tokens = Tokens::read("tell me about the weather");
    let ranked = heads
        .rank(&tokens, &Context::default(), &Entities::default(), &mut encoder)
        .expect("no fault");
    assert!(!ranked.accepted);
    assert!(ranked.candidates.iter().all(|c| c.confidence.is_finite()));
}

#[test]
fn a_negated_request_is_not_accepted() {
    let heads = train(&set(&[]), &mut HashEncoder::new(), None);
    assert!(!rank(&heads, "do not lock the doors").accepted);
}

#[test]
fn no_intents_at_all_give_no_candidates() {
    let empty = TrainingSet { intents: Vec::new(), examples: Vec::new(), fingerprint: [0; 32] };
    let ranked = rank(&train(&empty, &mut HashEncoder::new(), None), "open the window");
    assert!(ranked.candidates.is_empty() && !ranked.accepted);
}

#[test]
fn a_question_is_read_as_what_informs_about_the_same() {
    let mut set = set(&["is the car locked", "are the doors locked", "did i lock up"]);
    for example in set.examples.iter_mut().skip(12) {
        example.intent = 2;
    }
    set.intents.push(TrainingIntent { class: Class::Info, ..intent("query-doors", None) });
    let heads = train(&set, &mut HashEncoder::new(), None);
    for text in ["is the fan at level five", "are the doors locked", "tell me the blower level"] {
        let ranked = rank(&heads, text);
        let intents: Vec<&str> = ranked.candidates.iter().map(|c| c.intent.name()).collect();
        assert_eq!(intents, ["query-doors"], "{text}");
    }
    assert_eq!(rank(&heads, "lock the doors").candidates[0].intent.name(), "lock");
}

#[test]
fn a_reading_without_any_of_the_usual_slots_falls_behind() {
    let heads = train(&set(&[]), &mut HashEncoder::new(), None);
    let confidence = |text| rank(&heads, text).candidates[0].confidence;
    let expected = heads.learned.expected.clone();
    assert_eq!((expected[0].each, expected[1]), (1, Expected::default()));
    assert!(confidence("set the fan to 4") > confidence("set the fan to the"));
}
