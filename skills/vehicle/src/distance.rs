//! Mileage, speed, and the temperature outside: one number each.
//!
//! Must not judge speed limits; the car does not tell them.

use crate::{read, units};
use valet_skill_sdk::prelude::*;

/// Below this the road may be icy, °C: the threshold of the warnings in most cars.
const ICE_BELOW: f64 = 3.5;

pub(crate) fn odometer(call: &Call) -> Outcome {
    let (path, before, after) = match call.text("counter") {
        Some("trip") => ("Vehicle.TripMeterReading", "The trip meter shows ", "."),
        Some("start") => {
            ("Vehicle.TraveledDistanceSinceStart", "You have driven ", " since the start.")
        }
        _ => ("Vehicle.TraveledDistance", "The car has driven ", " in total."),
    };
    let speech =
        read::number(path).map(|metres| [before, &units::way(metres, call), after].concat());
    read::answer(speech, "how far it has driven")
}

pub(crate) fn speed(call: &Call) -> Outcome {
    let speech = read::number("Vehicle.Speed").map(|kmh| {
        if kmh.abs() < 0.5 {
            "The car is standing still.".into()
        } else {
            ["You are doing ", &units::speed(kmh.abs(), call), "."].concat()
        }
    });
    read::answer(speech, "its speed")
}

pub(crate) fn outside(call: &Call) -> Outcome {
    let speech = read::number("Vehicle.Exterior.AirTemperature").map(|celsius| {
        let ice = if celsius < ICE_BELOW { " The road may be icy." } else { "" };
        ["It is ", &units::temperature(celsius, call), " outside.", ice].concat()
    });
    read::answer(speech, "the temperature outside")
}
