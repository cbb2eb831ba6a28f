//! The skill `org.valetd.timers`: timers by name and alarms at a time of day.
//!
//! Must not keep time itself: the host's alarms ring, also after a restart. What runs is what the
//! host has pending; only what rang last lies in the store.

mod book;
mod clock_alarms;
mod ring;
mod timers;
mod when;
mod words;

use valet_skill_sdk::prelude::*;

struct Timers;

impl Skill for Timers {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "start-timer" => timers::start(call),
            "query-timer" => timers::query(call),
            "pause-timer" => timers::pause(call),
            "resume-timer" => timers::resume(call),
            "add-to-timer" => timers::add(call),
            "change-timer" => timers::change(call),
            "cancel-timer" => timers::cancel(call),
            "set-alarm" => clock_alarms::set(call),
            "query-alarm" => clock_alarms::query(call),
            "cancel-alarm" => clock_alarms::cancel(call),
            "snooze" => ring::snooze(call),
            _ => Err(SkillError::UnknownIntent),
        }
    }

    fn on_alarm(alarm: &Ringing) -> Result<(), SkillError> {
        ring::announce_alarm(alarm)
    }
}

export_skill!(Timers);
