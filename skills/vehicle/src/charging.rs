//! The battery: how full it is, and charging it.
//!
//! Must not decide whether charging may start (cable, standing): that is the policy's.

use crate::{read, units};
use valet_skill_sdk::prelude::*;

const LEVELS: [&str; 2] = [
    "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed",
    "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current",
];
const START_STOP: &str = "Vehicle.Powertrain.TractionBattery.Charging.StartStopCharging";
const LIMIT: &str = "Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit";
const CHARGING: &str = "Vehicle.Powertrain.TractionBattery.Charging.IsCharging";
const REMAINING: &str = "Vehicle.Powertrain.TractionBattery.Charging.TimeToComplete";
const CABLE: &str =
    "Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected";

pub(crate) fn answer(call: &Call) -> Outcome {
    let speech = match call.text("topic") {
        Some("charge-limit") => read::number(LIMIT)
            .map(|limit| ["The charge limit is ", &say::number(limit, 0), " percent."].concat()),
        Some("charging") => charging(),
        Some("remaining") => remaining(),
        _ => level(),
    };
    read::answer(speech, "that about the battery")
}

fn level_number() -> Option<f64> {
    LEVELS.iter().find_map(|path| read::number(path))
}

fn level() -> Option<String> {
    let level = say::number(level_number()?, 0);
    let mut speech = ["The battery is at ", &level, " percent."].concat();
    if read::is_true(CHARGING) {
        speech.push_str(" It is charging.");
    }
    Some(speech)
}

fn charging() -> Option<String> {
    let speech = match (read::flag(CHARGING)?, read::flag(CABLE)) {
        (true, _) => "The battery is charging",
        (false, Some(false)) => "The battery is not charging, for no cable is plugged in",
        (false, Some(true)) => "The battery is not charging, but the cable is plugged in",
        (false, None) => "The battery is not charging",
    };
    let level = level_number()
        .map(|level| [" It is at ", &say::number(level, 0), " percent."].concat())
        .unwrap_or_default();
    Some([speech, ".", &level].concat())
}

fn remaining() -> Option<String> {
    if !read::flag(CHARGING)? {
        let level = say::number(level_number()?, 0);
        return Some(["The battery is not charging. It is at ", &level, " percent."].concat());
    }
    let time = units::time(read::number(REMAINING).filter(|seconds| *seconds > 0.0)?);
    Some(match read::number(LIMIT) {
        Some(limit) => {
            ["It takes ", &time, " more to reach ", &say::number(limit, 0), " percent."].concat()
        }
        None => ["It takes ", &time, " more."].concat(),
    })
}

pub(crate) fn start() -> Result<Outcome, SkillError> {
    Batch::new().set(START_STOP, "START").finish()
}

/// A charge that was only just asked for is stopped too, although nothing flows yet.
pub(crate) fn stop() -> Result<Outcome, SkillError> {
    let is_wanted = read::text(START_STOP).as_deref() == Some("START");
    if read::flag(CHARGING) == Some(false) && !is_wanted {
        return Ok(Outcome::answer("The battery is not charging."));
    }
    Batch::new().set(START_STOP, "STOP").finish()
}

pub(crate) fn set_limit(call: &Call) -> Result<Outcome, SkillError> {
    let limit = call.percentage("limit").ok_or(SkillError::BadSlot("limit".into()))?;
    Batch::new().set(LIMIT, limit.round()).send()?;
    let bounds = signals::describe(LIMIT).ok();
    let bound = |value: Option<f64>, otherwise| Value::Percentage(value.unwrap_or(otherwise));
    Ok(Outcome::done()
        .with("min", bound(bounds.as_ref().and_then(|info| info.min), 0.0))
        .with("max", bound(bounds.as_ref().and_then(|info| info.max), 100.0)))
}
