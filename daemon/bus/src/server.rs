//! The server side: one connection, one reader that never waits, objects with properties,
//! and an outbox that keeps answers and signals in the order they were given.
//!
//! Must not use the library's object server: it either runs each call in a task of its own,
//! so that neighbouring calls overtake each other, or waits for each, so that one slow call
//! holds all. Here a call is checked and handed on in the order it came, and answered later.

mod dispatch;
mod objects;
mod polkit;
mod senders;

use crate::{
    BUS_NAME, BusError, Dict, ErrorName, ROOT, access::AccessRules, call::Incoming, convert::owned,
};
use objects::Objects;
use serde::Serialize;
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use zbus::{Connection, Message, MessageStream, OwnedVariant, fdo::RequestNameFlags, wire::Type};

/// Calls that wait for the daemon; more are answered with `Busy`.
pub const MAX_WAITING_CALLS: usize = 512;
/// Messages that the reader may be behind before the socket stops being read.
const MAX_UNREAD: usize = 1024;

/// Which bus to serve on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bus {
    /// The session bus of the environment.
    Session,
    /// The system bus.
    System,
    /// A bus by its address.
    Address(String),
}

/// Why the face could not be served.
#[derive(Debug, thiserror::Error)]
pub enum FaceError {
    /// No bus.
    #[error(
        "the {bus:?} bus cannot be reached: {why}; is a bus running, and is DBUS_SESSION_BUS_ADDRESS or DBUS_SYSTEM_BUS_ADDRESS right?"
    )]
    Connect {
        /// Which.
        bus: Bus,
        /// Why.
        why: String,
    },
    /// Another daemon has the name.
    #[error("the name {BUS_NAME} is taken on this bus; another valetd runs there, stop it first")]
    NameTaken,
    /// The bus refused the name.
    #[error("the bus does not let us have {BUS_NAME}: {why}; is the bus policy installed?")]
    NameRefused {
        /// Why.
        why: String,
    },
}

/// Something about the bus that is not a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusEvent {
    /// A client that had called us left.
    NameLost(String),
    /// A call was refused, for its user may not make it.
    NotAuthorized {
        /// Whose.
        uid: u32,
        /// Which.
        member: &'static str,
    },
    /// The connection is gone.
    Closed,
}

/// The daemon's handle on its face: properties, signals, objects. Cheap to clone.
#[derive(Clone)]
pub struct Face {
    connection: Connection,
    outbox: mpsc::UnboundedSender<Message>,
    /// Answered once the outbox is empty.
    emptied: mpsc::UnboundedSender<oneshot::Sender<()>>,
    objects: Arc<Mutex<Objects>>,
}

/// A face that is being served, and what comes from it.
pub struct Server {
    /// The handle.
    pub face: Face,
    /// Checked calls, in the order they came.
    pub calls: mpsc::Receiver<Incoming>,
    /// Clients that left, and the end of the connection.
    pub events: mpsc::UnboundedReceiver<BusEvent>,
}

impl Server {
    /// Connects and begins to serve the objects there are; calls wait until they are taken.
    /// The name is asked for by [`Face::request_name`], once everything is served.
    ///
    /// # Errors
    /// [`FaceError::Connect`].
    pub async fn connect(bus: Bus, rules: AccessRules) -> Result<Self, FaceError> {
        let builder = match &bus {
            Bus::Session => zbus::conn::Builder::session(),
            Bus::System => zbus::conn::Builder::system(),
            Bus::Address(address) => zbus::conn::Builder::address(address.as_str()),
        };
        let unread = NonZeroUsize::new(MAX_UNREAD).unwrap_or(NonZeroUsize::MIN);
        let connection = builder
            .max_queued(unread)
            .build()
            .await
            .map_err(|error| FaceError::Connect { bus: bus.clone(), why: error.to_string() })?;
        let (outbox, outgoing) = mpsc::unbounded_channel();
        let (emptied, ask_emptied) = mpsc::unbounded_channel();
        let (calls_in, calls) = mpsc::channel(MAX_WAITING_CALLS);
        let (events_in, events) = mpsc::unbounded_channel();
        let face = Face {
            connection: connection.clone(),
            outbox,
            emptied,
            objects: Arc::new(Mutex::new(Objects::new())),
        };
        tokio::spawn(send_all(connection.clone(), outgoing, ask_emptied));
        let stream = MessageStream::from(&connection);
        let dispatcher = dispatch::Dispatcher::new(face.clone(), rules, calls_in, events_in);
        tokio::spawn(dispatcher.run(stream));
        Ok(Self { face, calls, events })
    }
}

