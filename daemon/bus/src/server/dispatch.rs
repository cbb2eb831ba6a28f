//! The reader: every message of the connection, in order. Standard interfaces are answered
//! here; a call of ours is bounded, identified, authorised, parsed, and handed on.
//!
//! Must never wait for anything but the next message: while it waits the whole connection stands.

use super::{BusEvent, Face, objects::Objects, senders};
use crate::{
    BusError, Dict, ErrorName,
    access::{AccessRules, Right},
    call::{Call, Incoming, Reply},
    contract::{self, Member},
    limits, path,
};
use futures_util::StreamExt as _;
use senders::{Identity, MAX_UNIDENTIFIED, Senders};
use std::{sync::Arc, time::Instant};
use tokio::sync::mpsc;
use valet_core::session::Caller;
use zbus::{Message, MessageStream, OwnedVariant, message::Type as MessageType};

/// The answer to "who is this client?".
struct Identified {
    name: String,
    identity: Option<Identity>,
}

pub(super) struct Dispatcher {
    face: Face,
    rules: Arc<AccessRules>,
    calls: mpsc::Sender<Incoming>,
    events: mpsc::UnboundedSender<BusEvent>,
    senders: Senders,
    identified: (mpsc::UnboundedSender<Identified>, mpsc::UnboundedReceiver<Identified>),
    finished: (mpsc::UnboundedSender<String>, mpsc::UnboundedReceiver<String>),
}

impl Dispatcher {
    pub(super) fn new(
        face: Face,
        rules: AccessRules,
        calls: mpsc::Sender<Incoming>,
        events: mpsc::UnboundedSender<BusEvent>,
    ) -> Self {
        Self {
            face,
            rules: Arc::new(rules),
            calls,
            events,
            senders: Senders::default(),
            identified: mpsc::unbounded_channel(),
            finished: mpsc::unbounded_channel(),
        }
    }

    pub(super) async fn run(mut self, mut stream: MessageStream) {
        loop {
            tokio::select! {
                biased;
                Some(identified) = self.identified.1.recv() => self.take_identity(identified),
                Some(name) = self.finished.1.recv() => {
                    if let Some(sender) = self.senders.find(&name) {
                        sender.in_flight = sender.in_flight.saturating_sub(1);
                    }
                }
                message = stream.next() => match message {
                    Some(Ok(message)) => self.take(message),
                    Some(Err(error)) => {
                        log::error!("the bus connection failed: {error}");
                        break;
                    }
                    None => break,
                }
            }
        }
        // Nobody listens any more when the daemon is already stopping.
        let _ = self.events.send(BusEvent::Closed);
    }

    fn take(&mut self, message: Message) {
        match message.message_type() {
            MessageType::MethodCall => self.take_call(message),
            MessageType::Signal => self.take_signal(&message),
            _ => {}
        }
    }

    fn take_signal(&mut self, message: &Message) {
        let header = message.header();
        let from_bus = header.sender().is_some_and(|s| s.as_str() == "org.freedesktop.DBus");
        if !from_bus || header.member().is_none_or(|m| m.as_str() != "NameOwnerChanged") {
            return;
        }
        let Ok((name, _, new)) = message.body().deserialize::<(String, String, String)>() else {
            return;
        };
        if !new.is_empty() || self.senders.remove(&name).is_none() {
            return;
        }
        self.face.objects().remove_of(&name);
        let connection = self.face.connection.clone();
        let gone = name.clone();
        tokio::spawn(async move {
            if let Err(error) = senders::unwatch(&connection, &gone).await {
                log::debug!("the watch for {gone} could not be removed: {error}");
            }
        });
        let _ = self.events.send(BusEvent::NameLost(name));
    }

    fn refuse(&self, message: &Message, name: ErrorName, why: impl Into<String>) {
        self.refuse_with(message, &BusError::new(name, why));
    }

    fn refuse_with(&self, message: &Message, error: &BusError) {
        let built = Message::error(&message.header(), error.name.as_str()).build(&error.message);
        if let Ok(answer) = built {
            let _ = self.face.outbox.send(answer);
        }
    }

    fn answer<B: serde::Serialize + zbus::wire::Type>(&self, message: &Message, body: &B) {
        if let Ok(answer) = Message::method_return(&message.header()).build(body) {
            let _ = self.face.outbox.send(answer);
        }
    }

