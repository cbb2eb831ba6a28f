//! The skill `org.valetd.media`: playing, skipping, volume, source, and what is on. A player on the user's bus is
//! asked where there is one, else the vehicle's own.
//!
//! Must not claim that anything changed: the host words what was observed. Music cannot be looked
//! up by name, and the skill says so instead of playing something else.

mod mpris;
mod player;
mod read;
mod volume;
mod words;

use mpris::Deed;
use valet_skill_sdk::prelude::*;

struct Media;

impl Skill for Media {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "play" => player::play(call),
            "pause" => player::act(Deed::Pause),
            "next" => player::act(Deed::Next),
            "previous" => player::act(Deed::Previous),
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
