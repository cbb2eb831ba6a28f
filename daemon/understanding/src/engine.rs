//! The understander: from a request to what was understood of it. Immutable once built and
//! cheap to share; a change of skills builds a new one.
//!
//! Must not keep anything of a request, and must not decide what is done.

mod answer;
mod build;
mod follow_up;
mod split;

use crate::{
    dialogue::{DialogueWords, Meaning},
    edges,
    entities::{Context, Entities},
    hash::FastMap,
    heads::{Heads, Ranked},
    normalise::Tokens,
    templates::{Found, Reading, Templates},
    training::{TrainingIntent, TrainingSet},
};
use std::{ops::Range, sync::Arc, time::Instant};
use valet_core::{
    encoder::{Encoder, EncoderFault},
    intent::IntentId,
    signal::Class,
    slot::Slot,
    understanding::{
        Candidate, Command, DialogueAct, Engine, MAX_ALTERNATIVES, Request, Understanding,
    },
};

pub use crate::entities::Vocabulary;
pub use build::SkillSource;

/// Most bytes of a text that are looked at (the bound of an utterance).
pub const MAX_TEXT_BYTES: usize = 4096;
/// Confidence of an intent whose template matched as well as the best one's.
const TIED_CONFIDENCE: f64 = 0.95;

/// All that templates and entities know.
#[derive(Debug)]
struct Model {
    intents: Vec<TrainingIntent>,
    by_id: FastMap<IntentId, usize>,
    entities: Entities,
    templates: Templates,
    training: TrainingSet,
    suggestions: Vec<String>,
    /// Every suggestion and sample with its normal words, to find the nearest.
    examples: Vec<(String, Vec<Box<str>>)>,
}

/// Understands requests. Clones share everything.
#[derive(Debug, Clone)]
pub struct Understander {
    model: Arc<Model>,
    heads: Option<Arc<Heads>>,
    words: &'static DialogueWords,
}

/// One command as it was found, with what the next part of a sentence may lean on.
#[derive(Debug, Clone)]
struct Part {
    command: Command,
    /// The normal words of the command, for "open the windows and the sunroof".
    tokens: Tokens,
}

impl Understander {
    /// The same understander with heads for free speech.
    #[must_use]
    pub fn with_heads(&self, heads: Arc<Heads>) -> Self {
        Self { heads: Some(heads), ..self.clone() }
    }

    /// Whether heads are there.
    #[must_use]
    pub fn has_heads(&self) -> bool {
        self.heads.is_some()
    }

    /// The recognisers of values.
    #[must_use]
    pub fn entities(&self) -> &Entities {
        &self.model.entities
    }

    /// What the heads are trained from.
    #[must_use]
    pub fn training_set(&self) -> &TrainingSet {
        &self.model.training
    }

