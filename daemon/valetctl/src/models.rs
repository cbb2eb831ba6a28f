//! `valetctl models`: which models there are, which one serves, and switching between them.
//!
//! Must not read a model's files: the daemon does, and says what it found.

use crate::{
    CtlError, Verdict,
    args::ModelsAction,
    link::Link,
    request::Followed,
    screen::{Screen, Style, pad, width},
    value::{self, items, number, text},
};
use serde_json::{Value, json};
use valet_bus::proxies::Options;
use zbus::Variant;

const MANAGER: &str = "/org/valetd/Assistant1/model";

/// Runs one of them.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    action: ModelsAction,
) -> Result<Verdict, CtlError> {
    match action {
        ModelsAction::List => list(link, screen).await,
        ModelsAction::Verify { id } => verify(link, screen, &id).await,
        ModelsAction::Activate { id } => activate(link, screen, &id).await,
        ModelsAction::Rollback { kind } => rollback(link, screen, &kind).await,
    }
}

/// All models, sorted by path: their properties as JSON.
async fn all(link: &Link) -> Result<Vec<Value>, CtlError> {
    Ok(link.managed(MANAGER, "org.valetd.Model1").await?.into_values().collect())
}

fn paint_state(screen: &Screen, state: &str) -> String {
    let style = match state {
        "ready" => Style::Good,
        "loading" => Style::Accent,
        "unloaded" => Style::Dim,
        _ => Style::Bad,
    };
    screen.paint(style, state)
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1_048_576.0)
}

async fn list(link: &Link, screen: &mut Screen) -> Result<Verdict, CtlError> {
    let models = all(link).await?;
    let widest = models.iter().map(|m| width(text(m, "Id"))).max().unwrap_or(0);
    if models.is_empty() {
        screen.line(screen.paint(Style::Warn, "  no model is there"))?;
    }
    for model in &models {
        let mut line = format!(
            "  {}  {:7}  {}  {}",
            pad(text(model, "Id"), widest),
            text(model, "Kind"),
            paint_state(screen, text(model, "State")),
            screen.paint(Style::Dim, size_and_speed(model)),
        );
        let error = text(model, "LastError");
        if !error.is_empty() {
            line.push_str(&format!("  {}", screen.paint(Style::Bad, error)));
        }
        screen.line(line)?;
    }
    screen.document(&json!({ "models": models }))?;
    Ok(Verdict::Fine)
}

/// Size on disk, memory and speed, as far as they are known.
fn size_and_speed(model: &Value) -> String {
    let mut parts = vec![mebibytes(number(model, "FileBytes"))];
    let memory = number(model, "MemoryBytes");
    if memory > 0.0 {
        parts.push(format!("{} in memory", mebibytes(memory)));
    }
    if let Some(stats) = model.get("Stats").filter(|stats| number(stats, "runs") > 0.0) {
        parts.push(format!("{:.1} ms a text", number(stats, "p50-us") / 1000.0));
    }
    parts.join(" · ")
}

async fn verify(link: &Link, screen: &mut Screen, id: &str) -> Result<Verdict, CtlError> {
    let models = link.models().await?;
    let facts = models.verify(id, Options::new()).await.map_err(|e| link.error(e))?;
    let facts = value::object(&facts);
    for file in items(&facts, "files") {
        screen.line(file_line(screen, file))?;
    }
    let ok = facts.get("ok") == Some(&Value::Bool(true));
    screen.line(if ok {
        screen.paint(Style::Good, format!("  {id} is as its manifest says"))
    } else {
        screen.paint(Style::Bad, format!("  {id} cannot be used: {}", text(&facts, "why")))
    })?;
    screen.document(&facts)?;
    Ok(if ok { Verdict::Fine } else { Verdict::NotFine })
}

