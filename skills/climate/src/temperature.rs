//! The set temperature of the climate stations: to a number, or warmer and cooler.
//!
//! Must not claim what was reached; the host looks.

use crate::place;
use valet_skill_sdk::prelude::*;

const LEAF: &str = "Temperature";
/// °C, where the catalogue says nothing.
const BOUNDS: (f64, f64) = (16.0, 30.0);
/// Steps of "a bit", of nothing said, and of "a lot", °C.
const LITTLE: f64 = 1.0;
const SOME: f64 = 2.0;
const LOT: f64 = 4.0;

pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    let wanted =
        call.temperature("temperature").ok_or(SkillError::BadSlot("temperature".into()))?;
    let mut batch = Batch::new();
    let mut bounds = BOUNDS;
    for station in place::zone(call).stations() {
        let path = station.hvac(LEAF);
        bounds = place::bounds(&path, BOUNDS);
        batch.push(path, wanted);
    }
    if batch.is_empty() {
        return Ok(place::without_station());
    }
    batch.send()?;
    let done = in_unit(call)
        .with("min", Value::Temperature(bounds.0))
        .with("max", Value::Temperature(bounds.1));
    Ok(place::tell(done, call))
}

/// Done, and temperatures are said as the person wants to hear them.
fn in_unit(call: &Call) -> Outcome {
    let done = Outcome::done();
    if crate::query::is_fahrenheit(call) {
        done.with("temperature-unit", "fahrenheit")
    } else {
        done
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Warmer,
    Cooler,
}

pub(crate) fn change(call: &Call) -> Result<Outcome, SkillError> {
    let Some(direction) = direction(call) else {
        return Ok(Outcome::ask_slot("direction", "Warmer or cooler?"));
    };
    let step = step(call);
    let mut batch = Batch::new();
    let mut known = false;
    let mut at_limit = false;
    for station in place::zone(call).stations() {
        let path = station.hvac(LEAF);
        let Some(now) = place::current(&path) else { continue };
        known = true;
        let bounds = place::bounds(&path, BOUNDS);
        let target = moved(now, direction, step, bounds);
        at_limit |= is_same(target, bounds.0) || is_same(target, bounds.1);
        if !is_same(target, now) {
            batch.push(path, target);
        }
    }
    if !known {
        return Ok(Outcome::cannot_do("I do not know what the temperature is set to there."));
    }
    let limit = match direction {
        Direction::Warmer => "as warm as it gets",
        Direction::Cooler => "as cool as it gets",
    };
    if batch.is_empty() {
        return Ok(Outcome::cannot_do(["It is already ", limit, "."].concat()));
    }
    batch.send()?;
    let done = in_unit(call);
    Ok(place::tell(if at_limit { done.with("limit", limit) } else { done }, call))
}

fn direction(call: &Call) -> Option<Direction> {
    // In the order of how plainly they say it.
    let said = ["direction", "way", "feeling", "extent"].iter().find_map(|slot| call.text(slot));
    match said {
        Some("warmer" | "up" | "cold" | "max") => Some(Direction::Warmer),
        Some("cooler" | "down" | "hot" | "min") => Some(Direction::Cooler),
        _ => None,
    }
}

/// How far to go, °C; `None` = all the way.
fn step(call: &Call) -> Option<f64> {
    if let Some(amount) = call.number("amount") {
        let fahrenheit = match call.text("scale") {
            Some("fahrenheit") => true,
            Some(_) => false,
            None => crate::query::is_fahrenheit(call),
        };
        let amount = amount.abs();
        return Some(if fahrenheit { amount / 1.8 } else { amount });
    }
    match call.text("extent") {
        Some("max" | "min") => None,
        Some("little") => Some(LITTLE),
        Some("lot") => Some(LOT),
        _ => Some(SOME),
    }
}

/// Where to go, °C, in tenths: the finest that a display shows.
fn moved(now: f64, direction: Direction, step: Option<f64>, bounds: (f64, f64)) -> f64 {
    let target = match (direction, step) {
        (Direction::Warmer, None) => bounds.1,
        (Direction::Cooler, None) => bounds.0,
        (Direction::Warmer, Some(step)) => now + step,
        (Direction::Cooler, Some(step)) => now - step,
    };
    (target.clamp(bounds.0, bounds.1) * 10.0).round() / 10.0
}

/// Equal to a display.
fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.05
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stop_at_the_bounds() {
        for (now, direction, step, value) in [
            (21.0, Direction::Warmer, Some(2.0), 23.0),
            (29.0, Direction::Warmer, Some(2.0), 30.0),
            (16.5, Direction::Cooler, Some(1.0), 16.0),
            (21.0, Direction::Cooler, None, 16.0),
            (21.0, Direction::Warmer, Some(3.0 / 1.8), 22.7),
        ] {
            let target = moved(now, direction, step, BOUNDS);
            assert!(is_same(target, value), "{now} {step:?}");
        }
    }
}
