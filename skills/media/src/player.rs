//! The player: what it does, from where, and what is on.
//!
//! Must not touch the volume.

use crate::{
    mpris::{self, Deed, Track},
    read, words,
};
use valet_skill_sdk::prelude::*;

const ACTION: &str = "Vehicle.Cabin.Infotainment.Media.Action";
const SOURCE: &str = "Vehicle.Cabin.Infotainment.Media.Played.Source";
const PLAYED: &str = "Vehicle.Cabin.Infotainment.Media.Played";
const VOLUME: &str = "Vehicle.Cabin.Infotainment.Media.Volume";

/// Asks the player on the bus, else the vehicle's for an action of VSS; pausing is its `STOP`, which keeps the track.
pub(crate) fn act(deed: Deed) -> Result<Outcome, SkillError> {
    if let Some(asked) = mpris::player().and_then(|player| player.act(deed)) {
        return asked;
    }
    let action = match deed {
        Deed::Play => "PLAY",
        Deed::Pause => "STOP",
        Deed::Next => "SKIP_FORWARD",
        Deed::Previous => "SKIP_BACKWARD",
    };
    Batch::new().set(ACTION, action).finish()
}

/// "play", from a source where one is named.
pub(crate) fn play(call: &Call) -> Result<Outcome, SkillError> {
    if call.text("what").is_some() {
        return Ok(Outcome::cannot_do(
            "I cannot look up music by name, only play what the source has.",
        ));
    }
    match call.text("source") {
        // Sources are the vehicle's.
        Some(source) => Batch::new().set(SOURCE, source).set(ACTION, "PLAY").finish(),
        None => act(Deed::Play),
    }
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

/// What the vehicle's player says.
fn of_vehicle() -> Track {
    let played = |what: &str| words::known(read::text(&format!("{PLAYED}.{what}")));
    Track { title: played("Track"), artist: played("Artist"), album: played("Album") }
}

/// "query-media".
pub(crate) fn query(call: &Call) -> Outcome {
    let player = mpris::player();
    let Track { title, artist, album } = match &player {
        Some(player) => player.track(),
        None => of_vehicle(),
    };
    let source = match &player {
        Some(_) => None,
        None => words::known(read::text(SOURCE)).map(|source| words::source(&source)),
    };
    let is_playing = match &player {
        Some(player) => Some(player.is_playing()),
        None => read::text(ACTION).map(|action| action != "STOP"),
    };
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
        Some("album") => match album {
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
