//! "Close it", "make it 30", "turn it up": what a pronoun stands for, taken from the command before.
//!
//! Must not reach past the skill that the command before was of.

use super::{Before, Understander, follow_up::largest_unit};
use crate::{
    entities::Kind,
    normalise::{Token, Tokens},
    templates::{FoundSlot, Reading},
};
use std::ops::Range;
use valet_core::{
    entity::Value,
    intent::IntentId,
    slot::Slot,
    understanding::{Command, MAX_ALTERNATIVES},
};

/// Longest run of words of the command before that a pronoun may stand for.
const MAX_REFERENT: usize = 6;
/// Most words of the command before that are looked at.
const MAX_LOOKED_AT: usize = 12;
/// Verbs that set a value: "make it 30" is "set … to 30".
const SETTING: &[&str] = &["make", "set", "put", "turn", "get", "change"];

impl Understander {
    /// What a range of tokens means after the command before. `own` is what it means by itself;
    /// `None` when it means nothing.
    pub(super) fn in_context(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        before: &Before<'_>,
        own: Option<Command>,
    ) -> Option<Command> {
        let follow_up = || self.follow_up(reading, range, before);
        let own = own.map(|command| prefer(command, |intent| intent == before.intent));
        if let Some(own) = &own
            && own.best.intent == *before.intent
        {
            // Both say the same: then what was filled before goes on ("make it 23" after "set the
            // passenger to 22"). Otherwise the sentence's own words count.
            return Some(
                follow_up().filter(|follow_up| holds(follow_up, own)).unwrap_or(own.clone()),
            );
        }
        let Some(pronoun) = self.words.pronoun_in(reading.tokens, range) else {
            return own.or_else(follow_up);
        };
        let of_its_skill = |own: &Command| own.best.intent.skill() == before.intent.skill();
        self.with_unit(reading, range, before)
            .or_else(|| self.with_referent(reading, range, before, &pronoun))
            .or_else(|| own.clone().filter(of_its_skill))
            .or_else(follow_up)
            .or(own)
    }

    /// "Make it 15" after "… for 10 minutes": the unit goes on.
    fn with_unit(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        before: &Before<'_>,
    ) -> Option<Command> {
        let length = before.slots.iter().find_map(|slot| match slot.value {
            Value::Duration(ms) => Some(ms),
            _ => None,
        })?;
        let (_, unit) = largest_unit(length)?;
        let tokens = reading.tokens.with_words(range.end..range.end, Tokens::read(unit).list());
        let (all, nothing) = (range.start..range.end + 1, range.start..range.start);
        let command = self.of_skill(reading, &tokens, &all, (before, &nothing))?;
        Some(self.with_names(command, before))
    }

    /// The pronoun's place taken by words of the command before: of those that make sense the
    /// ones that say most of where and what, and then the first ones ("close the rear window"
    /// after "open the rear window a bit").
    fn with_referent(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        before: &Before<'_>,
        pronoun: &Range<usize>,
    ) -> Option<Command> {
        std::iter::once(before.tokens).chain(before.older).find_map(|words| {
            let said = &words.list()[..words.len().min(MAX_LOOKED_AT)];
            let runs = (1..=said.len()).flat_map(|end| {
                let from = end.saturating_sub(MAX_REFERENT);
                (from..end).map(move |start| &said[start..end])
            });
            let meant = runs.filter_map(|run| {
                let command = self.with_run(reading, range, before, (pronoun, run))?;
                Some((self.named(&command), command))
            });
            // Of equals the first counts.
            let best = meant.reduce(|best, next| if next.0 > best.0 { next } else { best });
            best.map(|(_, command)| self.with_names(command, before))
        })
    }

    /// One run of words in the pronoun's place.
    fn with_run(
        &self,
        reading: &Reading<'_>,
        range: &Range<usize>,
        before: &Before<'_>,
        (pronoun, run): (&Range<usize>, &[Token]),
    ) -> Option<Command> {
        let tokens = reading.tokens.with_words(pronoun.clone(), run);
        let range = range.start..range.end - pronoun.len() + run.len();
        let run = pronoun.start..pronoun.start + run.len();
        self.of_skill(reading, &tokens, &range, (before, &run)).or_else(|| {
            let tokens = set_to(&tokens, range.clone(), run.clone())?;
            self.of_skill(reading, &tokens, &(range.start..tokens.len()), (before, &run))
        })
    }

