//! What the heads of an encoder stand on: on nothing but what it said itself, or on packages' words that are owed yet.
//!
//! Must not let others be trained on heads that stand on somebody's word.

use super::{
    Lesson,
    loaded::{Sentences, Trained},
};
use std::sync::Arc;
use valet_core::{encoder::Encoder, intent::SkillId};
use valet_understanding::heads::{Heads, Training, loan::Loan};

/// The heads that count.
#[derive(Default)]
pub(super) struct Standing {
    /// The last ones that stand on nothing but what the encoder said.
    proved: Option<Arc<Heads>>,
    owing: Option<Owing>,
}

/// Heads that stand on packages' words, and what is owed for them.
struct Owing {
    loan: Loan,
    heads: Arc<Heads>,
    lesson: Lesson,
}

/// What came of computing one of the sentences that are owed.
pub(super) enum Paid {
    /// This skill's package says something else of it, and of nothing before.
    Lie(SkillId),
    /// Nothing that need be told.
    One,
    /// Nothing is owed any more, and what was learned is written.
    All {
        /// Sentences that were lent, and were computed here as they were lent.
        lent: usize,
        /// Intents that the heads know.
        intents: usize,
    },
    /// It was the last, and heads are to be trained again for this.
    Again(Lesson),
    /// The encoder failed; nothing of it is kept.
    Fault(String),
}

impl Standing {
    /// Heads that others may be trained on.
    pub(super) fn proved(&self) -> Option<&Heads> {
        self.proved.as_deref()
    }

    /// What was owed is owed no more: of those heads nothing is kept, of the sentences what the encoder said itself.
    pub(super) fn begin_anew(&mut self) {
        if let Some(owing) = self.owing.take() {
            owing.loan.leave();
        }
    }

    /// Takes what a training came to, which took so long.
    pub(super) fn take(&mut self, training: Training, lesson: &Lesson, heads_ms: u64) -> Trained {
        let Training { heads, computed, loan } = training;
        let (of, heads) = (lesson.understander().fingerprint(), Arc::new(heads));
        let lent = loan.as_ref().map_or(0, Loan::lent);
        if lent == 0 {
            self.proved = Some(heads.clone());
        }
        self.owing = loan.map(|loan| Owing { loan, heads: heads.clone(), lesson: lesson.clone() });
        Trained { of, heads, heads_ms, sentences: Sentences { computed, lent } }
    }

    /// Whether the heads stand on packages' words, or are not written yet.
    pub(super) fn owes(&self) -> bool {
        self.owing.is_some()
    }

    /// Computes one sentence that is owed, where there is one.
    pub(super) fn pay(&mut self, encoder: &mut dyn Encoder) -> Paid {
        let Some(mut owing) = self.owing.take() else { return Paid::One };
        let found = match owing.loan.pay(encoder) {
            Ok(found) => found,
            Err(fault) => return Paid::Fault(fault.to_string()),
        };
        // Who lied with the last one is told before the end is.
        if found.is_some() || !owing.loan.is_paid() {
            self.owing = Some(owing);
            return found.map_or(Paid::One, Paid::Lie);
        }
        let Owing { loan, heads, lesson } = owing;
        let lent = loan.lent();
        if !loan.settle(&heads) {
            return Paid::Again(Lesson::alone(lesson.understander().clone()));
        }
        let intents = heads.intents();
        self.proved = Some(heads);
        Paid::All { lent, intents }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_core::encoder::{EncoderFault, Encoding};
    use valet_package::{Manifest, Sentences};
    use valet_understanding::{
        SkillSource, Understander, Vocabulary,
        heads::{
            Earlier,
            carried::{self, Refusal},
            loan::{Lender, MAX_CHECKED},
        },
    };

    const MANIFEST: &str = r#"schema = 1
[skill]
id = "org.example.lamp"
version = "1.0.0"
counter = 1
api = "0.1"
name = { en = "Lamp" }
license = "Apache-2.0"
[intents.set-light]
description = "Set the light"
class = "comfort"
"#;

    /// Says of a text how often each letter stands in it; of some something else.
    #[derive(Default)]
    struct Letters {
        lies_about: String,
    }

    impl Encoder for Letters {
        fn fingerprint(&self) -> &str {
            "letters"
        }

        fn dimensions(&self) -> usize {
            26
        }

        fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
            let text = if text == self.lies_about { "zzz" } else { text };
            let count = |letter: u8| text.bytes().filter(|byte| *byte == letter).count() as f32;
            let counts: Vec<f32> = (b'a'..=b'z').map(count).collect();
            let length = counts.iter().map(|count| count * count).sum::<f32>().sqrt().max(1.0);
            let sentence = counts.into_iter().map(|count| count / length).collect();
            Ok(Encoding { sentence, tokens: Vec::new(), token_vectors: Vec::new() })
        }
    }