/// One file: what was expected and what came.
fn file_line(screen: &Screen, file: &Value) -> String {
    let needed = file.get("needed") == Some(&Value::Bool(true));
    let (mark, style) = match text(file, "state") {
        "right" => ("✓", Style::Good),
        "missing" if !needed => ("·", Style::Dim),
        _ => ("✗", Style::Bad),
    };
    let came = match text(file, "state") {
        "right" => format!("{} bytes", number(file, "expected-bytes")),
        "missing" if !needed => "not there, and not needed".to_owned(),
        "missing" => "not there".to_owned(),
        "wrong-size" => format!(
            "{} bytes, expected {}",
            number(file, "found-bytes"),
            number(file, "expected-bytes")
        ),
        "wrong-hash" => format!(
            "sha-256 {}, expected {}",
            text(file, "found-sha256"),
            text(file, "expected-sha256")
        ),
        _ => text(file, "why").to_owned(),
    };
    let name = pad(text(file, "name"), 20);
    format!("  {} {name}  {came}", screen.paint(style, mark))
}

async fn activate(link: &Link, screen: &mut Screen, id: &str) -> Result<Verdict, CtlError> {
    let followed = Followed::listen(link, "models").await?;
    let options = Options::from([("handle-token", Variant::from(followed.token()))]);
    link.models().await?.activate(id, options).await.map_err(|e| link.error(e))?;
    let (code, result) = followed.follow(|step, details| show_step(screen, step, details)).await?;
    show_end(screen, id, code, &result)
}

fn show_step(screen: &mut Screen, step: &str, details: &Value) -> Result<(), CtlError> {
    let (done, all) = (number(details, "done"), number(details, "all"));
    let counts = if all > 0.0 { format!(" {done} of {all}") } else { String::new() };
    screen.line(screen.paint(Style::Dim, format!("  {step}{counts}")))
}

fn show_end(screen: &mut Screen, id: &str, code: u32, result: &Value) -> Result<Verdict, CtlError> {
    screen.line(match code {
        0 => screen.paint(Style::Good, format!("  {id} serves")),
        1 => screen.paint(Style::Warn, "  It was cancelled; the model before serves on."),
        _ => {
            let why = text(result, "message");
            screen.paint(Style::Bad, format!("  The model before serves on: {why}"))
        }
    })?;
    screen.document(result)?;
    Ok(if code == 0 { Verdict::Fine } else { Verdict::NotFine })
}

async fn rollback(link: &Link, screen: &mut Screen, kind: &str) -> Result<Verdict, CtlError> {
    let models = link.models().await?;
    models.rollback(kind, Options::new()).await.map_err(|e| link.error(e))?;
    let all = all(link).await?;
    let serves = all.iter().find(|m| text(m, "Kind") == kind && text(m, "State") == "ready");
    let id = serves.map_or("", |model| text(model, "Id"));
    screen.line(screen.paint(Style::Good, format!("  {id} serves")))?;
    screen.document(&json!({ "kind": kind, "model": id }))?;
    Ok(Verdict::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_was_expected_and_what_came() {
        let screen = Screen::new(false);
        let file = |state: &str, needed: bool| {
            json!({
                "name": "encoder.onnx", "state": state, "needed": needed, "expected-bytes": 10,
                "found-bytes": 5, "expected-sha256": "aa", "found-sha256": "bb", "why": "no right",
            })
        };
        for (state, needed, expected) in [
            ("right", true, "✓ encoder.onnx          10 bytes"),
            ("missing", false, "· encoder.onnx          not there, and not needed"),
            ("missing", true, "✗ encoder.onnx          not there"),
            ("wrong-size", true, "✗ encoder.onnx          5 bytes, expected 10"),
            ("wrong-hash", false, "✗ encoder.onnx          sha-256 bb, expected aa"),
            ("unreadable", true, "✗ encoder.onnx          no right"),
        ] {
            assert_eq!(file_line(&screen, &file(state, needed)).trim_start(), expected);
        }
    }
}
