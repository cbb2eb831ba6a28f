//! `skills`: every utterance of the skills' own tests, understood by all skills together.
//!
//! Must not act, and must not be kind: what is counted as wrong is said in the figures.

use crate::{
    figures::{Report, percent},
    installed::{Installed, SkillArguments, Templates, request},
};
use clap::Args;
use std::{collections::BTreeMap, time::Duration};
use valet_core::{
    entity::Value,
    signal::Class,
    understanding::{Candidate, Understanding},
    zone::Zone,
};
use valet_package::tests_file::SkillTest;

/// Which skills, and how.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    skills: SkillArguments,
}

/// What became of one utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The wanted intent and slots.
    Right,
    /// The wanted intent, a wanted slot missing or other.
    WrongSlots,
    /// Nothing, an act of the dialogue, or a question that was not asked: nothing moves.
    Missed,
    /// Asked about, the wanted intent among the readings: nothing moves yet.
    Asked,
    /// Rightly not matched by this skill.
    LeftAlone,
    /// A negative that is answered as a question of this skill: nothing moves, but it is wrong.
    WrongAnswer,
    /// A negative that another skill's own template understands the same way.
    Elsewhere,
    /// A command that was not asked for would be carried out.
    WrongAction,
    /// A negative that becomes a command of another skill, which has no template for it.
    WrongElsewhere,
}

/// Counts of one skill.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    positive: usize,
    negative: usize,
    right: usize,
    wrong_slots: usize,
    wrong_action: usize,
    wrong_elsewhere: usize,
    wrong_answer: usize,
    asked: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let mut installed = Installed::new(&arguments.skills)?;
    let mut report = Report::default();
    let (embedding, learning) = installed.training_s;
    report.add("train.embedding", embedding, "s", "wall; 0 when cached");
    report.add("train.learning", learning, "s", "wall: held-out folds, heads, taggers");
    let how = "wall: the same where the last skill comes to the others, with what it embedded and learned kept";
    report.add("train.one-more", installed.one_more()?, "s", how);
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut heads_us: Vec<f64> = Vec::new();
    let all: Vec<(String, SkillTest)> = installed
        .sources
        .iter()
        .flat_map(|s| s.tests.tests.iter().map(|t| (s.manifest.id.as_str().to_owned(), t.clone())))
        .collect();
    for (skill, test) in all {
        let zone = test.zone.as_deref().map_or(Ok(Zone::DRIVER), Zone::parse)?;
        let understood = installed.understand(&test.text, zone);
        if understood.heads_time > Duration::ZERO {
            heads_us.push(understood.heads_time.as_secs_f64() * 1e6);
        }
        let verdict = judge(&installed, &skill, &test, &understood);
        count(rows.entry(skill.clone()).or_default(), &test, verdict);
        let fine = [Verdict::Right, Verdict::LeftAlone, Verdict::Elsewhere].contains(&verdict);
        if arguments.skills.failures && !fine {
            let nearly = installed.nearly(&test.text);
            report.say(format!("{} ({nearly})", failure(&skill, &test, verdict, &understood)));
        }
    }
    add_figures(&mut report, &rows, arguments.skills.templates);
    heads_us.sort_by(f64::total_cmp);
    if let Some(median) = heads_us.get(heads_us.len() / 2) {
        let how = "p50 of a turn: all heads and taggers, the encoder left out";
        report.add("skills.heads", *median, "us", how);
    }
    Ok(report)
}

fn count(row: &mut Row, test: &SkillTest, verdict: Verdict) {
    let negative = test.intent.is_empty();
    row.negative += usize::from(negative);
    row.positive += usize::from(!negative);
    row.right += usize::from(matches!(verdict, Verdict::Right | Verdict::WrongSlots));
    row.wrong_slots += usize::from(verdict == Verdict::WrongSlots);
    row.wrong_action += usize::from(verdict == Verdict::WrongAction);
    row.wrong_elsewhere += usize::from(verdict == Verdict::WrongElsewhere);
    row.wrong_answer += usize::from(verdict == Verdict::WrongAnswer);
    row.asked += usize::from(verdict == Verdict::Asked);
}

fn judge(
    installed: &Installed,
    skill: &str,
    test: &SkillTest,
    understood: &Understanding,
) -> Verdict {
    let acts = |c: &Candidate| installed.class(&c.intent) != Some(Class::Info);
    // One question holds up all commands of a sentence.
    let asks = understood.commands.iter().any(|command| installed.would_ask(command));
    let commands = if asks { &[] } else { understood.commands.as_slice() };
    let acting = commands.iter().map(|command| &command.best).filter(|c| acts(c));
    if test.intent.is_empty() {
        let mut verdict = Verdict::LeftAlone;
        for candidate in acting {
            if candidate.intent.skill().as_str() == skill {
                return Verdict::WrongAction;
            }
            verdict = match templates_agree(installed, test, candidate) {
                true if verdict == Verdict::LeftAlone => Verdict::Elsewhere,
                true => verdict,
                false => Verdict::WrongElsewhere,
            };
        }
        let answers = |c: &Candidate| !acts(c) && c.intent.skill().as_str() == skill;
        if verdict == Verdict::LeftAlone && commands.iter().any(|c| answers(&c.best)) {
            return Verdict::WrongAnswer;
        }
        return verdict;
    }
    let is_wanted =
        |c: &Candidate| c.intent.skill().as_str() == skill && c.intent.name() == test.intent;
    if acting.clone().any(|c| !is_wanted(c)) {
        return Verdict::WrongAction;
    }
    let mut readings = understood
        .commands
        .iter()
        .flat_map(|command| std::iter::once(&command.best).chain(&command.alternatives));
    match commands {
        _ if asks && readings.any(is_wanted) => Verdict::Asked,
        [only] if is_wanted(&only.best) && slots_right(test, &only.best) => Verdict::Right,
        [first, ..] if is_wanted(&first.best) => Verdict::WrongSlots,
        _ => Verdict::Missed,
    }
}

