//! Recognisers of typed values in words and digits: the built-in entities and the listed ones.
//!
//! Must not decide which slot a value belongs to, and must not read a clock: what "tomorrow"
//! is comes in as [`Context`].

mod date;
mod duration;
mod listed;
mod measure;
mod named;
mod number;
mod phrases;
mod time;

pub(crate) use phrases::PhraseTrie;

use crate::{error::UnderstandingError, hash::FastMap, normalise::Tokens};
use listed::Listed;
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};
use valet_core::{
    entity::{EntityKind, Value},
    intent::SkillId,
    understanding::Request,
    zone::Zone,
};
use valet_package::sentences::ListedEntity;

/// Most phrases of all listed entities together.
pub const MAX_PHRASES: usize = 200_000;
/// Longest text that [`Entities::resolve`] looks at, bytes.
pub const MAX_RESOLVED_BYTES: usize = 512;
/// Words that may stand around a value without changing it.
const AROUND: &[&str] = &[
    "the", "a", "an", "to", "at", "for", "on", "in", "of", "my", "our", "about", "around", "by",
    "up", "down", "until", "till", "from", "into", "onto", "is", "it", "with", "than", "only",
    "exactly", "roughly", "and",
];
/// Words that may stand behind a value without changing it.
const BEHIND: &[&str] =
    &["one", "mode", "setting", "level", "side", "too", "as", "well", "from", "now"];

/// Whether a word may stand beside a value without changing it. "Up" and "down" may stand before
/// an amount, but they say a direction of their own.
pub(crate) fn may_surround(word: &str) -> bool {
    !matches!(word, "up" | "down") && (AROUND.contains(&word) || BEHIND.contains(&word))
}

/// What a slot holds, resolved to a table of this understander.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A plain number.
    Number,
    /// "the second".
    Ordinal,
    /// 0 to 100.
    Percentage,
    /// Degrees Celsius after conversion.
    Temperature,
    /// A length of time.
    Duration,
    /// A time of day.
    Time,
    /// A calendar date.
    Date,
    /// Metres after conversion.
    Distance,
    /// km/h after conversion.
    Speed,
    /// A colour by name.
    Colour,
    /// A part of the cabin.
    Zone,
    /// Yes or no, on or off.
    Boolean,
    /// A free span of words.
    Text,
    /// A listed entity, by its number in this understander.
    Listed(u32),
}

/// What the meaning of words depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Who speaks: "my side".
    pub speaker: Zone,
    /// Whether the driver sits on the left: "rear left".
    pub driver_left: bool,
    /// The device's local date and time; `None` while the clock is not known.
    pub local_now: Option<jiff::civil::DateTime>,
}

impl Default for Context {
    fn default() -> Self {
        Self { speaker: Zone::DRIVER, driver_left: true, local_now: None }
    }
}

impl Context {
    /// The context of a request. A date that does not exist counts as not known.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let local_now = request.local_now.and_then(|(year, month, day, hour, minute)| {
            let small = |value: u8| i8::try_from(value).ok();
            jiff::civil::DateTime::new(
                year,
                small(month)?,
                small(day)?,
                small(hour)?,
                small(minute)?,
                0,
                0,
            )
            .ok()
        });
        Self { speaker: request.zone, driver_left: true, local_now }
    }
}

/// A value found in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// What it resolved to.
    pub value: Value,
    /// The tokens it covers; never empty.
    pub tokens: Range<usize>,
}

/// A value that stops before a token.
pub(crate) type Ending = (Value, usize);

/// Values that become known at run time, such as names of radio stations: by entity name, the
/// canonical value and its synonyms.
pub type Vocabulary = BTreeMap<String, Vec<(String, Vec<String>)>>;

/// All recognisers, immutable once built.
#[derive(Debug, Default)]
pub struct Entities {
    lists: Vec<Listed>,
    by_name: HashMap<(SkillId, String), u32>,
    /// The lists that have a phrase which begins with a word, ascending.
    beginning_with: FastMap<Box<str>, Vec<u32>>,
}

