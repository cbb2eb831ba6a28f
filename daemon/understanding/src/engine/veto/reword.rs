//! What is not wanted, said as what is: "no need for the air conditioning" is "turn off the air
//! conditioning".
//!
//! Must not guess: the other wording is tried as a template alone.

use super::words::ENGLISH;
use crate::{
    entities::Kind,
    templates::{Reading, Templates},
};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::OnceLock};
use valet_package::template::Rules;

#[derive(Deserialize)]
struct Raw {
    rules: BTreeMap<String, String>,
    reworded: Vec<RawRewording>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRewording {
    meant: String,
    said: Vec<String>,
}

/// Other wordings of what is said.
#[derive(Debug, Default)]
pub(crate) struct Rewording {
    said: Templates,
    meant: Vec<String>,
}

impl Rewording {
    /// English.
    pub(crate) fn english() -> &'static Self {
        static WORDS: OnceLock<Rewording> = OnceLock::new();
        WORDS.get_or_init(|| {
            // Built in and read by a test: it cannot fail in a build that passed its tests.
            Self::compile(toml::from_str(ENGLISH).expect("the built-in vetoes are well formed"))
        })
    }

    fn compile(raw: Raw) -> Self {
        let rules = Rules::parse(&raw.rules).expect("the built-in rules are well formed");
        let mut all = Self::default();
        for rewording in raw.reworded {
            #[allow(clippy::cast_possible_truncation)]
            let target = all.meant.len() as u32;
            all.meant.push(rewording.meant);
            for line in &rewording.said {
                rules
                    .template(line, ["value"].into_iter())
                    .map_err(|e| e.to_string())
                    .and_then(|template| {
                        all.said.add(&template.root, &rules, target, &|_| Some(Kind::Text))
                    })
                    .expect("a built-in template is well formed");
            }
        }
        all.said.finish();
        all
    }

    /// The text in other words, best first.
    pub(crate) fn of(
        &self,
        reading: &Reading<'_>,
        starts: &[usize],
        ends: &[usize],
    ) -> Vec<String> {
        let found = self.said.matches(reading, starts, ends).into_iter();
        found
            .filter_map(|found| {
                let meant = self.meant.get(found.target as usize)?;
                let value = found.slots.first()?;
                Some(format!("{meant} {}", reading.tokens.words(value.tokens.clone())))
            })
            .collect()
    }
}
