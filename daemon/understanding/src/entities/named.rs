//! Entities that are tables of phrases: zones, colours, switch states, shares in words.
//!
//! Must not hold the phrases: they are data.

use super::{Context, Ending, Kind, PhraseTrie};
use crate::{expand, normalise::Tokens};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::OnceLock};
use valet_core::{
    entity::Value,
    zone::{Side, Zone},
};
use valet_package::template::{Rules, Template};

const ENGLISH: &str = include_str!("../../data/en/entities.toml");
/// Most phrases that one line of the data may stand for.
const MAX_EXPANSIONS: usize = 2000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    rules: BTreeMap<String, String>,
    zones: BTreeMap<String, Vec<String>>,
    booleans: BTreeMap<String, Vec<String>>,
    percentages: BTreeMap<String, Vec<String>>,
    colours: BTreeMap<String, Vec<String>>,
    examples: BTreeMap<String, Vec<String>>,
}

/// A zone, or how to find it from who speaks and where the driver sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Fixed(Zone),
    Speaker,
    Beside,
    Left(u8),
    Right(u8),
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "speaker" => Self::Speaker,
            "beside" => Self::Beside,
            "left" => Self::Left(1),
            "right" => Self::Right(1),
            "rear-left" => Self::Left(2),
            "rear-right" => Self::Right(2),
            other => Self::Fixed(Zone::parse(other).ok()?),
        })
    }

    fn zone(self, context: &Context) -> Zone {
        let side = |row, left: bool| {
            let driver = left == context.driver_left;
            Zone::Seat(row, if driver { Side::Driver } else { Side::Passenger })
        };
        match self {
            Self::Fixed(zone) => zone,
            Self::Speaker => context.speaker,
            Self::Beside if context.speaker == Zone::PASSENGER => Zone::DRIVER,
            Self::Beside => Zone::PASSENGER,
            Self::Left(row) => side(row, true),
            Self::Right(row) => side(row, false),
        }
    }
}

#[derive(Default)]
struct Tables {
    zones: PhraseTrie<Place>,
    booleans: PhraseTrie<bool>,
    percentages: PhraseTrie<f64>,
    colours: PhraseTrie<String>,
    examples: BTreeMap<String, Vec<String>>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        // Built in and read by a test: it cannot fail in a build that passed its tests.
        let raw: Raw = toml::from_str(ENGLISH).expect("the built-in entity tables are well formed");
        let rules = Rules::parse(&raw.rules).expect("the built-in rules are well formed");
        let mut tables = Tables::default();
        fill(&raw.zones, &rules, Place::parse, &mut tables.zones);
        fill(&raw.booleans, &rules, |text| text.parse().ok(), &mut tables.booleans);
        fill(&raw.percentages, &rules, |text| text.parse().ok(), &mut tables.percentages);
        fill(&raw.colours, &rules, |text| Some(text.to_owned()), &mut tables.colours);
        tables.examples = raw.examples;
        tables
    })
}

fn fill<V: Clone>(
    raw: &BTreeMap<String, Vec<String>>,
    rules: &Rules,
    value: impl Fn(&str) -> Option<V>,
    trie: &mut PhraseTrie<V>,
) {
    for (text, lines) in raw {
        for line in lines {
            let template = Template::parse(line).expect("a built-in phrase keeps the notation");
            let phrases = expand::all(&template.root, rules, MAX_EXPANSIONS)
                .expect("a built-in phrase has few expansions");
            let value = value(text).expect("a built-in value is one of its kind");
            for phrase in phrases {
                let tokens = Tokens::read(&phrase);
                trie.add(tokens.list().iter().map(|token| &*token.norm), value.clone());
            }
        }
    }
}

/// "the driver's side", "me", "rear left", "everyone".
pub(crate) fn zones(tokens: &Tokens, start: usize, context: &Context) -> Vec<Ending> {
    tables()
        .zones
        .endings(tokens, start)
        .into_iter()
        .map(|(place, end)| (Value::Zone(place.zone(context)), end))
        .collect()
}

/// "on", "off", "yes".
pub(crate) fn booleans(tokens: &Tokens, start: usize) -> Vec<Ending> {
    let found = tables().booleans.endings(tokens, start);
    found.into_iter().map(|(value, end)| (Value::Boolean(value), end)).collect()
}

/// "light blue".
pub(crate) fn colours(tokens: &Tokens, start: usize) -> Vec<Ending> {
    let found = tables().colours.endings(tokens, start);
    found.into_iter().map(|(value, end)| (Value::Colour(value), end)).collect()
}

/// "half way", "all the way".
pub(crate) fn percentage_words(tokens: &Tokens, start: usize) -> Vec<(f64, usize)> {
    tables().percentages.endings(tokens, start)
}

/// Phrases of a built-in entity as people say them.
pub(crate) fn examples(kind: Kind) -> &'static [String] {
    let name = match kind {
        Kind::Number => "number",
        Kind::Ordinal => "ordinal",
        Kind::Percentage => "percentage",
        Kind::Temperature => "temperature",
        Kind::Duration => "duration",
        Kind::Time => "time",
        Kind::Date => "date",
        Kind::Distance => "distance",
        Kind::Speed => "speed",
        Kind::Colour => "colour",
        Kind::Zone => "zone",
        Kind::Boolean => "boolean",
        Kind::Text | Kind::Listed(_) => return &[],
    };
    tables().examples.get(name).map_or(&[], Vec::as_slice)
}
