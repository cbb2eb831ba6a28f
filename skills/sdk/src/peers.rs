//! Other programs of the device on D-Bus (capability `dbus-call`): who is there, calling a method,
//! reading a property.
//!
//! Must not interpret an answer as success; the host words what was observed.

use crate::bindings::valet::skill::dbus_peer as raw;

pub use raw::{Answer, Basic, Bus, Item, Peer, PeerError, PeerValue};

/// Who is there by a name of the manifest's rules, such as `org.mpris.MediaPlayer2.*`; sorted.
///
/// # Errors
/// [`PeerError`].
pub fn names(bus: Bus, pattern: &str) -> Result<Vec<String>, PeerError> {
    raw::names(bus, pattern)
}

impl Peer {
    /// An interface of an object of a peer.
    #[must_use]
    pub fn new(bus: Bus, name: &str, path: &str, interface: &str) -> Self {
        let [name, path, interface] = [name, path, interface].map(str::to_owned);
        Self { bus, name, path, interface }
    }

    /// Reads a property.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn property(&self, property: &str) -> Result<PeerValue, PeerError> {
        raw::property(self, property)
    }

    /// Reads a property that is a text; `None` for another type.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn text(&self, property: &str) -> Result<Option<String>, PeerError> {
        Ok(self.property(property)?.as_text().map(str::to_owned))
    }

    /// A call of a method, to be sent.
    pub fn call(&self, member: &str) -> PeerCall {
        let (peer, member) = (self.clone(), member.to_owned());
        PeerCall(raw::CallRequest { peer, member, arguments: Vec::new(), watched: None })
    }
}

/// A call of a method.
#[derive(Debug, Clone)]
#[must_use]
pub struct PeerCall(raw::CallRequest);

impl PeerCall {
    /// Adds an argument.
    pub fn with(mut self, argument: impl Into<PeerValue>) -> Self {
        self.0.arguments.push(argument.into());
        self
    }

    /// The property of the same interface that shows the effect, and the texts of which it becomes one;
    /// with none of them it has to become any other than before. Without this nobody knows whether the
    /// call had an effect, and the host says no more than that it was asked for.
    pub fn until<T: Into<String>>(
        mut self,
        property: &str,
        any_of: impl IntoIterator<Item = T>,
    ) -> Self {
        let any_of = any_of.into_iter().map(Into::into).collect();
        let (property, timeout_ms) = (property.to_owned(), u32::MAX);
        self.0.watched = Some(raw::Watched { property, any_of, timeout_ms });
        self
    }

    /// Calls.
    ///
    /// # Errors
    /// [`PeerError`].
    pub fn send(self) -> Result<Answer, PeerError> {
        raw::call(&self.0)
    }
}

impl PeerValue {
    /// A text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Item(Item::Basic(Basic::Text(text) | Basic::ObjectPath(text))) => Some(text),
            _ => None,
        }
    }

    /// A text of a dictionary, or the first of several there.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&str> {
        let Self::Dictionary(entries) = self else { return None };
        let item = entries.iter().find(|(name, _)| name == key).map(|(_, item)| item)?;
        match item {
            Item::Basic(Basic::Text(text)) => Some(text),
            Item::Elements(all) => match all.first()? {
                Basic::Text(text) => Some(text),
                _ => None,
            },
            Item::Basic(_) => None,
        }
    }
}

impl From<Basic> for PeerValue {
    fn from(value: Basic) -> Self {
        Self::Item(Item::Basic(value))
    }
}

impl From<&str> for PeerValue {
    fn from(value: &str) -> Self {
        Basic::Text(value.into()).into()
    }
}

impl From<i64> for PeerValue {
    fn from(value: i64) -> Self {
        Basic::Int64(value).into()
    }
}

impl From<bool> for PeerValue {
    fn from(value: bool) -> Self {
        Basic::Boolean(value).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_alone_and_in_dictionaries() {
        let text = |text: &str| Basic::Text(text.into());
        let entries = vec![
            ("xesam:title".to_owned(), Item::Basic(text("Blue"))),
            ("xesam:artist".to_owned(), Item::Elements(vec![text("Ann"), text("Bob")])),
            ("mpris:length".to_owned(), Item::Basic(Basic::Int64(1))),
        ];
        let metadata = PeerValue::Dictionary(entries);
        assert_eq!(metadata.text_of("xesam:title"), Some("Blue"));
        assert_eq!(metadata.text_of("xesam:artist"), Some("Ann"));
        assert_eq!(metadata.text_of("mpris:length"), None);
        assert_eq!(PeerValue::from("Playing").as_text(), Some("Playing"));
        assert_eq!(PeerValue::from(true).as_text(), None);
    }
}
