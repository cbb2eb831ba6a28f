//! `automotive`: free requests to a car from a public set, by a published mapping from its
//! labels to our skills: the skill's intent and the kind of action.
//!
//! Must not derive the mapping from what we understand; see the mapping's own head.

use crate::{
    figures::{Report, percent},
    installed::{Installed, SkillArguments},
    lines::{self, Line},
};
use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};
use valet_core::{understanding::Candidate, zone::Zone};

/// Which lines, by which mapping.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The labelled lines.
    #[arg(long)]
    data: PathBuf,
    /// The mapping from labels to intents and kinds.
    #[arg(long, default_value = "tests/bench/data/ms_automotive.toml")]
    map: PathBuf,
    #[command(flatten)]
    skills: SkillArguments,
}

/// The mapping; its file explains it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    values: BTreeMap<String, Vec<String>>,
    ends: BTreeMap<String, Vec<String>>,
    aims: Vec<String>,
    topic: Vec<Topic>,
    alone: BTreeMap<String, Vec<String>>,
    kinds: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    name: String,
    words: Vec<String>,
    kinds: BTreeMap<String, Vec<String>>,
}

/// What the labels of a line say: a topic and the kinds of action that are right.
struct Wanted<'a> {
    topic: &'a Topic,
    kinds: BTreeSet<&'a str>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(&arguments.map)
        .with_context(|| arguments.map.display().to_string())?;
    let map: Map = toml::from_str(&text).with_context(|| arguments.map.display().to_string())?;
    let lines = lines::read(&arguments.data)?;
    let mut installed = Installed::new(&arguments.skills)?;
    let mut report = Report::default();
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for line in &lines {
        let Some(wanted) = map.wanted(line) else { continue };
        let understood = installed.understand(&line.text, Zone::DRIVER);
        // One question holds up all commands of a sentence.
        let asks = understood.commands.iter().any(|command| installed.would_ask(command));
        let best = understood.commands.first().filter(|_| !asks).map(|command| &command.best);
        let named = best.is_some_and(|best| map.is_intent(&wanted, best));
        let right = best.is_some_and(|best| map.is_right(&wanted, best));
        let row = counts.entry(&wanted.topic.name).or_default();
        for (count, add) in row.iter_mut().zip([true, right, named, best.is_none()]) {
            *count += usize::from(add);
        }
        if arguments.skills.failures && !right {
            let nearly = installed.nearly(&line.text);
            report.say(format!("{} ({nearly})", failure(line, &wanted, best)));
        }
    }
    let mut all = [0; 4];
    for (topic, row) in &counts {
        let [total, right, named, silent] = row;
        report.say(format!("{topic:<26} {total:>5} lines, right {right:>4}, intent {named:>4}, not understood {silent:>4}"));
        all.iter_mut().zip(row).for_each(|(sum, add)| *sum += add);
    }
    let [total, right, named, silent] = all;
    let of = format!("of {total} lines of {} that the mapping covers", lines.len());
    report.add(
        "automotive.right",
        percent(right, total),
        "%",
        format!("intent and kind of action, {of}"),
    );
    report.add(
        "automotive.intent_right",
        percent(named, total),
        "%",
        format!("intent alone, {of}"),
    );
    let how = format!("or asked about, {of}");
    report.add("automotive.not_understood", percent(silent, total), "%", how);
    Ok(report)
}

fn failure(line: &Line, wanted: &Wanted<'_>, best: Option<&Candidate>) -> String {
    let got = best.map_or("nothing".to_owned(), |best| {
        let slots: Vec<String> =
            best.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
        format!("{} {:.2} [{}]", best.intent, best.confidence, slots.join(" "))
    });
    format!("{:?} wanted {} {:?}, got {got}", line.text, wanted.topic.name, wanted.kinds)
}

/// Whether `phrase` stands in `text` as whole words.
fn has_words(text: &str, phrase: &str) -> bool {
    format!(" {text} ").contains(&format!(" {phrase} "))
}