/// Sends what is in the outbox, in order, and says when nothing is left in it.
async fn send_all(
    connection: Connection,
    mut outgoing: mpsc::UnboundedReceiver<Message>,
    mut emptied: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    loop {
        tokio::select! {
            biased;
            message = outgoing.recv() => {
                let Some(message) = message else { return };
                if let Err(error) = connection.send(&message).await {
                    // The reader sees the closed connection too and ends the daemon by it.
                    log::debug!("a message could not be sent: {error}");
                }
            }
            // Whoever asked may have given up.
            Some(asked) = emptied.recv() => drop(asked.send(())),
        }
    }
}

impl Face {
    fn objects(&self) -> std::sync::MutexGuard<'_, Objects> {
        // Objects stay consistent at every step, so a panic elsewhere does not spoil them.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the well-known name, without queueing and without letting others replace us.
    ///
    /// # Errors
    /// [`FaceError::NameTaken`], [`FaceError::NameRefused`].
    pub async fn request_name(&self) -> Result<(), FaceError> {
        let flags = RequestNameFlags::DO_NOT_QUEUE;
        match self.connection.request_name_with_flags(BUS_NAME, flags).await {
            Ok(_) => Ok(()),
            Err(zbus::Error::NameTaken) => Err(FaceError::NameTaken),
            Err(error) => Err(FaceError::NameRefused { why: error.to_string() }),
        }
    }

