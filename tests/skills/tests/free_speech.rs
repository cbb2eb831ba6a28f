//! Sentences that were written before anyone looked at what is made of them. Some must not act,
//! however near they are to a command; the others are said in words of people's own.
//!
//! None may become a sample, a template or a rule: then it would measure nothing. The lists of
//! what went wrong are written to `free-speech-report.txt` in the target directory.

use std::{fmt::Write as _, path::Path};
use valet_core::{
    routing::is_clear,
    signal::Class,
    understanding::{Command, Request},
    zone::Zone,
};
use valet_skills_tests::{House, Templates};

const MUST_NOT_ACT: &str = include_str!("../data/must-not-act.txt");
const FREE_SPEECH: &str = include_str!("../data/free-speech.txt");
/// Most sentences that act and must not, a little above what was measured, percent.
const MOST_ACTING: usize = 4;
/// Least of free speech that is understood, a little below what was measured, percent.
const LEAST_UNDERSTOOD: usize = 92;

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn request(text: &str) -> Request {
    Request {
        text: text.to_owned(),
        language: "en".to_owned(),
        zone: Zone::DRIVER,
        expected: None,
        local_now: Some((2026, 6, 2, 10, 0)),
        previous: None,
    }
}

/// The commands that would be carried out; one that is asked about holds up the others.
fn carried_out(house: &mut House, text: &str) -> Vec<Command> {
    let commands = house.understand(&request(text), Templates::On).commands;
    let acts = |command: &Command| house.class(&command.best.intent) != Some(Class::Info);
    let clear = commands.iter().all(|command| is_clear(command, acts(command)));
    if clear { commands } else { Vec::new() }
}

#[test]
fn what_must_not_act_does_not_and_free_speech_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let mut house = House::open(&root, &target).unwrap_or_else(|e| panic!("{e}"));
    let mut report = String::new();
    let (mut acting, mut silent) = (0, 0);
    for text in lines(MUST_NOT_ACT) {
        let commands = carried_out(&mut house, text);
        let mut intents = commands.iter().map(|command| &command.best.intent);
        if let Some(intent) = intents.find(|intent| house.class(intent) != Some(Class::Info)) {
            acting += 1;
            let _ = writeln!(report, "acts: {text:?} is {intent}");
        }
    }
    for line in lines(FREE_SPEECH) {
        let (wanted, text) = line.split_once(": ").expect("skill/intent: sentence");
        let commands = carried_out(&mut house, text);
        let named = |command: &Command| {
            command.best.intent.to_string().strip_prefix("org.valetd.") == Some(wanted)
        };
        if !commands.iter().any(named) {
            silent += 1;
            let _ = writeln!(report, "not understood: {text:?} is {wanted}");
        }
    }
    std::fs::write(target.join("free-speech-report.txt"), &report).expect("the report");
    let (negative, positive) = (lines(MUST_NOT_ACT).count(), lines(FREE_SPEECH).count());
    assert!(negative >= 150 && positive >= 100, "{negative} and {positive} sentences");
    assert!(acting * 100 <= MOST_ACTING * negative, "{acting} of {negative} act:\n{report}");
    let understood = (positive - silent) * 100;
    assert!(understood >= LEAST_UNDERSTOOD * positive, "{silent} of {positive}:\n{report}");
}
