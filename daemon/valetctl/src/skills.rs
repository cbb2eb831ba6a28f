//! `valetctl skills` and `valetctl settings`: what is installed, its state and settings.
//!
//! Must not install anything; `install` does.

use crate::{
    CtlError, Verdict,
    args::SkillsAction,
    link::Link,
    screen::{Screen, Style, pad, width},
    turn::table,
    value::{self, items, plain, text},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use valet_bus::proxies::Options;

const MANAGER: &str = "/org/valetd/Assistant1/skill";

/// Runs one of them.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    action: SkillsAction,
) -> Result<Verdict, CtlError> {
    match action {
        SkillsAction::List => list(link, screen).await,
        SkillsAction::Show { id } => {
            let (_, skill) = find(link, &id).await?;
            show(screen, &skill)?;
            screen.document(&skill)?;
            Ok(Verdict::Fine)
        }
    }
}

/// All skills by object path: their properties as JSON.
///
/// # Errors
/// The call's.
pub(crate) async fn all(link: &Link) -> Result<BTreeMap<String, Value>, CtlError> {
    link.managed(MANAGER, "org.valetd.Skill1").await
}

/// A skill by its id or the last part of it.
///
/// # Errors
/// [`CtlError::Usage`] naming the installed ones; the call's.
pub(crate) async fn find(link: &Link, id: &str) -> Result<(String, Value), CtlError> {
    let skills = all(link).await?;
    let fits = |skill: &Value| {
        let full = text(skill, "Id");
        full == id || full.rsplit('.').next() == Some(id)
    };
    let known: Vec<String> = skills.values().map(|s| text(s, "Id").to_owned()).collect();
    skills.into_iter().find(|(_, skill)| fits(skill)).ok_or_else(|| CtlError::Usage {
        message: format!("no skill {id:?} is installed, expected one of {}", known.join(", ")),
    })
}

/// The full id of a skill; what is no skill here is taken as it is, for one that cannot be used is still installed.
///
/// # Errors
/// The call's.
pub(crate) async fn full_id(link: &Link, id: &str) -> Result<String, CtlError> {
    match find(link, id).await {
        Ok((_, skill)) => Ok(text(&skill, "Id").to_owned()),
        Err(CtlError::Usage { .. }) => Ok(id.to_owned()),
        Err(other) => Err(other),
    }
}

fn paint_state(screen: &Screen, state: &str) -> String {
    let style = match state {
        "ready" => Style::Good,
        "loading" => Style::Accent,
        "disabled" => Style::Dim,
        _ => Style::Bad,
    };
    screen.paint(style, state)
}

async fn list(link: &Link, screen: &mut Screen) -> Result<Verdict, CtlError> {
    let skills = all(link).await?;
    let widest = skills.values().map(|s| width(text(s, "Id"))).max().unwrap_or(0);
    if skills.is_empty() {
        screen.line(screen.paint(Style::Warn, "  no skill is installed"))?;
    }
    for skill in skills.values() {
        let intents = items(skill, "Intents").len();
        let mut line = format!(
            "  {}  {:7}  {}  {}",
            pad(text(skill, "Id"), widest),
            text(skill, "Version"),
            paint_state(screen, text(skill, "State")),
            screen.paint(Style::Dim, format!("{intents} intents")),
        );
        let error = text(skill, "LastError");
        if !error.is_empty() {
            line.push_str(&format!("  {}", screen.paint(Style::Bad, error)));
        }
        screen.line(line)?;
    }
    screen.document(&json!({ "skills": skills.values().collect::<Vec<_>>() }))?;
    Ok(Verdict::Fine)
}

