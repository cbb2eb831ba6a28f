//! Topics of the device's MQTT broker (capabilities `mqtt-publish` and `mqtt-subscribe`): what was said
//! last, and commands whose effect is looked for.
//!
//! Must not interpret what was kept by the broker as what is now: see [`Message::retained`].

use crate::bindings::valet::skill::mqtt as raw;

pub use raw::{Message, MqttError, Seen};

/// The last message of a topic that the manifest follows; `None` where none came since the broker is
/// connected.
///
/// # Errors
/// [`MqttError`].
pub fn last(topic: &str) -> Result<Option<Message>, MqttError> {
    raw::last(topic)
}

/// The last message of a topic as text; `None` also when it is not UTF-8.
///
/// # Errors
/// [`MqttError`].
pub fn last_text(topic: &str) -> Result<Option<String>, MqttError> {
    Ok(raw::last(topic)?.and_then(|message| String::from_utf8(message.payload).ok()))
}

/// Topics of a filter of which there is a last message, sorted, at most 512.
///
/// # Errors
/// [`MqttError`].
pub fn topics(filter: &str) -> Result<Vec<String>, MqttError> {
    raw::topics(filter)
}

/// A command: published once, never retained.
#[derive(Debug, Clone)]
#[must_use]
pub struct Command(raw::CommandRequest);

impl Command {
    /// Says something on a topic. Without [`Command::until`] nobody knows whether it had an effect, and
    /// the host says no more than that it was asked for.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        let (topic, payload) = (topic.into(), payload.into());
        Self(raw::CommandRequest { topic, payload, awaited: None })
    }

    /// The topic that shows the effect, and the texts of which one says that it is there. Waits at most
    /// what the device waits for the world in a turn.
    pub fn until<T: Into<String>>(
        mut self,
        topic: impl Into<String>,
        any_of: impl IntoIterator<Item = T>,
    ) -> Self {
        let any_of = any_of.into_iter().map(Into::into).collect();
        let (topic, timeout_ms) = (topic.into(), u32::MAX);
        self.0.awaited = Some(raw::Awaited { topic, member: None, any_of, timeout_ms });
        self
    }

    /// The member of a JSON object that says it, where the whole payload does not.
    pub fn member(mut self, member: impl Into<String>) -> Self {
        if let Some(awaited) = &mut self.0.awaited {
            awaited.member = Some(member.into());
        }
        self
    }

    /// Publishes; the last message that was seen on the awaited topic.
    ///
    /// # Errors
    /// [`MqttError`].
    pub fn send(self) -> Result<Option<Seen>, MqttError> {
        raw::command(&self.0)
    }
}
