//! What is only on or off: air conditioning, recirculation, defrosters.
//!
//! Must not raise the fan for a defroster: companions are the policy's.

use valet_skill_sdk::prelude::*;

const AIR_CONDITIONING: &str = "Vehicle.Cabin.HVAC.IsAirConditioningActive";
const RECIRCULATION: &str = "Vehicle.Cabin.HVAC.IsRecirculationActive";
const FRONT: &str = "Vehicle.Cabin.HVAC.IsFrontDefrosterActive";
const REAR: &str = "Vehicle.Cabin.HVAC.IsRearDefrosterActive";
const MIRRORS: [&str; 2] = [
    "Vehicle.Body.Mirrors.DriverSide.IsHeatingOn",
    "Vehicle.Body.Mirrors.PassengerSide.IsHeatingOn",
];

fn state(call: &Call) -> Option<bool> {
    call.text("state").map(|state| state == "on")
}

pub(crate) fn air_conditioning(call: &Call) -> Result<Outcome, SkillError> {
    let on = state(call).ok_or(SkillError::BadSlot("state".into()))?;
    Batch::new().set(AIR_CONDITIONING, on).finish()
}

pub(crate) fn recirculation(call: &Call) -> Result<Outcome, SkillError> {
    // "fresh air" and "recirculate" say it without a state.
    let on = state(call).unwrap_or(call.text("source") != Some("fresh"));
    Batch::new().set(RECIRCULATION, on).finish()
}

pub(crate) fn defrost(call: &Call) -> Result<Outcome, SkillError> {
    let on = state(call).unwrap_or(true);
    let (paths, device): (&[&str], &str) = match call.text("glass") {
        Some("rear") => (&[REAR], "rear defroster"),
        Some("mirrors") => (&MIRRORS, "mirror heating"),
        Some("all") => (&[FRONT, REAR], "front and rear defrosting"),
        _ => (&[FRONT], "front defroster"),
    };
    let mut batch = Batch::new();
    for path in paths {
        batch.push(*path, on);
    }
    batch.send()?;
    Ok(Outcome::done().with("device", device))
}
