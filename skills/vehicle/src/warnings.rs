//! What the car complains about.
//!
//! Must not hide a complaint: every one that is read is said, most urgent first.

use crate::{read, tyres, units};
use valet_skill_sdk::prelude::*;

/// Below this the 12 volt battery is weak, V.
const WEAK_BELOW_V: f64 = 11.8;
/// A service this near is mentioned, km.
const SERVICE_SOON_KM: f64 = 1000.0;
/// Most fault codes that are read out.
const MAX_CODES: usize = 5;

const WASHER_LOW: &str = "Vehicle.Body.Windshield.Front.WasherFluid.IsLevelLow";
const WASHER: &str = "Vehicle.Body.Windshield.Front.WasherFluid.Level";
const VOLTAGE: &str = "Vehicle.LowVoltageBattery.CurrentVoltage";
const FAULTS: &str = "Vehicle.Diagnostics.DTCCount";
/// One of many stands for whether the car reports on them at all.
const BRAKES_WORN: &str = "Vehicle.Chassis.Axle.Row1.Wheel.Left.Brake.IsBrakesWorn";
const LOW_BEAM: &str = "Vehicle.Body.Lights.Beam.Low.IsDefect";
const FUEL_LOW: &str = "Vehicle.Powertrain.FuelSystem.IsFuelLevelLow";

const LIGHTS: [(&str, &str); 12] = [
    ("Beam.Low", "a low beam"),
    ("Beam.High", "a high beam"),
    ("Brake", "a brake light"),
    ("DirectionIndicator.Left", "a left indicator"),
    ("DirectionIndicator.Right", "a right indicator"),
    ("Backup", "a reversing light"),
    ("Fog.Front", "a front fog light"),
    ("Fog.Rear", "a rear fog light"),
    ("Hazard", "a hazard light"),
    ("LicensePlate", "the number plate light"),
    ("Parking", "a parking light"),
    ("Running", "a running light"),
];

pub(crate) fn answer(call: &Call) -> Outcome {
    match call.text("topic") {
        Some("washer") => read::answer(washer(), "how much washer fluid there is"),
        Some("brakes") if !is_known(BRAKES_WORN) => read::answer(None, "how its brakes are"),
        Some("brakes") => one_of(brakes(), "No brake is reported to be worn."),
        Some("service") => read::answer(service(call), "when the service is due"),
        Some("faults") if !is_known(FAULTS) => read::answer(None, "its fault codes"),
        Some("faults") => one_of(faults().into_iter().collect(), "No fault codes are stored."),
        Some("lights") if !is_known(LOW_BEAM) => read::answer(None, "how its lights are"),
        Some("lights") => one_of(lights(), "No light is reported to be defective."),
        Some("twelve-volt") => read::answer(twelve_volt(), "its 12 volt battery's voltage"),
        _ => all(call),
    }
}

fn is_known(path: &str) -> bool {
    matches!(signals::read(path), Ok(Some(_)))
}

fn sentence(parts: &[String]) -> String {
    let mut speech = String::new();
    for part in parts {
        if !speech.is_empty() {
            speech.push(' ');
        }
        let mut letters = part.chars();
        speech.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        speech.push_str(letters.as_str());
        speech.push('.');
    }
    speech
}

fn one_of(found: Vec<String>, otherwise: &str) -> Outcome {
    Outcome::answer(if found.is_empty() { otherwise.into() } else { sentence(&found) })
}

fn all(call: &Call) -> Outcome {
    let mut found = Vec::new();
    if read::is_true("Vehicle.IsBrokenDown") {
        found.push("the car reports a breakdown".into());
    }
    found.extend(brakes());
    for (branch, name) in tyres::wheels() {
        if read::is_true(&[branch, ".Tire.IsPressureLow"].concat()) {
            found.push(["the ", name, " tyre is low"].concat());
        }
    }
    found.extend(faults());
    if read::is_true(FUEL_LOW) {
        found.push("the fuel is low".into());
    }
    if read::number(VOLTAGE).is_some_and(|volts| volts < WEAK_BELOW_V) {
        found.push("the 12 volt battery is weak".into());
    }
    found.extend(lights());
    if read::is_true(WASHER_LOW) {
        found.push("the washer fluid is low".into());
    }
    if service_is_near() {
        found.extend(service(call).map(|words| words.trim_end_matches('.').to_owned()));
    }
    one_of(found, "The car reports no problems.")
}