impl Entities {
    /// Adds the listed entities of one skill, with what the vocabulary adds to them:
    /// to an entity of that name of any skill, and to one of this skill, `<skill id>/<entity>`.
    ///
    /// # Errors
    /// [`UnderstandingError::TooMany`] when all phrases together go past [`MAX_PHRASES`].
    pub(crate) fn add_skill(
        &mut self,
        skill: &SkillId,
        entities: &BTreeMap<String, ListedEntity>,
        vocabulary: &Vocabulary,
    ) -> Result<(), UnderstandingError> {
        for (name, entity) in entities {
            let mut list = Listed::default();
            for (value, synonyms) in &entity.values {
                list.add(value, synonyms);
            }
            let own = vocabulary.get(&format!("{skill}/{name}"));
            let all = vocabulary.get(name).into_iter().chain(own).flatten();
            for (value, synonyms) in all {
                list.add(value, synonyms);
            }
            #[allow(clippy::cast_possible_truncation)]
            let number = self.lists.len() as u32;
            for word in list.first_words() {
                self.beginning_with.entry(word.into()).or_default().push(number);
            }
            self.by_name.insert((skill.clone(), name.clone()), number);
            self.lists.push(list);
        }
        let got = self.lists.iter().map(Listed::len).sum();
        if got > MAX_PHRASES {
            let what = "phrases of listed entities".to_owned();
            return Err(UnderstandingError::TooMany { what, got, limit: MAX_PHRASES });
        }
        Ok(())
    }

    /// The kind behind a manifest's entity; `None` when a listed one has no values here.
    #[must_use]
    pub fn kind(&self, skill: &SkillId, entity: &EntityKind) -> Option<Kind> {
        Some(match entity {
            EntityKind::Number => Kind::Number,
            EntityKind::Ordinal => Kind::Ordinal,
            EntityKind::Percentage => Kind::Percentage,
            EntityKind::Temperature => Kind::Temperature,
            EntityKind::Duration => Kind::Duration,
            EntityKind::Time => Kind::Time,
            EntityKind::Date => Kind::Date,
            EntityKind::Distance => Kind::Distance,
            EntityKind::Speed => Kind::Speed,
            EntityKind::Colour => Kind::Colour,
            EntityKind::Zone => Kind::Zone,
            EntityKind::Boolean => Kind::Boolean,
            EntityKind::Text => Kind::Text,
            EntityKind::Listed(name) => {
                Kind::Listed(*self.by_name.get(&(skill.clone(), name.clone()))?)
            }
        })
    }

    /// Values that begin exactly at a token, longest first. `Text` gives the whole rest.
    #[must_use]
    pub fn find_at(
        &self,
        kind: Kind,
        tokens: &Tokens,
        start: usize,
        context: &Context,
    ) -> Vec<Match> {
        if start >= tokens.len() {
            return Vec::new();
        }
        let mut endings = match kind {
            Kind::Number => number::numbers(tokens, start)
                .into_iter()
                .map(|(value, end)| (Value::Number(value), end))
                .collect(),
            Kind::Ordinal => number::ordinals(tokens, start),
            Kind::Percentage => measure::percentages(tokens, start),
            Kind::Temperature => measure::temperatures(tokens, start),
            Kind::Distance => measure::distances(tokens, start),
            Kind::Speed => measure::speeds(tokens, start),
            Kind::Duration => duration::durations(tokens, start)
                .into_iter()
                .map(|(ms, end)| (Value::Duration(ms), end))
                .collect(),
            Kind::Time => time::times(tokens, start, context),
            Kind::Date => date::dates(tokens, start, context),
            Kind::Colour => named::colours(tokens, start),
            Kind::Zone => named::zones(tokens, start, context),
            Kind::Boolean => named::booleans(tokens, start),
            Kind::Text => {
                vec![(Value::Text(tokens.words(start..tokens.len()).to_owned()), tokens.len())]
            }
            Kind::Listed(list) => {
                self.lists.get(list as usize).map_or_else(Vec::new, |l| l.endings(tokens, start))
            }
        };
        endings.sort_by_key(|(_, end)| std::cmp::Reverse(*end));
        endings.dedup_by_key(|(_, end)| *end);
        endings
            .into_iter()
            .filter(|(_, end)| *end > start && *end <= tokens.len())
            .map(|(value, end)| Match { value, tokens: start..end })
            .collect()
    }

