//! Tables of what was judged, for people.
//!
//! Must not judge.

use crate::judge::{Judged, Meaning};
use std::{collections::BTreeMap, fmt::Write as _};

/// Counts by skill, with all of them in the last line.
#[must_use]
pub fn table(all: &[Judged]) -> String {
    let mut by_skill: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for judged in all {
        by_skill.entry(&judged.skill).or_default().push(judged);
    }
    let mut out = format!(
        "{:<22}{:>6} {:>12} {:>12} {:>6} {:>12} {:>12} {:>7}\n",
        "skill", "tests", "template", "free", "asked", "effects", "left alone", "wrong"
    );
    for (skill, of_skill) in by_skill {
        line(&mut out, skill, &of_skill);
    }
    line(&mut out, "all", &all.iter().collect::<Vec<_>>());
    out
}

fn line(out: &mut String, name: &str, all: &[&Judged]) {
    let positive = || all.iter().filter(|j| !j.is_negative());
    let is_intent = |j: &&&Judged| matches!(j.meaning, Meaning::Right | Meaning::WrongSlots);
    let share = |of: &dyn Fn(&&&Judged) -> bool, right: &dyn Fn(&&&Judged) -> bool| {
        let counted = all.iter().filter(|j| of(j)).count();
        format!("{}/{counted}", all.iter().filter(|j| of(j) && right(j)).count())
    };
    let template = share(&|j| !j.is_negative() && j.is_template, &is_intent);
    let free = share(&|j| !j.is_negative() && !j.is_template, &is_intent);
    let effects = share(&|j| !j.is_negative() && j.meaning == Meaning::Right, &|j| {
        j.wrong_effects.is_empty()
    });
    let alone = share(&|j| j.is_negative(), &|j| j.meaning == Meaning::Right);
    let asked = positive().filter(|j| j.meaning == Meaning::Asked).count();
    let wrong = all.iter().filter(|j| j.wrong_action).count();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{name:<22}{:>6} {template:>12} {free:>12} {asked:>6} {effects:>12} {alone:>12} {wrong:>7}",
        all.len()
    );
}

/// Everything that was said in the tests, by skill.
#[must_use]
pub fn speech(all: &[Judged]) -> String {
    let mut out = String::new();
    for judged in all {
        let _ = writeln!(
            out,
            "{}  {:?}\n    {}",
            judged.got,
            judged.test.text,
            judged.speech.join(" / ")
        );
    }
    out
}
