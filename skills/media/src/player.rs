//! The player: what it does, from where, and what is on.
//!
//! Must not touch the volume.

use crate::{read, words};
use valet_skill_sdk::prelude::*;

const ACTION: &str = "Vehicle.Cabin.Infotainment.Media.Action";
const SOURCE: &str = "Vehicle.Cabin.Infotainment.Media.Played.Source";
const PLAYED: &str = "Vehicle.Cabin.Infotainment.Media.Played";
const VOLUME: &str = "Vehicle.Cabin.Infotainment.Media.Volume";

/// Asks the player for an action of VSS; pausing is its `STOP`, which keeps the track.
pub(crate) fn act(action: &str) -> Result<Outcome, SkillError> {
    Batch::new().set(ACTION, action).finish()
}

/// "play", from a source where one is named.
pub(crate) fn play(call: &Call) -> Result<Outcome, SkillError> {
    if call.text("what").is_some() {
        return Ok(Outcome::cannot_do(
            "I cannot look up music by name, only play what the source has.",
        ));
    }
    let mut batch = Batch::new();
    if let Some(source) = call.text("source") {
        batch.push(SOURCE, source);
    }
    batch.set(ACTION, "PLAY").finish()
}

/// "set-source"; a player that stands still starts, for a source is chosen to be heard.
pub(crate) fn set_source(call: &Call) -> Result<Outcome, SkillError> {
    let Some(source) = call.text("source") else {
        return Ok(Outcome::ask_slot("source", "Which source?"));
    };
    let label = words::source(source);
    let mut batch = Batch::new().set(SOURCE, source);
    if read::text(ACTION).is_some_and(|action| action == "STOP") {
        batch.push(ACTION, "PLAY");
    }
    batch.send()?;
    Ok(Outcome::done().with("label", label))
}

/// "query-media".
pub(crate) fn query(call: &Call) -> Outcome {
    let played = |what: &str| words::known(read::text(&format!("{PLAYED}.{what}")));
    let title = played("Track");
    let artist = played("Artist");
    let source = words::known(read::text(SOURCE)).map(|source| words::source(&source));
    let is_playing = read::text(ACTION).map(|action| action != "STOP");
    let speech = match call.text("about") {
        Some("volume") => match read::number(VOLUME) {
            Some(volume) => format!("The volume is at {} percent.", say::number(volume, 0)),
            None => "I do not know the volume.".into(),
        },
        Some("source") => match &source {
            Some(source) => format!("The source is {source}."),
            None => "I do not know the source.".into(),
        },
        Some("artist") => match &artist {
            Some(artist) => format!("This is by {artist}."),
            None => "I do not know who plays this.".into(),
        },
        Some("album") => match played("Album") {
            Some(album) => format!("This is from {album}."),
            None => "I do not know the album.".into(),
        },
        _ => words::now_playing(title.as_deref(), artist.as_deref(), source.as_deref(), is_playing),
    };
    let mut answer = Outcome::answer(speech);
    for (key, value) in [("title", title), ("artist", artist), ("source", source)] {
        if let Some(value) = value {
            answer = answer.show(key, value);
        }
    }
    answer
}
