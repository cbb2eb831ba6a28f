//! `free`: sentences that were written before anyone looked at what is made of them: some that
//! must not act, and some that people may say for each intent.
//!
//! Must not learn from them: none may become a sample or a template.

use crate::{
    figures::{Report, percent},
    installed::{Installed, SkillArguments},
};
use anyhow::{Context as _, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use valet_core::{signal::Class, understanding::Understanding, zone::Zone};

/// Which sentences.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Sentences that must not act, one a line.
    #[arg(long, default_value = "tests/skills/data/must-not-act.txt")]
    negatives: PathBuf,
    /// `skill/intent: sentence`, one a line.
    #[arg(long, default_value = "tests/skills/data/free-speech.txt")]
    positives: PathBuf,
    #[command(flatten)]
    skills: SkillArguments,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let (negatives, positives) = (read(&arguments.negatives)?, read(&arguments.positives)?);
    let mut installed = Installed::new(&arguments.skills)?;
    let mut report = Report::default();
    let [mut acted, mut asked_instead] = [0, 0];
    for text in &negatives {
        let understood = installed.understand(text, Zone::DRIVER);
        let asks = understood.commands.iter().any(|command| installed.would_ask(command));
        let acts = |command: &valet_core::understanding::Command| {
            installed.class(&command.best.intent) != Some(Class::Info)
        };
        let acts = understood.commands.iter().any(acts);
        acted += usize::from(acts && !asks);
        asked_instead += usize::from(asks);
        if arguments.skills.failures && (acts || asks) {
            let verdict = if asks { "asks" } else { "ACTS" };
            report.say(format!("{verdict} {text:?}: {}", described(&understood)));
        }
    }
    let [mut right, mut asked] = [0, 0];
    for line in &positives {
        let Some((wanted, text)) = line.split_once(": ") else {
            bail!("expected \"skill/intent: sentence\", got {line:?}");
        };
        let understood = installed.understand(text, Zone::DRIVER);
        let asks = understood.commands.iter().any(|command| installed.would_ask(command));
        let is_wanted = |intent: &valet_core::intent::IntentId| {
            intent.to_string().strip_prefix("org.valetd.") == Some(wanted)
        };
        let named = understood.commands.iter().any(|command| is_wanted(&command.best.intent));
        right += usize::from(named && !asks);
        asked += usize::from(named && asks);
        if arguments.skills.failures && (!named || asks) {
            let verdict = if asks { "asks" } else { "misses" };
            report.say(format!("{verdict} {wanted} {text:?}: {}", described(&understood)));
        }
    }
    let all = negatives.len();
    report.add(
        "free.acted",
        percent(acted, all),
        "%",
        format!("of {all} sentences that must not act"),
    );
    report.add("free.asked_instead", percent(asked_instead, all), "%", "the same: a question back");
    let all = positives.len();
    report.add(
        "free.right",
        percent(right, all),
        "%",
        format!("the wanted intent, of {all} sentences"),
    );
    report.add(
        "free.asked",
        percent(asked, all),
        "%",
        "the same: offered in a question, not counted",
    );
    Ok(report)
}

fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

fn described(understood: &Understanding) -> String {
    if let Some(act) = understood.act {
        return format!("act {}", act.name());
    }
    let commands = understood.commands.iter().map(|command| {
        let best = &command.best;
        let slots: Vec<String> =
            best.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
        format!("{} {:.2} [{}]", best.intent, best.confidence, slots.join(" "))
    });
    let commands: Vec<String> = commands.collect();
    format!("{} (nearest {:?})", commands.join(" + "), understood.nearest)
}
