//! The fan's speed and where the air goes.
//!
//! Must not claim what was reached; the host looks.

use crate::place;
use valet_skill_sdk::prelude::*;

const LEAF: &str = "FanSpeed";
/// The signal is in percent; people know five steps.
const STEP: f64 = 20.0;
const STEPS: f64 = 5.0;
const FULL: f64 = 100.0;
/// Where a fan that was off starts, percent.
const START: f64 = 40.0;

pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    let preset = call.text("preset");
    let level = call.number("level");
    if preset.is_none() && level.is_none() && call.percentage("percent").is_none() {
        return Ok(Outcome::ask_slot("level", "To which level, from one to five?"));
    }
    let number = match (call.percentage("percent"), level.map(percent_of)) {
        (Some(percent), _) | (None, Some(Some(percent))) => Some(percent),
        (None, Some(None)) => {
            return Ok(Outcome::cannot_do("The fan has five levels; or say how many percent."));
        }
        (None, None) => None,
    };
    let mut batch = Batch::new();
    let mut speed = FULL;
    for station in place::zone(call).stations() {
        let path = station.hvac(LEAF);
        let value = match (number, preset) {
            (Some(percent), _) => percent.round(),
            (None, Some(preset)) => preset_percent(preset, place::current(&path)),
            (None, None) => continue,
        };
        speed = value;
        batch.push(path, value);
    }
    if batch.is_empty() {
        return Ok(place::without_station());
    }
    batch.send()?;
    Ok(place::tell(Outcome::done().with("speed", words(speed)), call))
}

fn words(percent: f64) -> String {
    if percent < 0.5 {
        return "off".into();
    }
    ["at ", &say::number(percent, 0), " percent"].concat()
}

/// Percent of a level without a unit: one to five are steps, a part of one is that part of
/// the whole, two digits are a percentage. `None` = a level the fan does not have.
fn percent_of(level: f64) -> Option<f64> {
    if level > 0.0 && level < 1.0 {
        Some(level * FULL)
    } else if (0.0..=STEPS).contains(&level) {
        Some(level * STEP)
    } else {
        (2.0 * STEPS..=FULL).contains(&level).then_some(level)
    }
}

fn preset_percent(preset: &str, now: Option<f64>) -> f64 {
    match preset {
        "off" => 0.0,
        "low" => STEP,
        "medium" => 3.0 * STEP,
        "high" => 4.0 * STEP,
        "max" => FULL,
        // Switched on: what it runs at, else the usual start.
        _ => now.filter(|now| *now > 0.0).unwrap_or(START),
    }
}

pub(crate) fn change(call: &Call) -> Result<Outcome, SkillError> {
    let more = match call.text("direction") {
        Some("more") => true,
        Some("less") => false,
        _ => return Err(SkillError::BadSlot("direction".into())),
    };
    let step = step(call);
    let mut batch = Batch::new();
    let mut known = false;
    let mut at_full = false;
    for station in place::zone(call).stations() {
        let path = station.hvac(LEAF);
        let Some(now) = place::current(&path) else { continue };
        known = true;
        let target = moved(now, more, step);
        at_full |= more && (target - FULL).abs() < 0.5;
        if (target - now).abs() >= 1.0 {
            batch.push(path, target);
        }
    }
    if !known {
        return Ok(Outcome::cannot_do("I do not know how fast the fan is there."));
    }
    if batch.is_empty() {
        let limit = if more { "at full speed" } else { "as slow as it gets" };
        return Ok(Outcome::cannot_do(["The fan is already ", limit, "."].concat()));
    }
    batch.send()?;
    let done = Outcome::done();
    Ok(place::tell(if at_full { done.with("limit", "its full speed") } else { done }, call))
}

/// How far to go, percent; `None` = all the way.
fn step(call: &Call) -> Option<f64> {
    if let Some(percent) = call.percentage("percent") {
        return Some(percent);
    }
    if let Some(amount) = call.number("amount") {
        return Some(amount.abs() * STEP);
    }
    match call.text("extent") {
        Some("max" | "min") => None,
        Some("lot") => Some(2.0 * STEP),
        _ => Some(STEP),
    }
}

/// All the way down is the lowest step that still blows: off is said as off.
fn moved(now: f64, more: bool, step: Option<f64>) -> f64 {
    match (more, step) {
        (true, None) => FULL,
        (false, None) => now.min(STEP),
        (true, Some(step)) => (now + step).min(FULL).round(),
        (false, Some(step)) => (now - step).max(0.0).round(),
    }
}

pub(crate) fn direct(call: &Call) -> Result<Outcome, SkillError> {
    let (value, aim) = match call.text("target") {
        Some("windscreen") => ("UP", "the windscreen"),
        Some("face") => ("MIDDLE", "the face"),
        Some("feet") => ("DOWN", "the feet"),
        Some("face-and-feet") => return Ok(one_of("face", "feet")),
        Some("windscreen-and-feet") => return Ok(one_of("windscreen", "feet")),
        _ => return Err(SkillError::BadSlot("target".into())),
    };
    let mut batch = Batch::new();
    for station in place::zone(call).stations() {
        batch.push(station.hvac("AirDistribution"), value);
    }
    if batch.is_empty() {
        return Ok(place::without_station());
    }
    batch.send()?;
    Ok(place::tell(Outcome::done().with("aim", aim), call))
}

/// The car's signal knows one direction at a time, so that one of two has to be chosen.
fn one_of(first: &str, second: &str) -> Outcome {
    let label = |target: &str| ["the ", target].concat();
    let choices = [(first, label(first)), (second, label(second))];
    let question =
        ["Here the air goes to one place at a time: ", &choices[0].1, " or ", &choices[1].1, "?"];
    Outcome::choose("target", question.concat(), choices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn levels_parts_and_percentages_are_told_apart() {
        for (said, percent) in
            [(0.0, 0.0), (0.5, 50.0), (3.0, 60.0), (5.0, 100.0), (30.0, 30.0), (100.0, 100.0)]
        {
            assert!(percent_of(said).is_some_and(|is| same(is, percent)), "{said}");
        }
    }

    #[test]
    fn a_level_beyond_the_fans_is_refused() {
        for said in [5.5, 6.0, 9.0, -1.0, 101.0, f64::NAN] {
            assert_eq!(percent_of(said), None, "{said}");
        }
    }

    #[test]
    fn a_fan_that_runs_is_not_changed_by_on() {
        assert!(same(preset_percent("on", Some(80.0)), 80.0));
        assert!(same(preset_percent("on", Some(0.0)), START));
    }

    #[test]
    fn changes_stop_at_the_ends() {
        assert!(same(moved(90.0, true, Some(20.0)), 100.0));
        assert!(same(moved(10.0, false, Some(20.0)), 0.0));
        assert!(same(moved(80.0, false, None), 20.0));
        assert!(same(moved(0.0, false, None), 0.0));
    }
}
