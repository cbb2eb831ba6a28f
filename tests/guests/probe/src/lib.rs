//! A guest that tries everything a skill may and may not do, one intent each: the skill
//! host's tests run it in the real sandbox.
//!
//! Must not be shipped.

use std::sync::atomic::{AtomicU32, Ordering};
use valet_skill_sdk::prelude::*;

struct Probe;

/// Would tell two turns apart if an instance lived longer than one.
static TURNS: AtomicU32 = AtomicU32::new(0);

const LAMP: &str = "Vehicle.Cabin.Light.IsDomeOn";
const WINDOW: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";

impl Skill for Probe {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        let path = call.text("path").unwrap_or(LAMP);
        match call.intent() {
            "nothing" => Ok(Outcome::done()),
            "count" => {
                let turns = TURNS.fetch_add(1, Ordering::Relaxed) + 1;
                Ok(Outcome::answer(turns.to_string()))
            }
            "set" | "set-as-question" | "set-body" => set(call, path),
            "set-two" => Batch::new().set(LAMP, true).set(path, 50).finish(),
            "set-window" => Batch::new().set(WINDOW, 100).finish(),
            "set-window-twice" => {
                Batch::new().set(WINDOW, 100).send()?;
                Batch::new().set(WINDOW, 100).finish()
            }
            "set-many" => {
                let mut batch = Batch::new();
                (0..33).for_each(|_| batch.push(LAMP, true));
                batch.finish()
            }
            "read" => Ok(Outcome::answer(match signals::read(path) {
                Ok(Some(value)) => format!("{value:?}"),
                Ok(None) => "unknown value".into(),
                Err(error) => format!("{error:?}"),
            })),
            "remember" => remember(call),
            "alarm" | "alarm-as-question" => alarm(call),
            "place" => {
                let here = location::current()?;
                Ok(Outcome::answer(
                    [say::number(here.latitude, 3), say::number(here.longitude, 3)].join(" "),
                ))
            }
            "asset" => {
                let bytes = assets::read_at("words.txt", 4, 64)?;
                Ok(Outcome::answer(String::from_utf8_lossy(&bytes)))
            }
            "asset-too-long" => {
                Ok(Outcome::answer(format!("{:?}", assets::read_at("words.txt", 0, 70_000))))
            }
            "echo" => Ok(echo(call)),
            "confirm" if call.confirmed() => Ok(Outcome::answer("confirmed")),
            "confirm" => Ok(Outcome::confirm("Really?")),
            other => misbehave(other),
        }
    }

    fn on_alarm(alarm: &Ringing) -> Result<(), SkillError> {
        match alarm.name() {
            "loud" => Ok(announce::say(&"a".repeat(4000))?),
            _ => Ok(announce::say(alarm.payload_text().unwrap_or("?"))?),
        }
    }
}

fn set(call: &Call, path: &str) -> Result<Outcome, SkillError> {
    let batch = match (call.number("value"), call.boolean("on"), call.text("word")) {
        (Some(value), _, _) => Batch::new().set(path, value),
        (_, _, Some(word)) => Batch::new().set(path, word),
        (_, on, _) => Batch::new().set(path, on.unwrap_or(true)),
    };
    batch.finish()
}

fn remember(call: &Call) -> Result<Outcome, SkillError> {
    let key = call.text("key").unwrap_or("k");
    let size = call.number("size").unwrap_or(0.0) as usize;
    Ok(Outcome::answer(match store::write(key, vec![b'x'; size]) {
        Ok(()) => format!("{} {:?}", store::read(key)?.map_or(0, |v| v.len()), store::keys("")?),
        Err(error) => format!("{error:?}"),
    }))
}

fn alarm(call: &Call) -> Result<Outcome, SkillError> {
    let name = call.text("name").unwrap_or("pasta");
    alarms::set(name, clock::now().utc_ms + 1000, "The pasta is ready.")?;
    let pending = alarms::pending()?.len();
    if call.boolean("cancel") == Some(true) {
        alarms::cancel(name)?;
    }
    Ok(Outcome::done().with("pending", pending as f64))
}

/// What the host passed in, for the test to compare.
fn echo(call: &Call) -> Outcome {
    Outcome::answer("echo")
        .show("utterance", call.utterance().unwrap_or("none"))
        .show("speaker", format!("{:?}", call.speaker()))
        .show("language", call.language())
        .show("slots", format!("{:?}", call.slots()))
        .show("setting", call.setting_text("units").unwrap_or("none"))
}

// It does on purpose what the lints forbid.
#[allow(clippy::exit, clippy::print_stderr)]
fn misbehave(intent: &str) -> Result<Outcome, SkillError> {
    match intent {
        "loop" => loop {
            std::hint::black_box(());
        },
        "allocate" => {
            let mut all = Vec::new();
            loop {
                all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "panic" => panic!("as asked"),
        "exit" => std::process::exit(0),
        "recurse" => Ok(Outcome::answer(recurse(0).to_string())),
        "log-flood" => {
            (0..1000).for_each(|_| log::info("flood"));
            (0..1000).for_each(|_| eprintln!("flood {}", "x".repeat(100)));
            Ok(Outcome::done())
        }
        "environment" => Ok(Outcome::answer(
            [std::env::vars().count(), std::env::args().count()].map(|n| n.to_string()).join(" "),
        )),
        "act-and-loop" => {
            Batch::new().set(LAMP, true).send()?;
            loop {
                std::hint::black_box(());
            }
        }
        "say-control" => Ok(Outcome::answer("one\u{1b}[2Jtwo")),
        "say-much" => Ok(Outcome::answer("a".repeat(3000))),
        "say-huge" => Ok(Outcome::answer("a".repeat(2 << 20))),
        "say-nothing" => Ok(Outcome::answer("")),
        "one-choice" => Ok(Outcome::choose("path", "Which?", [("a", "A")])),
        "two-choices" => Ok(Outcome::choose("path", "Which?", [("a", "A"), ("b", "B")])),
        "bad-slot" => Ok(Outcome::ask_slot("no-such-slot", "What?")),
        "many-facts" => Ok((0..17).fold(Outcome::done(), |o, i| o.with("fact", i))),
        "bad-fact" => Ok(Outcome::done().with("fact", f64::NAN)),
        "bad-fact-name" => Ok(Outcome::done().with("Fact Name", 1)),
        "fail" => Err(SkillError::Internal("broken\nas asked".into())),
        _ => Err(SkillError::UnknownIntent),
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + frame[7]
}

export_skill!(Probe);
