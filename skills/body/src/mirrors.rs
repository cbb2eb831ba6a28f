//! Outside mirrors: folding and turning.
//!
//! Must not fold while driving; the policy holds that.

use crate::place;
use valet_skill_sdk::prelude::*;

/// One word's worth of turning, percent.
const STEP: f64 = 10.0;

/// Sides of the front row that a zone means.
fn sides(zone: Zone) -> Vec<Side> {
    let wanted = |side: &Side| match zone {
        Zone::All | Zone::Row(_) => true,
        Zone::Seat((_, seat)) => seat == *side,
    };
    [Side::Driver, Side::Passenger].into_iter().filter(wanted).collect()
}

fn path(side: Side, leaf: &str) -> String {
    let side = if side == Side::Driver { "DriverSide" } else { "PassengerSide" };
    ["Vehicle.Body.Mirrors.", side, ".", leaf].concat()
}

pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    match call.text("action") {
        Some("fold") => fold(call, true),
        Some("unfold") => fold(call, false),
        Some(direction) => turn(call, direction),
        None => Err(SkillError::BadSlot("action".into())),
    }
}

fn fold(call: &Call, folded: bool) -> Result<Outcome, SkillError> {
    let sides = sides(call.zone("zone").unwrap_or(Zone::All));
    let mut batch = Batch::new();
    for side in &sides {
        batch.push(path(*side, "IsFolded"), folded);
    }
    if batch.is_empty() {
        return Ok(Outcome::cannot_do("There is no mirror at that place."));
    }
    batch.send()?;
    let (look, moving) = if folded { ("folded", "folding") } else { ("unfolded", "unfolding") };
    Ok(told(&sides, look, moving))
}

fn turn(call: &Call, direction: &str) -> Result<Outcome, SkillError> {
    // Without a side it is the driver's: only the driver looks into them.
    let sides = sides(call.zone("zone").unwrap_or(Zone::DRIVER));
    let mut batch = Batch::new();
    for side in &sides {
        let Some((leaf, step)) = movement(direction, *side) else {
            return Err(SkillError::BadSlot("action".into()));
        };
        let path = path(*side, leaf);
        let now = place::number(&path).unwrap_or(0.0);
        let target = (now + step).clamp(-100.0, 100.0).round();
        if (target - now).abs() >= 1.0 {
            batch.push(path, target);
        }
    }
    if batch.is_empty() {
        return Ok(Outcome::cannot_do("The mirror does not turn any further."));
    }
    batch.send()?;
    Ok(told(&sides, "turned", "turning"))
}

/// Signal and step of a direction; outwards is left on the driver's side of a car that is
/// driven from the left.
fn movement(direction: &str, side: Side) -> Option<(&'static str, f64)> {
    let outward = if side == Side::Driver { -STEP } else { STEP };
    Some(match direction {
        "up" => ("Tilt", STEP),
        "down" => ("Tilt", -STEP),
        "left" => ("Pan", -STEP),
        "right" => ("Pan", STEP),
        "outward" => ("Pan", outward),
        "inward" => ("Pan", -outward),
        _ => return None,
    })
}

fn told(sides: &[Side], look: &str, moving: &str) -> Outcome {
    let what = match sides {
        [Side::Driver] => "the driver's mirror",
        [_] => "the passenger's mirror",
        _ => "the mirrors",
    };
    let are = place::verb(sides.len());
    Outcome::done().with("what", what).with("are", are).with("look", look).with("moving", moving)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outward_is_away_from_the_car() {
        assert_eq!(movement("outward", Side::Driver), Some(("Pan", -STEP)));
        assert_eq!(movement("outward", Side::Passenger), Some(("Pan", STEP)));
        assert_eq!(movement("sideways", Side::Driver), None);
    }

    #[test]
    fn a_rear_zone_means_its_side() {
        assert_eq!(sides(Zone::All).len(), 2);
        assert_eq!(sides(Zone::PASSENGER), vec![Side::Passenger]);
    }
}
