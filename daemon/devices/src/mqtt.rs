//! The connection to the device's MQTT broker: one for all skills, on a thread of its own, that comes back by
//! itself. What skills follow is kept as long as the connection lives.
//!
//! Must not queue or repeat a command: each connection has a client of its own, and what was not confirmed when one
//! ends is lost and said so. Must not publish anything retained.

mod address;
mod commands;
mod connection;
mod topics;

pub use address::{BrokerAddress, BrokerSettings};
use commands::Commands;
use rumqttc::{AsyncClient, QoS, SubscribeFilter};
use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use topics::Topics;
use valet_core::{
    intent::SkillId,
    ports::broker::{Broker, BrokerError, Followed, MqttCommand, SeenMessage, TopicMessage, Woken},
};

use crate::error::DeviceError;

/// Most commands that wait for the broker at once.
const MAX_WAITING: usize = 32;
/// How long the broker may take to confirm a command.
const CONFIRM_LIMIT: Duration = Duration::from_secs(1);

/// Told of each message that wakes a skill, on the connection's thread. Must not block.
pub type Wake = Box<dyn Fn(Woken) + Send + Sync>;

/// What the thread and the callers share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stop: Notify,
    wake: Wake,
}

#[derive(Default)]
struct State {
    /// There while the broker is.
    client: Option<AsyncClient>,
    topics: Topics,
    commands: Commands,
    stopping: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn subscriptions(filters: &BTreeSet<String>) -> Vec<SubscribeFilter> {
    let subscription = |f: &String| SubscribeFilter { path: f.clone(), qos: QoS::AtLeastOnce };
    filters.iter().map(subscription).collect()
}

/// The connection.
pub struct MqttBroker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl MqttBroker {
    /// Begins to connect, and goes on until this value is dropped.
    ///
    /// # Errors
    /// [`DeviceError::Broker`] where there can be no thread for it, or the password cannot be read.
    pub fn start(settings: BrokerSettings, wake: Wake) -> Result<Self, DeviceError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            stop: Notify::new(),
            wake,
        });
        let theirs = Arc::clone(&shared);
        let options = settings.options()?;
        let thread = std::thread::Builder::new()
            .name("mqtt".to_owned())
            .spawn(move || connection::run(&theirs, &options))
            .map_err(|e| DeviceError::Broker { why: e.to_string() })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether the broker is there now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.lock().client.is_some()
    }

    /// Waits until the broker is there, at most so long; whether it is.
    #[must_use]
    pub fn wait_connected(&self, limit: Duration) -> bool {
        let missing = |state: &mut State| state.client.is_none();
        let state = self.shared.changed.wait_timeout_while(self.shared.lock(), limit, missing);
        state.unwrap_or_else(PoisonError::into_inner).0.client.is_some()
    }
}

impl Drop for MqttBroker {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.stop.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread of the MQTT broker had panicked");
        }
    }
}

impl Broker for MqttBroker {
    fn follow(&self, skill: &SkillId, followed: Followed) {
        let mut state = self.shared.lock();
        let before = state.topics.filters();
        let known = state.topics.filters_of(skill);
        let new: BTreeSet<String> = followed.filters.iter().cloned().collect();
        let new: BTreeSet<String> = new.difference(&known).cloned().collect();
        state.topics.follow(skill, followed);
        let after = state.topics.filters();
        let Some(client) = &state.client else { return };
        // Also where another skill follows them: what the broker keeps comes again, for this one.
        let asked = new.is_empty() || client.try_subscribe_many(subscriptions(&new)).is_ok();
        let left =
            before.difference(&after).all(|filter| client.try_unsubscribe(filter.as_str()).is_ok());
        if !asked || !left {
            log::error!(
                "the MQTT broker is too slow to take what skills follow; a new connection will"
            );
            state.client = None;
            self.shared.stop.notify_one();
        }
    }

    fn last(&self, skill: &SkillId, topic: &str) -> Result<Option<TopicMessage>, BrokerError> {
        let state = self.shared.lock();
        state.client.as_ref().ok_or(BrokerError::NotConnected)?;
        Ok(state.topics.last(skill, topic, Instant::now()))
    }

    fn topics(&self, skill: &SkillId, filter: &str) -> Result<Vec<String>, BrokerError> {
        let state = self.shared.lock();
        state.client.as_ref().ok_or(BrokerError::NotConnected)?;
        Ok(state.topics.matching(skill, filter))
    }

    fn command(&self, command: &MqttCommand) -> Result<Option<SeenMessage>, BrokerError> {
        let mut state = self.shared.lock();
        let client = state.client.clone().ok_or(BrokerError::NotConnected)?;
        if state.commands.waiting() >= MAX_WAITING {
            return Err(BrokerError::Busy { most: MAX_WAITING });
        }
        // Held over both, so that commands are in the order in which the connection sends them.
        let (topic, payload) = (command.topic.as_str(), command.payload.as_slice());
        client
            .try_publish(topic, QoS::AtLeastOnce, false, payload)
            .map_err(|_| BrokerError::Busy { most: MAX_WAITING })?;
        let number = state.commands.begin(command.awaited.as_ref());
        let started = Instant::now();
        loop {
            if let Some(result) = state.commands.outcome(number, started.elapsed(), CONFIRM_LIMIT) {
                return result;
            }
            let left = state.commands.wait_left(number, started.elapsed(), CONFIRM_LIMIT);
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