    fn take_call(&mut self, message: Message) {
        let header = message.header();
        let Some(name) = header.sender().map(ToString::to_string) else { return };
        let now = Instant::now();
        let Some(sender) = self.senders.entry(&name, now) else {
            let why = format!("too many clients, expected at most {}", senders::MAX_SENDERS);
            return self.refuse(&message, ErrorName::LimitExceeded, why);
        };
        if let Err(wait) = sender.bucket.take(now) {
            let why = format!("too many calls; try again in {} ms", wait.as_millis() + 1);
            return self.refuse(&message, ErrorName::LimitExceeded, why);
        }
        if sender.identity.is_some() {
            return self.check(&name, message);
        }
        if sender.waiting.len() >= MAX_UNIDENTIFIED {
            return self.refuse(
                &message,
                ErrorName::Busy,
                "too many calls wait; try again in a moment",
            );
        }
        let first = sender.waiting.is_empty();
        sender.waiting.push_back(message);
        if first {
            let (connection, answer) = (self.face.connection.clone(), self.identified.0.clone());
            let rules = Arc::clone(&self.rules);
            tokio::spawn(async move {
                let identity = senders::identify(&connection, &rules, &name).await;
                if let Err(error) = &identity {
                    log::debug!("the bus does not say who {name} is: {error}");
                }
                let _ = answer.send(Identified { name, identity: identity.ok() });
            });
        }
    }

    fn take_identity(&mut self, identified: Identified) {
        let Some(sender) = self.senders.find(&identified.name) else { return };
        let waiting = std::mem::take(&mut sender.waiting);
        if identified.identity.is_none() {
            self.senders.remove(&identified.name);
            for message in waiting {
                self.refuse(
                    &message,
                    ErrorName::NotAuthorized,
                    "the bus does not say who is calling",
                );
            }
            return;
        }
        sender.identity = identified.identity;
        for message in waiting {
            self.check(&identified.name, message);
        }
    }

    /// A call of an identified client.
    fn check(&mut self, name: &str, message: Message) {
        let header = message.header();
        let path = header.path().map(ToString::to_string).unwrap_or_default();
        let interface = header.interface().map(ToString::to_string).unwrap_or_default();
        let member = header.member().map(ToString::to_string).unwrap_or_default();
        let Some(identity) = self.senders.find(name).and_then(|s| s.identity.clone()) else {
            return;
        };
        if interface.starts_with("org.freedesktop.DBus.") {
            if !identity.rights.hold(Right::Ask) && member != "Ping" {
                return self.refuse(
                    &message,
                    ErrorName::NotAuthorized,
                    "this user may not use the assistant",
                );
            }
            return self.standard(&message, &path, &member);
        }
        let Some(known) = contract::find(&interface, &member) else {
            let why = format!("{interface}.{member} is not served");
            return self.refuse(&message, ErrorName::UnknownMethod, why);
        };
        if let Err(error) = self.bound(known, &message) {
            return self.refuse_with(&message, &error);
        }
        if !identity.rights.hold(known.right) {
            let (uid, member_name) = (identity.uid, known.name);
            let _ = self.events.send(BusEvent::NotAuthorized { uid, member: member_name });
            let why = format!(
                "this user may not call {member}: it needs the right {}; see the access table of the configuration",
                known.right.name()
            );
            return self.refuse(&message, ErrorName::NotAuthorized, why);
        }
        if !self.face.objects().serves(&path, &interface) {
            // Ending what has ended already is no error.
            let ended = match (known.interface, known.name) {
                ("org.valetd.Session1", "Close") => path::parse_session(&path).is_some(),
                ("org.valetd.Request1", "Cancel") => {
                    path.strip_prefix(&path::request(name, "")).is_some_and(|t| !t.is_empty())
                }
                _ => false,
            };
            if ended {
                return self.answer(&message, &());
            }
            let (name, why) = match known.interface {
                "org.valetd.Session1" => {
                    (ErrorName::UnknownSession, "no such session; open one with OpenSession")
                }
                "org.valetd.Skill1" => (ErrorName::UnknownSkill, "no such skill"),
                _ => (ErrorName::UnknownObject, "no such object, or not this interface"),
            };
            return self.refuse(&message, name, format!("{path}: {why}"));
        }
        self.hand_on(name, &identity, known, &path, &message);
    }

    /// Size, signature and descriptors, before anything is parsed.
    fn bound(&self, member: &Member, message: &Message) -> Result<(), BusError> {
        let body = message.body();
        let limit = match member.name {
            "ParseBatch" | "SetVocabulary" => limits::MAX_BATCH_BODY_BYTES,
            _ => limits::MAX_BODY_BYTES,
        };
        if body.len() > limit {
            let why = format!("the call has {} bytes, expected at most {limit}", body.len());
            return Err(BusError::new(ErrorName::LimitExceeded, why));
        }
        let got = body.signature().to_string_no_parens();
        if got != member.signature {
            let why = format!("arguments are {got:?}, expected {:?}", member.signature);
            return Err(BusError::invalid(why));
        }
        Ok(())
    }