impl Map {
    fn wanted(&self, line: &Line) -> Option<Wanted<'_>> {
        let of = |name: &str| -> Vec<String> {
            let spans = line.slots.iter().filter(|span| span.name == name);
            spans.map(|span| span.value.to_lowercase().replace("'s", "")).collect()
        };
        let (settings, values) = (of("SETTING").join(" "), of("VALUE").join(" "));
        let topic = if settings.is_empty() {
            let (name, _) = self.alone.iter().find(|(_, words)| words.contains(&values))?;
            self.topic.iter().find(|topic| topic.name == *name)?
        } else {
            self.topic
                .iter()
                .find(|topic| topic.words.iter().any(|words| has_words(&settings, words)))?
        };
        let kinds: BTreeSet<&str> = match line.intent.as_str() {
            "VEHICLE_SETTINGS_CHECK" => BTreeSet::from(["query"]),
            _ => self.kinds_of_change(line, &of("VALUE"), &of("AMOUNT").join(" ")),
        };
        let covered: BTreeSet<&str> =
            kinds.into_iter().filter(|kind| topic.kinds.contains_key(*kind)).collect();
        (!covered.is_empty()).then_some(Wanted { topic, kinds: covered })
    }

    /// The kinds of action that VALUEs and AMOUNT say; the mapping's head has the rule.
    fn kinds_of_change(&self, line: &Line, values: &[String], amount: &str) -> BTreeSet<&str> {
        let find = |lists: &'_ BTreeMap<String, Vec<String>>, text: &str| -> Option<String> {
            let phrases = lists.iter().flat_map(|(kind, all)| all.iter().map(move |p| (kind, p)));
            let standing = phrases.filter(|(_, phrase)| has_words(text, phrase));
            standing.max_by_key(|(_, phrase)| phrase.len()).map(|(kind, _)| kind.clone())
        };
        let known = |kind: Option<String>| {
            let kind = kind?;
            self.values.get_key_value(&kind).map(|(kind, _)| kind.as_str())
        };
        let said = values.iter().filter_map(|value| known(find(&self.values, value)));
        let mut said: BTreeSet<&str> = said.collect();
        let by = line.slots.iter().any(|span| span.name == "TYPE");
        if let Some(end) = known(find(&self.ends, amount)) {
            return BTreeSet::from(["set", end]);
        }
        if amount.is_empty() || (by && !said.is_empty()) {
            return said;
        }
        let relative = said.contains("increase") || said.contains("decrease");
        if relative && !self.is_aim(line) {
            said.insert("set");
            return said;
        }
        BTreeSet::from(["set"])
    }

    /// Whether the amount is where to go ("to eight", "level eight"), by the words before it.
    fn is_aim(&self, line: &Line) -> bool {
        let amounts = line.slots.iter().filter(|span| span.name == "AMOUNT");
        amounts.filter_map(|span| line.text.get(..line.bytes(span)?.0 as usize)).any(|before| {
            before.split_whitespace().last().is_some_and(|word| self.aims.iter().any(|a| a == word))
        })
    }

    fn is_intent(&self, wanted: &Wanted<'_>, best: &Candidate) -> bool {
        let named = short(best);
        wanted.kinds.iter().any(|kind| wanted.topic.kinds[*kind].contains(&named))
    }

    fn is_right(&self, wanted: &Wanted<'_>, best: &Candidate) -> bool {
        let named = short(best);
        let said = self.kinds.get(&named).and_then(|kinds| {
            let of_slot = |slot: &valet_core::slot::Slot| {
                kinds
                    .get(&format!("{}={}", slot.name, slot.value))
                    .or_else(|| kinds.get(&format!("{}=", slot.name)))
            };
            best.slots.iter().find_map(of_slot)
        });
        wanted.kinds.iter().any(|kind| {
            wanted.topic.kinds[*kind].contains(&named) && said.is_none_or(|said| said == kind)
        })
    }
}

/// `climate/set-fan` of `org.valetd.climate/set-fan`.
fn short(candidate: &Candidate) -> String {
    let full = candidate.intent.to_string();
    full.strip_prefix("org.valetd.").map_or(full.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_as_whole_words_only() {
        assert!(has_words("front left temp", "temp"));
        assert!(!has_words("temperate", "temp"));
        assert!(has_words("max defrost", "defrost"));
    }

    #[test]
    fn the_published_mapping_parses_and_names_its_own_kinds() {
        let map: Map =
            toml::from_str(include_str!("../data/ms_automotive.toml")).expect("well formed");
        for topic in &map.topic {
            for kind in topic.kinds.keys() {
                let known =
                    map.values.contains_key(kind) || ["set", "query"].contains(&kind.as_str());
                assert!(known, "{}: kind {kind}", topic.name);
            }
        }
    }
}
