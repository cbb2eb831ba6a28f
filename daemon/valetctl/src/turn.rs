//! One turn: asking, and showing what was understood, requested, observed and said.
//!
//! Must not add words of success: the daemon's speech is printed as it came.

use crate::{
    CtlError, Verdict,
    args::TurnArgs,
    link::Link,
    screen::{Screen, Style, pad, width},
    value::{self, items, number, plain, text},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use valet_bus::proxies::Options;
use zbus::{ObjectPath, Variant};

/// Columns up to the status of an action.
const COLUMNS: usize = 76;

impl TurnArgs {
    /// As options of a call.
    ///
    /// # Errors
    /// [`CtlError::Usage`] for a session that is no object path.
    pub(crate) fn options(&self) -> Result<Options<'_>, CtlError> {
        let mut options = self.place()?;
        if let Some(mode) = &self.mode {
            options.insert("mode", Variant::from(mode.as_str()));
        }
        if let Some(timeout) = self.timeout {
            options.insert("timeout-ms", Variant::from(timeout));
        }
        options.insert("initiator", Variant::from("text"));
        Ok(options)
    }

    /// Only what says where: session, zone, language.
    ///
    /// # Errors
    /// [`CtlError::Usage`] for a session that is no object path.
    pub(crate) fn place(&self) -> Result<Options<'_>, CtlError> {
        let mut options = Options::new();
        for (key, word) in [("zone", &self.zone), ("language", &self.language)] {
            if let Some(word) = word {
                options.insert(key, Variant::from(word.as_str()));
            }
        }
        if let Some(session) = &self.session {
            let path = ObjectPath::try_from(session.as_str()).map_err(|_| CtlError::Usage {
                message: format!("session is {session:?}, expected an object path"),
            })?;
            options.insert("session", Variant::from(path));
        }
        Ok(options)
    }
}

/// A result as JSON, with how long the call took as seen from here.
pub(crate) struct Asked {
    /// As the daemon gave it, and `round-trip-us`.
    pub(crate) result: Value,
    /// From the call to its answer.
    pub(crate) took: Duration,
}

/// Asks and waits.
///
/// # Errors
/// The call's.
pub(crate) async fn say(link: &Link, words: &str, options: &TurnArgs) -> Result<Asked, CtlError> {
    let assistant = link.assistant().await?;
    let began = Instant::now();
    let result = assistant.ask(words, options.options()?).await.map_err(|e| link.error(e))?;
    Ok(asked(value::object(&result), began.elapsed()))
}

fn asked(mut result: Value, took: Duration) -> Asked {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if let Value::Object(keys) = &mut result {
        keys.insert("round-trip-us".to_owned(), Value::from(micros));
    }
    Asked { result, took }
}

/// `valetctl ask`.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn ask(
    link: &Link,
    screen: &mut Screen,
    words: &str,
    options: &TurnArgs,
) -> Result<Verdict, CtlError> {
    let asked = say(link, words, options).await?;
    show(screen, words, &asked)?;
    screen.document(&asked.result)?;
    Ok(verdict(&asked.result))
}

/// `valetctl undo`.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn undo(
    link: &Link,
    screen: &mut Screen,
    options: &TurnArgs,
) -> Result<Verdict, CtlError> {
    let assistant = link.assistant().await?;
    let began = Instant::now();
    let result = assistant.undo(options.options()?).await.map_err(|e| link.error(e))?;
    let asked = asked(value::object(&result), began.elapsed());
    show(screen, "", &asked)?;
    screen.document(&asked.result)?;
    Ok(verdict(&asked.result))
}

/// `valetctl stop`.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn stop(link: &Link, screen: &mut Screen) -> Result<Verdict, CtlError> {
    link.assistant().await?.stop(Options::new()).await.map_err(|e| link.error(e))?;
    screen.line("Stopped.")?;
    screen.document(&json!({ "stopped": true }))?;
    Ok(Verdict::Fine)
}

