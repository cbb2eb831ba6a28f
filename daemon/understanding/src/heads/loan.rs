//! Embeddings on loan: what packages carry is used for a training after a few of its texts were computed here, and is all
//! computed here afterwards, one text at a time.
//!
//! Must not let anything be written that depends on a vector which nobody here computed, and must not let a skill speak for
//! the texts of another.

use super::{
    Heads,
    carried::{self, Refusal},
    embeddings::{Embeddings, name_of},
    place::Place,
    training,
};
use crate::{
    random::Random,
    training::{TrainingExample, TrainingSet},
};
use std::collections::{BTreeMap, BTreeSet};
use valet_core::{
    encoder::{Encoder, EncoderFault},
    intent::SkillId,
};

/// Most texts of a file that are computed here before it is used.
pub const MAX_CHECKED: usize = 8;

/// Who has what packages carry, and hears what becomes of it.
pub trait Lender {
    /// The file that a skill carries for the encoder with this fingerprint, whole and within its bound; `None` where there
    /// is none that may be used. Asked only for skills of which texts are missing.
    fn carried(&mut self, skill: &SkillId, fingerprint: &str) -> Option<Vec<u8>>;

    /// A number that nobody who makes packages can foresee: by it the texts are chosen that are computed.
    fn chance(&mut self) -> u64;

    /// A file is not used; all its texts are computed.
    fn refused(&mut self, skill: &SkillId, why: &Refusal);
}

/// A text whose vectors were said by its skill's package.
#[derive(Debug)]
struct Owed {
    skill: SkillId,
    text: String,
}

/// A training of which nothing is written yet: it stands on what packages say until all of that was computed here. Where
/// nothing was lent it is paid from the start, and only waits until there is time to write.
#[derive(Debug)]
pub struct Loan {
    /// What was lent gives way, text by text, to what the encoder says: vectors are there once.
    embeddings: Embeddings,
    owed: Vec<Owed>,
    lent: usize,
    /// Skills whose package said something else than the encoder does.
    liars: BTreeSet<SkillId>,
    place: Option<Place>,
}

impl Loan {
    /// A loan of these texts; `None` where there are none, and no place to write to either.
    pub(super) fn of(
        borrowed: Borrowed,
        embeddings: Embeddings,
        place: Option<Place>,
    ) -> Option<Self> {
        let (owed, liars) = (borrowed.0, BTreeSet::new());
        let lent = owed.len();
        (lent > 0 || place.is_some()).then_some(Self { embeddings, owed, lent, liars, place })
    }

    /// Texts that were lent.
    #[must_use]
    pub fn lent(&self) -> usize {
        self.lent
    }

    /// Whether all were computed.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        self.owed.is_empty()
    }

    /// Computes one of the texts that are owed, where there is one. Gives the skill whose package said something else of
    /// it, the first time that it did.
    ///
    /// # Errors
    /// The encoder's fault; then the loan is of no more use.
    pub fn pay(&mut self, encoder: &mut dyn Encoder) -> Result<Option<SkillId>, EncoderFault> {
        let Some(Owed { skill, text }) = self.owed.pop() else { return Ok(None) };
        let Some(said) = self.embeddings.take(&text) else { return Ok(None) };
        self.embeddings.add_all(&[&text], encoder)?;
        let is_new = !self.embeddings.agrees(&text, &said) && self.liars.insert(skill.clone());
        Ok(is_new.then_some(skill))
    }

    /// Ends the loan before it is paid, for another training begins: what was computed until now is kept, so that nobody who
    /// has skills learned again and again has their sentences computed again and again.
    pub fn leave(self) {
        if let Some(place) = &self.place {
            place.keep(&self.embeddings, None);
        }
    }

    /// Ends the loan once it is paid: what was computed is kept, and the heads that were trained on it are where nobody
    /// lied. Whether nobody did; else they are to be trained again, without anything lent.
    #[must_use]
    pub fn settle(self, heads: &Heads) -> bool {
        let is_true = self.is_paid() && self.liars.is_empty();
        if let Some(place) = &self.place {
            place.keep(&self.embeddings, is_true.then_some(heads));
        }
        is_true
    }
}

/// What a training borrowed.
#[derive(Debug, Default)]
pub(super) struct Borrowed(Vec<Owed>);

/// Puts into `embeddings` what packages say of texts that are missing there. A file is used after up to [`MAX_CHECKED`] of
/// its texts were computed and came out the same.
///
/// # Errors
/// The encoder's fault.
pub(super) fn borrow(
    (set, examples): (&TrainingSet, &[&TrainingExample]),
    embeddings: &mut Embeddings,
    encoder: &mut dyn Encoder,
    lender: &mut dyn Lender,
) -> Result<Borrowed, EncoderFault> {
    let mut borrowed = Borrowed::default();
    for (skill, missing) in missing_of_each(set, examples, embeddings) {
        let of = (encoder.fingerprint().to_owned(), encoder.dimensions());
        let Some(file) = lender.carried(skill, &of.0) else { continue };
        let names: BTreeSet<_> = missing.iter().map(|text| name_of(text)).collect();
        let read = carried::read(&file, (&of.0, of.1), &|name| names.contains(name));
        drop(file);
        let mut said = match read {
            Ok(said) => said,
            Err(why) => {
                lender.refused(skill, &why);
                continue;
            }
        };
        let texts = missing.into_iter().filter(|text| said.has(text)).collect();
        let (checked, rest) = split(texts, lender.chance());
        embeddings.add_all(&checked, encoder)?;
        let is_wrong =
            |text: &&str| said.take(text).is_none_or(|said| !embeddings.agrees(text, &said));
        let count = checked.len();
        let wrong = checked.into_iter().filter(is_wrong).count();
        if wrong > 0 {
            lender.refused(skill, &Refusal::Differs { checked: count, wrong });
            continue;
        }
        for text in rest {
            if let Some(stored) = said.take(text) {
                embeddings.lend(text, stored);
                borrowed.0.push(Owed { skill: skill.clone(), text: text.to_owned() });
            }
        }
    }
    Ok(borrowed)
}

/// The texts of each skill that are not embedded. One that another skill has too, or that stands among the sentences of no
/// skill, is nobody's: who lends it would speak for others.
fn missing_of_each<'a>(
    set: &'a TrainingSet,
    examples: &[&'a TrainingExample],
    embeddings: &Embeddings,
) -> BTreeMap<&'a SkillId, Vec<&'a str>> {
    let mut owners: BTreeMap<&str, Option<&SkillId>> = BTreeMap::new();
    for example in examples {
        let skill = set.intents[example.intent].id.skill();
        let owner = owners.entry(&example.text).or_insert(Some(skill));
        if *owner != Some(skill) {
            *owner = None;
        }
    }
    for text in training::of_no_skill() {
        owners.remove(text);
    }
    let mut missing: BTreeMap<&SkillId, Vec<&str>> = BTreeMap::new();
    for (text, owner) in owners {
        if let Some(skill) = owner.filter(|_| !embeddings.has(text)) {
            missing.entry(skill).or_default().push(text);
        }
    }
    missing
}

/// The texts that are computed at once, and the others.
fn split(mut texts: Vec<&str>, chance: u64) -> (Vec<&str>, Vec<&str>) {
    let mut random = Random::new(chance);
    let count = MAX_CHECKED.min(texts.len());
    for at in 0..count {
        let other = at + random.below(texts.len() - at);
        texts.swap(at, other);
    }
    let rest = texts.split_off(count);
    (texts, rest)
}
