//! The sunroof, which has a switch only, and the shades.
//!
//! Must not open the shade for the sunroof: companions are the policy's.

use valet_skill_sdk::prelude::*;

const SUNROOF: &str = "Vehicle.Cabin.Sunroof.Switch";
const SUNROOF_SHADE: &str = "Vehicle.Cabin.Sunroof.Shade.Position";
const REAR_SHADE: &str = "Vehicle.Cabin.RearShade.Position";
/// VSS counts a shade from its start, which is open: 0 is retracted, 100 covers the glass.
const OPEN: f64 = 0.0;
const CLOSED: f64 = 100.0;

pub(crate) fn set_sunroof(call: &Call) -> Result<Outcome, SkillError> {
    let (value, doing) = match (call.text("action"), call.text("part")) {
        // The least that a switch opens is a tilt.
        (Some("open" | "tilt"), Some("little")) | (Some("tilt"), None | Some("full")) => {
            ("TILT_UP", "tilting")
        }
        (Some("open"), None | Some("full")) => ("OPEN", "opening"),
        (Some("close"), None | Some("full")) => ("CLOSE", "closing"),
        (Some("stop"), _) => ("INACTIVE", "held where it is"),
        (Some(_), Some(_)) => {
            return Ok(Outcome::cannot_do("I can open, close or tilt the sunroof, not in steps."));
        }
        _ => return Err(SkillError::BadSlot("action".into())),
    };
    Batch::new().set(SUNROOF, value).send()?;
    Ok(Outcome::done().with("doing", doing))
}

pub(crate) fn set_shade(call: &Call) -> Result<Outcome, SkillError> {
    let opening = match call.text("action") {
        Some("open") => true,
        Some("close") => false,
        _ => return Err(SkillError::BadSlot("action".into())),
    };
    let part = call.percentage("percent").filter(|_| is_position(call));
    let position = position(opening, part);
    let (paths, what) = shades(call);
    if paths.is_empty() {
        return Ok(Outcome::cannot_do("There is no shade at that place."));
    }
    let is = if paths.len() == 1 { "is" } else { "are" };
    let mut batch = Batch::new();
    for path in paths {
        batch.push(path, position);
    }
    batch.send()?;
    Ok(Outcome::done()
        .with("what", what)
        .with("is", is)
        .with("moving", if opening { "opening" } else { "closing" }))
}

/// Where a shade shall be: "open it 30 percent" leaves 70 covered, "close it 70 percent" covers 70.
fn position(opening: bool, part: Option<f64>) -> f64 {
    match part {
        Some(percent) if opening => (CLOSED - percent).round(),
        Some(percent) => percent.round(),
        None if opening => OPEN,
        None => CLOSED,
    }
}

/// Whether the number is about the shade: beside a verb a bare "one" is somebody ("the little
/// one sleeps").
fn is_position(call: &Call) -> bool {
    !call.words("percent").is_some_and(|words| words.eq_ignore_ascii_case("one"))
}

fn shades(call: &Call) -> (Vec<String>, &'static str) {
    match call.text("shade") {
        Some("sunroof-shade") => (vec![SUNROOF_SHADE.into()], "the sunroof's shade"),
        Some("rear-shade") => (vec![REAR_SHADE.into()], "the rear window's shade"),
        Some("side-shades") => (sides(call), "the side shades"),
        _ if call.zone("zone").is_some() => (sides(call), "the side shades"),
        _ => {
            let mut paths = sides(call);
            paths.push(REAR_SHADE.into());
            paths.push(SUNROOF_SHADE.into());
            (paths, "the shades")
        }
    }
}

/// Only the rear doors have shades; a side said without a row means that side's.
fn sides(call: &Call) -> Vec<String> {
    let zone = call.zone("zone").unwrap_or(Zone::All);
    let wanted = |side| match zone {
        Zone::Seat((1, seat)) => seat == side,
        Zone::Row(1) => false,
        zone => zone.contains(2, side),
    };
    Zone::Row(2)
        .stations()
        .filter(|station| wanted(station.side))
        .map(|station| station.door("Shade.Position"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn a_shade_is_open_at_nought_and_covers_the_glass_at_a_hundred() {
        for (opening, part, at) in [
            (true, None, 0.0),
            (false, None, 100.0),
            (true, Some(30.0), 70.0),
            (false, Some(70.0), 70.0),
        ] {
            assert!((position(opening, part) - at).abs() < 1e-9, "{opening} {part:?}");
        }
    }
}
