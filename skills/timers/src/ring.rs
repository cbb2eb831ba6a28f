//! What rings, what is said then, and ringing again.
//!
//! Must not decide when: the host's alarms do.

use crate::{book, clock_alarms, timers, words};
use valet_skill_sdk::prelude::*;

/// What rang last, for [`snooze`].
const RUNG: &str = "rung";
/// From here on the delay is said, ms.
const LATE_MS: u64 = 60_000;
/// How long after it rang something can be put off, ms.
const SNOOZABLE_MS: i64 = 3_600_000;
/// An alarm asks nothing where something else rang this shortly before, ms: a yes might be to that.
const ALONE_MS: i64 = 60_000;

/// Says what rings.
pub(crate) fn announce_alarm(alarm: &Ringing) -> Result<(), SkillError> {
    let payload = alarm.payload_text().unwrap_or_default();
    let now = clock_alarms::now();
    let late = alarm.late_ms();
    let due = now.utc_ms.saturating_sub(i64::try_from(late).unwrap_or(i64::MAX));
    let (kind, name, speech) = if let Some(id) = book::id_of(alarm.name(), "timer-") {
        let timer = book::Timer::read(id, payload, 0)
            .ok_or_else(|| SkillError::Internal("the timer's payload cannot be read".into()))?;
        ("timer", timer.name.clone(), timer_speech(&timer.label(true), late))
    } else {
        let is_24 = clock_alarms::is_24_hour(alarm.setting_text("time-format"));
        let mut speech = alarm_speech(payload, &now.spoken(due, is_24), late);
        let wanted = alarm.setting_boolean("offer-snooze").unwrap_or(true) && late < LATE_MS;
        let rung = store::read_text(RUNG)?.unwrap_or_default();
        if wanted && read_rung(&rung, now.utc_ms, ALONE_MS).is_none() {
            let again_in = words::length(default_ms(alarm.setting_number("snooze-minutes")));
            speech.push_str(&format!(" Shall it ring again in {again_in}?"));
        }
        ("alarm", payload.to_owned(), speech)
    };
    // First: a yes may be here before this returns.
    store::write(RUNG, format!("{kind}\t{}\t{name}", now.utc_ms))?;
    announce::say(&speech)?;
    Ok(())
}

fn timer_speech(label: &str, late_ms: u64) -> String {
    if late_ms < LATE_MS {
        format!("Your {label} is done.")
    } else {
        format!("Your {label} was done {} ago: the device was off.", words::length(late_ms))
    }
}

fn alarm_speech(name: &str, at: &str, late_ms: u64) -> String {
    let label = clock_alarms::label(name);
    if late_ms < LATE_MS {
        format!("It is {at}. {label} rings.")
    } else {
        format!("{label} was due {} ago: the device was off.", words::length(late_ms))
    }
}

/// "snooze": what rang in the last hour rings again later.
pub(crate) fn snooze(call: &Call) -> Result<Outcome, SkillError> {
    let now = clock::now().utc_ms;
    let text = store::read_text(RUNG)?.unwrap_or_default();
    let Some((kind, name)) = read_rung(&text, now, SNOOZABLE_MS) else {
        return Ok(Outcome::cannot_do("Nothing has rung within the last hour."));
    };
    let length_ms = call
        .duration_ms("duration")
        .unwrap_or_else(|| default_ms(call.setting_number("snooze-minutes")));
    if length_ms == 0 || length_ms > 86_400_000 {
        return Ok(Outcome::cannot_do("It can be put off by a day at most."));
    }
    let refused = if kind == "timer" {
        timers::create(name, length_ms)?.err()
    } else {
        let at = now.saturating_add(i64::try_from(length_ms).unwrap_or(i64::MAX / 2));
        clock_alarms::create(name, at)?.err()
    };
    if let Some(why) = refused {
        return Ok(Outcome::cannot_do(why));
    }
    store::remove(RUNG)?;
    Ok(Outcome::done().with("length", Value::Duration(length_ms)))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn default_ms(setting_minutes: Option<f64>) -> u64 {
    let minutes = setting_minutes.unwrap_or(9.0).clamp(1.0, 60.0);
    (minutes * 60_000.0) as u64
}

/// Kind and name of what rang, if it was not longer ago than this.
fn read_rung(text: &str, now_utc_ms: i64, at_most_ms: i64) -> Option<(&str, &str)> {
    let mut parts = text.splitn(3, '\t');
    let (kind, at, name) = (parts.next()?, parts.next()?.parse::<i64>().ok()?, parts.next()?);
    (now_utc_ms.checked_sub(at)? <= at_most_ms).then_some((kind, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_is_said() {
        assert_eq!(timer_speech("pasta timer", 900), "Your pasta timer is done.");
        assert_eq!(
            timer_speech("pasta timer", 120_000),
            "Your pasta timer was done 2 minutes ago: the device was off."
        );
        assert_eq!(alarm_speech("", "6:30", 0), "It is 6:30. Your alarm rings.");
    }

    #[test]
    fn what_rang_long_ago_cannot_be_put_off() {
        assert_eq!(read_rung("timer\t1000\tpasta", 2_000, 1_000), Some(("timer", "pasta")));
        assert_eq!(read_rung("timer\t1000\tpasta", 2_001, 1_000), None);
        assert_eq!(read_rung("", 0, SNOOZABLE_MS), None);
    }
}