fn washer() -> Option<String> {
    let low = read::flag(WASHER_LOW);
    let level = read::number(WASHER).map(|level| say::number(level, 0));
    match (low, level) {
        (Some(true), Some(level)) => {
            Some(["The washer fluid is low, at ", &level, " percent."].concat())
        }
        (_, Some(level)) => Some(["The washer fluid is at ", &level, " percent."].concat()),
        (Some(true), None) => Some("The washer fluid is low.".into()),
        (Some(false), None) => Some("There is enough washer fluid.".into()),
        (None, None) => None,
    }
}

fn brakes() -> Vec<String> {
    let mut found = Vec::new();
    for (branch, name) in tyres::wheels() {
        if read::is_true(&[branch, ".Brake.IsBrakesWorn"].concat()) {
            found.push(["the ", name, " brake is worn"].concat());
        }
    }
    if tyres::wheels()
        .any(|(branch, _)| read::is_true(&[branch, ".Brake.IsFluidLevelLow"].concat()))
    {
        found.push("the brake fluid is low".into());
    }
    found
}

fn faults() -> Option<String> {
    let count = read::number(FAULTS).unwrap_or(0.0);
    let codes = match signals::read("Vehicle.Diagnostics.DTCList") {
        Ok(Some(SignalValue::Texts(codes))) => codes,
        _ => Vec::new(),
    };
    if count < 1.0 && codes.is_empty() {
        return None;
    }
    let shown: Vec<&str> = codes.iter().take(MAX_CODES).map(String::as_str).collect();
    Some(match (shown.as_slice(), codes.len() > MAX_CODES) {
        ([], _) => [&say::number(count, 0), " fault codes are stored"].concat(),
        (shown, false) => ["fault codes are stored: ", &shown.join(", ")].concat(),
        (shown, true) => ["fault codes are stored, among them ", &shown.join(", ")].concat(),
    })
}

fn lights() -> Vec<String> {
    LIGHTS
        .iter()
        .filter(|(branch, _)| {
            read::is_true(&["Vehicle.Body.Lights.", branch, ".IsDefect"].concat())
        })
        .map(|(_, name)| [name, " is defective"].concat())
        .collect()
}

fn service_is_near() -> bool {
    read::is_true("Vehicle.Service.IsServiceDue")
        || read::number("Vehicle.Service.DistanceToService").is_some_and(|km| km < SERVICE_SOON_KM)
}

fn service(call: &Call) -> Option<String> {
    if read::is_true("Vehicle.Service.IsServiceDue") {
        return Some("A service is due.".into());
    }
    let way = read::number("Vehicle.Service.DistanceToService")
        .map(|km| units::way(km.max(0.0) * 1000.0, call));
    let days = read::number("Vehicle.Service.TimeToService")
        .map(|seconds| say::number((seconds / 86_400.0).max(0.0), 0));
    Some(match (way, days) {
        (Some(way), Some(days)) => {
            ["The next service is due in ", &way, " or ", &days, " days."].concat()
        }
        (Some(way), None) => ["The next service is due in ", &way, "."].concat(),
        (None, Some(days)) => ["The next service is due in ", &days, " days."].concat(),
        (None, None) => return None,
    })
}

fn twelve_volt() -> Option<String> {
    let volts = read::number(VOLTAGE)?;
    let verdict = if volts < WEAK_BELOW_V { "weak" } else { "fine" };
    Some(["The 12 volt battery is ", verdict, ", at ", &say::number(volts, 1), " volts."].concat())
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn complaints_become_sentences() {
        let parts = ["the fuel is low".to_owned(), "a low beam is defective".to_owned()];
        assert_eq!(sentence(&parts), "The fuel is low. A low beam is defective.");
    }
}
