//! Commands: whom they are for, whether they are needed, and what is said where they cannot be.
//!
//! Must not publish what changes nothing, must not repeat a command, and must not say what became of it.

use crate::{
    device::{Device, Family},
    find::{Found, MAX_AT_ONCE, Said},
    home,
    plan::{Deed, Plan},
    state::Heard,
    words,
};
use valet_skill_sdk::{
    mqtt::{Command, MqttError},
    prelude::*,
};

/// Most devices that a person is offered to choose from; the host offers no more.
const MAX_CHOICES: usize = 10;

/// The slots that name devices.
pub(crate) const SLOTS: [(&str, Family); 3] =
    [("light", Family::Light), ("cover", Family::Cover), ("machine", Family::Machine)];

/// What a call says of a device; `None` where it names none and no room.
pub(crate) fn said(call: &Call) -> Option<Said<'_>> {
    let room = call.text("room");
    let named = SLOTS.iter().find_map(|(slot, family)| Some((call.text(slot)?, *family)));
    match (named, room) {
        (Some((name, family)), room) => Some(Said { family, name: Some(name), room }),
        (None, Some(_)) => Some(Said { family: usual(call.intent()), name: None, room }),
        (None, None) => None,
    }
}

/// What is meant where only a room is named.
fn usual(intent: &str) -> Family {
    if intent.contains("cover") { Family::Cover } else { Family::Light }
}

/// Which slot a family has.
pub(crate) fn slot(family: Family) -> &'static str {
    SLOTS.iter().find(|(_, of)| *of == family).map_or("light", |(slot, _)| slot)
}

/// Does a deed for a call.
///
/// # Errors
/// The host's.
pub(crate) fn act(call: &Call, deed: Deed) -> Result<Outcome, SkillError> {
    let Some(said) = said(call).or_else(|| unsaid(call.intent())) else {
        let slot = if call.intent() == "turn-on" || call.intent() == "turn-off" {
            "light"
        } else {
            slot(usual(call.intent()))
        };
        return Ok(Outcome::ask_slot(slot, "Which one?"));
    };
    let devices = match home::devices() {
        Ok(devices) => devices,
        Err(why) => return Ok(Outcome::cannot_do(why)),
    };
    match said.find(&devices, Some(&deed)) {
        Found::These(some) if some.len() > MAX_AT_ONCE => {
            Ok(Outcome::cannot_do(format!("These are {} devices. Name a room.", some.len())))
        }
        Found::These(some) => act_on(call, &some, &deed),
        Found::Choose(some) => Ok(choose(&said, &some)),
        Found::None(others) => Ok(unknown(&said, &others)),
    }
}

/// What an intent is about that need not name it.
fn unsaid(intent: &str) -> Option<Said<'static>> {
    let (name, family) = match intent {
        "open-cover" | "close-cover" | "stop-cover" | "set-cover" => ("blinds", Family::Cover),
        "dock-vacuum" => ("vacuum", Family::Machine),
        "set-oven" => ("oven", Family::Machine),
        "make-coffee" => ("coffee machine", Family::Machine),
        "set-brightness" | "set-colour" => ("lights", Family::Light),
        _ => return None,
    };
    Some(Said { family, name: Some(name), room: None })
}

pub(crate) fn choose(said: &Said<'_>, some: &[&Device]) -> Outcome {
    if some.len() > MAX_CHOICES {
        let names: Vec<&str> = some.iter().map(|device| device.label.as_str()).collect();
        return Outcome::cannot_do(format!("Say which: {}.", words::list(&names, 5)));
    }
    let choices = some.iter().map(|device| (device.label.clone(), device.label.clone()));
    Outcome::choose(slot(said.family), "Which one do you mean?", choices)
}

pub(crate) fn unknown(said: &Said<'_>, others: &[&Device]) -> Outcome {
    let names: Vec<&str> = others.iter().map(|device| device.label.as_str()).collect();
    let shown = said.shown();
    Outcome::cannot_do(if names.is_empty() {
        format!("I know of no {shown}. Nothing of that kind has announced itself.")
    } else {
        format!("I know of no {shown}. There is {}.", words::list(&names, 6))
    })
}

