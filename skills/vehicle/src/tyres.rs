//! Tyre pressures.
//!
//! Must not know a target pressure: whether one is low is the car's word.

use crate::{read, units};
use valet_skill_sdk::prelude::*;

/// One wheel: its branch, where it is, and the zone above it.
struct Wheel {
    branch: &'static str,
    name: &'static str,
    row: u8,
    /// The side with the driver on the left; the understanding maps "left" the same way.
    side: Side,
}

const WHEELS: [Wheel; 4] = [
    Wheel {
        branch: "Vehicle.Chassis.Axle.Row1.Wheel.Left",
        name: "front left",
        row: 1,
        side: Side::Driver,
    },
    Wheel {
        branch: "Vehicle.Chassis.Axle.Row1.Wheel.Right",
        name: "front right",
        row: 1,
        side: Side::Passenger,
    },
    Wheel {
        branch: "Vehicle.Chassis.Axle.Row2.Wheel.Left",
        name: "rear left",
        row: 2,
        side: Side::Driver,
    },
    Wheel {
        branch: "Vehicle.Chassis.Axle.Row2.Wheel.Right",
        name: "rear right",
        row: 2,
        side: Side::Passenger,
    },
];

/// Branches of the wheels with their names, for the warnings.
pub(crate) fn wheels() -> impl Iterator<Item = (&'static str, &'static str)> {
    WHEELS.iter().map(|wheel| (wheel.branch, wheel.name))
}

pub(crate) fn answer(call: &Call) -> Outcome {
    let unit = units::pressure_unit(call);
    let zone = call.zone("zone").unwrap_or(Zone::All);
    let mut known: Vec<(&Wheel, String)> = Vec::new();
    let (mut low, mut judged, mut untold) = (Vec::new(), 0, Vec::new());
    for wheel in WHEELS.iter().filter(|wheel| zone.contains(wheel.row, wheel.side)) {
        let pressure = read::number(&[wheel.branch, ".Tire.Pressure"].concat());
        let is_low = read::flag(&[wheel.branch, ".Tire.IsPressureLow"].concat());
        if pressure.is_none() || is_low.is_none() {
            untold.push(wheel.name);
        }
        judged += usize::from(is_low.is_some());
        if is_low == Some(true) {
            low.push(wheel.name);
        }
        known.extend(pressure.map(|kpa| (wheel, unit.number(kpa))));
    }
    if known.is_empty() && low.is_empty() {
        return read::answer(None, "those tyre pressures");
    }
    let mut said = Vec::new();
    if !untold.is_empty() {
        let tyres = if untold.len() == 1 { " tyre now." } else { " tyres now." };
        let names = untold.join(" and the ");
        said.push(["The car does not tell me everything about the ", &names, tyres].concat());
    }
    said.extend(verdict(&low, judged, untold.len()));
    let measured: Vec<String> = by_axle(&known)
        .into_iter()
        .map(|(name, pressure)| [name, " ", pressure, " ", unit.word()].concat())
        .collect();
    if !measured.is_empty() {
        said.push([&capitalised(&measured.join(", ")), "."].concat());
    }
    Outcome::answer(said.join(" "))
}

/// Which tyres are low; that none is only where the car says so of all that were asked about.
fn verdict(low: &[&str], judged: usize, untold: usize) -> Vec<String> {
    match low {
        [] if judged == 0 => Vec::new(),
        [] if untold > 0 => vec!["No other tyre is low.".into()],
        [] => vec!["No tyre is low.".into()],
        [one] => vec![["The ", one, " tyre is low."].concat()],
        many => vec![["These tyres are low: ", &many.join(", "), "."].concat()],
    }
}

/// Two wheels of an axle with the same pressure are said together.
fn by_axle<'k>(known: &'k [(&Wheel, String)]) -> Vec<(&'static str, &'k str)> {
    let mut said = Vec::new();
    let mut rest = known;
    while let Some(((wheel, pressure), others)) = rest.split_first() {
        let twin = others.first().filter(|(w, p)| w.row == wheel.row && p == pressure);
        let axle = if wheel.row == 1 { "front tyres" } else { "rear tyres" };
        said.push((if twin.is_some() { axle } else { wheel.name }, pressure.as_str()));
        rest = if twin.is_some() { &others[1..] } else { others };
    }
    said
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn no_tyre_is_low_only_where_the_car_says_so_of_each() {
        assert_eq!(verdict(&[], 4, 0), ["No tyre is low."]);
        assert_eq!(verdict(&[], 3, 1), ["No other tyre is low."]);
        assert!(verdict(&[], 0, 4).is_empty());
        assert_eq!(verdict(&["front left"], 3, 1), ["The front left tyre is low."]);
    }
}
