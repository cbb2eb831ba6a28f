//! `valetctl parse`: what a text would mean, and why.
//!
//! Must not act: it calls `Parse`, which has no side effect.

use crate::{
    CtlError, Verdict,
    args::TurnArgs,
    link::Link,
    screen::{Screen, Style, pad, width},
    turn::{short_intent, slots},
    value::{self, items, number, plain, text},
};
use serde_json::{Value, json};

/// Understands and prints.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    words: &str,
    explain: bool,
    options: &TurnArgs,
) -> Result<Verdict, CtlError> {
    let mut wanted = options.place()?;
    if let Some(mode) = &options.mode {
        wanted.insert("mode", zbus::Variant::from(mode.as_str()));
    }
    let commands = link.assistant().await?.parse(words, wanted).await.map_err(|e| link.error(e))?;
    let commands = value::objects(&commands);
    let list = commands.as_array().map_or(&[][..], Vec::as_slice);
    screen.line(screen.paint(Style::Strong, format!("› {words}")))?;
    if list.is_empty() {
        screen.line(screen.paint(Style::Warn, "  no command of an installed skill"))?;
        screen.line(screen.paint(Style::Dim, "  `valetctl suggest` shows what one can say"))?;
    }
    for command in list {
        show(screen, words, command, explain)?;
    }
    screen.document(&json!({ "text": words, "commands": commands }))?;
    Ok(if list.is_empty() { Verdict::NotFine } else { Verdict::Fine })
}

fn show(screen: &mut Screen, words: &str, command: &Value, explain: bool) -> Result<(), CtlError> {
    if explain {
        for line in underlined(screen, words, command) {
            screen.line(line)?;
        }
    }
    screen.line(format!("  {}", reading(screen, command)))?;
    if !explain {
        return Ok(());
    }
    for slot in items(command, "slots") {
        let said = text(slot, "text");
        let shown = plain(slot.get("value").unwrap_or(&Value::Null));
        let from = if said.is_empty() { "default".to_owned() } else { format!("“{said}”") };
        screen.line(format!(
            "      {} = {shown}  {}",
            text(slot, "name"),
            screen.paint(Style::Dim, from)
        ))?;
    }
    for other in items(command, "alternatives") {
        screen.line(format!(
            "    {} {}",
            screen.paint(Style::Dim, "or"),
            reading(screen, other)
        ))?;
    }
    Ok(())
}

fn reading(screen: &Screen, candidate: &Value) -> String {
    let filled = slots(items(candidate, "slots"));
    let mut line = screen.paint(Style::Accent, short_intent(text(candidate, "intent")));
    if !filled.is_empty() {
        line.push_str(&format!("  {filled}"));
    }
    let foot =
        format!("  {} {:.0} %", text(candidate, "engine"), number(candidate, "confidence") * 100.0);
    line.push_str(&screen.paint(Style::Dim, foot));
    line
}

/// The text with the command's stretch and its slots marked below it.
fn underlined(screen: &Screen, words: &str, command: &Value) -> Vec<String> {
    let mut marks: Vec<char> = vec![' '; width(words)];
    let mut mark = |entry: &Value, sign: char| {
        for column in columns(words, entry) {
            if let Some(place) = marks.get_mut(column) {
                *place = sign;
            }
        }
    };
    mark(command, '─');
    for slot in items(command, "slots") {
        mark(slot, '━');
    }
    let marks: String = marks.into_iter().collect();
    let mut names = String::new();
    for slot in items(command, "slots") {
        let start = columns(words, slot).start;
        if !text(slot, "text").is_empty() && start >= width(&names) {
            names = format!("{}{} ", pad(&names, start), text(slot, "name"));
        }
    }
    let mut lines =
        vec![format!("  {words}"), format!("  {}", screen.paint(Style::Accent, marks.trim_end()))];
    if !names.is_empty() {
        lines.push(format!("  {}", screen.paint(Style::Dim, names.trim_end())));
    }
    lines
}

/// The columns of a stretch given in bytes.
fn columns(words: &str, entry: &Value) -> std::ops::Range<usize> {
    let column = |key: &str| {
        let byte = entry
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|b| usize::try_from(b).ok())
            .unwrap_or(0);
        words.char_indices().take_while(|(at, _)| *at < byte).count()
    };
    column("start")..column("end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_marked_where_they_stand_also_behind_wide_letters() {
        let words = "für 22 grad";
        let command = json!({
            "start": 0, "end": 12,
            "slots": [{ "name": "temperature", "text": "22", "start": 5, "end": 7 }],
        });
        let lines = underlined(&Screen::new(false), words, &command);
        assert_eq!(lines[1], "  ────━━─────");
        assert_eq!(lines[2], "      temperature");
    }
}
