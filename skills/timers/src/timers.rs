//! What timers do: start, tell, hold, go on, get longer, go away.
//!
//! Must not word success: facts go to the host, which looks at what happened.

use crate::{
    book::{self, MAX_ENTRIES, Meant, Timer},
    words,
};
use valet_skill_sdk::prelude::*;

const MIN_LENGTH_MS: u64 = 1_000;
const MAX_LENGTH_MS: u64 = 7 * 86_400_000;
const LENGTHS: &str = "A timer can run from one second to seven days.";
/// A held timer is an alarm that far off, ms: one entry, changed in one step, that never rings.
const HELD_FOR_MS: i64 = 10 * 365 * 86_400_000;

/// All timers, the one that rings first in front, held ones last.
pub(crate) fn all() -> Result<Vec<Timer>, SkillError> {
    let now = clock::now().utc_ms;
    let mut timers: Vec<Timer> = alarms::pending()?
        .into_iter()
        .filter_map(|alarm| {
            let id = book::id_of(&alarm.name, "timer-")?;
            let payload = core::str::from_utf8(&alarm.payload).ok()?;
            let rings_in = u64::try_from(alarm.at_utc_ms - now).unwrap_or_default();
            Timer::read(id, payload, rings_in)
        })
        .collect();
    timers.sort_by_key(|timer| (timer.is_held, timer.left_ms));
    Ok(timers)
}

/// Writes a timer down: it rings after what it has left, or not while it is held.
fn keep(timer: &Timer) -> Result<(), SkillError> {
    let left = i64::try_from(timer.left_ms).unwrap_or(HELD_FOR_MS);
    let after = if timer.is_held { HELD_FOR_MS } else { left };
    Ok(alarms::set(&timer.key(), clock::now().utc_ms.saturating_add(after), timer.payload())?)
}

fn remove(timer: &Timer) -> Result<(), SkillError> {
    alarms::cancel(&timer.key())?;
    Ok(())
}

/// A new timer of that name and length among those there are; the words why not.
pub(crate) fn create(name: &str, length_ms: u64) -> Result<Result<Timer, String>, SkillError> {
    let timers = all()?;
    if timers.len() >= MAX_ENTRIES {
        return Ok(Err(format!("There are {MAX_ENTRIES} timers already.")));
    }
    if !(MIN_LENGTH_MS..=MAX_LENGTH_MS).contains(&length_ms) {
        return Ok(Err(LENGTHS.into()));
    }
    let id = book::free_id(timers.iter().map(|timer| timer.id));
    let timer = Timer { id, name: name.into(), length_ms, left_ms: length_ms, is_held: false };
    keep(&timer)?;
    Ok(Ok(timer))
}

/// "start-timer".
pub(crate) fn start(call: &Call) -> Result<Outcome, SkillError> {
    let Some(length_ms) = call.duration_ms("duration") else {
        return Ok(Outcome::ask_slot("duration", "For how long?"));
    };
    let name = call.text("name").map(book::clean_name).unwrap_or_default();
    match create(&name, length_ms)? {
        Ok(timer) => Ok(Outcome::done().with("timer", format!("Your {}", timer.label(true)))),
        Err(why) => Ok(Outcome::cannot_do(why)),
    }
}

/// "query-timer".
pub(crate) fn query(call: &Call) -> Result<Outcome, SkillError> {
    let timers = all()?;
    let every: Vec<&Timer> = timers.iter().collect();
    let told = match book::meant(&every, call.text("name")) {
        Meant::Nothing => return Ok(Outcome::answer("There is no timer.")),
        Meant::NoSuch => {
            return Ok(Outcome::answer(format!("There is no {}.", said_label(call))));
        }
        Meant::One(timer) => vec![timer],
        Meant::Several(timers) => timers,
    };
    let is_only = told.len() == 1;
    let sentences: Vec<String> = told.iter().map(|timer| tell(timer, is_only)).collect();
    Ok(Outcome::answer(sentences.join(" ")))
}

fn tell(timer: &Timer, is_only: bool) -> String {
    let held = if timer.is_held { " and is on hold" } else { "" };
    format!("Your {} has {} left{held}.", timer.label(is_only), words::length(timer.left_ms))
}

fn said_label(call: &Call) -> String {
    let name = call.text("name").map(book::clean_name).unwrap_or_default();
    if name.is_empty() { "timer".into() } else { format!("{name} timer") }
}

/// Finds the timer that is meant among those a filter lets through, or says what to answer.
fn find(
    call: &Call,
    filter: impl Fn(&Timer) -> bool,
    nothing: &str,
) -> Result<Result<(Timer, bool), Outcome>, SkillError> {
    let timers = all()?;
    let fitting: Vec<&Timer> = timers.iter().filter(|timer| filter(timer)).collect();
    let is_only = timers.len() == 1;
    Ok(match book::meant(&fitting, call.text("name")) {
        Meant::One(timer) => Ok((timer.clone(), is_only)),
        Meant::Nothing => Err(Outcome::cannot_do(nothing)),
        Meant::NoSuch => Err(Outcome::cannot_do(format!("There is no {}.", said_label(call)))),
        Meant::Several(several) => Err(choose(&several)),
    })
}

