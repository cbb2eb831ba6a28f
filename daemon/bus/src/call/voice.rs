//! Calls of a voice pipeline: what it hears, and how far it is with speaking.
//!
//! Must not take a score for more than a weight: it is the recogniser's own opinion of itself.

use super::{Call, at_most, body};
use crate::{
    BusError, Dict,
    options::{OptionReader, TurnOptions},
};
use zbus::Message;

/// Most guesses of a `Transcript`.
pub const MAX_GUESSES: usize = 8;

/// What a recogniser heard: the guess and its score, 0 to 1; best first.
pub type Guesses = Vec<(String, Option<f64>)>;

impl Call {
    pub(super) fn read_voice(name: &str, message: &Message) -> Result<Self, BusError> {
        match name {
            "SetListening" => {
                let (listening, options): (bool, Dict) = body(message)?;
                let mut reader = OptionReader::new(options);
                let (zone, initiator) = (reader.zone()?.unwrap_or_default(), reader.initiator()?);
                reader.finish(&["zone", "initiator"])?;
                Ok(Self::SetListening { listening, zone, initiator })
            }
            "Partial" => {
                let (text, options): (String, Dict) = body(message)?;
                let mut reader = OptionReader::new(options);
                let (zone, language) =
                    (reader.zone()?.unwrap_or_default(), reader.text("language")?);
                reader.finish(&["zone", "language"])?;
                Ok(Self::Partial { text, zone, language })
            }
            "Transcript" => {
                let (guesses, scores, options): (Vec<String>, Vec<f64>, Dict) = body(message)?;
                let options = TurnOptions::read(options, true)?;
                if !options.alternatives.is_empty() {
                    let why = "option \"alternatives\" came, expected none: the guesses are given already";
                    return Err(BusError::invalid(why));
                }
                Ok(Self::Transcript { guesses: scored(guesses, &scores)?, options })
            }
            "SpeechStarted" => {
                let (turn, options): (String, Dict) = body(message)?;
                super::no_options(options)?;
                Ok(Self::SpeechStarted { turn })
            }
            _ => {
                let (turn, options): (String, Dict) = body(message)?;
                let mut reader = OptionReader::new(options);
                let interrupted = reader.boolean("interrupted")?.unwrap_or(false);
                reader.finish(&["interrupted"])?;
                Ok(Self::SpeechFinished { turn, interrupted })
            }
        }
    }
}

fn scored(guesses: Vec<String>, scores: &[f64]) -> Result<Guesses, BusError> {
    at_most("guesses", guesses.len(), MAX_GUESSES)?;
    if guesses.is_empty() {
        return Err(BusError::invalid("no guess came, expected 1 to 8"));
    }
    if scores.is_empty() {
        return Ok(guesses.into_iter().map(|guess| (guess, None)).collect());
    }
    if scores.len() != guesses.len() {
        let why = format!(
            "{} scores for {} guesses, expected one each or none",
            scores.len(),
            guesses.len()
        );
        return Err(BusError::invalid(why));
    }
    if let Some(wrong) = scores.iter().find(|score| !(0.0..=1.0).contains(*score)) {
        return Err(BusError::invalid(format!("a score is {wrong}, expected 0 to 1")));
    }
    Ok(guesses.into_iter().zip(scores.iter().copied().map(Some)).collect())
}
