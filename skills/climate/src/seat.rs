//! Heat and ventilation of the seats and the heat of the steering wheel, in three stages.
//!
//! Must not switch off what was not meant: the signal of a seat is one for heat (above 0)
//! and cold (below 0), so "heating off" leaves a cooled seat alone.

use crate::place;
use valet_skill_sdk::prelude::*;

const WHEEL: &str = "Vehicle.Chassis.SteeringWheel.HeatingCooling";
const LEAF: &str = "HeatingCooling";
/// Percent of each stage, from off.
const STAGES: [f64; 4] = [0.0, 33.0, 66.0, 100.0];
/// The stage of "on".
const USUAL: usize = 2;

/// What a seat does.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    /// Warms.
    Heating,
    /// Ventilates.
    Cooling,
}

impl Effect {
    fn sign(self) -> f64 {
        if self == Self::Heating { 1.0 } else { -1.0 }
    }

    fn name(self) -> &'static str {
        if self == Self::Heating { "seat heating" } else { "seat cooling" }
    }
}

/// What was asked for.
#[derive(Clone, Copy, PartialEq)]
enum Wish {
    Stage(usize),
    On,
    Up,
    Down,
}

/// What to do with one device.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Plan {
    Set(usize),
    /// It is at the end of its stages, or does the opposite.
    Leave,
}

fn wish(call: &Call) -> Result<Wish, Outcome> {
    if let Some(level) = call.number("level") {
        return match level {
            0.0 => Ok(Wish::Stage(0)),
            1.0 => Ok(Wish::Stage(1)),
            2.0 => Ok(Wish::Stage(2)),
            3.0 => Ok(Wish::Stage(3)),
            _ => Err(Outcome::cannot_do("It has three levels: one, two and three.")),
        };
    }
    Ok(match (call.text("preset"), call.text("state"), call.text("step")) {
        (_, Some("off"), _) => Wish::Stage(0),
        (Some("low"), ..) => Wish::Stage(1),
        (Some("medium"), ..) => Wish::Stage(2),
        (Some("high"), ..) => Wish::Stage(3),
        (.., Some("up")) => Wish::Up,
        (.., Some("down")) => Wish::Down,
        _ => Wish::On,
    })
}

/// `now` is the part in the wanted direction: above 0 the device already does it.
fn plan(wish: Wish, now: f64) -> Plan {
    let stage = STAGES.iter().rposition(|percent| *percent <= now.max(0.0) + 1.0).unwrap_or(0);
    match wish {
        Wish::Stage(0) if now < 0.0 => Plan::Leave,
        Wish::Stage(stage) => Plan::Set(stage),
        Wish::On if stage > 0 => Plan::Set(stage),
        // "Warm up the seat" of one that is off switches it on.
        Wish::On => Plan::Set(USUAL),
        Wish::Up if stage == 0 => Plan::Set(USUAL),
        Wish::Up if stage + 1 < STAGES.len() => Plan::Set(stage + 1),
        Wish::Down if stage > 0 => Plan::Set(stage - 1),
        Wish::Up | Wish::Down => Plan::Leave,
    }
}

fn stage_words(stage: usize) -> &'static str {
    match stage {
        0 => "off",
        1 => "on low",
        2 => "on medium",
        _ => "on high",
    }
}

fn refusal(wish: Wish, name: &str) -> Outcome {
    Outcome::cannot_do(match wish {
        Wish::Up => ["The ", name, " is already at its highest level."].concat(),
        _ => ["The ", name, " is not on."].concat(),
    })
}

pub(crate) fn set(call: &Call, effect: Effect) -> Result<Outcome, SkillError> {
    let wish = match wish(call) {
        Ok(wish) => wish,
        Err(refusal) => return Ok(refusal),
    };
    let zone = place::seat_zone(call);
    let mut batch = Batch::new();
    let mut reached = 0;
    let mut seats = 0;
    for seat in zone.seats().filter(|seat| is_meant(*seat, zone)) {
        let path = seat.seat(LEAF);
        // A single seat stays in the batch though its value is not known, so that the host
        // says why; among others it is left out.
        let unknown = matches!(zone, Zone::Seat(_)).then_some(0.0);
        let Some(now) = place::current(&path).or(unknown) else { continue };
        seats += 1;
        if let Plan::Set(stage) = plan(wish, now * effect.sign()) {
            reached = reached.max(stage);
            batch.push(path, STAGES[stage] * effect.sign());
        }
    }
    if seats == 0 {
        return Ok(Outcome::cannot_do("Nobody sits there."));
    }
    if batch.is_empty() {
        return Ok(refusal(wish, effect.name()));
    }
    batch.send()?;
    let mut seat = ["The ", effect.name()].concat();
    if call.words("zone").is_some_and(|said| !said.is_empty()) {
        seat.push(' ');
        seat.push_str(place::words(zone));
    }
    Ok(Outcome::done().with("seat", seat).with("stage", stage_words(reached)))
}

/// Several seats mean those where somebody sits; one seat is meant as it was said.
fn is_meant(seat: Station, zone: Zone) -> bool {
    let occupancy = || signals::read_text(&seat.seat("OccupancyStatus")).ok().flatten();
    matches!(zone, Zone::Seat(_)) || occupancy().as_deref() != Some("EMPTY")
}

pub(crate) fn set_wheel(call: &Call) -> Result<Outcome, SkillError> {
    let wish = match wish(call) {
        Ok(wish) => wish,
        Err(refusal) => return Ok(refusal),
    };
    let top = signals::describe(WHEEL).ok().and_then(|info| info.max);
    let Plan::Set(stage) = plan(wish, place::current(WHEEL).unwrap_or(0.0)) else {
        return Ok(refusal(wish, "steering wheel heating"));
    };
    let value = STAGES[stage].min(top.unwrap_or(100.0));
    Batch::new().set(WHEEL, value).send()?;
    Ok(Outcome::done().with("stage", stage_words(stage)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heating_off_leaves_a_cooled_seat_alone() {
        assert_eq!(plan(Wish::Stage(0), -66.0), Plan::Leave);
        assert_eq!(plan(Wish::Stage(0), 66.0), Plan::Set(0));
    }

    #[test]
    fn stages_go_up_and_down_one_by_one() {
        assert_eq!(plan(Wish::On, 0.0), Plan::Set(USUAL));
        assert_eq!(plan(Wish::On, 33.0), Plan::Set(1));
        assert_eq!(plan(Wish::Up, 33.0), Plan::Set(2));
        assert_eq!(plan(Wish::Up, 100.0), Plan::Leave);
        assert_eq!(plan(Wish::Down, 33.0), Plan::Set(0));
        assert_eq!(plan(Wish::Down, 0.0), Plan::Leave);
        assert_eq!(plan(Wish::Up, -66.0), Plan::Set(USUAL));
        assert_eq!(plan(Wish::Up, 0.0), Plan::Set(USUAL));
    }
}
