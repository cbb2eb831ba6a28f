//! Lights of the cabin: ceiling, reading, ambient, glove box.
//!
//! Must not touch lights outside.

use crate::{look::unknown_look, place};
use valet_skill_sdk::{prelude::*, zone::Station};

const DOME: &str = "Vehicle.Cabin.Light.IsDomeOn";
const GLOVE_BOX: &str = "Vehicle.Cabin.Light.IsGloveBoxOn";
const AMBIENT: &str = "Vehicle.Cabin.Light.AmbientLight";
const READING: &str = "Vehicle.Cabin.Light.Spotlight";
/// "Brighter" and "dimmer", percent.
const STEP: f64 = 20.0;
/// The signal's bounds; 0 is off, which is another signal.
const DIMMEST: f64 = 1.0;
const BRIGHTEST: f64 = 100.0;

pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    // "Chartreuse ambient light": a light that was to look some way is not merely switched on.
    if let Some(look) = unknown_look(call) {
        return Ok(Outcome::cannot_do(["I do not know ", &look, " as a colour."].concat()));
    }
    let dimmed = call.text("change").is_some()
        || call.percentage("percent").is_some()
        || call.colour("colour").is_some();
    match call.text("light") {
        Some("reading-light") => strip(call, READING),
        Some("ambient-light") => strip(call, AMBIENT),
        // The ceiling light is only on or off: brightness and colours are the ambient light's.
        Some("dome") | None if dimmed => strip(call, AMBIENT),
        Some("glovebox") if dimmed => Ok(Outcome::cannot_do("That light is only on or off.")),
        Some("glovebox") => switch(call, GLOVE_BOX, "the glove box light"),
        _ => switch(call, DOME, "the ceiling light"),
    }
}

fn is_on(call: &Call) -> bool {
    call.text("state") != Some("off")
}

fn switch(call: &Call, path: &str, what: &str) -> Result<Outcome, SkillError> {
    let on = is_on(call);
    Batch::new().set(path, on).send()?;
    Ok(told(what, false, if on { "on".into() } else { "off".into() }))
}

fn told(what: &str, many: bool, look: String) -> Outcome {
    let is = if many { "are" } else { "is" };
    Outcome::done().with("what", what).with("is", is).with("look", look)
}

/// Lights at each place: reading lights are one's own, ambient light is everywhere.
fn strip(call: &Call, branch: &str) -> Result<Outcome, SkillError> {
    let reading = branch == READING;
    let fallback = if reading { place::own(call) } else { Zone::All };
    let lights: Vec<Station> = call.zone("zone").unwrap_or(fallback).stations().collect();
    let what = if reading { "the reading light" } else { "the ambient light" };
    if lights.is_empty() {
        return Ok(Outcome::cannot_do("There is no such light at that place."));
    }
    let mut batch = Batch::new();
    let mut look = String::new();
    for light in lights {
        look = add(call, &mut batch, branch, light).unwrap_or(look);
    }
    if batch.is_empty() {
        let end = match call.text("change") {
            Some("brighter") => " is already as bright as it gets.",
            _ => " is already as dim as it gets.",
        };
        return Ok(Outcome::cannot_do(["It", end].concat()));
    }
    batch.send()?;
    Ok(told(what, false, look))
}

/// Adds what one light shall do; the words for it, none when it stays as it is.
fn add(call: &Call, batch: &mut Batch, branch: &str, light: Station) -> Option<String> {
    let switch = light.within(branch, "IsLightOn");
    let path = light.within(branch, "Intensity");
    let percent = call.percentage("percent");
    if percent.is_some_and(|percent| percent < DIMMEST) {
        batch.push(switch, false);
        return Some("off".into());
    }
    if let Some(percent) = percent {
        batch.push(path.as_str(), percent.round());
    }
    if let Some(colour) = call.colour("colour") {
        batch.push(light.within(branch, "Color"), colour);
    }
    if percent.is_some() || call.colour("colour").is_some() {
        switch_on(batch, switch);
        return Some(look(call.colour("colour").and(call.words("colour")), percent));
    }
    if let Some(change) = call.text("change") {
        let target = dimmed(place::number(&path)?, change == "brighter")?;
        batch.push(path, target);
        return Some(["at ", &say::number(target, 0), " percent"].concat());
    }
    let on = is_on(call);
    batch.push(switch, on);
    Some(if on { "on".into() } else { "off".into() })
}

/// Words for a colour and a brightness, each where it is wanted.
fn look(colour: Option<&str>, percent: Option<f64>) -> String {
    let at = percent.map(|percent| ["at ", &say::number(percent, 0), " percent"].concat());
    match (colour, at) {
        (Some(colour), Some(at)) => [colour, " ", &at].concat(),
        (Some(colour), None) => colour.into(),
        (None, at) => at.unwrap_or_default(),
    }
}

/// A light that is off is switched on with its new colour or brightness.
fn switch_on(batch: &mut Batch, switch: String) {
    if place::flag(&switch) != Some(true) {
        batch.push(switch, true);
    }
}

/// One step from `now`; none at the end.
fn dimmed(now: f64, brighter: bool) -> Option<f64> {
    let step = if brighter { STEP } else { -STEP };
    let target = (now + step).clamp(DIMMEST, BRIGHTEST).round();
    ((target - now).abs() >= 1.0).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::{dimmed, look};

    #[test]
    fn a_colour_and_a_brightness_are_both_told() {
        assert_eq!(look(Some("red"), Some(40.0)), "red at 40 percent");
        assert_eq!(look(Some("red"), None), "red");
        assert_eq!(look(None, Some(40.0)), "at 40 percent");
    }

    #[test]
    fn dimming_stops_before_off() {
        assert_eq!(dimmed(40.0, true), Some(60.0));
        assert_eq!(dimmed(10.0, false), Some(1.0));
        assert_eq!(dimmed(1.0, false), None);
        assert_eq!(dimmed(100.0, true), None);
    }
}
