//! What lies outside of the car, in memory: what is asked of it is kept, and it answers as the test says. The real
//! things are tested where they are made, in `valet-devices`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use valet_core::{
    capability::dbus::{BusKind, PeerInterface},
    intent::SkillId,
    ports::{
        Spoken, Vocabularies,
        broker::{Broker, BrokerError, Followed, MqttCommand, SeenMessage, TopicMessage},
        http::{HttpClient, HttpError, HttpRequest, HttpResponse},
        peers::{PeerAnswer, PeerBasic, PeerCall, PeerError, PeerItem, PeerValue, Peers},
    },
};

/// What was asked, and what is answered.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) requests: Vec<HttpRequest>,
    /// Without one the network is off.
    pub(crate) response: Option<Result<HttpResponse, HttpError>>,
    pub(crate) topics: BTreeMap<String, String>,
    pub(crate) commands: Vec<MqttCommand>,
    /// What the awaited topic says after a command; without one nothing comes.
    pub(crate) state: Option<String>,
    pub(crate) disconnected: bool,
    pub(crate) calls: Vec<PeerCall>,
    /// What the watched property is after a call.
    pub(crate) property: Option<String>,
    pub(crate) gone: bool,
    pub(crate) lists: Vec<(String, Vec<Spoken>)>,
}

#[derive(Default)]
pub(crate) struct Outdoors(Mutex<Kept>);

impl Outdoors {
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("unpoisoned")
    }
}

impl HttpClient for Outdoors {
    fn fetch(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut kept = self.kept();
        kept.requests.push(request.clone());
        kept.response.clone().unwrap_or(Err(HttpError::NotAvailable))
    }
}

impl Broker for Outdoors {
    fn follow(&self, _skill: &SkillId, _followed: Followed) {}

    fn last(&self, _skill: &SkillId, topic: &str) -> Result<Option<TopicMessage>, BrokerError> {
        let payload = self.kept().topics.get(topic).cloned();
        let message = |payload: String| TopicMessage {
            payload: payload.into(),
            age: Duration::from_secs(3),
            retained: true,
        };
        Ok(payload.map(message))
    }

    fn topics(&self, _skill: &SkillId, _filter: &str) -> Result<Vec<String>, BrokerError> {
        Ok(self.kept().topics.keys().cloned().collect())
    }

    fn command(&self, command: &MqttCommand) -> Result<Option<SeenMessage>, BrokerError> {
        let mut kept = self.kept();
        if kept.disconnected {
            return Err(BrokerError::NotConnected);
        }
        kept.commands.push(command.clone());
        let Some(awaited) = &command.awaited else { return Ok(None) };
        Ok(kept.state.clone().map(|text| SeenMessage {
            payload: text.clone().into(),
            reached: awaited.wanted.is(&text),
            text: Some(text),
        }))
    }
}

fn text(text: &str) -> PeerValue {
    PeerValue::Item(PeerItem::Basic(PeerBasic::Text(text.to_owned())))
}

impl Peers for Outdoors {
    fn names(&self, _: BusKind, _: &str, _: Duration) -> Result<Vec<String>, PeerError> {
        Ok(vec!["org.mpris.MediaPlayer2.test".into()])
    }

    fn call(&self, call: &PeerCall) -> Result<PeerAnswer, PeerError> {
        let mut kept = self.kept();
        if kept.gone {
            return Err(PeerError::NoPeer { name: call.peer.name().into() });
        }
        kept.calls.push(call.clone());
        let observed = kept.property.clone();
        let wanted = call.watched.as_ref().map(|watched| &watched.wanted);
        let reached = observed.as_ref().zip(wanted).is_some_and(|(text, wanted)| wanted.is(text));
        Ok(PeerAnswer { values: Vec::new(), observed: observed.as_deref().map(text), reached })
    }

    fn property(&self, _: &PeerInterface, name: &str, _: Duration) -> Result<PeerValue, PeerError> {
        let item = |text: &str| PeerItem::Basic(PeerBasic::Text(text.to_owned()));
        Ok(match name {
            "Metadata" => PeerValue::Dictionary(vec![("xesam:title".into(), item("Blue"))]),
            _ => text("Paused"),
        })
    }
}

impl Vocabularies for Outdoors {
    fn set(&self, _skill: &SkillId, entity: &str, values: Vec<Spoken>) {
        self.kept().lists.push((entity.to_owned(), values));
    }
}
