//! Embeddings on loan: what is lent and what is computed, when a lie is found, and what comes of it.

use super::{
    carried::{self, Refusal},
    loan::{Lender, MAX_CHECKED},
    tests::{Folder, HashEncoder, example, intent, set},
    *,
};
use crate::training::{TrainingExample, TrainingSet};
use std::collections::{BTreeMap, BTreeSet};
use valet_core::intent::SkillId;

/// Notes what it is asked for, in order.
struct Listening {
    encoder: HashEncoder,
    heard: Vec<String>,
    /// Says something else of this text than others do.
    lies_about: BTreeSet<String>,
}

impl Listening {
    fn new() -> Self {
        Self { encoder: HashEncoder::new(), heard: Vec::new(), lies_about: BTreeSet::new() }
    }

    fn lying_about(texts: &[&str]) -> Self {
        let lies_about = texts.iter().map(|text| (*text).to_owned()).collect();
        Self { lies_about, ..Self::new() }
    }

    /// What it was asked of these texts.
    fn heard_of(&self, texts: &BTreeSet<String>) -> BTreeSet<String> {
        self.heard.iter().filter(|text| texts.contains(*text)).cloned().collect()
    }
}

impl Encoder for Listening {
    fn fingerprint(&self) -> &str {
        self.encoder.fingerprint()
    }

    fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
        self.heard.push(text.to_owned());
        let lies = self.lies_about.contains(text);
        self.encoder.encode(if lies { "something else altogether" } else { text })
    }
}

/// Packages in memory.
#[derive(Default)]
struct Packages {
    files: BTreeMap<SkillId, Vec<u8>>,
    asked: Vec<SkillId>,
    refused: Vec<(SkillId, Refusal)>,
    chance: u64,
}

impl Packages {
    /// One skill's package.
    fn of(skill: &SkillId, file: Vec<u8>) -> Self {
        Self { files: [(skill.clone(), file)].into(), ..Self::default() }
    }
}

impl Lender for Packages {
    fn carried(&mut self, skill: &SkillId, fingerprint: &str) -> Option<Vec<u8>> {
        assert_eq!(fingerprint, "hash", "the encoder's");
        self.asked.push(skill.clone());
        self.files.get(skill).cloned()
    }

    fn chance(&mut self) -> u64 {
        self.chance
    }

    fn refused(&mut self, skill: &SkillId, why: &Refusal) {
        self.refused.push((skill.clone(), why.clone()));
    }
}

fn skill() -> SkillId {
    SkillId::parse("org.valetd.test").expect("an id")
}

/// Two intents of one skill, with more texts than are checked.
fn said() -> TrainingSet {
    set(&["bolt the doors", "secure the car", "shut everything", "no open doors", "lock it now"])
}

/// What a desk makes of a set's texts with an encoder.
fn file(set: &TrainingSet, encoder: &mut dyn Encoder) -> Vec<u8> {
    carried::make(&carried::texts(set), encoder).expect("no fault")
}

fn train(
    set: &TrainingSet,
    encoder: &mut Listening,
    packages: &mut Packages,
    folder: Option<&Path>,
) -> Training {
    let earlier = Earlier { cache: folder, heads: None };
    let lender: &mut dyn Lender = packages;
    let (entities, mut progress) = (Entities::default(), |_, _| {});
    Heads::train_on_loan(set, &entities, encoder, (earlier, Some(lender)), &mut progress)
        .expect("no fault")
}

/// Heads without anything lent.
fn alone(set: &TrainingSet) -> Learned {
    let mut packages = Packages::default();
    train(set, &mut Listening::new(), &mut packages, None).heads.learned
}

fn files(folder: &Folder) -> usize {
    folder.0.read_dir().expect("it is there").count()
}

#[test]
fn of_what_a_package_carries_only_some_texts_are_computed_before_the_heads_are_there() {
    let (set, folder) = (said(), Folder::new("lent"));
    let texts = carried::texts(&set);
    let mut packages = Packages::of(&skill(), file(&set, &mut Listening::new()));
    let mut encoder = Listening::new();
    let Training { heads, computed, loan } =
        train(&set, &mut encoder, &mut packages, Some(&folder.0));
    assert_eq!(heads.learned, alone(&set), "the same heads, to the last bit");
    assert_eq!(encoder.heard_of(&texts).len(), MAX_CHECKED);
    assert_eq!(computed, encoder.heard.len());
    assert_eq!(files(&folder), 0, "nothing is written that stands on somebody's word");
    let mut loan = loan.expect("it stands on a package's word");
    assert_eq!(loan.lent(), texts.len() - MAX_CHECKED);
    let before = encoder.heard.len();
    while !loan.is_paid() {
        assert_eq!(loan.pay(&mut encoder).expect("no fault"), None, "nobody lied");
    }
    assert_eq!(encoder.heard.len() - before, loan.lent(), "each once");
    assert_eq!(encoder.heard_of(&texts), texts, "and all of them");
    assert_eq!(files(&folder), 0);
    assert!(loan.settle(&heads));
    let (mut deaf, mut none) = (Listening::new(), Packages::default());
    let again = train(&set, &mut deaf, &mut none, Some(&folder.0));
    assert_eq!((again.computed, deaf.heard.len(), none.asked.len()), (0, 0, 0));
    assert_eq!(again.heads.learned, heads.learned);
}