fn show(screen: &mut Screen, skill: &Value) -> Result<(), CtlError> {
    let state = paint_state(screen, text(skill, "State"));
    let name = format!("{} {}", text(skill, "Name"), text(skill, "Version"));
    screen.line(format!("{}  {state}", screen.paint(Style::Strong, name)))?;
    let one = |key: &str| (key.to_lowercase(), text(skill, key).to_owned());
    let signer = match text(skill, "Signer") {
        "" => "nobody".to_owned(),
        other => other.to_owned(),
    };
    let mut rows = vec![one("Id"), ("signer".to_owned(), signer)];
    if !text(skill, "LastError").is_empty() {
        rows.push(("last error".to_owned(), text(skill, "LastError").to_owned()));
    }
    if let Some(stats) = skill.get("Stats").and_then(Value::as_object) {
        let stats: Vec<String> = stats.iter().map(|(k, v)| format!("{k} {}", plain(v))).collect();
        rows.push(("stats".to_owned(), stats.join(" · ")));
    }
    for line in table(screen, &rows) {
        screen.line(line)?;
    }
    let granted = items(skill, "Granted");
    for (title, list) in [("may touch", granted), ("understands", items(skill, "Intents"))] {
        screen.line(format!("  {}", screen.paint(Style::Dim, title)))?;
        for one in list {
            screen.line(format!("    {}", plain(one)))?;
        }
    }
    let refused: Vec<&Value> =
        items(skill, "Requested").iter().filter(|r| !granted.contains(r)).collect();
    if !refused.is_empty() {
        screen.line(format!("  {}", screen.paint(Style::Warn, "asks for, and has not")))?;
        for one in refused {
            screen.line(format!("    {}", plain(one)))?;
        }
    }
    show_settings(screen, skill)
}

fn show_settings(screen: &mut Screen, skill: &Value) -> Result<(), CtlError> {
    let Some(settings) = skill.get("Settings").and_then(Value::as_object).filter(|s| !s.is_empty())
    else {
        return Ok(());
    };
    screen.line(format!("  {}", screen.paint(Style::Dim, "settings")))?;
    let rows: Vec<(String, String)> =
        settings.iter().map(|(k, v)| (format!("  {k}"), plain(v))).collect();
    for line in table(screen, &rows) {
        screen.line(line)?;
    }
    Ok(())
}

/// Enables or disables one.
///
/// # Errors
/// [`CtlError::Usage`]; the call's; the terminal's.
pub(crate) async fn switch(
    link: &Link,
    screen: &mut Screen,
    id: &str,
    on: bool,
) -> Result<Verdict, CtlError> {
    let (path, skill) = find(link, id).await?;
    let proxy = link.skill(&path).await?;
    let done =
        if on { proxy.enable(Options::new()).await } else { proxy.disable(Options::new()).await };
    done.map_err(|e| link.error(e))?;
    let state = proxy.state().await.map_err(|e| link.error(e))?;
    screen.line(format!("  {}  {}", text(&skill, "Id"), paint_state(screen, &state)))?;
    screen.document(&json!({ "Id": text(&skill, "Id"), "State": state }))?;
    Ok(Verdict::Fine)
}

/// `valetctl settings`.
///
/// # Errors
/// [`CtlError::Usage`] for a key the skill lacks; the call's; the terminal's.
pub(crate) async fn settings(
    link: &Link,
    screen: &mut Screen,
    id: &str,
    key: Option<&str>,
    word: Option<&str>,
) -> Result<Verdict, CtlError> {
    let (path, skill) = find(link, id).await?;
    let known = skill.get("Settings").cloned().unwrap_or_else(|| json!({}));
    if let Some(key) = key
        && known.get(key).is_none()
    {
        let known: Vec<&String> = known.as_object().map(|s| s.keys().collect()).unwrap_or_default();
        let message =
            format!("{} has no setting {key:?}, expected one of {known:?}", text(&skill, "Id"));
        return Err(CtlError::Usage { message });
    }
    if let (Some(key), Some(word)) = (key, word) {
        // A text setting takes the word as it is: "1" may be a name.
        let wanted = if known.get(key).is_some_and(Value::is_string) {
            Value::from(word)
        } else {
            value::read(word)
        };
        let variant = value::variant(&wanted).ok_or_else(|| CtlError::Usage {
            message: format!("value is {wanted}, expected a basic value"),
        })?;
        let proxy = link.skill(&path).await?;
        proxy
            .set_settings(Options::from([(key, variant)]), Options::new())
            .await
            .map_err(|e| link.error(e))?;
    }
    let (_, skill) = find(link, text(&skill, "Id")).await?;
    let settings = skill.get("Settings").cloned().unwrap_or_else(|| json!({}));
    let shown: serde_json::Map<String, Value> = settings
        .as_object()
        .map(|all| {
            all.iter()
                .filter(|(k, _)| key.is_none_or(|key| key == *k))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        })
        .unwrap_or_default();
    let rows: Vec<(String, String)> = shown.iter().map(|(k, v)| (k.clone(), plain(v))).collect();
    for line in table(screen, &rows) {
        screen.line(line)?;
    }
    screen.document(&json!({ "Id": text(&skill, "Id"), "Settings": shown }))?;
    Ok(Verdict::Fine)
}
