//! A player on the user's bus (MPRIS): where one is there, playing and skipping go to it.
//!
//! Must not guess that anything changed: what is asked for is looked for in the same call.

use valet_skill_sdk::peers::{Bus, Peer, PeerError, PeerValue};
use valet_skill_sdk::prelude::*;

const OBJECT: &str = "/org/mpris/MediaPlayer2";
const INTERFACE: &str = "org.mpris.MediaPlayer2.Player";
/// Some players add an instance to their name.
const NAMES: [&str; 2] = ["org.mpris.MediaPlayer2.*", "org.mpris.MediaPlayer2.*.*"];

/// What a player is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Start or go on.
    Play,
    /// Stop where it is.
    Pause,
    /// The next track.
    Next,
    /// The track before.
    Previous,
}

impl Deed {
    /// Its method, the property that shows the effect, and what that becomes; nothing = any other.
    fn asked(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::Play => ("Play", "PlaybackStatus", &["Playing"]),
            Self::Pause => ("Pause", "PlaybackStatus", &["Paused", "Stopped"]),
            Self::Next => ("Next", "Metadata", &[]),
            Self::Previous => ("Previous", "Metadata", &[]),
        }
    }
}

/// A player that is there.
pub(crate) struct Player {
    peer: Peer,
    is_playing: bool,
}

/// The player that plays, else the first by name; `None` where there is none or it may not be asked.
pub(crate) fn player() -> Option<Player> {
    let names = NAMES.iter().filter_map(|names| peers::names(Bus::Session, names).ok()).flatten();
    let mut first = None;
    for name in names {
        let peer = Peer::new(Bus::Session, &name, OBJECT, INTERFACE);
        let Ok(Some(status)) = peer.text("PlaybackStatus") else { continue };
        let player = Player { peer, is_playing: status == "Playing" };
        if player.is_playing {
            return Some(player);
        }
        first.get_or_insert(player);
    }
    first
}

impl Player {
    /// Asks the player; `None` where it went away in between.
    pub(crate) fn act(&self, deed: Deed) -> Option<Result<Outcome, SkillError>> {
        let (member, property, any_of) = deed.asked();
        match self.peer.call(member).until(property, any_of.iter().copied()).send() {
            Err(PeerError::NoPeer) => None,
            Ok(_) | Err(PeerError::TimedOut | PeerError::Refused) => Some(Ok(Outcome::done())),
            Err(other) => Some(Err(other.into())),
        }
    }

    /// Whether it plays.
    pub(crate) fn is_playing(&self) -> bool {
        self.is_playing
    }

    /// Title, artist and album, as far as they are known.
    pub(crate) fn track(&self) -> Track {
        let metadata = self.peer.property("Metadata").ok();
        let known = |key: &str| {
            let text = metadata.as_ref().and_then(|m: &PeerValue| m.text_of(key))?;
            (!text.trim().is_empty()).then(|| text.to_owned())
        };
        Track {
            title: known("xesam:title"),
            artist: known("xesam:artist"),
            album: known("xesam:album"),
        }
    }
}

/// What is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Track {
    pub(crate) title: Option<String>,
    pub(crate) artist: Option<String>,
    pub(crate) album: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_is_seen_by_what_plays_and_playing_by_its_state() {
        for deed in [Deed::Next, Deed::Previous] {
            assert_eq!(deed.asked().1, "Metadata");
            assert!(deed.asked().2.is_empty(), "any other track");
        }
        for (deed, state) in [(Deed::Play, "Playing"), (Deed::Pause, "Paused")] {
            assert_eq!(deed.asked().1, "PlaybackStatus");
            assert!(deed.asked().2.contains(&state));
        }
    }
}