#[test]
fn a_lie_among_the_texts_that_are_checked_refuses_the_whole_file() {
    let set = said();
    let texts = carried::texts(&set);
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let lies = file(&set, &mut Listening::lying_about(&all));
    let (mut packages, mut encoder) = (Packages::of(&skill(), lies), Listening::new());
    let training = train(&set, &mut encoder, &mut packages, None);
    let differs = Refusal::Differs { checked: MAX_CHECKED, wrong: MAX_CHECKED };
    assert_eq!(packages.refused, [(skill(), differs)]);
    assert!(training.loan.is_none(), "nothing is lent");
    assert_eq!(encoder.heard_of(&texts), texts, "all is computed");
    assert_eq!(training.heads.learned, alone(&set));
}

/// The texts that are checked where chance says this.
fn checked(set: &TrainingSet, chance: u64) -> BTreeSet<String> {
    let packages = Packages::of(&skill(), file(set, &mut Listening::new()));
    let mut encoder = Listening::new();
    train(set, &mut encoder, &mut Packages { chance, ..packages }, None);
    encoder.heard_of(&carried::texts(set))
}

#[test]
fn a_lie_that_nobody_checked_is_found_later_and_the_heads_that_follow_are_those_of_the_truth() {
    let (set, folder) = (said(), Folder::new("lie"));
    let (texts, known) = (carried::texts(&set), checked(&set, 7));
    let lie = texts.difference(&known).next().expect("more texts than are checked");
    let lies = file(&set, &mut Listening::lying_about(&[lie]));
    let mut packages = Packages { chance: 7, ..Packages::of(&skill(), lies) };
    let mut encoder = Listening::new();
    let training = train(&set, &mut encoder, &mut packages, Some(&folder.0));
    assert_eq!(packages.refused, [], "it was not among those that were checked");
    assert_ne!(training.heads.learned, alone(&set), "so it was believed");
    let mut loan = training.loan.expect("it stands on a package's word");
    let mut found = Vec::new();
    while !loan.is_paid() {
        found.extend(loan.pay(&mut encoder).expect("no fault"));
    }
    assert_eq!(found, [skill()], "named once");
    assert!(!loan.settle(&training.heads));
    assert!(!folder.0.join("heads.bin").exists(), "heads that learned a lie are not kept");
    let (mut encoder, mut none) = (Listening::new(), Packages::default());
    let again = train(&set, &mut encoder, &mut none, Some(&folder.0));
    assert_eq!(encoder.heard, Vec::<String>::new(), "all was computed already");
    assert_eq!(again.heads.learned, alone(&set));
}

#[test]
fn which_texts_are_checked_follows_from_chance() {
    let set = said();
    let one = checked(&set, 1);
    assert_eq!(one.len(), MAX_CHECKED);
    assert!((2..20).any(|chance| checked(&set, chance) != one));
    let all: BTreeSet<String> = (1..60).flat_map(|chance| checked(&set, chance)).collect();
    assert_eq!(all, carried::texts(&set), "none is safe");
}

/// A set of two skills: the test's, and another whose texts are these.
fn with_another(texts: &[&str]) -> (TrainingSet, SkillId) {
    let mut set = said();
    let other = SkillId::parse("org.example.other").expect("an id");
    let number = set.intents.len();
    set.intents.push(TrainingIntent {
        id: valet_core::intent::IntentId::new(other.clone(), "act").expect("a name"),
        ..intent("act", None)
    });
    let examples = texts.iter().map(|text| example(number, text));
    set.examples.extend(examples.collect::<Vec<TrainingExample>>());
    (set, other)
}

#[test]
fn a_package_says_nothing_of_the_texts_of_another_skill() {
    let own = ["make some tea", "tea please", "a cup of tea"];
    let (set, other) = with_another(&[&own[..], &["lock the doors"]].concat());
    // Carries what another skill says too, and says something else of it.
    let foreign: Vec<String> = carried::texts(&said()).into_iter().collect();
    let foreign: Vec<&str> = foreign.iter().map(String::as_str).collect();
    let lies = file(&set, &mut Listening::lying_about(&foreign));
    let (mut packages, mut encoder) = (Packages::of(&other, lies), Listening::new());
    let training = train(&set, &mut encoder, &mut packages, None);
    assert_eq!(packages.refused, [], "of its own texts it tells the truth");
    assert!(training.loan.is_none(), "all three of its own were computed, none else was lent");
    assert_eq!(training.heads.learned, alone(&set));
    assert_eq!(encoder.heard_of(&carried::texts(&set)), carried::texts(&set));
    // Nor does the one whose intents come first: a text that both have is nobody's.
    let lies = file(&set, &mut Listening::lying_about(&["lock the doors"]));
    let mut packages = Packages::of(&skill(), lies);
    let training = train(&set, &mut Listening::new(), &mut packages, None);
    assert_eq!((packages.refused.len(), training.loan.is_some()), (0, true));
    assert_eq!(training.heads.learned, alone(&set));
}