/// `valetctl suggest`.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn suggest(
    link: &Link,
    screen: &mut Screen,
    options: &TurnArgs,
) -> Result<Verdict, CtlError> {
    let texts = suggestions(link, options).await?;
    for one in &texts {
        screen.line(format!("  {one}"))?;
    }
    screen.document(&json!({ "suggestions": texts }))?;
    Ok(Verdict::Fine)
}

/// What one can say now.
///
/// # Errors
/// The call's.
pub(crate) async fn suggestions(link: &Link, options: &TurnArgs) -> Result<Vec<String>, CtlError> {
    link.assistant().await?.suggest(options.place()?).await.map_err(|e| link.error(e))
}

/// Whether a result is what a person wanted: done, answered, or asked back.
pub(crate) fn verdict(result: &Value) -> Verdict {
    match text(result, "type") {
        "action" | "answer" | "question" => Verdict::Fine,
        _ => Verdict::NotFine,
    }
}

/// Prints a turn.
///
/// # Errors
/// The terminal's.
pub(crate) fn show(screen: &mut Screen, words: &str, asked: &Asked) -> Result<(), CtlError> {
    if !words.is_empty() {
        let said = format!("› {words}");
        screen.line(screen.paint(Style::Strong, said))?;
    }
    for line in body(screen, &asked.result) {
        screen.line(line)?;
    }
    let foot = foot(&asked.result, Some(asked.took));
    screen.line(format!("  {}", screen.paint(Style::Dim, foot)))
}

/// What was understood, requested, observed and said: the lines between utterance and foot.
pub(crate) fn body(screen: &Screen, result: &Value) -> Vec<String> {
    let mut lines: Vec<String> =
        items(result, "intents").iter().map(|intent| intent_line(screen, intent)).collect();
    lines.extend(items(result, "actions").iter().map(|action| action_line(screen, action)));
    let speech = text(result, "speech");
    if !speech.is_empty() {
        let style = match text(result, "type") {
            "action" | "answer" => Style::Good,
            "question" => Style::Accent,
            "refusal" | "not-understood" => Style::Warn,
            _ => Style::Bad,
        };
        lines.push(format!("  {}", screen.paint(style, format!("“{speech}”"))));
    }
    lines
}

/// `org.valetd.climate/set-fan` as `climate/set-fan`; other publishers keep their full name.
pub(crate) fn short_intent(intent: &str) -> &str {
    intent.strip_prefix("org.valetd.").unwrap_or(intent)
}

/// A signal's path without the word every path begins with.
pub(crate) fn short_path(path: &str) -> &str {
    path.strip_prefix("Vehicle.").unwrap_or(path)
}

/// Slots in one line.
pub(crate) fn slots(list: &[Value]) -> String {
    let one = |slot: &Value| {
        format!("{} {}", text(slot, "name"), plain(slot.get("value").unwrap_or(&Value::Null)))
    };
    list.iter().map(one).collect::<Vec<_>>().join(" · ")
}

fn intent_line(screen: &Screen, intent: &Value) -> String {
    let name = short_intent(text(intent, "intent"));
    let slots = slots(items(intent, "slots"));
    let mut line = format!("  {}", screen.paint(Style::Accent, name));
    if !slots.is_empty() {
        line.push_str(&format!("  {slots}"));
    }
    let status = text(intent, "status");
    let style = match status {
        "done" => Style::Dim,
        "waiting" | "skipped" => Style::Warn,
        _ => Style::Bad,
    };
    if status != "done" {
        line.push_str(&format!("  {}", screen.paint(style, status)));
    }
    line
}

