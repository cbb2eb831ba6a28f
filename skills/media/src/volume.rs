//! The volume: set, changed, muted, brought back.
//!
//! VSS has no mute: muting is volume 0 with the old one kept in the store.

use crate::{
    read,
    words::{self, Loudness},
};
use valet_skill_sdk::prelude::*;

const VOLUME: &str = "Vehicle.Cabin.Infotainment.Media.Volume";
const BEFORE_MUTE: &str = "before-mute";

/// "set-volume".
pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    let said = match (call.percentage("level"), call.number("number"), call.text("position")) {
        // "Volume five" is a step of the scale, "five percent" is not.
        (Some(level), _, _) if is_percent(call) => Some(level),
        (Some(number), _, _) => Some(words::percent_of(number, call.setting_text("scale"))),
        (None, Some(number), _) => Some(words::percent_of(number, call.setting_text("scale"))),
        (None, None, Some(position)) => words::position(position),
        (None, None, None) => None,
    };
    match said {
        Some(level) if (0.0..=100.0).contains(&level) => write(level),
        Some(_) => Ok(Outcome::cannot_do("The volume goes from 0 to 100 percent.")),
        None => Ok(Outcome::ask_slot("level", "How loud, in percent?")),
    }
}

fn is_percent(call: &Call) -> bool {
    let said = call.words("level").unwrap_or_default().to_ascii_lowercase();
    said.contains("percent") || said.contains("per cent") || said.contains('%')
}

/// "change-volume".
pub(crate) fn change(call: &Call) -> Result<Outcome, SkillError> {
    let said = call.text("loudness").or(call.text("direction"));
    let Some(loudness) = said.and_then(Loudness::read) else {
        return Ok(Outcome::ask_slot("loudness", "Louder or quieter?"));
    };
    let Some(current) = read::number(VOLUME) else {
        return Ok(Outcome::cannot_do("I do not know how loud it is now."));
    };
    let step = call.setting_number("step").unwrap_or(10.0);
    let steps = call.number("steps").map(|n| words::percent_of(n, call.setting_text("scale")));
    let said = call.percentage("amount").or(steps).filter(|amount| *amount > 0.0);
    let amount = said.unwrap_or_else(|| words::step(step, call.text("size")));
    write(loudness.apply(current, amount))
}

/// "mute".
pub(crate) fn mute() -> Result<Outcome, SkillError> {
    if let Some(volume) = read::number(VOLUME).filter(|volume| *volume > 0.0) {
        store::write(BEFORE_MUTE, say::number(volume, 0))?;
    }
    write(0.0)
}

/// "unmute".
pub(crate) fn unmute(call: &Call) -> Result<Outcome, SkillError> {
    if let Some(current) = read::number(VOLUME).filter(|volume| *volume > 0.0) {
        let volume = say::number(current, 0);
        return Ok(Outcome::answer(format!("The sound is on, at {volume} percent.")));
    }
    let before = store::read_text(BEFORE_MUTE)?
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|volume| (1.0..=100.0).contains(volume));
    write(before.or(call.setting_number("unmute-volume")).unwrap_or(30.0))
}

#[allow(clippy::cast_possible_truncation)]
fn write(percent: f64) -> Result<Outcome, SkillError> {
    Batch::new().set(VOLUME, percent.round() as i64).finish()
}