/// Commands of which each is wanted and can be.
struct Ready<'a> {
    device: &'a Device,
    plans: Vec<Plan>,
}

fn act_on(call: &Call, some: &[&Device], deed: &Deed) -> Result<Outcome, SkillError> {
    let mut ready = Vec::new();
    let (mut already, mut why) = (Vec::new(), None);
    for device in some {
        match device.plans(deed) {
            Err(cannot) => why = Some(format!("{} {cannot}.", words::the_first(&device.label))),
            Ok(_) if device.is_away() => {
                let (be, _) = words::verbs(&device.label);
                why = Some(format!("{} {be} not connected now.", words::the_first(&device.label)));
            }
            Ok(plans) if is_already(device, &plans, deed) => already.push(*device),
            Ok(plans) => ready.push(Ready { device, plans }),
        }
    }
    if let Some(first) = ready.first() {
        if wants_a_yes(call, deed) {
            return Ok(Outcome::confirm(format!(
                "Shall I heat {}?",
                words::the(&first.device.label)
            )));
        }
        return send(call, &ready, deed);
    }
    Ok(match (already.as_slice(), why) {
        (_, Some(why)) => Outcome::cannot_do(why),
        ([one], None) => {
            let so = one.condition().map_or_else(|| "so".to_owned(), |(words, _)| words);
            let (be, _) = words::verbs(&one.label);
            Outcome::answer(format!("{} {be} already {so}.", words::the_first(&one.label)))
        }
        (_, None) => Outcome::answer("They are all like that already."),
    })
}

/// Whether a device said all that is wanted, while we listened.
fn is_already(device: &Device, plans: &[Plan], deed: &Deed) -> bool {
    let said = |plan: &Plan| {
        let wanted = plan.wanted.as_ref()?;
        Some(Heard::on(&wanted.report)?.is_already(wanted))
    };
    // A lamp that is off remembers how bright it was.
    let glows = match deed {
        Deed::Brightness(percent) if *percent >= 0.5 => is_on(device),
        Deed::Colour(_) => is_on(device),
        _ => true,
    };
    glows && plans.iter().all(|plan| said(plan) == Some(true))
}

fn is_on(device: &Device) -> bool {
    let heard = device.switch_report().and_then(|report| Heard::on(&report));
    heard.is_some_and(|heard| device.switch_text(true) == Some(heard.text))
}

/// Heat where perhaps nobody is.
fn wants_a_yes(call: &Call, deed: &Deed) -> bool {
    let asks = call.setting_boolean("confirm-heat").unwrap_or(true);
    matches!(deed, Deed::Temperature(_)) && asks && !call.confirmed()
}

