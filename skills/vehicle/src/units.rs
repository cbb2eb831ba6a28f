//! Amounts in the units that the person wants to hear.
//!
//! Must not know signals but those of the displays' units.

use crate::read;
use valet_skill_sdk::prelude::*;

const M_PER_MILE: f64 = 1609.344;
const KPA_PER_PSI: f64 = 6.894_757;
const L_PER_US_GALLON: f64 = 3.785_412;
const L_PER_UK_GALLON: f64 = 4.546_09;

/// The skill's setting, `None` = as the car's displays.
fn is_imperial(call: &Call) -> Option<bool> {
    match call.setting_text("units") {
        Some("imperial") => Some(true),
        Some("metric") => Some(false),
        _ => None,
    }
}

fn display(unit: &str) -> Option<String> {
    read::text(&["Vehicle.Cabin.Infotainment.HMI.", unit].concat())
}

fn says(call: &Call, unit: &str, imperial: &str) -> bool {
    is_imperial(call).unwrap_or_else(|| display(unit).as_deref() == Some(imperial))
}

/// A number and its unit; one of it in the singular.
fn counted(value: f64, decimals: u32, one: &str, many: &str) -> String {
    let number = say::number(value, decimals);
    let unit = if number == "1" { one } else { many };
    [&number, " ", unit].concat()
}

/// A way, from metres, in whole kilometres or miles; short ones in tenths.
pub(crate) fn way(metres: f64, call: &Call) -> String {
    if says(call, "DistanceUnit", "MILES") {
        way_in(metres / M_PER_MILE, "mile", "miles")
    } else {
        way_in(metres / 1000.0, "kilometre", "kilometres")
    }
}

fn way_in(value: f64, one: &str, many: &str) -> String {
    counted(value, u32::from(value < 10.0), one, many)
}

/// A speed, from km/h.
pub(crate) fn speed(kmh: f64, call: &Call) -> String {
    if says(call, "SpeedUnit", "MILES_PER_HOUR") {
        counted(kmh * 1000.0 / M_PER_MILE, 0, "mile an hour", "miles an hour")
    } else {
        counted(kmh, 0, "kilometre an hour", "kilometres an hour")
    }
}

/// A temperature, from degrees Celsius.
pub(crate) fn temperature(celsius: f64, call: &Call) -> String {
    if says(call, "TemperatureUnit", "F") {
        counted(celsius * 1.8 + 32.0, 0, "degree Fahrenheit", "degrees Fahrenheit")
    } else {
        counted(celsius, 1, "degree", "degrees")
    }
}

/// A volume of fuel, from litres.
pub(crate) fn volume(litres: f64, call: &Call) -> String {
    let shown = display("FuelVolumeUnit");
    match (is_imperial(call), shown.as_deref()) {
        (Some(true), Some("GALLON_UK")) | (None, Some("GALLON_UK")) => {
            counted(litres / L_PER_UK_GALLON, 1, "gallon", "gallons")
        }
        (Some(true), _) | (None, Some("GALLON_US")) => {
            counted(litres / L_PER_US_GALLON, 1, "gallon", "gallons")
        }
        _ => counted(litres, 0, "litre", "litres"),
    }
}

/// How a pressure is said.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Pressure {
    Bar,
    Kilopascal,
    Psi,
}

/// The unit of pressures.
pub(crate) fn pressure_unit(call: &Call) -> Pressure {
    match (is_imperial(call), display("TirePressureUnit").as_deref()) {
        (Some(true), _) | (None, Some("PSI")) => Pressure::Psi,
        (None, Some("KPA")) => Pressure::Kilopascal,
        _ => Pressure::Bar,
    }
}

impl Pressure {
    /// The number alone, from kPa.
    pub(crate) fn number(self, kpa: f64) -> String {
        match self {
            Self::Bar => say::number(kpa / 100.0, 1),
            Self::Kilopascal => say::number(kpa, 0),
            Self::Psi => say::number(kpa / KPA_PER_PSI, 0),
        }
    }

    /// The unit's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bar => "bar",
            Self::Kilopascal => "kilopascals",
            Self::Psi => "psi",
        }
    }
}

/// A length of time from seconds, to the minute: "2 hours and 5 minutes".
pub(crate) fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round().max(1.0);
    let hours = (minutes / 60.0).floor();
    let rest = minutes - hours * 60.0;
    let hours_said = counted(hours, 0, "hour", "hours");
    let rest_said = counted(rest, 0, "minute", "minutes");
    match (hours > 0.0, rest > 0.0) {
        (true, true) => [&hours_said, " and ", &rest_said].concat(),
        (true, false) => hours_said,
        _ => rest_said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_hours_and_minutes() {
        for (seconds, said) in [
            (20.0, "1 minute"),
            (3600.0, "1 hour"),
            (7500.0, "2 hours and 5 minutes"),
            (3660.0, "1 hour and 1 minute"),
        ] {
            assert_eq!(time(seconds), said);
        }
    }

    #[test]
    fn pressures_are_rounded_as_gauges_do() {
        assert_eq!(Pressure::Bar.number(240.0), "2.4");
        assert_eq!(Pressure::Psi.number(240.0), "35");
    }

    #[test]
    fn short_ways_have_a_decimal() {
        assert_eq!(way_in(9.44, "kilometre", "kilometres"), "9.4 kilometres");
        assert_eq!(way_in(1.0, "mile", "miles"), "1 mile");
        assert_eq!(way_in(612.4, "kilometre", "kilometres"), "612 kilometres");
    }
}
