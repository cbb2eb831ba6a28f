//! Range and fuel.
//!
//! Must not estimate a range: it is the car's own.

use crate::{read, units};
use valet_skill_sdk::prelude::*;

const TOTAL: &str = "Vehicle.Powertrain.Range";
const BY_FUEL: &str = "Vehicle.Powertrain.FuelSystem.Range";
const BY_BATTERY: &str = "Vehicle.Powertrain.TractionBattery.Range";
/// A way that takes more than this part of the range is only just possible.
const SAFE_PART: f64 = 0.9;

pub(crate) fn range(call: &Call) -> Outcome {
    let (path, on) = match call.text("energy") {
        Some("fuel") => (BY_FUEL, " on fuel alone"),
        Some("battery") => (BY_BATTERY, " on the battery alone"),
        _ => (TOTAL, ""),
    };
    let Some(metres) = read::number(path) else {
        return read::answer(None, "how far it goes");
    };
    let way = units::way(metres, call);
    let speech = match call.distance_m("distance") {
        Some(wanted) => [verdict(wanted, metres), " the range", on, " is ", &way, "."].concat(),
        None => {
            let parts = if on.is_empty() { parts(call) } else { None };
            let parts = parts.unwrap_or_default();
            ["The range", on, " is ", &way, &parts, "."].concat()
        }
    };
    Outcome::answer(speech)
}

fn verdict(wanted: f64, range: f64) -> &'static str {
    if wanted <= range * SAFE_PART {
        "Yes,"
    } else if wanted <= range {
        "Only just:"
    } else {
        "No,"
    }
}

/// What fuel and battery give each, where the car has both.
fn parts(call: &Call) -> Option<String> {
    let fuel = units::way(read::number(BY_FUEL)?, call);
    let battery = units::way(read::number(BY_BATTERY)?, call);
    Some([", ", &fuel, " on fuel and ", &battery, " on the battery"].concat())
}

pub(crate) fn fuel(call: &Call) -> Outcome {
    let level = read::number("Vehicle.Powertrain.FuelSystem.RelativeLevel");
    let litres = read::number("Vehicle.Powertrain.FuelSystem.AbsoluteLevel");
    let mut speech = match (level, litres) {
        (Some(level), Some(litres)) => {
            let volume = units::volume(litres, call);
            ["The tank is at ", &say::number(level, 0), " percent, ", &volume, "."].concat()
        }
        (Some(level), None) => ["The tank is at ", &say::number(level, 0), " percent."].concat(),
        (None, Some(litres)) => {
            ["There are ", &units::volume(litres, call), " in the tank."].concat()
        }
        (None, None) => return read::answer(None, "how much fuel there is"),
    };
    if read::is_true("Vehicle.Powertrain.FuelSystem.IsFuelLevelLow") {
        speech.push_str(" That is low.");
    }
    if let Some(metres) = read::number(BY_FUEL) {
        speech.push_str(&[" It is good for ", &units::way(metres, call), "."].concat());
    }
    Outcome::answer(speech)
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn a_way_near_the_range_is_only_just_possible() {
        assert_eq!(verdict(100.0, 600.0), "Yes,");
        assert_eq!(verdict(590.0, 600.0), "Only just:");
        assert_eq!(verdict(601.0, 600.0), "No,");
    }
}