    /// SHA-256 of all that this understander was built from.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.model.training.fingerprint
    }

    /// How many templates are in the automaton.
    #[must_use]
    pub fn template_count(&self) -> usize {
        self.model.templates.len()
    }

    /// Things one could say, taken from all skills in turn.
    #[must_use]
    pub fn suggestions(&self, most: usize) -> Vec<String> {
        self.model.suggestions.iter().take(most).cloned().collect()
    }

    /// What templates, dialogue acts and the expected answer make of a request; microseconds.
    /// `None` when any part of it is left over: then the heads are needed.
    #[must_use]
    pub fn match_templates(&self, request: &Request) -> Option<Understanding> {
        let started = Instant::now();
        let tokens = read(request);
        let context = Context::of(request);
        let mut understood = self.match_tokens(request, &tokens, &context)?;
        understood.template_time = started.elapsed();
        Some(understood)
    }

    /// Understands a request: templates first, then the heads where there are any. Never fails:
    /// an encoder that is not there or fails is said in the result.
    #[must_use]
    pub fn understand(
        &self,
        request: &Request,
        encoder: Option<&mut dyn Encoder>,
    ) -> Understanding {
        let started = Instant::now();
        let tokens = read(request);
        let context = Context::of(request);
        if let Some(mut understood) = self.match_tokens(request, &tokens, &context) {
            understood.template_time = started.elapsed();
            return understood;
        }
        let mut understood =
            Understanding { template_time: started.elapsed(), ..Understanding::default() };
        if !tokens.is_empty() {
            match (&self.heads, encoder) {
                (Some(heads), Some(encoder)) => {
                    let mut asking =
                        Asking { all: self, heads, encoder, context: &context, failed: false };
                    asking.understand(&tokens, &mut understood);
                    understood.encoder_missing = asking.failed;
                }
                _ => understood.encoder_missing = true,
            }
        }
        if understood.is_empty()
            && let Some(expected) = &request.expected
        {
            understood.answer = self.only_value(expected, &tokens, &context);
        }
        if understood.is_empty() && understood.nearest.is_none() {
            understood.nearest = self.nearest_example(&tokens);
        }
        understood
    }

    fn match_tokens(
        &self,
        request: &Request,
        tokens: &Tokens,
        context: &Context,
    ) -> Option<Understanding> {
        if tokens.is_empty() {
            return None;
        }
        let reading = Reading::new(tokens, &self.model.entities, context);
        let all = 0..tokens.len();
        let expected = request.expected.as_ref();
        if let Some(slot) = expected.and_then(|e| self.exact_answer(e, &reading)) {
            return Some(Understanding { answer: Some(slot), ..Understanding::default() });
        }
        if let Some(act) = self.act(&reading, &all) {
            return Some(Understanding { act: Some(act), ..Understanding::default() });
        }
        let commands = self.commands(&reading, request);
        if !commands.is_empty() {
            return Some(Understanding { commands, ..Understanding::default() });
        }
        let slot = expected.and_then(|e| self.lenient_answer(e, &reading))?;
        Some(Understanding { answer: Some(slot), ..Understanding::default() })
    }

    /// The commands that templates find; a follow-up of the turn before only where no other
    /// intent is named.
    fn commands(&self, reading: &Reading<'_>, request: &Request) -> Vec<Command> {
        let all = 0..reading.tokens.len();
        let parts = self.split(reading);
        let previous = request.previous.as_ref();
        let same_intent = match (parts.as_slice(), previous) {
            ([], _) => true,
            ([only], Some((intent, _))) => only.command.best.intent == *intent,
            _ => false,
        };
        if same_intent
            && let Some((intent, slots)) = previous
            && let Some(command) = self.follow_up(reading, &all, intent, slots)
        {
            return vec![command];
        }
        parts.into_iter().map(|part| part.command).collect()
    }

    fn act(&self, reading: &Reading<'_>, range: &Range<usize>) -> Option<DialogueAct> {
        let tokens = reading.tokens;
        let (starts, ends) = (edges::starts(tokens, range), edges::ends(tokens, range));
        let found = self.words.acts.matches(reading, &starts, &ends).into_iter().next()?;
        match self.words.meanings.get(found.target as usize)? {
            Meaning::Act(act) => Some(*act),
            Meaning::FollowUp(_) => None,
        }
    }

    /// The best template over a range of tokens, with those that match as well.
    fn template(&self, reading: &Reading<'_>, range: &Range<usize>) -> Option<(Command, Found)> {
        let tokens = reading.tokens;
        let (starts, ends) = (edges::starts(tokens, range), edges::ends(tokens, range));
        let mut found = self.model.templates.matches(reading, &starts, &ends).into_iter();
        let best = found.next()?;
        let alternatives = found
            .take_while(|other| other.score() == best.score())
            .take(MAX_ALTERNATIVES)
            .filter_map(|other| self.candidate(tokens, &other, TIED_CONFIDENCE))
            .collect();
        let (start, end) = tokens.span(range.clone());
        let best_candidate = self.candidate(tokens, &best, 1.0)?;
        Some((Command { best: best_candidate, alternatives, start, end }, best))
    }

    fn candidate(&self, tokens: &Tokens, found: &Found, confidence: f64) -> Option<Candidate> {
        let intent = self.model.intents.get(found.target as usize)?.id.clone();
        let slots = found
            .slots
            .iter()
            .map(|slot| {
                let (start, end) = tokens.span(slot.tokens.clone());
                Slot {
                    name: slot.name.to_string(),
                    value: slot.value.clone(),
                    text: tokens.words(slot.tokens.clone()).to_owned(),
                    start,
                    end,
                }
            })
            .collect();
        Some(Candidate { intent, slots, confidence, engine: Engine::Template })
    }

    /// Whether an intent only asks.
    fn informs(&self, intent: &IntentId) -> bool {
        let index = self.model.by_id.get(intent);
        index.is_some_and(|index| self.model.intents[*index].class == Class::Info)
    }

    /// The example that shares most of its words with the text; none without a common word.
    fn nearest_example(&self, tokens: &Tokens) -> Option<String> {
        let said: Vec<&str> =
            tokens.list().iter().map(|t| &*t.norm).filter(|w| w.len() > 2).collect();
        let share = |words: &[Box<str>]| {
            let common = words.iter().filter(|word| said.contains(&&***word)).count();
            #[allow(clippy::cast_precision_loss)]
            let share = common as f64 / (words.len() + said.len() - common).max(1) as f64;
            (common > 0).then_some(share)
        };
        self.model
            .examples
            .iter()
            .filter_map(|(text, words)| Some((share(words)?, text)))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, text)| text.clone())
    }
}

