//! Climate: temperature, fan, air, defrosting, heat and ventilation of the seats, and the
//! heat of the steering wheel.
//!
//! Must not touch anything else of the car; which signal belongs to which words is decided here.

use valet_skill_sdk::prelude::*;

mod fan;
mod place;
mod query;
mod seat;
mod switch;
mod temperature;

struct Climate;

impl Skill for Climate {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "set-temperature" => temperature::set(call),
            "change-temperature" => temperature::change(call),
            "set-fan" => fan::set(call),
            "change-fan" => fan::change(call),
            "set-airflow" => fan::direct(call),
            "set-ac" => switch::air_conditioning(call),
            "set-recirculation" => switch::recirculation(call),
            "set-defrost" => switch::defrost(call),
            "set-seat-heating" => seat::set(call, seat::Effect::Heating),
            "set-seat-cooling" => seat::set(call, seat::Effect::Cooling),
            "set-wheel-heating" => seat::set_wheel(call),
            "query-climate" => query::answer(call),
            _ => Err(SkillError::UnknownIntent),
        }
    }
}

export_skill!(Climate);