    fn hand_on(
        &mut self,
        name: &str,
        identity: &Identity,
        member: &Member,
        path: &str,
        message: &Message,
    ) {
        let Some(sender) = self.senders.find(name) else { return };
        if sender.in_flight >= limits::MAX_IN_FLIGHT {
            let why = format!(
                "{} calls of yours wait for their answer; take those first",
                limits::MAX_IN_FLIGHT
            );
            return self.refuse(message, ErrorName::Busy, why);
        }
        let call = match Call::read(member, path, message) {
            Ok(call) => call,
            Err(error) => return self.refuse_with(message, &error),
        };
        let Ok(permit) = self.calls.try_reserve() else {
            return self.refuse(
                message,
                ErrorName::Busy,
                "the assistant has too much to do; try again in a moment",
            );
        };
        sender.in_flight += 1;
        permit.send(Incoming {
            caller: Caller { uid: identity.uid, name: name.to_owned() },
            rights: Arc::clone(&identity.rights),
            interactive: message
                .primary_header()
                .flags()
                .contains(zbus::message::Flags::ALLOW_INTERACTIVE_AUTH),
            call,
            reply: Reply {
                message: message.clone(),
                outbox: self.face.outbox.clone(),
                answered: false,
                finished: self.finished.0.clone(),
            },
        });
    }

    fn standard(&self, message: &Message, path: &str, member: &str) {
        match member {
            "Ping" => self.answer(message, &()),
            "GetMachineId" => match std::fs::read_to_string("/etc/machine-id") {
                Ok(id) => self.answer(message, &id.trim().to_owned()),
                Err(_) => self.refuse(message, ErrorName::Failed, "this machine has no id"),
            },
            "Introspect" => match self.face.objects().introspect(path) {
                Some(xml) => self.answer(message, &xml),
                None => self.refuse(
                    message,
                    ErrorName::UnknownObject,
                    format!("{path}: no such object"),
                ),
            },
            "GetManagedObjects" => match self.face.objects().managed(path) {
                Some(managed) => self.answer(message, &managed),
                None => self.refuse(
                    message,
                    ErrorName::UnknownMethod,
                    format!("{path} manages no objects"),
                ),
            },
            "Get" => match self.property(message, path) {
                Ok(value) => self.answer(message, &value),
                Err(error) => self.refuse_with(message, &error),
            },
            "GetAll" => match self.properties(message, path) {
                Ok(all) => self.answer(message, &all),
                Err(error) => self.refuse_with(message, &error),
            },
            "Set" => self.refuse(
                message,
                ErrorName::PropertyReadOnly,
                "no property of this interface can be set",
            ),
            _ => self.refuse(message, ErrorName::UnknownMethod, format!("{member} is not served")),
        }
    }

    fn property(&self, message: &Message, path: &str) -> Result<OwnedVariant, BusError> {
        let (interface, name) = message
            .body()
            .deserialize::<(String, String)>()
            .map_err(|e| BusError::invalid(format!("the arguments do not parse: {e}")))?;
        let objects = self.face.objects();
        readable_by(&objects, path, message)?;
        let properties = objects.properties(path, &interface).ok_or_else(|| {
            BusError::new(ErrorName::UnknownObject, format!("{path} has no {interface}"))
        })?;
        properties.get(&name).cloned().ok_or_else(|| {
            BusError::new(ErrorName::UnknownProperty, format!("{interface} has no property {name}"))
        })
    }

    fn properties(&self, message: &Message, path: &str) -> Result<Dict, BusError> {
        let interface = message
            .body()
            .deserialize::<String>()
            .map_err(|e| BusError::invalid(format!("the arguments do not parse: {e}")))?;
        let objects = self.face.objects();
        readable_by(&objects, path, message)?;
        objects.properties(path, &interface).cloned().ok_or_else(|| {
            BusError::new(ErrorName::UnknownObject, format!("{path} has no {interface}"))
        })
    }
}

/// Requests and sessions show their properties to their owner alone.
fn readable_by(objects: &Objects, path: &str, message: &Message) -> Result<(), BusError> {
    let header = message.header();
    match (objects.owner(path), header.sender()) {
        (Some(owner), sender) if sender.is_none_or(|s| s.as_str() != owner) => {
            Err(BusError::new(ErrorName::NotAuthorized, format!("{path} is not yours")))
        }
        _ => Ok(()),
    }
}
