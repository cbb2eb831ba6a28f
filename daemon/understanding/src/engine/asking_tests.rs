//! Verdicts on what the engine does with the heads' readings, over an encoder that only counts
//! letters: the heads are real, their vectors are poor, and the verdicts hold all the same.

use super::{
    tests::{request, understander},
    *,
};
use crate::heads::Earlier;
use valet_core::encoder::{EncoderFault, Encoding, TokenSpan};

const DIMENSIONS: usize = 32;

/// Counts pairs of letters; fails when it is told to.
struct Letters {
    broken: bool,
}

fn vector(text: &str) -> Vec<f32> {
    let mut vector = [0.01_f32; DIMENSIONS];
    for pair in text.to_lowercase().as_bytes().windows(2) {
        vector[(usize::from(pair[0]) * 7 + usize::from(pair[1]) * 13) % DIMENSIONS] += 1.0;
    }
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter().map(|v| v / length).collect()
}

impl Encoder for Letters {
    fn fingerprint(&self) -> &str {
        "letters"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
        if self.broken {
            return Err(EncoderFault { why: "broken".to_owned() });
        }
        let tokens: Vec<TokenSpan> = Tokens::read(text)
            .list()
            .iter()
            .map(|token| TokenSpan { start: token.start, end: token.end })
            .collect();
        let words = tokens.iter().map(|t| vector(&text[t.start as usize..t.end as usize]));
        Ok(Encoding { sentence: vector(text), token_vectors: words.flatten().collect(), tokens })
    }
}

fn with_heads() -> Understander {
    let all = understander();
    let mut letters = Letters { broken: false };
    let heads = Heads::train(
        all.training_set(),
        all.entities(),
        &mut letters,
        Earlier::default(),
        &mut |_, _| {},
    );
    all.with_heads(Arc::new(heads.expect("heads")))
}

#[test]
fn a_question_never_becomes_an_action() {
    let all = with_heads();
    for text in [
        "is the window open at the back",
        "are the windows open",
        "did you open the window",
        "what happens when i open the window",
        "could you tell me whether the sunroof is open",
        "is the air conditioning turned on and are the windows open",
        "status of the windows and the sunroof",
        "i want to know whether you turned the seat heating on",
    ] {
        let understood = all.understand(&request(text), Some(&mut Letters { broken: false }));
        for command in &understood.commands {
            let best = &command.best.intent;
            assert!(all.informs(best), "{text:?} is {best}");
        }
    }
}

#[test]
fn free_speech_is_understood_and_spans_point_into_the_utterance() {
    let all = with_heads();
    let mut heard = 0;
    for text in [
        "can you get it to twenty two degrees for my wife now my dear",
        "open that window at the rear left and then, um, turn the seat heating thing on",
        "would you open up windows",
        "can you get it to nineteen no wait twenty two degrees for my wife now my dear",
    ] {
        let understood = all.understand(&request(text), Some(&mut Letters { broken: false }));
        for command in &understood.commands {
            heard += 1;
            assert!(command.start < command.end && command.end as usize <= text.len(), "{text:?}");
            for slot in command.best.slots.iter().filter(|slot| slot.start < slot.end) {
                assert_eq!(&text[slot.start as usize..slot.end as usize], slot.text);
            }
        }
    }
    assert!(heard > 0, "the heads accept none of it");
}

#[test]
fn a_failing_encoder_is_said_and_templates_still_work() {
    let all = with_heads();
    let understood = all.understand(&request("it is cold"), Some(&mut Letters { broken: true }));
    assert!(understood.is_empty() && understood.encoder_missing);
    let understood =
        all.understand(&request("open the window"), Some(&mut Letters { broken: true }));
    assert_eq!(understood.commands.len(), 1);
}
