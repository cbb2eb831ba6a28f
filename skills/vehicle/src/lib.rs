//! Vehicle: range, fuel, battery and charging, tyres, mileage, speed, warnings, and the
//! temperature outside.
//!
//! Must not guess: what the car does not tell is said to be unknown.

use valet_skill_sdk::prelude::*;

mod charging;
mod distance;
mod energy;
mod read;
mod tyres;
mod units;
mod warnings;

struct Vehicle;

impl Skill for Vehicle {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "query-range" => Ok(energy::range(call)),
            "query-fuel" => Ok(energy::fuel(call)),
            "query-charge" => Ok(charging::answer(call)),
            "query-tyres" => Ok(tyres::answer(call)),
            "query-odometer" => Ok(distance::odometer(call)),
            "query-speed" => Ok(distance::speed(call)),
            "query-warnings" => Ok(warnings::answer(call)),
            "query-outside-temperature" => Ok(distance::outside(call)),
            "start-charging" => charging::start(),
            "stop-charging" => charging::stop(),
            "set-charge-limit" => charging::set_limit(call),
            _ => Err(SkillError::UnknownIntent),
        }
    }
}

export_skill!(Vehicle);
