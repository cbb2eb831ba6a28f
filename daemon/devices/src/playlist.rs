//! The few made-up items that each media source of the simulated vehicle plays.
//!
//! Must not play anything.

use serde::Deserialize;

/// Most items of a list.
const MAX_ITEMS: usize = 200;
/// Longest text of an item in bytes.
const MAX_TEXT_BYTES: usize = 200;

/// One item; what it lacks is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    pub(crate) track: String,
    pub(crate) artist: Option<String>,
    pub(crate) album: Option<String>,
    pub(crate) genre: Option<String>,
    pub(crate) uri: Option<String>,
}

/// The items of one source, in a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Playlist(Vec<Item>);

impl Playlist {
    /// Checks the items.
    pub(crate) fn new(items: Vec<Item>) -> Result<Self, String> {
        if items.is_empty() || items.len() > MAX_ITEMS {
            return Err(format!("{} items came, expected 1 to {MAX_ITEMS}", items.len()));
        }
        let texts = |item: &Item| {
            let rest = [&item.artist, &item.album, &item.genre, &item.uri];
            let rest = rest.into_iter().flatten().map(String::len).max();
            item.track.len().max(rest.unwrap_or(0))
        };
        let longest = items.iter().map(texts).max().unwrap_or(0);
        if longest > MAX_TEXT_BYTES {
            return Err(format!(
                "{longest} bytes came in a text, expected at most {MAX_TEXT_BYTES}"
            ));
        }
        Ok(Self(items))
    }

    /// The item after `position` steps forward, or backward when negative.
    pub(crate) fn item(&self, position: i64) -> &Item {
        let length = i64::try_from(self.0.len()).unwrap_or(i64::MAX);
        let index = usize::try_from(position.rem_euclid(length)).unwrap_or(0);
        &self.0[index]
    }
}
