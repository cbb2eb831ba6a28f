//! Questions about the climate, answered from what is read.
//!
//! Must not actuate: the host would refuse it.

use crate::place;
use valet_skill_sdk::{prelude::*, zone::Station};

const INSIDE: &str = "Vehicle.Cabin.HVAC.AmbientAirTemperature";

/// Whether temperatures are said in Fahrenheit: the skill's setting, else the car's displays.
pub(crate) fn is_fahrenheit(call: &Call) -> bool {
    match call.setting_text("units") {
        Some("fahrenheit") => true,
        Some("celsius") => false,
        _ => {
            signals::read_text("Vehicle.Cabin.Infotainment.HMI.TemperatureUnit")
                .ok()
                .flatten()
                .as_deref()
                == Some("F")
        }
    }
}

fn degrees(celsius: f64, call: &Call) -> String {
    if is_fahrenheit(call) {
        [&say::number(celsius * 1.8 + 32.0, 0), " degrees Fahrenheit"].concat()
    } else {
        [&say::number(celsius, 1), " degrees"].concat()
    }
}

pub(crate) fn answer(call: &Call) -> Result<Outcome, SkillError> {
    let speech = match call.text("topic") {
        Some("temperature") => temperature(call),
        Some("fan") => fan(call),
        Some("ac") => on_off("The air conditioning", "Vehicle.Cabin.HVAC.IsAirConditioningActive"),
        Some("recirculation") => {
            on_off("Recirculation", "Vehicle.Cabin.HVAC.IsRecirculationActive")
        }
        Some("defrost") => both(
            on_off("The front defroster", "Vehicle.Cabin.HVAC.IsFrontDefrosterActive"),
            on_off("the rear one", "Vehicle.Cabin.HVAC.IsRearDefrosterActive"),
        ),
        Some("seat-heating") => seat(call),
        Some("wheel-heating") => place::current("Vehicle.Chassis.SteeringWheel.HeatingCooling")
            .map(|value| {
                let state = if value > 0.0 { "on" } else { "off" };
                ["The steering wheel heating is ", state, "."].concat()
            }),
        _ => summary(call),
    };
    Ok(Outcome::answer(speech.unwrap_or_else(|| "The car does not tell me that now.".into())))
}

fn station(call: &Call) -> Option<Station> {
    place::zone(call).stations().next()
}

fn temperature(call: &Call) -> Option<String> {
    let inside = place::current(INSIDE).map(|v| degrees(v, call));
    let set = station(call)
        .and_then(|station| place::current(&station.hvac("Temperature")))
        .map(|v| degrees(v, call));
    let place = place::words(place::zone(call));
    Some(match (inside, set) {
        (Some(inside), Some(set)) => {
            ["It is ", &inside, " in here; it is set to ", &set, " ", place, "."].concat()
        }
        (Some(inside), None) => ["It is ", &inside, " in here."].concat(),
        (None, Some(set)) => ["It is set to ", &set, " ", place, "."].concat(),
        (None, None) => return None,
    })
}

fn fan(call: &Call) -> Option<String> {
    let speed = place::current(&station(call)?.hvac("FanSpeed"))?;
    if speed <= 0.0 {
        return Some("The fan is off.".into());
    }
    Some(["The fan is at ", &say::number(speed, 0), " percent."].concat())
}

fn on_off(what: &str, path: &str) -> Option<String> {
    let on = signals::read_bool(path).ok().flatten()?;
    Some([what, if on { " is on." } else { " is off." }].concat())
}

fn both(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => {
            Some([first.strip_suffix('.').unwrap_or(&first), ", ", &second].concat())
        }
        (first, second) => first.or(second),
    }
}

fn seat(call: &Call) -> Option<String> {
    let value = place::current(&place::seat_zone(call).seats().next()?.seat("HeatingCooling"))?;
    let stage = match value.abs() {
        v if v < 1.0 => return Some("The seat is neither heated nor cooled.".into()),
        v if v < 50.0 => "low",
        v if v < 85.0 => "medium",
        _ => "high",
    };
    let effect = if value > 0.0 { "heating" } else { "cooling" };
    Some(["The seat ", effect, " is on ", stage, "."].concat())
}

fn summary(call: &Call) -> Option<String> {
    let parts: Vec<String> = [
        temperature(call),
        fan(call),
        on_off("The air conditioning", "Vehicle.Cabin.HVAC.IsAirConditioningActive"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { None } else { Some(parts.join(" ")) }
}
