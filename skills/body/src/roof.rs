//! The sunroof, which has a switch only, and the shades.
//!
//! Must not open the shade for the sunroof: companions are the policy's.

use valet_skill_sdk::prelude::*;

const SUNROOF: &str = "Vehicle.Cabin.Sunroof.Switch";
const SUNROOF_SHADE: &str = "Vehicle.Cabin.Sunroof.Shade.Position";
const REAR_SHADE: &str = "Vehicle.Cabin.RearShade.Position";
const OPEN: f64 = 100.0;
const CLOSED: f64 = 0.0;

pub(crate) fn set_sunroof(call: &Call) -> Result<Outcome, SkillError> {
    let (value, doing) = match call.text("action") {
        Some("open") => ("OPEN", "opening"),
        Some("close") => ("CLOSE", "closing"),
        Some("tilt") => ("TILT_UP", "tilting"),
        Some("stop") => ("INACTIVE", "held where it is"),
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
    let position = match call.percentage("percent").filter(|_| is_position(call)) {
        // "Close it 70 percent" leaves 30 open.
        Some(percent) if opening => percent.round(),
        Some(percent) => (OPEN - percent).round(),
        None if opening => OPEN,
        None => CLOSED,
    };
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

/// Whether the number is about the shade: beside a verb a bare "one" is somebody ("the little
/// one sleeps").
fn is_position(call: &Call) -> bool {
    !call.words("percent").is_some_and(|words| words.eq_ignore_ascii_case("one"))
}

fn shades(call: &Call) -> (Vec<String>, &'static str) {
    match call.text("shade") {
        Some("sunroof") => (vec![SUNROOF_SHADE.into()], "the sunroof's shade"),
        Some("rear") => (vec![REAR_SHADE.into()], "the rear window's shade"),
        Some("side") => (sides(call), "the side shades"),
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
