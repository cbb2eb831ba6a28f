//! `valetctl trace`: how a turn went, as text with bars, as JSON, or as a picture.

mod svg;

use crate::{
    CtlError, Verdict,
    link::Link,
    screen::{Screen, Style, pad, width},
    turn::{body, foot, milliseconds, short_intent, short_path},
    value::{self, items, number, text},
};
use serde_json::Value;
use std::path::Path;
use valet_bus::proxies::Options;

/// Columns of the longest bar.
const BAR: f64 = 40.0;

/// Reads a trace and shows it.
///
/// # Errors
/// The call's, a file's, or the terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    turn: Option<&str>,
    svg: Option<&Path>,
) -> Result<Verdict, CtlError> {
    let trace = read(link, turn.unwrap_or_default()).await?;
    if let Some(file) = svg {
        std::fs::write(file, svg::draw(&trace)).map_err(|error| CtlError::File {
            path: file.display().to_string(),
            verb: "written",
            why: error.to_string(),
        })?;
        screen.line(format!("  {} drawn into {}", text(&trace, "turn"), file.display()))?;
    } else {
        show(screen, &trace)?;
    }
    screen.document(&trace)?;
    Ok(Verdict::Fine)
}

/// A trace as JSON; empty = the caller's latest.
///
/// # Errors
/// The call's.
pub(crate) async fn read(link: &Link, turn: &str) -> Result<Value, CtlError> {
    let trace =
        link.diagnostics().await?.trace(turn, Options::new()).await.map_err(|e| link.error(e))?;
    Ok(value::object(&trace))
}

/// Prints a trace.
///
/// # Errors
/// The terminal's.
pub(crate) fn show(screen: &mut Screen, trace: &Value) -> Result<(), CtlError> {
    screen.line(screen.paint(Style::Strong, text(trace, "turn")))?;
    for line in stages(screen, trace)
        .into_iter()
        .chain(candidates(screen, trace))
        .chain(policy(screen, trace))
    {
        screen.line(line)?;
    }
    if let Some(result) = trace.get("result") {
        for line in body(screen, result) {
            screen.line(line)?;
        }
        screen.line(format!("  {}", screen.paint(Style::Dim, foot(result, None))))?;
    }
    Ok(())
}

/// When the last stage ended, microseconds; never 0.
fn end_of(trace: &Value) -> f64 {
    items(trace, "stages")
        .iter()
        .map(|s| number(s, "start") + number(s, "took"))
        .fold(1.0, f64::max)
}

fn stages(screen: &Screen, trace: &Value) -> Vec<String> {
    let end = end_of(trace);
    let list = || items(trace, "stages").iter().filter(|stage| number(stage, "took") > 0.0);
    let widest = list().map(|s| width(text(s, "stage"))).max().unwrap_or(0);
    let line = |stage: &Value| {
        let (start, took) = (number(stage, "start"), number(stage, "took"));
        format!(
            "  {}  {}  {}",
            pad(text(stage, "stage"), widest),
            screen.paint(Style::Accent, bar(start / end, took / end)),
            screen.paint(Style::Dim, milliseconds(took / 1000.0)),
        )
    };
    list().map(line).collect()
}

/// A bar in eighths of a column; what took any time shows.
fn bar(from: f64, length: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let (from, length) = (from.clamp(0.0, 1.0) * BAR, length.clamp(0.0, 1.0) * BAR);
    // Within 0 to 40, so the casts are exact enough.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (spaces, eighths) = (from as usize, (length * 8.0).round().max(1.0) as usize);
    let bar = format!("{}{}{}", " ".repeat(spaces), "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
    pad(&bar, 41)
}

fn candidates(screen: &Screen, trace: &Value) -> Vec<String> {
    let line = |candidate: &Value| {
        let confidence = format!(
            "{} {:.1} %",
            text(candidate, "engine"),
            number(candidate, "confidence") * 100.0
        );
        format!(
            "  {}  {}",
            short_intent(text(candidate, "intent")),
            screen.paint(Style::Dim, confidence)
        )
    };
    titled(screen, "readings", items(trace, "candidates").iter().map(line).collect())
}

fn policy(screen: &Screen, trace: &Value) -> Vec<String> {
    let line = |entry: &Value| {
        let verdict = text(entry, "verdict");
        let style = match verdict {
            "allow" => Style::Good,
            "confirm" => Style::Accent,
            _ => Style::Bad,
        };
        format!(
            "  {}  {}  {}",
            short_path(text(entry, "target")),
            screen.paint(style, verdict),
            text(entry, "why")
        )
    };
    titled(screen, "policy", items(trace, "policy").iter().map(line).collect())
}

fn titled(screen: &Screen, title: &str, mut lines: Vec<String>) -> Vec<String> {
    if !lines.is_empty() {
        lines.insert(0, screen.paint(Style::Dim, format!("  {title}")));
        lines.iter_mut().skip(1).for_each(|line| line.insert_str(0, "  "));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_begins_where_the_stage_began_and_is_never_empty() {
        assert_eq!(bar(0.0, 1.0).trim_end(), "█".repeat(40));
        assert_eq!(bar(0.5, 0.25).trim_end(), format!("{}{}", " ".repeat(20), "█".repeat(10)));
        assert_eq!(bar(0.0, 0.000_01).trim_end(), "▏");
        assert_eq!(width(&bar(1.0, 1.0)).max(41), width(&bar(1.0, 1.0)));
    }
}
