//! Wipers of the windscreen and the rear window.
//!
//! Must not wash: the car has no signal for it.

use crate::place;
use valet_skill_sdk::prelude::*;

/// From slowest to fastest.
const SPEEDS: [&str; 4] = ["INTERVAL", "SLOW", "MEDIUM", "FAST"];

pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    let rear = call.text("window") == Some("rear");
    let path = if rear {
        "Vehicle.Body.Windshield.Rear.Wiping.Mode"
    } else {
        "Vehicle.Body.Windshield.Front.Wiping.Mode"
    };
    let target = match (call.text("mode"), call.text("change")) {
        (Some(mode), _) => mode_of(mode),
        (None, Some(change)) => {
            let now = place::text(path);
            match changed(now.as_deref(), change == "faster") {
                Some(mode) => mode,
                None if change == "faster" => {
                    return Ok(Outcome::cannot_do("The wipers already wipe as fast as they can."));
                }
                None => return Ok(Outcome::cannot_do("The wipers cannot go slower.")),
            }
        }
        (None, None) => "SLOW",
    };
    Batch::new().set(path, target).send()?;
    Ok(Outcome::done()
        .with("which", if rear { "rear" } else { "front" })
        .with("how", words(target)))
}

fn mode_of(mode: &str) -> &'static str {
    match mode {
        "off" => "OFF",
        "medium" => "MEDIUM",
        "fast" => "FAST",
        "interval" => "INTERVAL",
        "auto" => "RAIN_SENSOR",
        _ => "SLOW",
    }
}

/// The next speed; none at the end. Wipers that are off start slowly, the rain sensor's
/// place is that of the interval.
fn changed(now: Option<&str>, faster: bool) -> Option<&'static str> {
    let now = now.unwrap_or("OFF");
    if now == "OFF" {
        return faster.then_some("SLOW");
    }
    let index = SPEEDS.iter().position(|speed| *speed == now).unwrap_or(0);
    if faster { SPEEDS.get(index + 1).copied() } else { SPEEDS.get(index.checked_sub(1)?).copied() }
}

fn words(mode: &str) -> &'static str {
    match mode {
        "OFF" => "off",
        "SLOW" => "on, slow",
        "MEDIUM" => "on, medium speed",
        "FAST" => "on, fast",
        "INTERVAL" => "on interval",
        _ => "on automatic",
    }
}

#[cfg(test)]
mod tests {
    use super::changed;

    #[test]
    fn speeds_go_step_by_step() {
        assert_eq!(changed(Some("SLOW"), true), Some("MEDIUM"));
        assert_eq!(changed(Some("FAST"), true), None);
        assert_eq!(changed(Some("OFF"), true), Some("SLOW"));
        assert_eq!(changed(Some("OFF"), false), None);
        assert_eq!(changed(Some("INTERVAL"), false), None);
        assert_eq!(changed(Some("RAIN_SENSOR"), true), Some("SLOW"));
    }
}
