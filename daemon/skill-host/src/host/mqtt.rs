//! `mqtt`: what was said on topics, and commands whose effect is looked for. A question publishes nothing;
//! what counts as done is what came after the command, not what a broker kept.

use crate::{
    bindings::valet::skill::mqtt as wit,
    grant::{PublishGrant, TopicGrant},
    limits::MAX_TEXT_BYTES,
    rate::Rated,
    turn::Turn,
};
use std::time::{Duration, Instant};
use valet_core::{
    capability::mqtt::{is_filter, is_topic},
    outcome::{ActionStatus, Target},
    ports::broker::{Awaited, BrokerError, MAX_MQTT_PAYLOAD_BYTES, SeenMessage},
    signal::{Class, SignalValue},
    wanted::{MAX_WANTED, Wanted},
};

fn mqtt_error(error: &BrokerError) -> wit::MqttError {
    log::debug!("{error}");
    match error {
        BrokerError::NotAvailable => wit::MqttError::NotAvailable,
        BrokerError::NotConnected => wit::MqttError::NotConnected,
        BrokerError::Busy { .. } => wit::MqttError::Limited,
        BrokerError::Unconfirmed { .. } => wit::MqttError::Failed,
    }
}

/// Texts within bounds that a guest says show an effect.
pub(super) fn wanted(member: Option<String>, any_of: Vec<String>) -> Option<Wanted> {
    let fits = |text: &String| text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control);
    let all = any_of.len() <= MAX_WANTED && any_of.iter().chain(&member).all(fits);
    all.then_some(Wanted { member, any_of })
}

/// A text as a value of an action: cut, without control characters.
pub(super) fn shown(text: &str) -> SignalValue {
    let clean = text.chars().filter(|c| !c.is_control());
    SignalValue::Text(clean.take(MAX_TEXT_BYTES / 4).collect())
}

/// How a command stands by what was seen.
fn status(result: &Result<Option<SeenMessage>, BrokerError>) -> ActionStatus {
    match result {
        Ok(Some(seen)) if seen.reached => ActionStatus::Done,
        Ok(_) => ActionStatus::Requested,
        Err(BrokerError::NotAvailable | BrokerError::NotConnected) => ActionStatus::NoProvider,
        Err(_) => ActionStatus::Failed,
    }
}

/// A command that passed every check.
struct Judged {
    grant: PublishGrant,
    payload: Vec<u8>,
    awaited: Option<(TopicGrant, Awaited)>,
}

impl Turn {
    /// Checks a command; what a person should hear of a refusal is kept.
    fn judge_command(&mut self, command: wit::CommandRequest) -> Result<Judged, wit::MqttError> {
        if !is_topic(&command.topic) {
            return Err(wit::MqttError::BadTopic);
        }
        let (payload, awaited) = (command.payload, command.awaited);
        if payload.len() > MAX_MQTT_PAYLOAD_BYTES {
            return Err(wit::MqttError::TooLong);
        }
        let acts = self.scope.ceiling > Class::Info;
        let grant = self.granter.publish(&command.topic).filter(|_| acts);
        let awaited = awaited.map(|a| self.judge_awaited(a)).transpose()?;
        match (grant, awaited) {
            (Some(grant), None) => Ok(Judged { grant, payload, awaited: None }),
            (Some(grant), Some((Some(topic), awaited))) => {
                Ok(Judged { grant, payload, awaited: Some((topic, awaited)) })
            }
            _ => {
                self.deny(Target::Topic(command.topic));
                Err(wit::MqttError::NotGranted)
            }
        }
    }

    fn judge_awaited(
        &self,
        awaited: wit::Awaited,
    ) -> Result<(Option<TopicGrant>, Awaited), wit::MqttError> {
        if !is_topic(&awaited.topic) {
            return Err(wit::MqttError::BadTopic);
        }
        let wanted = wanted(awaited.member, awaited.any_of).ok_or(wit::MqttError::TooLong)?;
        let limit = Duration::from_millis(awaited.timeout_ms.into()).min(self.allowance.observe);
        let grant = self.granter.topic(&awaited.topic);
        Ok((grant, Awaited { topic: awaited.topic, wanted, limit }))
    }

    fn publish(&mut self, judged: Judged) -> Result<Option<SeenMessage>, BrokerError> {
        let target = Target::Topic(judged.grant.topic().to_owned());
        let wanted = judged.awaited.as_ref().map(|(_, awaited)| awaited.wanted.clone());
        let payload = String::from_utf8_lossy(&judged.payload).into_owned();
        let requested = match wanted.as_ref().and_then(|wanted| wanted.any_of.first()) {
            Some(text) => shown(text),
            None => shown(&payload),
        };
        let started = Instant::now();
        let result = self.world.publish(&judged.grant, judged.payload, judged.awaited);
        self.waited_for_the_world(started.elapsed());
        let seen = result.as_ref().ok().and_then(Option::as_ref);
        let observed = seen.and_then(|seen| seen.text.as_deref()).map(shown);
        self.keep_action(target, status(&result), (Some(requested), observed), None);
        result
    }
}

impl wit::Host for Turn {
    fn last(
        &mut self,
        topic: String,
    ) -> wasmtime::Result<Result<Option<wit::Message>, wit::MqttError>> {
        self.host_call()?;
        if !is_topic(&topic) {
            return Ok(Err(wit::MqttError::BadTopic));
        }
        let Some(grant) = self.granter.topic(&topic) else {
            return Ok(Err(wit::MqttError::NotGranted));
        };
        let last = self.world.last(&grant).map_err(|e| mqtt_error(&e));
        Ok(last.map(|message| {
            message.map(|message| wit::Message {
                age_ms: u64::try_from(message.age.as_millis()).unwrap_or(u64::MAX),
                payload: message.payload,
                retained: message.retained,
            })
        }))
    }

    fn topics(&mut self, filter: String) -> wasmtime::Result<Result<Vec<String>, wit::MqttError>> {
        self.host_call()?;
        if !is_filter(&filter) {
            return Ok(Err(wit::MqttError::BadTopic));
        }
        let Some(grant) = self.granter.filter(&filter) else {
            return Ok(Err(wit::MqttError::NotGranted));
        };
        Ok(self.world.topics(&grant).map_err(|e| mqtt_error(&e)))
    }

    fn command(
        &mut self,
        command: wit::CommandRequest,
    ) -> wasmtime::Result<Result<Option<wit::Seen>, wit::MqttError>> {
        self.host_call()?;
        let judged = match self.judge_command(command) {
            Ok(judged) => judged,
            Err(error) => return Ok(Err(error)),
        };
        self.end_rehearsal_before(Target::Topic(judged.grant.topic().to_owned()))?;
        if !self.has_room_for_action() || !self.take_rated(Rated::MqttCommand) {
            return Ok(Err(wit::MqttError::Limited));
        }
        let seen = self.publish(judged).map_err(|e| mqtt_error(&e));
        Ok(seen.map(|seen| {
            seen.map(|seen| wit::Seen { payload: seen.payload, reached: seen.reached })
        }))
    }
}