    /// How many slots say where or what by name.
    fn named(&self, command: &Command) -> usize {
        let best = &command.best;
        best.slots.iter().filter(|slot| self.names(&best.intent, slot)).count()
    }

    fn names(&self, intent: &IntentId, slot: &Slot) -> bool {
        let spec = self.model.by_id.get(intent).map(|i| &self.model.intents[*i]);
        let kind = spec.and_then(|spec| spec.slots.iter().find(|s| s.name == slot.name));
        kind.is_some_and(|slot| matches!(slot.kind, Kind::Zone | Kind::Text))
    }

    /// The template over other words, where it is of the skill of the command before and takes
    /// from the words put in (`run`) only what something is called.
    fn of_skill(
        &self,
        reading: &Reading<'_>,
        tokens: &Tokens,
        range: &Range<usize>,
        (before, run): (&Before<'_>, &Range<usize>),
    ) -> Option<Command> {
        let reading = Reading::new(tokens, reading.entities, reading.context);
        let (command, found) = self.template(&reading, range)?;
        let name = |slot: &FoundSlot| {
            let (at, value) = (&slot.tokens, &slot.value);
            let apart = at.end <= run.start || run.end <= at.start;
            let inside = run.start <= at.start && at.end <= run.end;
            apart || inside && matches!(value, Value::Text(_) | Value::Zone(_))
        };
        if !found.slots.iter().all(name) {
            return None;
        }
        let command = prefer(command, |intent| intent.skill() == before.intent.skill());
        let command = prefer(command, |intent| intent == before.intent);
        (command.best.intent.skill() == before.intent.skill()).then_some(command)
    }

    /// Where and what by name goes on from the command before.
    fn with_names(&self, mut command: Command, before: &Before<'_>) -> Command {
        let best = &mut command.best;
        for slot in before.slots {
            let is_said = best.slots.iter().any(|other| other.name == slot.name);
            if !is_said && self.names(&best.intent, slot) {
                best.slots.push(Slot::implied(&slot.name, slot.value.clone()));
            }
        }
        command
    }
}

/// "make [the volume] 30" as "set [the volume] to 30", up to the end of the range.
fn set_to(tokens: &Tokens, range: Range<usize>, referent: Range<usize>) -> Option<Tokens> {
    if referent.start != range.start + 1
        || referent.end >= range.end
        || !SETTING.contains(&tokens.norm(range.start))
    {
        return None;
    }
    let words = |text: &str| -> Vec<Token> { Tokens::read(text).list().to_vec() };
    let said_to = usize::from(tokens.norm(referent.end) == "to");
    let tokens = tokens.picked(0..range.end);
    let tokens = tokens.with_words(referent.end..referent.end + said_to, &words("to"));
    Some(tokens.with_words(range.start..range.start + 1, &words("set")))
}

/// Whether a command has all slots of another, with the same values.
fn holds(command: &Command, other: &Command) -> bool {
    other
        .best
        .slots
        .iter()
        .all(|slot| command.best.slots.iter().any(|s| s.name == slot.name && s.value == slot.value))
}

/// Puts the first reading that is wanted in front of those that matched as well.
pub(super) fn prefer(mut command: Command, wanted: impl Fn(&IntentId) -> bool) -> Command {
    if wanted(&command.best.intent) {
        return command;
    }
    let tied = command.alternatives.iter().position(|other| wanted(&other.intent));
    if let Some(index) = tied {
        let other = command.alternatives.remove(index);
        let confidence = std::mem::replace(&mut command.best.confidence, other.confidence);
        let best = std::mem::replace(&mut command.best, other);
        command.best.confidence = confidence;
        command.alternatives.insert(0, best);
        command.alternatives.truncate(MAX_ALTERNATIVES);
    }
    command
}