fn send(call: &Call, ready: &[Ready<'_>], deed: &Deed) -> Result<Outcome, SkillError> {
    let (mut sent, mut refusal) = (false, None);
    for one in ready {
        for plan in &one.plans {
            match command(plan).send() {
                Ok(_) => sent = true,
                // The host has the words for it.
                Err(MqttError::NotConnected | MqttError::NotAvailable | MqttError::Failed) => {
                    return Ok(facts(call, ready, deed));
                }
                Err(error) => refusal = Some(refused(error, one.device, plan)),
            }
        }
    }
    // What was asked for is told, by the host, also where another one could not be.
    Ok(refusal.filter(|_| !sent).unwrap_or_else(|| facts(call, ready, deed)))
}

/// A command that waits for what it changes, where that may be followed.
fn command(plan: &Plan) -> Command {
    let command = Command::new(plan.topic.clone(), plan.payload.clone());
    let Some(wanted) = &plan.wanted else { return command };
    if mqtt::last(&wanted.report.topic).is_err() {
        return command;
    }
    let command = command.until(wanted.report.topic.clone(), wanted.any_of.clone());
    match &wanted.report.member {
        Some(member) => command.member(member.clone()),
        None => command,
    }
}

fn refused(error: MqttError, device: &Device, plan: &Plan) -> Outcome {
    Outcome::cannot_do(match error {
        MqttError::NotGranted => format!(
            "I am not allowed to speak to {}: its topic {} is not granted.",
            words::the(&device.label),
            plan.topic
        ),
        MqttError::Limited => "That is too much at once. Try again in a minute.".to_owned(),
        _ => format!("{} cannot be spoken to.", words::the_first(&device.label)),
    })
}

fn facts(call: &Call, ready: &[Ready<'_>], deed: &Deed) -> Outcome {
    let (who, (be, have)) = match ready {
        [one] => (words::the(&one.device.label), words::verbs(&one.device.label)),
        some => (format!("{} devices", some.len()), ("are", "have")),
    };
    let done = Outcome::done().with("who", who).with("be", be).with("have", have);
    match deed {
        Deed::Brightness(level) | Deed::Position(level) => {
            done.with("level", Value::Percentage(level.round()))
        }
        Deed::Temperature(celsius) => {
            let scale = if in_fahrenheit(call) { "fahrenheit" } else { "celsius" };
            done.with("heat", Value::Temperature(*celsius)).with("temperature-unit", scale)
        }
        _ => done,
    }
}

/// "set-brightness": to a level, or a step brighter or darker.
///
/// # Errors
/// The host's.
pub(crate) fn set_brightness(call: &Call) -> Result<Outcome, SkillError> {
    if let Some(level) = call.percentage("level").or_else(|| call.number("level")) {
        if !(0.0..=100.0).contains(&level) {
            return Ok(Outcome::cannot_do("Brightness goes from 0 to 100 percent."));
        }
        return act(call, Deed::Brightness(level));
    }
    let Some(direction) = call.text("direction") else {
        return Ok(Outcome::ask_slot("level", "How bright, in percent?"));
    };
    let step = call.setting_number("step").unwrap_or(20.0);
    let step = if direction == "darker" { -step } else { step };
    match direction {
        "full" => act(call, Deed::Brightness(100.0)),
        "low" => act(call, Deed::Brightness(5.0)),
        _ => match brightness_now(call) {
            // A step down does not turn it off.
            Some(now) => act(call, Deed::Brightness((now + step).clamp(5.0, 100.0))),
            None => act(call, Deed::Brightness(if step < 0.0 { 30.0 } else { 80.0 })),
        },
    }
}

/// How bright the first of those that are meant is, percent.
fn brightness_now(call: &Call) -> Option<f64> {
    let devices = home::devices().ok()?;
    let said = said(call).or_else(|| unsaid(call.intent()))?;
    let Found::These(some) = said.find(&devices, Some(&Deed::Brightness(50.0))) else {
        return None;
    };
    some.iter().find_map(|device| {
        let (report, scale) = device.brightness_report()?;
        let steps: f64 = Heard::on(&report)?.text.trim().parse().ok()?;
        Some((steps / scale * 100.0).clamp(0.0, 100.0))
    })
}

/// "set-colour".
///
/// # Errors
/// The host's.
pub(crate) fn set_colour(call: &Call) -> Result<Outcome, SkillError> {
    match call.colour("colour") {
        Some(colour) => act(call, Deed::Colour(colour.to_owned())),
        None => Ok(Outcome::ask_slot("colour", "Which colour?")),
    }
}

/// "set-cover": percent open, or a word for it.
///
/// # Errors
/// The host's.
pub(crate) fn set_cover(call: &Call) -> Result<Outcome, SkillError> {
    let level = match call.text("position") {
        Some("gap") => Some(10.0),
        _ => call.percentage("level").or_else(|| call.number("level")),
    };
    match level {
        Some(level) if (0.0..=100.0).contains(&level) => act(call, Deed::Position(level)),
        Some(_) => Ok(Outcome::cannot_do("That goes from 0, closed, to 100 percent, open.")),
        None => Ok(Outcome::ask_slot("level", "How far open, in percent?")),
    }
}

/// "set-oven".
///
/// # Errors
/// The host's.
pub(crate) fn set_oven(call: &Call) -> Result<Outcome, SkillError> {
    // A temperature of the built-in kind is one of rooms: it would take 180 degrees for Fahrenheit.
    let Some(degrees) = call.number("degrees") else {
        return Ok(Outcome::ask_slot("degrees", "To how many degrees?"));
    };
    let celsius = if in_fahrenheit(call) { (degrees - 32.0) / 1.8 } else { degrees };
    act(call, Deed::Temperature(celsius))
}

fn in_fahrenheit(call: &Call) -> bool {
    call.text("scale") == Some("fahrenheit")
}
