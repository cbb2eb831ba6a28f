//! `pairs`: two commands in one sentence, made of the skills' own tests.
//!
//! Must not count a sentence whose parts alone are not understood: this is about the cut.

use crate::{
    figures::{Report, percent},
    installed::{Installed, SkillArguments},
};
use clap::Args;
use valet_core::{signal::Class, zone::Zone};

/// How far apart the two tests of a sentence lie, in the order of the files; odd, so that all
/// sorts of commands meet.
const STRIDES: [usize; 2] = [41, 97];
/// What joins them, in turn.
const JOINTS: [&str; 4] = [" and ", ", ", " and then ", ", and also "];

/// Which skills, and how.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    skills: SkillArguments,
}

/// One command of the tests that is understood when it is said alone.
struct Known {
    text: String,
    intent: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let mut installed = Installed::new(&arguments.skills)?;
    let mut report = Report::default();
    let known = known(&mut installed);
    let (mut both, mut one, mut other, mut nothing, mut all) = (0, 0, 0, 0, 0);
    for (first, left) in known.iter().enumerate() {
        for stride in STRIDES {
            let right = &known[(first + stride) % known.len()];
            if left.intent == right.intent {
                continue;
            }
            let text = format!("{}{}{}", left.text, JOINTS[all % JOINTS.len()], right.text);
            let understood = installed.understand(&text, Zone::DRIVER);
            let got: Vec<String> =
                understood.commands.iter().map(|c| c.best.intent.to_string()).collect();
            all += 1;
            let wanted = |intent: &String| *intent == left.intent || *intent == right.intent;
            let count = match got.as_slice() {
                [a, b] if *a == left.intent && *b == right.intent => &mut both,
                [] => &mut nothing,
                got if got.iter().all(wanted) => &mut one,
                _ => &mut other,
            };
            *count += 1;
            if arguments.skills.failures && (got.len() != 2 || !got.iter().all(wanted)) {
                report.say(format!("{text:?} got {got:?}"));
            }
        }
    }
    let of = format!("of {all} sentences of two commands that are understood alone");
    for (name, count, what) in [
        ("pairs.right", both, "both commands, in order"),
        ("pairs.one_left_out", one, "only commands that were meant, but not both"),
        ("pairs.wrong", other, "a command that was not meant"),
        ("pairs.nothing", nothing, "nothing understood"),
    ] {
        report.add(name, percent(count, all), "%", format!("{what}; {of}"));
    }
    Ok(report)
}

/// The tests' commands that act, are understood rightly, and hold no connector of their own.
fn known(installed: &mut Installed) -> Vec<Known> {
    let tests: Vec<(String, String)> = installed
        .sources
        .iter()
        .flat_map(|source| {
            source.tests.tests.iter().map(move |test| {
                (format!("{}/{}", source.manifest.id.as_str(), test.intent), test.text.clone())
            })
        })
        .filter(|(_, text)| {
            !text.contains(',') && !text.contains(" and ") && !text.contains(" but ")
        })
        .collect();
    let mut known = Vec::new();
    for (intent, text) in tests {
        let understood = installed.understand(&text, Zone::DRIVER);
        let [command] = understood.commands.as_slice() else { continue };
        let acts = installed.class(&command.best.intent) != Some(Class::Info);
        if acts && command.best.intent.to_string() == intent {
            known.push(Known { text, intent });
        }
    }
    known
}
