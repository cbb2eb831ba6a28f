//! What a connection to an MQTT broker must offer.
//!
//! Must not implement anything, and does not say who may use a topic: that is judged before.

use crate::{intent::SkillId, wanted::Wanted};
use std::time::Duration;

/// Longest payload either way, bytes.
pub const MAX_MQTT_PAYLOAD_BYTES: usize = 16 << 10;
/// Most topics whose last message is kept for a skill.
pub const MAX_TOPICS: usize = 512;

/// The last message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMessage {
    /// What it says.
    pub payload: Vec<u8>,
    /// How long ago it came.
    pub age: Duration,
    /// Whether the broker had kept it from before we asked: it may be as old as it likes.
    pub retained: bool,
}

/// What is told when a followed topic of a skill wakes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken {
    /// Which.
    pub skill: SkillId,
    /// On which topic.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// Whether the broker had kept it from before.
    pub retained: bool,
}

/// The topics of one skill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// Filters whose topics are kept.
    pub filters: Vec<String>,
    /// Those of the topics that wake the skill.
    pub wake: Vec<String>,
}

/// A topic that shows what became of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Awaited {
    /// Which.
    pub topic: String,
    /// What it has to say.
    pub wanted: Wanted,
    /// How long it is waited for.
    pub limit: Duration,
}

/// Something to publish: at least once (QoS 1), never retained.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttCommand {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// What would show its effect.
    pub awaited: Option<Awaited>,
}

/// What was seen after a command was published. Retained messages and those that had come before
/// do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenMessage {
    /// The last payload on the awaited topic.
    pub payload: Vec<u8>,
    /// What of it counts, as text, where there is such a thing.
    pub text: Option<String>,
    /// Whether it says what was wanted.
    pub reached: bool,
}

/// Why the broker did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// No broker is configured.
    #[error("no MQTT broker is configured; [mqtt] broker = \"…\" names one")]
    NotAvailable,
    /// The broker is not there now; nothing was sent and nothing will be.
    #[error("the MQTT broker is not connected")]
    NotConnected,
    /// Too many commands wait.
    #[error("{most} commands wait for the MQTT broker already")]
    Busy {
        /// How many may.
        most: usize,
    },
    /// It was sent and the broker did not say that it has it.
    #[error("the MQTT broker did not confirm a command: {why}")]
    Unconfirmed {
        /// Why.
        why: String,
    },
}

/// One connection to one broker for all skills. Called from several threads; only a command blocks.
pub trait Broker: Send + Sync {
    /// Takes the topics of a skill in the place of those before; empty ones end it.
    fn follow(&self, skill: &SkillId, followed: Followed);

    /// The last message of a topic that is followed for a skill.
    ///
    /// # Errors
    /// [`BrokerError::NotAvailable`], [`BrokerError::NotConnected`]: what was seen before a connection
    /// broke is forgotten.
    fn last(&self, skill: &SkillId, topic: &str) -> Result<Option<TopicMessage>, BrokerError>;

    /// Topics of a filter of which a message is kept for a skill, sorted, at most [`MAX_TOPICS`].
    ///
    /// # Errors
    /// As [`Broker::last`].
    fn topics(&self, skill: &SkillId, filter: &str) -> Result<Vec<String>, BrokerError>;

    /// Publishes, and waits for what is awaited: until it says what is wanted, at most as long as it says.
    /// The last message of that topic that came after the publishing is returned, if any.
    ///
    /// # Errors
    /// [`BrokerError`].
    fn command(&self, command: &MqttCommand) -> Result<Option<SeenMessage>, BrokerError>;
}