/// Whether someone wrote that sentence down for the intent it was given.
fn templates_agree(installed: &Installed, test: &SkillTest, candidate: &Candidate) -> bool {
    installed
        .with_templates
        .match_templates(&request(&test.text, Zone::DRIVER))
        .is_some_and(|u| u.commands.iter().any(|c| c.best.intent == candidate.intent))
}

fn slots_right(test: &SkillTest, best: &Candidate) -> bool {
    test.slots.iter().all(|(name, wanted)| {
        best.slots.iter().any(|slot| slot.name == *name && is_value(&slot.value, wanted))
    })
}

/// Whether a value is the one that a test names (durations in milliseconds or seconds).
#[allow(clippy::cast_precision_loss)]
fn is_value(got: &Value, wanted: &toml::Value) -> bool {
    let number = match wanted {
        toml::Value::Integer(n) => Some(*n as f64),
        toml::Value::Float(n) => Some(*n),
        _ => None,
    };
    match (got, number, wanted) {
        (Value::Number(v) | Value::Percentage(v) | Value::Temperature(v), Some(n), _)
        | (Value::Distance(v) | Value::Speed(v), Some(n), _) => (v - n).abs() < 1e-6,
        (Value::Ordinal(v), Some(n), _) => (*v as f64 - n).abs() < 1e-6,
        (Value::Duration(ms), Some(n), _) => (*ms as f64 - n).abs() < 1e-6,
        (Value::Boolean(v), _, toml::Value::Boolean(w)) => v == w,
        (got, _, toml::Value::String(text)) => got.to_string().eq_ignore_ascii_case(text),
        _ => false,
    }
}

fn failure(skill: &str, test: &SkillTest, verdict: Verdict, understood: &Understanding) -> String {
    let got: Vec<String> = understood
        .commands
        .iter()
        .map(|command| {
            let best = &command.best;
            let slots: Vec<String> =
                best.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
            format!("{} {:.2} [{}]", best.intent, best.confidence, slots.join(" "))
        })
        .collect();
    let wanted = if test.intent.is_empty() { "nothing" } else { &test.intent };
    let slots =
        if verdict == Verdict::WrongSlots { format!(" {:?}", test.slots) } else { String::new() };
    format!(
        "{verdict:?}: {:?} wanted {skill} {wanted}{slots}, got {} (act {:?}, nearest {:?})",
        test.text,
        if got.is_empty() { "nothing".to_owned() } else { got.join(" + ") },
        understood.act,
        understood.nearest.as_deref().unwrap_or("")
    )
}

fn add_figures(report: &mut Report, rows: &BTreeMap<String, Row>, templates: Templates) {
    let mut all = Row::default();
    for (skill, row) in rows {
        let wrong = row.wrong_action + row.wrong_elsewhere;
        report.say(format!(
            "{skill:<24} intent right {}/{}, slots right {}/{}, wrong action {wrong}/{}",
            row.right,
            row.positive,
            row.right - row.wrong_slots,
            row.right,
            row.positive + row.negative
        ));
        all.positive += row.positive;
        all.negative += row.negative;
        all.right += row.right;
        all.wrong_slots += row.wrong_slots;
        all.wrong_action += row.wrong_action;
        all.wrong_elsewhere += row.wrong_elsewhere;
        all.wrong_answer += row.wrong_answer;
        all.asked += row.asked;
    }
    let how = match templates {
        Templates::On => "templates first, then encoder",
        Templates::Off => "encoder alone",
    };
    let tests = all.positive + all.negative;
    report.add(
        "skills.intent_right",
        percent(all.right, all.positive),
        "%",
        format!("accepted with the wanted intent, of {} positive tests; {how}", all.positive),
    );
    report.add(
        "skills.wrong_action",
        percent(all.wrong_action + all.wrong_elsewhere, tests),
        "%",
        format!(
            "of {tests} tests: an intent that is no question was accepted and is not the wanted one; \
             for a test that must not match, one of that skill, or of another unless that skill's \
             own template understands it so; {how}"
        ),
    );
    report.add(
        "skills.asked",
        percent(all.asked, all.positive),
        "%",
        "of the positive tests: the wanted intent was offered in a question; counted as not right",
    );
    report.add(
        "skills.wrong_action.forbidden",
        percent(all.wrong_action, tests),
        "%",
        "the same without readings by other skills, of which a skill's own negatives say nothing",
    );
    report.add(
        "skills.wrong_answer",
        percent(all.wrong_answer, all.negative),
        "%",
        format!(
            "of {} tests that must not match: one was taken as a question of its skill",
            all.negative
        ),
    );
    report.add(
        "skills.slots_right",
        percent(all.right - all.wrong_slots, all.right),
        "%",
        "every slot that the test names has its value, among intents right",
    );
}
