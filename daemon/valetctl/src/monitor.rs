//! `valetctl monitor`: all turns one may see, live, and what changes in the daemon.
//!
//! Must not take part: it asks nothing and registers nothing.

use crate::{
    CtlError, Verdict,
    link::Link,
    screen::{Screen, Style},
    turn::{body, foot},
    value::{self, plain, text},
};
use futures_util::{Stream, StreamExt as _, stream::select_all};
use serde_json::{Value, json};
use std::pin::Pin;
use valet_bus::proxies::Options;
use zbus::{MatchRule, MessageStream, message::Type};

/// One thing that happened.
type Events = Pin<Box<dyn Stream<Item = Value> + Send>>;

/// Watches until the daemon leaves the bus or the program is stopped.
///
/// # Errors
/// The call's, [`CtlError::Lost`] when the bus goes, or the terminal's.
pub(crate) async fn run(link: &Link, screen: &mut Screen) -> Result<Verdict, CtlError> {
    let assistant = link.assistant().await?;
    let mut events = subscribe(link).await?;
    assistant.observe(Options::new()).await.map_err(|e| link.error(e))?;
    let state = assistant.state().await.map_err(|e| link.error(e))?;
    screen
        .line(screen.paint(Style::Dim, format!("  valetd is {state}; watching, Ctrl-C ends it")))?;
    screen.event(&json!({ "event": "state", "State": state }))?;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => show(screen, &event)?,
                None => return Err(CtlError::Lost { why: "the bus closed the connection".to_owned() }),
            },
            _ = tokio::signal::ctrl_c() => return Ok(Verdict::Fine),
        }
    }
}

/// Every signal of the daemon's objects that this connection gets.
async fn subscribe(link: &Link) -> Result<impl Stream<Item = Value> + Unpin, CtlError> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(valet_bus::BUS_NAME)
        .path_namespace(valet_bus::ROOT)
        .build()
        .map_err(|e| link.error(e))?;
    let ours = MessageStream::for_match_rule(rule, link.connection(), None)
        .await
        .map_err(|e| link.error(e))?;
    let gone = link.owners().await?.map(|change| {
        let there = change.args().is_ok_and(|args| args.new_owner().is_some());
        json!({ "event": "daemon", "running": there })
    });
    let parts: [Events; 2] = [
        Box::pin(ours.filter_map(|message| async move { message.ok().as_ref().and_then(read) })),
        Box::pin(gone),
    ];
    Ok(select_all(parts))
}

/// A signal as JSON; `None` for those that say nothing to a person.
fn read(message: &zbus::Message) -> Option<Value> {
    let header = message.header();
    let body = message.body();
    Some(match header.member()?.as_str() {
        "TurnChanged" => {
            let (turn, state, details): (String, String, valet_bus::Dict) =
                body.deserialize().ok()?;
            json!({ "event": "turn-changed", "turn": turn, "state": state, "details": value::object(&details) })
        }
        "TurnFinished" => {
            let (turn, result): (String, valet_bus::Dict) = body.deserialize().ok()?;
            json!({ "event": "turn-finished", "turn": turn, "result": value::object(&result) })
        }
        "Announced" => {
            let (text, details): (String, valet_bus::Dict) = body.deserialize().ok()?;
            json!({ "event": "announced", "text": text, "details": value::object(&details) })
        }
        "SkillsReady" => {
            let (generation, skills): (u64, Vec<String>) = body.deserialize().ok()?;
            json!({ "event": "skills-ready", "generation": generation, "skills": skills })
        }
        "PropertiesChanged" => {
            let (interface, changed, _): (String, valet_bus::Dict, Vec<String>) =
                body.deserialize().ok()?;
            let object = header.path()?.to_string();
            json!({ "event": "changed", "object": object, "interface": interface, "changed": value::object(&changed) })
        }
        _ => return None,
    })
}

fn show(screen: &mut Screen, event: &Value) -> Result<(), CtlError> {
    screen.event(event)?;
    let turn = screen.paint(Style::Strong, text(event, "turn"));
    match text(event, "event") {
        "turn-changed" => {
            let zone = event.get("details").map_or("", |details| text(details, "zone"));
            let state = screen.paint(Style::Accent, text(event, "state"));
            screen.line(format!("{turn}  {state}  {}", screen.paint(Style::Dim, zone)))
        }
        "turn-finished" => {
            let result = event.get("result").cloned().unwrap_or_default();
            screen.line(format!("{turn}  {}", screen.paint(Style::Good, text(&result, "type"))))?;
            for line in body(screen, &result) {
                screen.line(line)?;
            }
            screen.line(format!("  {}", screen.paint(Style::Dim, foot(&result, None))))
        }
        "announced" => announce(screen, event),
        "skills-ready" => {
            let skills: Vec<String> = value::items(event, "skills").iter().map(plain).collect();
            screen.line(screen.paint(Style::Dim, format!("  skills ready: {}", skills.join(", "))))
        }
        "daemon" if event.get("running") == Some(&Value::Bool(true)) => {
            screen.line(screen.paint(
                Style::Good,
                "  valetd is back; run `valetctl monitor` again to see its turns",
            ))
        }
        "daemon" => screen.line(screen.paint(Style::Warn, "  valetd has left the bus")),
        _ => {
            let Some(changed) = event.get("changed").and_then(Value::as_object) else {
                return Ok(());
            };
            let words: Vec<String> =
                changed.iter().map(|(k, v)| format!("{k} {}", plain(v))).collect();
            screen.line(screen.paint(Style::Dim, format!("  {}", words.join(" · "))))
        }
    }
}

/// Prints what a skill said first.
///
/// # Errors
/// The terminal's.
pub(crate) fn announce(screen: &mut Screen, event: &Value) -> Result<(), CtlError> {
    screen.line(announcement(screen, event))
}

/// What a skill said first, as a line.
pub(crate) fn announcement(screen: &Screen, event: &Value) -> String {
    let skill = event.get("details").map_or("", |details| text(details, "skill"));
    let words = screen.paint(Style::Accent, format!("♪ “{}”", text(event, "text")));
    format!("{words}  {}", screen.paint(Style::Dim, skill))
}
