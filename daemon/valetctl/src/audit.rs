//! `valetctl audit`: what the daemon wrote down of installs, grants, refusals and what moved, and whether anybody has
//! changed it since.
//!
//! Must not talk to the daemon: whoever may read the files may look, also when it does not run.

use crate::{
    CtlError, Verdict,
    args::{AuditArgs, Bus},
    screen::{Screen, Style, pad},
    value::text,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use valet_package::{PackageError, folder::read_bounded};

/// The files, the older one first.
const FILES: [&str; 2] = ["audit.1.jsonl", "audit.jsonl"];
/// Largest file that is read, bytes; the daemon keeps them below half of it.
const MAX_BYTES: u64 = 1 << 20;
/// Keys of a line that stand in a column of their own, or are nobody's business.
const COLUMNS: [&str; 5] = ["number", "time", "before", "uid", "what"];

/// Shows the log and checks its chain.
///
/// # Errors
/// [`CtlError::File`]; the terminal's.
pub(crate) fn run(screen: &mut Screen, bus: &Bus, args: &AuditArgs) -> Result<Verdict, CtlError> {
    let folder = args.folder.clone().unwrap_or_else(|| usual_folder(bus));
    let lines = read(&folder)?;
    let broken = first_broken(&lines);
    let shown = &lines[lines.len().saturating_sub(args.last)..];
    for line in shown {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        screen.line(words(screen, &line))?;
        screen.event(&line)?;
    }
    if let Some(number) = broken {
        let why = format!("line {number} does not follow the one before it: the log was changed");
        screen.line(screen.paint(Style::Bad, &why))?;
        screen.event(&json!({ "event": "broken", "line": number }))?;
        return Ok(Verdict::NotFine);
    }
    let whole = format!("{} lines, each follows the one before it", lines.len());
    screen.line(screen.paint(Style::Dim, whole))?;
    Ok(Verdict::Fine)
}

fn usual_folder(bus: &Bus) -> PathBuf {
    if *bus == Bus::System {
        return "/var/log/valetd".into();
    }
    let state = std::env::var_os("XDG_STATE_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".local/state");
    state.unwrap_or_else(home).join("valetd/audit")
}

/// All lines, the oldest first.
fn read(folder: &Path) -> Result<Vec<Vec<u8>>, CtlError> {
    let mut lines = Vec::new();
    for name in FILES {
        let path = folder.join(name);
        let cannot = |error: PackageError| CtlError::File {
            path: path.display().to_string(),
            verb: "read",
            why: format!("{error}; the group valetd-audit may read the log of a system"),
        };
        // There is an older one only after the first was full.
        if name == FILES[0] && !path.exists() {
            continue;
        }
        let bytes = read_bounded(&path, MAX_BYTES).map_err(cannot)?;
        let whole = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.extend(whole.map(<[u8]>::to_vec));
    }
    Ok(lines)
}

/// The first line that does not name the hash of the one before it.
fn first_broken(lines: &[Vec<u8>]) -> Option<u64> {
    let parsed = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap_or_default();
    lines.windows(2).find_map(|pair| {
        let (one, two) = (parsed(&pair[0]), parsed(&pair[1]));
        let hash: String = Sha256::digest(&pair[0]).iter().map(|b| format!("{b:02x}")).collect();
        let number = one["number"].as_u64().map(|number| number + 1);
        let follows = two["before"].as_str() == Some(&hash) && two["number"].as_u64() == number;
        (!follows).then(|| two["number"].as_u64().or(number).unwrap_or(0))
    })
}

fn words(screen: &Screen, line: &Value) -> String {
    let uid = line["uid"].as_u64().map_or_else(|| "-".to_owned(), |uid| uid.to_string());
    let rest: Vec<String> = line
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| !COLUMNS.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| match value {
            // What others wrote must not reach a terminal as commands.
            Value::String(text) => format!("{key}={}", text.replace(char::is_control, " ")),
            other => format!("{key}={other}"),
        })
        .collect();
    let what = screen.paint(Style::Strong, pad(text(line, "what"), 14));
    let time = screen.paint(Style::Dim, pad(text(line, "time"), 30));
    format!("{time} {} {what} {}", pad(&uid, 6), rest.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(texts: &[&str]) -> Vec<Vec<u8>> {
        let mut before = String::new();
        let mut lines = Vec::new();
        for (at, what) in texts.iter().enumerate() {
            let line = json!({ "number": at + 1, "what": what, "before": before });
            let line = serde_json::to_vec(&line).expect("json");
            before = Sha256::digest(&line).iter().map(|b| format!("{b:02x}")).collect();
            lines.push(line);
        }
        lines
    }

    #[test]
    fn a_line_that_was_changed_or_taken_out_is_seen() {
        let whole = chain(&["started", "installed", "removed", "started"]);
        assert_eq!(first_broken(&whole), None);
        let mut changed = whole.clone();
        changed[1] = String::from_utf8_lossy(&changed[1]).replace("installed", "switched").into();
        assert_eq!(first_broken(&changed), Some(3));
        let mut fewer = whole.clone();
        fewer.remove(2);
        assert_eq!(first_broken(&fewer), Some(4));
        let mut other = whole;
        other[3] = b"no json".to_vec();
        assert_eq!(first_broken(&other), Some(4));
    }
}