#[test]
fn sentences_of_no_skill_are_nobodys_to_lend() {
    let foreign = training::of_no_skill().next().expect("there are some");
    let (set, other) = with_another(&[foreign]);
    let lies = file(&set, &mut Listening::lying_about(&[foreign]));
    let (mut packages, mut encoder) = (Packages::of(&other, lies), Listening::new());
    let training = train(&set, &mut encoder, &mut packages, None);
    assert_eq!((packages.asked.contains(&other), packages.refused.len()), (false, 0));
    assert_eq!(training.heads.learned, alone(&set));
}

#[test]
fn what_was_computed_is_kept_where_another_training_begins_and_what_was_lent_is_not() {
    let (set, folder) = (said(), Folder::new("left"));
    let mut packages = Packages::of(&skill(), file(&set, &mut Listening::new()));
    let first = train(&set, &mut Listening::new(), &mut packages, Some(&folder.0));
    let loan = first.loan.expect("it is not written yet");
    let lent = loan.lent();
    assert!(lent > 0, "some were lent");
    loan.leave();
    assert!(!folder.0.join("heads.bin").exists(), "nobody waits for those heads any more");
    let again = train(&set, &mut Listening::new(), &mut Packages::default(), Some(&folder.0));
    assert_eq!(again.computed, lent, "what was computed was kept");
}

#[test]
fn a_skill_of_which_nothing_is_missing_is_not_asked() {
    let (set, folder) = (said(), Folder::new("known"));
    let first = train(&set, &mut Listening::new(), &mut Packages::default(), Some(&folder.0));
    let heads_file = folder.0.join("heads.bin");
    assert!(!heads_file.exists(), "whoever waits for heads does not wait for the disk");
    assert!(first.loan.expect("it is not written yet").settle(&first.heads));
    std::fs::remove_file(heads_file).expect("it was written");
    let mut packages = Packages::of(&skill(), file(&set, &mut Listening::new()));
    let training = train(&set, &mut Listening::new(), &mut packages, Some(&folder.0));
    assert_eq!(packages.asked, []);
    assert_eq!((training.loan.map(|loan| loan.lent()), training.computed), (Some(0), 0));
}

#[test]
fn what_is_damaged_of_another_encoder_or_beyond_belief_is_refused_and_computed() {
    let set = said();
    let right = file(&set, &mut Listening::new());
    let key = |fingerprint: &[u8]| cache::key_of(&[b"carried-embeddings-1", fingerprint]);
    let payload = cache::unseal(&right, &key(b"hash")).expect("sealed").to_vec();
    let sealed = |payload: &[u8]| cache::seal(&key(b"hash"), payload);
    assert_eq!(sealed(&payload), right, "the same bytes each time");
    let mut flipped = right.clone();
    flipped[right.len() / 2] ^= 1;
    let mut loud = payload.clone();
    // The first number of the first vector: after the counts of texts, of the name's bytes, the name and the count of numbers.
    loud[44..48].copy_from_slice(&2.0e8f32.to_le_bytes());
    let mut endless = payload.clone();
    endless[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let form = Refusal::Form { dimensions: tests::DIMENSIONS };
    for (file, why) in [
        (flipped, Refusal::Seal),
        (right[..right.len() - 1].to_vec(), Refusal::Seal),
        (cache::seal(&key(b"another"), &payload), Refusal::Seal),
        (Vec::new(), Refusal::Seal),
        (sealed(&payload[..payload.len() - 1]), form.clone()),
        (sealed(&loud), form.clone()),
        (sealed(&endless), form),
    ] {
        let mut packages = Packages::of(&skill(), file);
        let training = train(&set, &mut Listening::new(), &mut packages, None);
        assert_eq!(packages.refused, [(skill(), why)]);
        assert!(training.loan.is_none());
        assert_eq!(training.heads.learned, alone(&set));
    }
    let shorter = carried::read(&right, ("hash", tests::DIMENSIONS - 1), &|_| true);
    assert_eq!(shorter.err(), Some(Refusal::Form { dimensions: tests::DIMENSIONS - 1 }));
}

#[test]
fn an_encoder_that_fails_while_a_loan_is_paid_is_said() {
    struct Failing;
    impl Encoder for Failing {
        fn fingerprint(&self) -> &str {
            "hash"
        }
        fn dimensions(&self) -> usize {
            tests::DIMENSIONS
        }
        fn encode(&mut self, _: &str) -> Result<Encoding, EncoderFault> {
            Err(EncoderFault { why: "gone".into() })
        }
    }
    let set = said();
    let mut packages = Packages::of(&skill(), file(&set, &mut Listening::new()));
    let training = train(&set, &mut Listening::new(), &mut packages, None);
    let mut loan = training.loan.expect("it stands on a package's word");
    assert!(loan.pay(&mut Failing).is_err());
    assert!(!loan.settle(&training.heads), "what was not computed is not taken for true");
}
