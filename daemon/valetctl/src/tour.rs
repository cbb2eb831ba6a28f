//! `valetctl tour`: a guided conversation, each step of it checked.
//!
//! What is said and expected is data (`data/tour.en.toml`, or a file of one's own). Must not
//! excuse a step: what did not go as the script says is shown and makes the exit code 1.

mod check;
mod script;

use crate::{
    CtlError, Verdict,
    args::TurnArgs,
    link::Link,
    screen::{Screen, Style, pad, width},
    signals,
    turn::{self, milliseconds},
    value::{self, text},
};
use check::Difference;
use script::{Script, Situation, Step};
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const BUILT_IN: &str = include_str!("../data/tour.en.toml");
/// How long a signal may take to reach what a step expects of it.
const SETTLE: Duration = Duration::from_secs(8);
/// How often it is read meanwhile: the vehicle interface has no signal for changes.
const READ_EVERY: Duration = Duration::from_millis(50);
/// How long the encoder may take to load before the tour begins without it.
const ENCODER: Duration = Duration::from_secs(180);

/// Goes through a script.
///
/// # Errors
/// A script that breaks a rule; a daemon that is lost. A call that is refused fails its step only.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    file: Option<&Path>,
) -> Result<Verdict, CtlError> {
    let script = load(file)?;
    wait_for_encoder(link, screen).await?;
    arrange(link, &script.start).await?;
    if !script.title.is_empty() {
        screen.line(screen.paint(Style::Strong, &script.title))?;
        screen.line("")?;
    }
    let options = TurnArgs { zone: Some(script.zone.clone()), ..TurnArgs::default() };
    let mut went = Vec::with_capacity(script.step.len());
    for (number, step) in script.step.iter().enumerate() {
        let one = take(link, step, &options).await?;
        show(screen, number + 1, script.step.len(), step, &one)?;
        screen.event(&one.document(number + 1, step))?;
        went.push(one);
    }
    arrange(link, &script.finish).await?;
    summary(screen, &went)
}

fn load(file: Option<&Path>) -> Result<Script, CtlError> {
    let Some(file) = file else { return Script::parse("tour.en.toml", BUILT_IN) };
    let text = std::fs::read_to_string(file).map_err(|error| CtlError::File {
        path: file.display().to_string(),
        verb: "read",
        why: error.to_string(),
    })?;
    Script::parse(&file.display().to_string(), &text)
}

/// The bus is ready before the encoder is; half of a tour needs it.
async fn wait_for_encoder(link: &Link, screen: &mut Screen) -> Result<(), CtlError> {
    let assistant = link.assistant().await?;
    let until = Instant::now() + ENCODER;
    let mut said = false;
    loop {
        let models = assistant.models().await.map_err(|e| link.error(e))?;
        let state = models.get("encoder").map(value::object).map(|m| text(&m, "state").to_owned());
        if state.as_deref() != Some("loading") || Instant::now() >= until {
            return Ok(());
        }
        if !said {
            screen.line(screen.paint(Style::Dim, "  The encoder is still loading …"))?;
            said = true;
        }
        tokio::time::sleep(READ_EVERY).await;
    }
}

/// Brings the simulated vehicle into a situation.
async fn arrange(link: &Link, situation: &Situation) -> Result<(), CtlError> {
    if let Some(cycle) = &situation.drive {
        signals::drive(link, cycle).await?;
    }
    for (path, fault) in &situation.faults {
        signals::set_fault(link, path, fault).await?;
    }
    for (path, value) in &situation.signals {
        signals::set_value(link, path, &script::json(value)).await?;
    }
    Ok(())
}

/// How a step went.
struct Went {
    result: Value,
    took: Duration,
    differences: Vec<Difference>,
}

impl Went {
    fn document(&self, number: usize, step: &Step) -> Value {
        let differences: Vec<Value> = self
            .differences
            .iter()
            .map(|d| json!({ "what": d.what, "expected": d.expected, "came": d.came }))
            .collect();
        json!({
            "step": number, "say": step.say, "why": step.why, "ok": self.differences.is_empty(),
            "differences": differences, "result": self.result,
        })
    }
}