fn choose(timers: &[&Timer]) -> Outcome {
    let choices = timers.iter().take(10).map(|timer| {
        let label = timer.label(false);
        // Two of the same label are told apart by what they have left.
        let is_double = timers.iter().filter(|other| other.label(false) == label).count() > 1;
        let left = words::length(timer.left_ms);
        (timer.key(), if is_double { format!("{label} with {left} left") } else { label })
    });
    let choices: Vec<(String, String)> =
        choices.map(|(id, label)| (id, format!("the {label}"))).collect();
    let labels = words::either(choices.iter().map(|(_, label)| label));
    Outcome::choose("name", format!("Which one: {labels}?"), choices)
}

fn about(timer: &Timer, is_only: bool) -> Outcome {
    Outcome::done()
        .with("timer", format!("Your {}", timer.label(is_only)))
        .with("remaining", Value::Duration(rounded(timer.left_ms)))
}

/// Whole seconds: nobody wants to hear milliseconds.
fn rounded(ms: u64) -> u64 {
    ms.saturating_add(500) / 1_000 * 1_000
}

/// "pause-timer".
pub(crate) fn pause(call: &Call) -> Result<Outcome, SkillError> {
    match find(call, |timer| !timer.is_held, "No timer is running.")? {
        Ok((mut timer, is_only)) => {
            timer.is_held = true;
            keep(&timer)?;
            Ok(about(&timer, is_only))
        }
        Err(outcome) => Ok(outcome),
    }
}

/// "resume-timer".
pub(crate) fn resume(call: &Call) -> Result<Outcome, SkillError> {
    match find(call, |timer| timer.is_held, "No timer is on hold.")? {
        Ok((mut timer, is_only)) => {
            timer.is_held = false;
            keep(&timer)?;
            Ok(about(&timer, is_only))
        }
        Err(outcome) => Ok(outcome),
    }
}

/// "add-to-timer".
pub(crate) fn add(call: &Call) -> Result<Outcome, SkillError> {
    let Some(more_ms) = call.duration_ms("duration") else {
        return Ok(Outcome::ask_slot("duration", "How much time should I add?"));
    };
    match find(call, |_| true, "There is no timer.")? {
        Ok((mut timer, is_only)) => {
            timer.left_ms = timer.left_ms.saturating_add(more_ms);
            if timer.left_ms > MAX_LENGTH_MS {
                return Ok(Outcome::cannot_do("A timer can run seven days at most."));
            }
            keep(&timer)?;
            Ok(about(&timer, is_only))
        }
        Err(outcome) => Ok(outcome),
    }
}

/// "change-timer": as long as was said, counted from when it was started.
pub(crate) fn change(call: &Call) -> Result<Outcome, SkillError> {
    let Some(length_ms) = call.duration_ms("duration") else {
        return Ok(Outcome::ask_slot("duration", "How long should it be?"));
    };
    if !(MIN_LENGTH_MS..=MAX_LENGTH_MS).contains(&length_ms) {
        return Ok(Outcome::cannot_do(LENGTHS));
    }
    match find(call, |_| true, "There is no timer.")? {
        Ok((mut timer, is_only)) => {
            let run_ms = timer.length_ms.saturating_sub(timer.left_ms);
            if run_ms >= length_ms {
                return Ok(Outcome::cannot_do("It has run for longer than that already."));
            }
            timer.length_ms = length_ms;
            timer.left_ms = length_ms - run_ms;
            keep(&timer)?;
            Ok(about(&timer, is_only))
        }
        Err(outcome) => Ok(outcome),
    }
}

/// "cancel-timer".
pub(crate) fn cancel(call: &Call) -> Result<Outcome, SkillError> {
    if call.text("scope").is_some() {
        return cancel_all();
    }
    match find(call, |_| true, "There is no timer.")? {
        Ok((timer, is_only)) => {
            remove(&timer)?;
            Ok(Outcome::done().with("timer", format!("Your {} is", timer.label(is_only))))
        }
        Err(outcome) => Ok(outcome),
    }
}

fn cancel_all() -> Result<Outcome, SkillError> {
    let timers = all()?;
    for timer in &timers {
        remove(timer)?;
    }
    Ok(match timers.as_slice() {
        [] => Outcome::cannot_do("There is no timer."),
        [one] => Outcome::done().with("timer", format!("Your {} is", one.label(true))),
        several => Outcome::done().with("timer", format!("All {} timers are", several.len())),
    })
}
