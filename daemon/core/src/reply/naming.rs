//! What signals are called, and what writing them does, for questions and for what did not
//! happen. The words are data of the language file.
//!
//! Must not say that anything was done.

use super::{Describe, HostWords};
use crate::{
    capability::path_matches,
    outcome::{Planned, Target},
    signal::{SignalPath, SignalValue},
    zone::{Side, Zone},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The words for the signals of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalWords {
    /// Paths, with `*` and `**`.
    pub path: String,
    /// One of them: "the window".
    pub name: String,
    /// Several of them: "the windows"; without it each is named.
    pub names: Option<String>,
    /// What it means to write a value, by the value, `*` = any other: "open {what}".
    #[serde(default)]
    pub doing: BTreeMap<String, String>,
}

impl HostWords {
    /// What a signal is called: the window of the driver's side.
    #[must_use]
    pub fn signal_name(&self, path: &SignalPath) -> String {
        let name = match self.words_of(path) {
            Some(words) => words.name.clone(),
            None => plain_name(path),
        };
        match place(path) {
            Some(zone) => self.fill("of-place", &[("what", &name), ("place", &self.zone(zone))]),
            None => name,
        }
    }

    /// What an action was about.
    #[must_use]
    pub fn target(&self, target: &Target) -> String {
        match target {
            Target::Signal(path) => self.signal_name(path),
            other => other.to_string(),
        }
    }

    /// What it would mean to write all this, as in "Shall I …?".
    #[must_use]
    pub fn plan(&self, planned: &[Planned], describe: &Describe) -> String {
        let mut parts: Vec<(Option<&SignalWords>, &SignalValue, Vec<&SignalPath>)> = Vec::new();
        for one in planned {
            let words = self.words_of(&one.path);
            let same = parts.iter_mut().find(|(other, value, _)| {
                words.is_some_and(|w| w.names.is_some()) && *other == words && **value == one.value
            });
            match same {
                Some((_, _, paths)) => paths.push(&one.path),
                None => parts.push((words, &one.value, vec![&one.path])),
            }
        }
        let said: Vec<String> = parts
            .iter()
            .map(|(words, value, paths)| self.deed(*words, value, paths, describe))
            .collect();
        match said.split_last() {
            None => self.fill("plan", &[]),
            Some((only, [])) => only.clone(),
            Some((last, before)) => {
                format!("{} {} {last}", before.join(", "), self.fill("and", &[]))
            }
        }
    }

    fn deed(
        &self,
        words: Option<&SignalWords>,
        value: &SignalValue,
        paths: &[&SignalPath],
        describe: &Describe,
    ) -> String {
        let what = match (paths, words.and_then(|words| words.names.clone())) {
            ([_, _, ..], Some(names)) => names,
            (paths, _) => paths.first().map_or_else(String::new, |path| self.signal_name(path)),
        };
        let info = paths.first().and_then(|path| describe(path));
        let value_said = self.signal(value, info.as_ref());
        let doing = words
            .and_then(|words| words.doing.get(&value.to_string()).or_else(|| words.doing.get("*")));
        let values = [("what", what.as_str()), ("value", value_said.as_str())];
        match doing {
            Some(doing) => filled(doing, &values),
            None => self.fill("set-signal", &values),
        }
    }

    fn words_of(&self, path: &SignalPath) -> Option<&SignalWords> {
        self.signals.iter().find(|words| path_matches(&words.path, path.as_str()))
    }

    /// A part of a sentence: as [`HostWords::say`], without a capital letter.
    fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        filled(self.dialogue.get(key).map_or("", String::as_str), values)
    }
}

fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// The last two names of a path in words.
fn plain_name(path: &SignalPath) -> String {
    let mut names: Vec<&str> = path.as_str().rsplit('.').take(2).collect();
    names.reverse();
    let mut spoken = String::from("the ");
    for c in names.join(" ").chars() {
        if c.is_ascii_uppercase() && !spoken.ends_with(' ') {
            spoken.push(' ');
        }
        spoken.push(c.to_ascii_lowercase());
    }
    spoken
}

/// The place in the car that a path names, as VSS writes it.
fn place(path: &SignalPath) -> Option<Zone> {
    let mut row = None;
    for element in path.as_str().split('.') {
        let side = match element {
            "DriverSide" | "Driver" => Side::Driver,
            "Middle" => Side::Middle,
            "PassengerSide" | "Passenger" => Side::Passenger,
            _ => {
                row = row.or_else(|| element.strip_prefix("Row")?.parse().ok());
                continue;
            }
        };
        // Outside mirrors have a side and no row.
        return Some(Zone::Seat(row.unwrap_or(1), side));
    }
    row.map(Zone::Row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn words() -> HostWords {
        toml::from_str(include_str!("../../words/en.toml")).expect("the words parse")
    }

    fn path(text: &str) -> SignalPath {
        SignalPath::parse(text).expect("a path")
    }

    fn planned(all: &[(&str, SignalValue)]) -> Vec<Planned> {
        all.iter().map(|(name, value)| Planned { path: path(name), value: value.clone() }).collect()
    }

    fn plan(all: &[(&str, SignalValue)]) -> String {
        let describe: Describe = Arc::new(|_| None);
        words().plan(&planned(all), &describe)
    }

    const WINDOW: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";
    const OTHER: &str = "Vehicle.Cabin.Door.Row2.PassengerSide.Window.Position";

    #[test]
    fn a_signal_is_named_with_its_place() {
        let words = words();
        for (name, said) in [
            (WINDOW, "the window of the driver's side"),
            (OTHER, "the window of the back seat behind the passenger"),
            ("Vehicle.Body.Mirrors.PassengerSide.IsFolded", "the mirror of the passenger's side"),
            ("Vehicle.Body.Trunk.Rear.IsOpen", "the boot"),
            ("Vehicle.Cabin.Row1.Middle.NewThing", "the middle new thing of the middle in front"),
        ] {
            assert_eq!(words.signal_name(&path(name)), said);
        }
    }

    #[test]
    fn a_plan_says_what_would_be_done_to_what() {
        let number = SignalValue::Integer;
        assert_eq!(plan(&[(WINDOW, number(0))]), "close the window of the driver's side");
        assert_eq!(plan(&[(WINDOW, number(40))]), "set the window of the driver's side to 40");
        assert_eq!(plan(&[(WINDOW, number(100)), (OTHER, number(100))]), "open the windows");
        let boot = ("Vehicle.Body.Trunk.Rear.IsOpen", SignalValue::Boolean(true));
        let lock = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";
        assert_eq!(
            plan(&[boot, (lock, SignalValue::Boolean(false))]),
            "open the boot and unlock the door of the driver's side"
        );
        assert_eq!(
            plan(&[("Vehicle.Some.NewThing", SignalValue::Text("FAST_ONE".into()))]),
            "set the some new thing to fast one"
        );
        assert_eq!(plan(&[]), "go ahead");
    }

    #[test]
    fn every_pattern_of_the_words_is_one() {
        for entry in words().signals {
            assert!(crate::capability::is_path_pattern(&entry.path), "{}", entry.path);
            assert!(entry.doing.values().all(|doing| doing.contains("{what}")), "{}", entry.path);
        }
    }
}