async fn take(link: &Link, step: &Step, options: &TurnArgs) -> Result<Went, CtlError> {
    let options =
        TurnArgs { zone: step.zone.clone().or_else(|| options.zone.clone()), ..options.clone() };
    let began = Instant::now();
    let asked = match arrange(link, &step.before).await {
        Ok(()) => turn::say(link, &step.say, &options).await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(asked) => {
            let mut differences = check::result(&step.expect, &asked.result);
            differences.extend(settle(link, &step.expect.signals).await?);
            Ok(Went { result: asked.result, took: asked.took, differences })
        }
        Err(error @ CtlError::Call { .. }) => Ok(Went {
            result: json!({ "type": "error", "speech": error.to_string() }),
            took: began.elapsed(),
            differences: vec![Difference::new("call", "an answer", error.to_string())],
        }),
        Err(error) => Err(error),
    }
}

/// Reads the expected signals until they are as they should be, or time is up.
async fn settle(link: &Link, expected: &script::Values) -> Result<Vec<Difference>, CtlError> {
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let paths: Vec<&str> = expected.keys().map(String::as_str).collect();
    let until = Instant::now() + SETTLE;
    loop {
        let differences = check::signals(expected, &link.read(&paths).await?);
        if differences.is_empty() || Instant::now() >= until {
            return Ok(differences);
        }
        tokio::time::sleep(READ_EVERY).await;
    }
}

fn show(
    screen: &mut Screen,
    number: usize,
    of: usize,
    step: &Step,
    went: &Went,
) -> Result<(), CtlError> {
    let head = format!("{number:>2}/{of}  {}", step.say);
    let gap = " ".repeat(54_usize.saturating_sub(width(&head)).max(2));
    let caption = screen.paint(Style::Dim, &step.why);
    screen.line(format!("{}{gap}{caption}", screen.paint(Style::Strong, head)))?;
    for line in turn::body(screen, &went.result) {
        screen.line(format!("     {line}"))?;
    }
    let foot = turn::foot(&went.result, Some(went.took));
    screen.line(format!("       {}", screen.paint(Style::Dim, foot)))?;
    for difference in &went.differences {
        let words = format!(
            "       ✗ {}: expected {}, came {}",
            difference.what, difference.expected, difference.came
        );
        screen.line(screen.paint(Style::Bad, words))?;
    }
    screen.line("")
}

fn summary(screen: &mut Screen, went: &[Went]) -> Result<Verdict, CtlError> {
    let fine = went.iter().filter(|one| one.differences.is_empty()).count();
    let mut engines = std::collections::BTreeMap::<String, usize>::new();
    for one in went {
        *engines.entry(text(&one.result, "engine").to_owned()).or_default() += 1;
    }
    let mut times: Vec<f64> = went.iter().map(|one| one.took.as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let used: Vec<String> = engines
        .iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, n)| format!("{name} {n}"))
        .collect();
    let all = fine == went.len();
    let words = format!(
        "{fine} of {} as expected · {} · median {}",
        went.len(),
        used.join(", "),
        milliseconds(median)
    );
    screen.line(screen.paint(if all { Style::Good } else { Style::Bad }, words))?;
    for (number, one) in went.iter().enumerate().filter(|(_, one)| !one.differences.is_empty()) {
        let kinds: Vec<&str> = one.differences.iter().map(|d| d.what.as_str()).collect();
        screen.line(format!(
            "  {} step {}: {}",
            screen.paint(Style::Bad, "✗"),
            pad(&(number + 1).to_string(), 2),
            kinds.join(", ")
        ))?;
    }
    screen.event(&json!({
        "summary": { "steps": went.len(), "as-expected": fine, "engines": engines, "median-ms": median },
    }))?;
    Ok(if all { Verdict::Fine } else { Verdict::NotFine })
}
