//! Lights outside: main switch, beams, fog, parking and hazard lights.
//!
//! Must not touch indicators and brake lights: those are the driver's.

use valet_skill_sdk::prelude::*;

const SWITCH: &str = "Vehicle.Body.Lights.LightSwitch";
const HIGH: &str = "Vehicle.Body.Lights.Beam.High.IsOn";
const FOG_FRONT: &str = "Vehicle.Body.Lights.Fog.Front.IsOn";
const FOG_REAR: &str = "Vehicle.Body.Lights.Fog.Rear.IsOn";
const HAZARD: &str = "Vehicle.Body.Lights.Hazard.IsSignaling";
const PARKING: &str = "Vehicle.Body.Lights.Parking.IsOn";

pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    let state = call.text("state").unwrap_or("on");
    let light = call.text("light").ok_or(SkillError::BadSlot("light".into()))?;
    let (batch, what) = match (light, state) {
        ("headlights" | "daytime", _) => {
            (Batch::new().set(SWITCH, position(light, state)), name(light))
        }
        (_, "auto") => return Ok(Outcome::cannot_do("Only the headlights switch by themselves.")),
        _ => {
            let mut batch = Batch::new();
            for path in paths(light) {
                batch.push(*path, state == "on");
            }
            (batch, name(light))
        }
    };
    if batch.is_empty() {
        return Err(SkillError::BadSlot("light".into()));
    }
    batch.send()?;
    let look = match state {
        "off" => "off",
        "auto" => "on automatic",
        _ => "on",
    };
    Ok(Outcome::done().with("what", what).with("are", "are").with("look", look))
}

/// The position of the main switch. Daytime lights go back to automatic, not to darkness.
fn position(light: &str, state: &str) -> &'static str {
    match (light, state) {
        (_, "auto") | ("daytime", "off") => "AUTO",
        ("daytime", _) => "DAYTIME_RUNNING_LIGHTS",
        (_, "off") => "OFF",
        _ => "BEAM",
    }
}

fn paths(light: &str) -> &'static [&'static str] {
    match light {
        "high-beam" => &[HIGH],
        "fog-front" => &[FOG_FRONT],
        "fog-rear" => &[FOG_REAR],
        "fog" => &[FOG_FRONT, FOG_REAR],
        "hazards" => &[HAZARD],
        "parking" => &[PARKING],
        _ => &[],
    }
}

fn name(light: &str) -> &'static str {
    match light {
        "headlights" => "the headlights",
        "daytime" => "the daytime running lights",
        "high-beam" => "the high beams",
        "fog-front" => "the front fog lights",
        "fog-rear" => "the rear fog lights",
        "fog" => "the fog lights",
        "hazards" => "the hazard lights",
        _ => "the parking lights",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daytime_lights_off_leaves_the_rest_to_the_car() {
        assert_eq!(position("daytime", "off"), "AUTO");
        assert_eq!(position("headlights", "off"), "OFF");
        assert_eq!(position("headlights", "on"), "BEAM");
    }
}