    /// Those of the kinds, ascending, of which a text has a value. One look at a word rules out
    /// nearly all listed entities, however many are installed.
    pub(crate) fn occurring<'k>(
        &self,
        kinds: &'k [Kind],
        tokens: &Tokens,
        context: &Context,
    ) -> impl Iterator<Item = &'k Kind> {
        let mut begun: Vec<u32> = tokens
            .list()
            .iter()
            .filter_map(|token| self.beginning_with.get(&token.norm))
            .flatten()
            .copied()
            .collect();
        begun.sort_unstable();
        kinds.iter().filter(move |kind| {
            let possible = match kind {
                Kind::Listed(list) => begun.binary_search(list).is_ok(),
                _ => true,
            };
            possible
                && (0..tokens.len())
                    .any(|start| !self.find_at(**kind, tokens, start, context).is_empty())
        })
    }

    /// The value that covers exactly these tokens.
    #[must_use]
    pub fn exactly(
        &self,
        kind: Kind,
        tokens: &Tokens,
        range: Range<usize>,
        context: &Context,
    ) -> Option<Value> {
        if kind == Kind::Text {
            let words = tokens.words(range);
            return (!words.is_empty()).then(|| Value::Text(words.to_owned()));
        }
        self.find_at(kind, tokens, range.start, context)
            .into_iter()
            .find(|found| found.tokens.end == range.end)
            .map(|found| found.value)
    }

    /// All values in a text from left to right: at each place the longest, without overlap.
    #[must_use]
    pub fn find_all(&self, kind: Kind, tokens: &Tokens, context: &Context) -> Vec<Match> {
        let mut all = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match self.find_at(kind, tokens, at, context).into_iter().next() {
                Some(found) => {
                    at = found.tokens.end;
                    all.push(found);
                }
                None => at += 1,
            }
        }
        all
    }

    /// The value of a whole span that a tagger or a person's answer gave: exact first, then
    /// without articles and prepositions around it, then (listed entities) the nearest spelling,
    /// then the only value within the span. `None` when there is no such value.
    #[must_use]
    pub fn resolve(&self, kind: Kind, text: &str, context: &Context) -> Option<Value> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_RESOLVED_BYTES {
            return None;
        }
        if kind == Kind::Text {
            return Some(Value::Text(text.to_owned()));
        }
        let tokens = Tokens::read(text);
        self.resolve_exactly(kind, &tokens, context)
            .or_else(|| self.resolve_nearly(kind, &tokens))
            .or_else(|| {
                let mut all = self.find_all(kind, &tokens, context);
                let only = all.pop()?;
                all.is_empty().then_some(only.value)
            })
    }

    /// The nearest listed value to all tokens but words that may stand before it.
    fn resolve_nearly(&self, kind: Kind, tokens: &Tokens) -> Option<Value> {
        let mut first = 0;
        loop {
            let rest = tokens.picked(first..tokens.len());
            if let Some(value) = self.nearest(kind, &rest) {
                return Some(value);
            }
            if first + 1 >= tokens.len() || !AROUND.contains(&tokens.norm(first)) {
                return None;
            }
            first += 1;
        }
    }

    /// The value of all tokens but words that may stand around it.
    pub(crate) fn resolve_exactly(
        &self,
        kind: Kind,
        tokens: &Tokens,
        context: &Context,
    ) -> Option<Value> {
        let mut first = 0;
        loop {
            let mut end = tokens.len();
            while end > first {
                if let Some(value) = self.exactly(kind, tokens, first..end, context) {
                    return Some(value);
                }
                if !BEHIND.contains(&tokens.norm(end - 1)) {
                    break;
                }
                end -= 1;
            }
            if first + 1 >= tokens.len() || !AROUND.contains(&tokens.norm(first)) {
                return None;
            }
            first += 1;
        }
    }

    /// The listed value nearest in spelling to all tokens.
    pub(crate) fn nearest(&self, kind: Kind, tokens: &Tokens) -> Option<Value> {
        let Kind::Listed(list) = kind else { return None };
        self.lists.get(list as usize)?.nearest(tokens).map(Value::Text)
    }

    /// The only listed value that has phrases which begin with all tokens: "cool" of "cooler".
    pub(crate) fn begun(&self, kind: Kind, tokens: &Tokens) -> Option<Value> {
        let Kind::Listed(list) = kind else { return None };
        self.lists.get(list as usize)?.begun(tokens).map(Value::Text)
    }

    /// The canonical values of a listed entity; empty for a built-in one.
    #[must_use]
    pub fn canonical_values(&self, kind: Kind) -> Vec<&str> {
        match kind {
            Kind::Listed(list) => {
                self.lists.get(list as usize).map_or_else(Vec::new, Listed::canonical_values)
            }
            _ => Vec::new(),
        }
    }

    /// Phrases as people say them, to swap into samples; empty for `Text`.
    #[must_use]
    pub fn examples(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Listed(list) => self.lists.get(list as usize).map_or(&[], Listed::phrases),
            other => named::examples(other),
        }
    }
}

#[cfg(test)]
#[path = "entities/tests.rs"]
mod tests;