    /// Lets what is in the outbox go out and gives the name back, at most `limit`. In this order:
    /// who listens to the name does not hear what is said after it was given back.
    pub async fn close(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, async {
            let (asked, emptied) = oneshot::channel();
            // Without the sender nothing goes out any more, and nothing is waited for.
            if self.emptied.send(asked).is_ok() {
                let _ = emptied.await;
            }
            let _ = self.connection.release_name(BUS_NAME).await;
        })
        .await;
    }

    /// Our own unique name on the bus.
    #[must_use]
    pub fn unique_name(&self) -> Option<String> {
        self.connection.unique_name().map(ToString::to_string)
    }

    /// Calls ourselves through the bus: proof for the watchdog that the bus path works.
    ///
    /// # Errors
    /// The connection's error, or a time-out after `limit`.
    pub async fn ping_self(&self, limit: Duration) -> Result<(), BusError> {
        let call = self.connection.call_method(
            Some(BUS_NAME),
            ROOT,
            Some("org.freedesktop.DBus.Peer"),
            "Ping",
            &(),
        );
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(BusError::new(ErrorName::Failed, error.to_string())),
            Err(_) => Err(BusError::new(ErrorName::Timeout, "the bus did not bring our own call")),
        }
    }

    /// Adds an object with its interfaces and their properties.
    pub fn add_object(&self, path: &str, interfaces: Vec<(&'static str, Dict)>) {
        let added = self.objects().add(path, interfaces);
        if let Some(manager) = objects::manager_of(path) {
            self.emit_all(
                manager,
                "org.freedesktop.DBus.ObjectManager",
                "InterfacesAdded",
                &(zbus::ObjectPath::try_from(path).unwrap_or_default(), added),
            );
        }
    }

    /// Adds an object that goes when its client goes, before any later call is answered.
    pub fn add_object_of(&self, client: &str, path: &str, interfaces: Vec<(&'static str, Dict)>) {
        let mut objects = self.objects();
        objects.add(path, interfaces);
        objects.belongs(path, client);
    }

    /// Removes an object.
    pub fn remove_object(&self, path: &str) {
        let gone = self.objects().remove(path);
        if let (Some(manager), false) = (objects::manager_of(path), gone.is_empty()) {
            self.emit_all(
                manager,
                "org.freedesktop.DBus.ObjectManager",
                "InterfacesRemoved",
                &(zbus::ObjectPath::try_from(path).unwrap_or_default(), gone),
            );
        }
    }

    /// Sets a property and, when it changed, says so with `PropertiesChanged`: to everybody, or
    /// for an object that belongs to a client to that client alone.
    pub fn set_property(
        &self,
        path: &str,
        interface: &'static str,
        name: &str,
        value: OwnedVariant,
    ) {
        let (changed, owner) = {
            let mut objects = self.objects();
            let changed = objects.set(path, interface, name, value.clone());
            (changed, objects.owner(path).map(str::to_owned))
        };
        if changed {
            let changes = Dict::from([(name.to_owned(), value)]);
            let body = (interface, changes, Vec::<String>::new());
            let properties = "org.freedesktop.DBus.Properties";
            self.emit(owner.as_deref(), path, properties, "PropertiesChanged", &body);
        }
    }

    /// Sets a property whose interface says that it does not signal changes.
    pub fn set_quietly(
        &self,
        path: &str,
        interface: &'static str,
        name: &str,
        value: OwnedVariant,
    ) {
        self.objects().set(path, interface, name, value);
    }

    /// Sends a signal to everybody. Never for anything about a turn.
    pub fn emit_all<B: Serialize + Type>(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) {
        self.emit(None, path, interface, member, body);
    }

    /// Sends a signal to one client.
    pub fn emit_to<B: Serialize + Type>(
        &self,
        client: &str,
        path: &str,
        (interface, member): (&str, &str),
        body: &B,
    ) {
        self.emit(Some(client), path, interface, member, body);
    }

    fn emit<B: Serialize + Type>(
        &self,
        client: Option<&str>,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) {
        let built = Message::signal(path, interface, member);
        let built = match client {
            Some(client) => built.destination(client),
            None => built,
        };
        match built.build(body) {
            // The outbox lives as long as the connection.
            Ok(message) => drop(self.outbox.send(message)),
            Err(error) => log::error!("a signal {member} could not be built: {error}"),
        }
    }

    /// Calls a method of a client's agent that answers nothing and is not waited for.
    pub fn tell_agent<B: Serialize + Type>(
        &self,
        (client, object): (&str, &str),
        method: &str,
        body: &B,
    ) {
        let call = Message::method_call(object, method)
            .destination(client)
            .interface("org.valetd.Agent1")
            .with_flags(zbus::message::Flags::NO_REPLY_EXPECTED);
        match call.build(body) {
            Ok(message) => drop(self.outbox.send(message)),
            Err(error) => log::error!("a call of {method} could not be built: {error}"),
        }
    }

    /// Calls a method of a client's agent and waits at most `limit`.
    ///
    /// # Errors
    /// `Timeout`, or `Failed` with the agent's words.
    pub async fn call_agent<B, R>(
        &self,
        (client, object): (&str, &str),
        method: &str,
        body: &B,
        limit: Duration,
    ) -> Result<R, BusError>
    where
        B: Serialize + Type + Sync,
        R: serde::de::DeserializeOwned + Type,
    {
        let call = self.connection.call_method(
            Some(client),
            object,
            Some("org.valetd.Agent1"),
            method,
            body,
        );
        let reply = match tokio::time::timeout(limit, call).await {
            Err(_) => {
                return Err(BusError::new(ErrorName::Timeout, "the agent did not answer in time"));
            }
            Ok(Err(error)) => return Err(BusError::new(ErrorName::Failed, error.to_string())),
            Ok(Ok(reply)) => reply,
        };
        let body = reply.body();
        body.deserialize::<R>()
            .map_err(|e| BusError::invalid(format!("the agent's answer does not parse: {e}")))
    }
}

/// The value of a property that is a text.
#[must_use]
pub fn text(value: &str) -> OwnedVariant {
    owned(value)
}