fn action_line(screen: &Screen, action: &Value) -> String {
    let target = short_path(text(action, "target"));
    let side = |key: &str| action.get(key).map_or_else(|| "–".to_owned(), plain);
    let has_value = action.get("requested").or_else(|| action.get("observed")).is_some();
    let values = match has_value {
        true => format!("{} → {}", side("requested"), side("observed")),
        // An alarm or an announcement has no value.
        false => String::new(),
    };
    let (mark, style) = match text(action, "status") {
        "done" | "already" => ("✓", Style::Good),
        "requested" => ("…", Style::Accent),
        "skipped" => ("·", Style::Dim),
        _ => ("✗", Style::Bad),
    };
    let gap = COLUMNS.saturating_sub(width(target) + width(&values) + 4).max(2);
    let mut line = format!(
        "    {target}{}{values}  {} {}",
        " ".repeat(gap),
        screen.paint(style, mark),
        screen.paint(style, text(action, "status"))
    );
    for note in
        [text(action, "why"), if action.get("companion").is_some() { "goes along" } else { "" }]
    {
        if !note.is_empty() {
            line.push_str(&screen.paint(Style::Dim, format!("  {note}")));
        }
    }
    line
}

/// Engine, confidence, time and turn in one line.
pub(crate) fn foot(result: &Value, took: Option<Duration>) -> String {
    let mut parts = vec![text(result, "engine").to_owned()];
    if let Some(confidence) = confidence(result) {
        parts.push(format!("{:.0} %", confidence * 100.0));
    }
    parts.push(match took {
        Some(took) => milliseconds(took.as_secs_f64() * 1000.0),
        None => {
            let total = result.get("timing").map_or(0.0, |timing| number(timing, "total"));
            milliseconds(total / 1000.0)
        }
    });
    let code = text(result, "code");
    if !code.is_empty() {
        parts.push(code.to_owned());
    }
    parts.push(text(result, "turn").to_owned());
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// The least certain of a result's commands.
pub(crate) fn confidence(result: &Value) -> Option<f64> {
    items(result, "intents")
        .iter()
        .filter_map(|intent| intent.get("confidence").and_then(Value::as_f64))
        .min_by(f64::total_cmp)
}

/// A time for people: three digits that count.
pub(crate) fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms > 0.0 && ms < 0.01 => format!("{:.0} µs", ms * 1000.0),
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.0} ms"),
    }
}

/// Lines of a two-column table, the first column as wide as it must be.
pub(crate) fn table(screen: &Screen, rows: &[(String, String)]) -> Vec<String> {
    let widest = rows.iter().map(|(left, _)| width(left)).max().unwrap_or(0);
    rows.iter()
        .map(|(left, right)| format!("  {}  {right}", screen.paint(Style::Dim, pad(left, widest))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> Value {
        json!({
            "type": "action", "speech": "It is done.", "engine": "template", "turn": "t3",
            "timing": { "total": 1234 },
            "intents": [{
                "intent": "org.valetd.climate/set-temperature", "status": "done", "confidence": 1.0,
                "slots": [{ "name": "temperature", "value": 22.0 }],
            }],
            "actions": [{
                "target": "Vehicle.Cabin.X", "requested": 22.0, "observed": 22.0, "status": "done",
            }],
        })
    }

    #[test]
    fn a_turn_shows_what_was_understood_requested_observed_and_said() {
        let lines = body(&Screen::new(false), &result());
        assert_eq!(lines[0], "  climate/set-temperature  temperature 22");
        assert!(
            lines[1].starts_with("    Cabin.X ") && lines[1].ends_with("22 → 22  ✓ done"),
            "{}",
            lines[1]
        );
        assert_eq!(lines[2], "  “It is done.”");
        assert_eq!(foot(&result(), None), "template · 100 % · 1.23 ms · t3");
    }

    #[test]
    fn only_success_and_questions_are_fine() {
        for (kind, expected) in [
            ("action", Verdict::Fine),
            ("question", Verdict::Fine),
            ("refusal", Verdict::NotFine),
            ("error", Verdict::NotFine),
            ("not-understood", Verdict::NotFine),
            ("", Verdict::NotFine),
        ] {
            assert_eq!(verdict(&json!({ "type": kind })), expected, "{kind}");
        }
    }
}
