//! The understander: from a request to what was understood of it. Immutable once built and
//! cheap to share; a change of skills builds a new one.
//!
//! Must not keep anything of a request, and must not decide what is done.

mod answer;
mod asking;
mod build;
mod collisions;
mod correction;
mod follow_up;
mod reference;
mod split;
pub(crate) mod veto;

use crate::{
    dialogue::{DialogueWords, Meaning},
    edges,
    entities::{Context, Entities},
    hash::FastMap,
    heads::Heads,
    normalise::Tokens,
    templates::{Found, Reading, Templates},
    training::{TrainingIntent, TrainingSet},
    wake_words::WakeWords,
};
use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};
use valet_core::{
    encoder::Encoder,
    intent::{IntentId, SkillId},
    signal::Class,
    slot::Slot,
    understanding::{
        Candidate, Command, DialogueAct, Engine, MAX_ALTERNATIVES, MAX_COMMANDS, Request,
        Understanding,
    },
};
use veto::Rewording;

use asking::Asking;

pub use crate::entities::Vocabulary;
pub use build::SkillSource;
pub use collisions::Collision;

/// Most bytes of a text that are looked at (the bound of an utterance).
pub const MAX_TEXT_BYTES: usize = 4096;
/// Confidence of an intent whose template matched as well as the best one's.
const TIED_CONFIDENCE: f64 = 0.95;

/// An example with a smaller share of the words in common is not offered as what was meant.
const LEAST_SHARED_WORDS: f64 = 0.25;

/// All that templates and entities know.
#[derive(Debug)]
struct Model {
    intents: Vec<TrainingIntent>,
    by_id: FastMap<IntentId, usize>,
    entities: Entities,
    templates: Templates,
    training: TrainingSet,
    /// Of each intent, the slots that one sentence may fill together.
    together: Vec<Together>,
    suggestions: Vec<String>,
    /// Every suggestion and sample with its normal words, to find the nearest.
    examples: Vec<(String, Vec<Box<str>>)>,
}

/// Pairs of names of slots, each in both orders.
type Together = HashSet<(String, String)>;

/// Understands requests. Clones share everything.
#[derive(Debug, Clone)]
pub struct Understander {
    model: Arc<Model>,
    heads: Option<Arc<Heads>>,
    /// What free speech is understood by while there are no heads for this one.
    before: Option<Arc<Self>>,
    /// Skills that never take a sentence that a template of another one matches.
    yielding: Arc<BTreeSet<SkillId>>,
    words: &'static DialogueWords,
    wake_words: Arc<WakeWords>,
}

/// One command as it was found, with what the next part of a sentence may lean on.
#[derive(Debug, Clone)]
struct Part {
    command: Command,
    /// The normal words of the command, for "open the windows and the sunroof".
    tokens: Tokens,
}

/// The command before, of the same sentence or of the turn before.
#[derive(Debug, Clone, Copy)]
struct Before<'a> {
    intent: &'a IntentId,
    slots: &'a [Slot],
    /// Its words.
    tokens: &'a Tokens,
    /// The words of those before it that were about the same, the last first.
    older: &'a [Tokens],
}

impl Part {
    fn as_before(&self) -> Before<'_> {
        let best = &self.command.best;
        Before { intent: &best.intent, slots: &best.slots, tokens: &self.tokens, older: &[] }
    }
}

impl Understander {
    /// The same understander with heads for free speech.
    #[must_use]
    pub fn with_heads(&self, heads: Arc<Heads>) -> Self {
        Self { heads: Some(heads), before: None, ..self.clone() }
    }

    /// The same understander, in which these skills yield to the others: a sentence that a template of another one matches
    /// is never theirs, however well their own match it.
    #[must_use]
    pub fn yielding(&self, skills: BTreeSet<SkillId>) -> Self {
        Self { yielding: Arc::new(skills), ..self.clone() }
    }

    /// The same understander, which is woken by these, too.
    #[must_use]
    pub fn woken_by(&self, wake_words: Arc<WakeWords>) -> Self {
        Self { wake_words, ..self.clone() }
    }

    /// The same understander, for the time until its heads are trained: free speech is understood as the one before it
    /// did, as far as its intents are here unchanged.
    #[must_use]
    pub fn leaning_on(&self, before: &Self) -> Self {
        let before = match (&before.heads, &before.before) {
            (Some(_), _) => Some(Arc::new(before.clone())),
            (None, older) => older.clone(),
        };
        Self { before, ..self.clone() }
    }

