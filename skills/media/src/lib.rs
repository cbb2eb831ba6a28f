//! The skill `org.valetd.media`: playing, skipping, volume, source, and what is on.
//!
//! Must not claim that anything changed: the host words what was observed. Music cannot be looked
//! up by name, and the skill says so instead of playing something else.

mod player;
mod read;
mod volume;
mod words;

use valet_skill_sdk::prelude::*;

struct Media;

impl Skill for Media {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "play" => player::play(call),
            "pause" => player::act("STOP"),
            "next" => player::act("SKIP_FORWARD"),
            "previous" => player::act("SKIP_BACKWARD"),
            "set-source" => player::set_source(call),
            "query-media" => Ok(player::query(call)),
            "set-volume" => volume::set(call),
            "change-volume" => volume::change(call),
            "mute" => volume::mute(),
            "unmute" => volume::unmute(call),
            _ => Err(SkillError::UnknownIntent),
        }
    }
}

export_skill!(Media);