    /// Lends one file, and notes whether it was refused.
    struct One {
        file: Vec<u8>,
        refused: bool,
    }

    impl Lender for One {
        fn carried(&mut self, _: &SkillId, _: &str) -> Option<Vec<u8>> {
            Some(self.file.clone())
        }

        fn chance(&mut self) -> u64 {
            0
        }

        fn refused(&mut self, _: &SkillId, _: &Refusal) {
            self.refused = true;
        }
    }

    fn understander() -> Understander {
        let manifest = Manifest::parse("skill.toml", MANIFEST).expect("a manifest");
        let samples: Vec<String> =
            (0..30).map(|n| format!("\"see to the light of room {n}\"")).collect();
        let text = format!("[intents.set-light]\nsamples = [{}]\n", samples.join(", "));
        let sentences = Sentences::parse("en.toml", &text, &manifest).expect("sentences");
        let skill = SkillSource { manifest: &manifest, sentences: &sentences };
        Understander::build("en", &[skill], &Vocabulary::default()).expect("builds")
    }

    /// What heads stand on after a training with a package that was made by this encoder; `None` where it was refused.
    fn after(understander: &Understander, author: &mut Letters) -> Option<Standing> {
        let texts = carried::texts(understander.training_set());
        let file = carried::make(&texts, author).expect("made");
        let mut lender = One { file, refused: false };
        let training = Heads::train_on_loan(
            understander.training_set(),
            understander.entities(),
            &mut Letters::default(),
            (Earlier::default(), Some(&mut lender)),
            &mut |_, _| {},
        );
        let mut standing = Standing::default();
        let lesson = Lesson::alone(understander.clone());
        let trained = standing.take(training.expect("trained"), &lesson, 1);
        let lent = if lender.refused { 0 } else { texts.len() - MAX_CHECKED };
        assert_eq!(trained.sentences.lent, lent);
        (!lender.refused).then_some(standing)
    }

    #[test]
    fn nothing_is_trained_on_heads_on_loan_before_the_loan_is_paid() {
        let standing = after(&understander(), &mut Letters::default());
        let mut standing = standing.expect("the truth is not refused");
        let mut steps = 0;
        while standing.owes() {
            assert!(standing.proved().is_none(), "after {steps}");
            steps += 1;
            match standing.pay(&mut Letters::default()) {
                Paid::One => assert!(standing.owes()),
                Paid::All { .. } => assert!(!standing.owes()),
                _ => panic!("nobody lied and nothing failed"),
            }
        }
        assert_eq!(steps, 30 - MAX_CHECKED);
        assert!(standing.proved().is_some());
    }

    #[test]
    fn who_lied_is_told_once_and_heads_are_wanted_again() {
        let understander = understander();
        let texts = carried::texts(understander.training_set());
        // Whichever are checked at once: some text is not, and the file with a lie about it is lent.
        let lent = texts
            .into_iter()
            .find_map(|lies_about| after(&understander, &mut Letters { lies_about }));
        let mut standing = lent.expect("a lie that is not checked");
        let (mut liars, mut again) = (Vec::new(), 0);
        while standing.owes() {
            match standing.pay(&mut Letters::default()) {
                Paid::One => {}
                Paid::Lie(skill) => liars.push(skill.to_string()),
                Paid::Again(lesson) => {
                    again += usize::from(lesson.understander().training_set().examples.len() == 30)
                }
                Paid::All { .. } | Paid::Fault(_) => panic!("a lie is no truth and no fault"),
            }
        }
        assert_eq!((liars, again), (vec!["org.example.lamp".to_owned()], 1));
        assert!(standing.proved().is_none());
    }
}