fn read(request: &Request) -> Tokens {
    let mut end = request.text.len().min(MAX_TEXT_BYTES);
    while !request.text.is_char_boundary(end) {
        end -= 1;
    }
    Tokens::read(&request.text[..end])
}

/// One request while the heads are asked about it.
struct Asking<'a> {
    all: &'a Understander,
    heads: &'a Heads,
    encoder: &'a mut dyn Encoder,
    context: &'a Context,
    failed: bool,
}

impl Asking<'_> {
    fn understand(&mut self, tokens: &Tokens, understood: &mut Understanding) {
        let whole = self.rank(tokens, 0, understood);
        let nearest = whole.as_ref().and_then(|(_, nearest)| nearest.clone());
        let whole = whole.and_then(|(command, _)| command);
        let parts = self.parts(tokens, whole.as_ref(), understood);
        understood.commands = match (parts, whole) {
            (Some(parts), _) => parts,
            (None, Some(command)) => vec![command],
            (None, None) => {
                understood.nearest = nearest;
                Vec::new()
            }
        };
    }

    /// What the heads make of a text of its own; `shift` is where it stands in the utterance.
    fn rank(
        &mut self,
        tokens: &Tokens,
        shift: u32,
        understood: &mut Understanding,
    ) -> Option<(Option<Command>, Option<String>)> {
        let ranked = match self.ask(tokens) {
            Ok(ranked) => ranked,
            Err(fault) => {
                log::warn!("{fault}");
                self.failed = true;
                return None;
            }
        };
        understood.encoder_time += ranked.encoder_time;
        understood.heads_time += ranked.heads_time;
        let nearest = ranked.nearest.clone();
        Some((Self::command(tokens, ranked, shift), nearest))
    }

    fn ask(&mut self, tokens: &Tokens) -> Result<Ranked, EncoderFault> {
        self.heads.rank(tokens, self.context, &self.all.model.entities, &mut *self.encoder)
    }

    /// The accepted reading as a command.
    fn command(tokens: &Tokens, ranked: Ranked, shift: u32) -> Option<Command> {
        if !ranked.accepted {
            return None;
        }
        let mut candidates = ranked.candidates;
        for slot in candidates.iter_mut().flat_map(|candidate| &mut candidate.slots) {
            slot.start += shift;
            slot.end += shift;
        }
        let (start, end) = tokens.span(0..tokens.len());
        let mut candidates = candidates.into_iter();
        let best = candidates.next()?;
        let alternatives = candidates.take(MAX_ALTERNATIVES).collect();
        Some(Command { best, alternatives, start: start + shift, end: end + shift })
    }
}

#[cfg(test)]
#[path = "engine/tests.rs"]
mod tests;

#[cfg(test)]
#[path = "engine/asking_tests.rs"]
mod asking_tests;
