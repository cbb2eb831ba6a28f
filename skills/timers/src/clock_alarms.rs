//! What alarms do: ring at a time of day, be told, go away.
//!
//! Must not word success: facts go to the host, which looks at what happened.

use crate::{
    book::{self, ClockAlarm, MAX_ENTRIES},
    when::{self, NoMoment, Now},
    words,
};
use valet_skill_sdk::prelude::*;

const TIME_FORMAT: &str = "Vehicle.Cabin.Infotainment.HMI.TimeFormat";

/// The host's clock.
pub(crate) fn now() -> Now {
    let now = clock::now();
    Now { utc_ms: now.utc_ms, offset_ms: i64::from(now.offset_min) * 60_000 }
}

/// Whether times are said from 0 to 24, by the setting or as the vehicle shows them.
pub(crate) fn is_24_hour(setting: Option<&str>) -> bool {
    match setting {
        Some("12-hour") => false,
        Some("24-hour") => true,
        _ => !matches!(signals::read_text(TIME_FORMAT), Ok(Some(format)) if format == "HR_12"),
    }
}

/// All alarms by time.
pub(crate) fn all() -> Result<Vec<ClockAlarm>, SkillError> {
    let pending = alarms::pending()?;
    Ok(pending
        .into_iter()
        .filter_map(|alarm| {
            let id = book::id_of(&alarm.name, "alarm-")?;
            let name = String::from_utf8(alarm.payload).unwrap_or_default();
            Some(ClockAlarm { id, name, at_utc_ms: alarm.at_utc_ms })
        })
        .collect())
}

/// "Your alarm", "Your medicine alarm".
pub(crate) fn label(name: &str) -> String {
    if name.is_empty() { "Your alarm".into() } else { format!("Your {name} alarm") }
}

/// A new alarm; the words why not.
pub(crate) fn create(name: &str, at_utc_ms: i64) -> Result<Result<ClockAlarm, String>, SkillError> {
    let there = all()?;
    if there.len() >= MAX_ENTRIES {
        return Ok(Err(format!("There are {MAX_ENTRIES} alarms already.")));
    }
    let id = book::free_id(there.iter().map(|alarm| alarm.id));
    let alarm = ClockAlarm { id, name: name.into(), at_utc_ms };
    alarms::set(&alarm.key(), at_utc_ms, name)?;
    Ok(Ok(alarm))
}

/// "set-alarm".
pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    let now = now();
    let at = match (call.time("time"), call.duration_ms("duration")) {
        (Some(time), _) => match now.next(time, call.date("date")) {
            Ok(at) => at,
            Err(NoMoment::Past) => return Ok(Outcome::cannot_do("That time is over already.")),
            Err(NoMoment::Unreadable) => return Err(SkillError::BadSlot("time".into())),
        },
        (None, Some(length)) => {
            now.utc_ms.saturating_add(i64::try_from(length).unwrap_or(i64::MAX / 2))
        }
        (None, None) => return Ok(Outcome::ask_slot("time", "For what time?")),
    };
    let spoken = now.spoken(at, is_24_hour(call.setting_text("time-format")));
    let name = call.text("name").map(book::clean_name).unwrap_or_default();
    if all()?.iter().any(|alarm| alarm.at_utc_ms == at && alarm.name == name) {
        return Ok(Outcome::answer(format!("There is an alarm for {spoken} already.")));
    }
    match create(&name, at)? {
        Ok(alarm) => Ok(Outcome::done().with("alarm", label(&alarm.name)).with("at", spoken)),
        Err(why) => Ok(Outcome::cannot_do(why)),
    }
}

/// "query-alarm".
pub(crate) fn query(call: &Call) -> Result<Outcome, SkillError> {
    let now = now();
    let is_24 = is_24_hour(call.setting_text("time-format"));
    let mut alarms = all()?;
    let day = call.date("date").and_then(when::day_number);
    if let Some(day) = day {
        alarms.retain(|alarm| now.day_of(alarm.at_utc_ms) == day);
    }
    let told: Vec<String> = alarms.iter().map(|alarm| described(alarm, now, is_24)).collect();
    Ok(Outcome::answer(match told.as_slice() {
        [] if day.is_some() => "There is no alarm on that day.".into(),
        [] => "There is no alarm.".into(),
        [one] => format!("There is one alarm: {one}."),
        [rest @ .., last] => {
            format!("There are {} alarms: {} and {last}.", told.len(), rest.join(", "))
        }
    }))
}

fn described(alarm: &ClockAlarm, now: Now, is_24: bool) -> String {
    let spoken = now.spoken(alarm.at_utc_ms, is_24);
    if alarm.name.is_empty() { spoken } else { format!("{} at {spoken}", alarm.name) }
}

/// "cancel-alarm".
pub(crate) fn cancel(call: &Call) -> Result<Outcome, SkillError> {
    let now = now();
    let there = all()?;
    if there.is_empty() {
        return Ok(Outcome::cannot_do("There is no alarm."));
    }
    let found: Vec<&ClockAlarm> = there.iter().filter(|alarm| is_meant(alarm, call, now)).collect();
    if found.is_empty() {
        return Ok(Outcome::cannot_do("There is no such alarm."));
    }
    let is_24 = is_24_hour(call.setting_text("time-format"));
    if found.len() > 1 && call.text("scope").is_none() {
        let choices: Vec<(String, String)> = found
            .iter()
            .take(10)
            .map(|alarm| (alarm.key(), described(alarm, now, is_24)))
            .collect();
        let labels = words::either(choices.iter().map(|(_, label)| label));
        return Ok(Outcome::choose("name", format!("Which alarm: {labels}?"), choices));
    }
    for alarm in &found {
        alarms::cancel(&alarm.key())?;
    }
    let about = match found.as_slice() {
        [one] => format!("Your alarm for {} is", described(one, now, is_24)),
        several => format!("All {} alarms are", several.len()),
    };
    Ok(Outcome::done().with("alarm", about))
}

/// Whether an alarm fits all that was said: its name or key, its time, its day.
fn is_meant(alarm: &ClockAlarm, call: &Call, now: Now) -> bool {
    let name_fits = call.text("name").is_none_or(|said| {
        let name = book::clean_name(said);
        said == alarm.key() || name.is_empty() || book::is_called(&alarm.name, &name)
    });
    let time_fits = call
        .time("time")
        .and_then(when::time_ms)
        .is_none_or(|ms| is_same_time(now.minute_of(alarm.at_utc_ms), ms / 60_000));
    let day_fits = call
        .date("date")
        .and_then(when::day_number)
        .is_none_or(|day| now.day_of(alarm.at_utc_ms) == day);
    name_fits && time_fits && day_fits
}

/// "The seven o'clock alarm" may be the one in the evening.
fn is_same_time(minute: i64, said: i64) -> bool {
    minute == said || (said < 720 && minute == said + 720)
}

#[cfg(test)]
mod tests {
    use super::is_same_time;

    #[test]
    fn a_morning_hour_may_mean_the_evening() {
        assert!(is_same_time(420, 420));
        assert!(is_same_time(1140, 420));
        assert!(!is_same_time(420, 1140));
    }
}