    /// Heads of its own.
    #[must_use]
    pub fn heads(&self) -> Option<&Arc<Heads>> {
        self.heads.as_ref()
    }

    /// Whether heads of its own are there.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        self.heads.is_some()
    }

    /// Whether heads are there, its own or those of the one before.
    #[must_use]
    pub fn has_heads(&self) -> bool {
        self.heads.is_some() || self.before.is_some()
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
        let tokens = self.read(request);
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
        self.match_templates(request)
            .unwrap_or_else(|| self.understand_freely(request, started.elapsed(), encoder))
    }

    /// The same for a request of which it is known that no template matches; finding that out
    /// took `template_time`.
    #[must_use]
    pub fn understand_freely(
        &self,
        request: &Request,
        template_time: Duration,
        encoder: Option<&mut dyn Encoder>,
    ) -> Understanding {
        if let (None, Some(before)) = (&self.heads, &self.before) {
            let mut understood = before.understand_freely(request, template_time, encoder);
            understood.commands.retain(|command| self.knows(&command.best.intent, before));
            for command in &mut understood.commands {
                command.alternatives.retain(|other| self.knows(&other.intent, before));
            }
            return understood;
        }
        let tokens = self.read(request);
        let context = Context::of(request);
        let mut understood = Understanding { template_time, ..Understanding::default() };
        let mut turned = false;
        if !tokens.is_empty() {
            match (&self.heads, encoder) {
                (Some(heads), Some(encoder)) => {
                    let mut asking = Asking {
                        turned: false,
                        all: self,
                        heads,
                        encoder,
                        context: &context,
                        failed: false,
                    };
                    asking.understand(&tokens, &mut understood);
                    understood.encoder_missing = asking.failed;
                    turned = asking.turned;
                }
                _ => understood.encoder_missing = true,
            }
        }
        if understood.is_empty()
            && let Some(expected) = &request.expected
        {
            understood.answer = self.only_value(expected, &tokens, &context);
        }
        if understood.is_empty() && understood.encoder_missing && !turned {
            understood.nearest = self.nearest_example(&tokens);
        }
        understood
    }

    /// Whether an intent is here as it was in the understander before.
    fn knows(&self, intent: &IntentId, before: &Self) -> bool {
        let of = |one: &Self| {
            let at = one.model.by_id.get(intent)?;
            let TrainingIntent { class, slots, .. } = &one.model.intents[*at];
            let slots = slots.iter().map(|slot| (slot.name.clone(), slot.entity.clone()));
            Some((*class, slots.collect::<Vec<_>>()))
        };
        of(self).is_some_and(|here| of(before) == Some(here))
    }

    /// What templates make of the words, or of the words with one that sounds alike.
    fn match_tokens(
        &self,
        request: &Request,
        tokens: &Tokens,
        context: &Context,
    ) -> Option<Understanding> {
        self.match_words(request, tokens, context).or_else(|| {
            let mut others = tokens.heard_otherwise();
            others.find_map(|tokens| self.match_words(request, &tokens, context))
        })
    }

    fn match_words(
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
        let mut commands = self.commands(&reading, request);
        if commands.is_empty() {
            commands.extend(self.reworded(&reading));
        }
        if commands.len() > MAX_COMMANDS {
            return Some(Understanding { too_many: true, ..Understanding::default() });
        }
        if !commands.is_empty() {
            return Some(Understanding { commands, ..Understanding::default() });
        }
        let slot = expected.and_then(|e| {
            self.other_slot(e, &reading).or_else(|| self.lenient_answer(e, &reading))
        })?;
        Some(Understanding { answer: Some(slot), ..Understanding::default() })
    }

    /// The commands that templates find, and what they mean after the command before.
    fn commands(&self, reading: &Reading<'_>, request: &Request) -> Vec<Command> {
        let parts = match self.corrected(reading, 0) {
            Some(parts) => parts,
            None => self.split(reading),
        };
        // While an answer is awaited, nothing leans on an older command.
        let previous = request.previous.as_ref().filter(|_| request.expected.is_none());
        let Some(previous) = previous.filter(|_| parts.len() < 2) else {
            return parts.into_iter().map(|part| part.command).collect();
        };
        let said: Vec<Tokens> = previous.said.iter().map(|text| Tokens::read(text)).collect();
        let nothing = Tokens::read("");
        let (tokens, older) = said.split_first().unwrap_or((&nothing, &[]));
        let (intent, slots) = (&previous.intent, previous.slots.as_slice());
        let before = Before { intent, slots, tokens, older };
        let own = parts.into_iter().next().map(|part| part.command);
        let all = 0..reading.tokens.len();
        self.in_context(reading, &all, &before, own).into_iter().collect()
    }

    /// Whether one sentence may fill both slots of an intent.
    fn go_together(&self, spec: &TrainingIntent, one: &str, other: &str) -> bool {
        let together = self.model.by_id.get(&spec.id).and_then(|i| self.model.together.get(*i));
        together.is_some_and(|pairs| pairs.contains(&(one.to_owned(), other.to_owned())))
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

    /// What is not wanted any more, said as what is wanted, where a template knows that.
    fn reworded(&self, reading: &Reading<'_>) -> Option<Command> {
        let all = 0..reading.tokens.len();
        let (starts, ends) =
            (edges::starts(reading.tokens, &all), edges::ends(reading.tokens, &all));
        let other = Rewording::english().of(reading, &starts, &ends);
        let (mut command, _) = other.iter().find_map(|text| {
            let tokens = Tokens::read(text);
            let reading = Reading::new(&tokens, &self.model.entities, reading.context);
            self.template(&reading, &(0..tokens.len()))
        })?;
        (command.start, command.end) = reading.tokens.span(all);
        // The words of its slots stand elsewhere in this text, or nowhere.
        let slots = command.alternatives.iter_mut().chain([&mut command.best]);
        for slot in slots.flat_map(|candidate| &mut candidate.slots) {
            *slot = Slot::implied(&slot.name, slot.value.clone());
        }
        Some(command)
    }

    /// The best template over a range of tokens, with those that match as well. A question is
    /// answered only.
    fn template(&self, reading: &Reading<'_>, range: &Range<usize>) -> Option<(Command, Found)> {
        let tokens = reading.tokens;
        let (starts, ends) = (edges::starts(tokens, range), edges::ends(tokens, range));
        let asked = veto::asks(&tokens.picked(range.clone()));
        let found = self.model.templates.matches(reading, &starts, &ends).into_iter();
        let mut found: Vec<Found> = found.filter(|found| !asked || self.answers(found)).collect();
        if found.iter().any(|found| !self.yields(found)) {
            found.retain(|found| !self.yields(found));
        }
        let mut found = found.into_iter();
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

    /// Whether a template is one of a skill that yields to the others.
    fn yields(&self, found: &Found) -> bool {
        let intent = self.model.intents.get(found.target as usize);
        intent.is_some_and(|intent| self.yielding.contains(intent.id.skill()))
    }

    /// Whether what a template means only asks.
    fn answers(&self, found: &Found) -> bool {
        let intent = self.model.intents.get(found.target as usize);
        intent.is_some_and(|intent| intent.class == Class::Info)
    }

    /// Whether an intent only asks.
    fn informs(&self, intent: &IntentId) -> bool {
        let index = self.model.by_id.get(intent);
        index.is_some_and(|index| self.model.intents[*index].class == Class::Info)
    }

    /// The example that shares most of its words with the text; none without a common word.
    fn nearest_example(&self, tokens: &Tokens) -> Option<String> {
        let said: Vec<&str> =
            tokens.list().iter().map(|t| &*t.norm).filter(|w| w.len() > 3).collect();
        let share = |words: &[Box<str>]| {
            let common = words.iter().filter(|word| said.contains(&&***word)).count();
            #[allow(clippy::cast_precision_loss)]
            let share = common as f64 / (words.len() + said.len() - common).max(1) as f64;
            (share >= LEAST_SHARED_WORDS).then_some(share)
        };
        self.model
            .examples
            .iter()
            .filter_map(|(text, words)| Some((share(words)?, text)))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, text)| text.clone())
    }

    fn read(&self, request: &Request) -> Tokens {
        let mut end = request.text.len().min(MAX_TEXT_BYTES);
        while !request.text.is_char_boundary(end) {
            end -= 1;
        }
        Tokens::heard(&request.text[..end], &self.wake_words)
    }
}

#[cfg(test)]
#[path = "engine/tests.rs"]
mod tests;

#[cfg(test)]
#[path = "engine/asking_tests.rs"]
mod asking_tests;

#[cfg(test)]
#[path = "engine/context_tests.rs"]
mod context_tests;
