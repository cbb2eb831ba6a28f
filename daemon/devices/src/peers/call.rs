//! One call of a peer: somebody has the name, the answer comes in time, and the property that shows the effect is
//! watched from before the call on.
//!
//! Must not call what was not judged: names, members and bounds come in as they are.

use super::{
    answer::Answer,
    connections::Connections,
    values::{all_from_wire, from_wire, to_wire},
};
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use valet_core::{
    capability::dbus::{BusKind, PeerInterface, name_matches},
    ports::peers::{
        MAX_PEER_NAMES, PeerAnswer, PeerCall, PeerError, PeerItem, PeerValue, WatchedProperty,
    },
};
use zbus::{
    Connection, MatchRule, MessageStream, OwnedVariant, Structure,
    fdo::DBusProxy,
    message::{Message, Type},
    proxy::{CacheProperties, MethodFlags},
};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Longest words of a peer that are kept of an error, characters.
const MAX_WHY_CHARS: usize = 200;
/// Largest signal that is read, bytes.
const MAX_CHANGE_BYTES: usize = 256 << 10;

/// Who is there by a pattern.
pub(super) async fn names(
    connections: &Connections,
    bus: BusKind,
    pattern: &str,
    limit: Duration,
) -> Result<Vec<String>, PeerError> {
    within(pattern, limit, async {
        let connection = connections.to(bus).await?;
        let missing = |_| PeerError::NotAvailable { bus: bus.name() };
        let all = DBusProxy::new(&connection).await.map_err(missing)?;
        let all =
            all.list_names().await.map_err(|_| PeerError::NotAvailable { bus: bus.name() })?;
        let mut names: Vec<String> = all
            .iter()
            .map(|name| name.as_str())
            .filter(|name| name_matches(pattern, name))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.truncate(MAX_PEER_NAMES);
        Ok(names)
    })
    .await
}

/// Reads a property.
pub(super) async fn property(
    connections: &Connections,
    peer: &PeerInterface,
    property: &str,
    limit: Duration,
) -> Result<PeerValue, PeerError> {
    within(peer.name(), limit, async {
        let connection = connections.to(peer.bus()).await?;
        read(&connection, peer, property).await
    })
    .await
}

/// Calls a method and watches its effect.
pub(super) async fn call(
    connections: &Connections,
    call: &PeerCall,
) -> Result<PeerAnswer, PeerError> {
    let peer = &call.peer;
    let (connection, mut watch, values) = within(peer.name(), call.limit, async {
        let connection = connections.to(peer.bus()).await?;
        let watch = match &call.watched {
            Some(watched) => Some(Watch::begin(&connection, peer, watched).await?),
            None => None,
        };
        let body = to_wire(&call.arguments).map_err(|why| refused(peer, why))?;
        let answer =
            method(&connection, peer, (peer.interface(), &call.member), body.as_ref()).await?;
        Ok((connection, watch, answer))
    })
    .await?;
    let Some(watch) = &mut watch else {
        return Ok(PeerAnswer { values, observed: None, reached: false });
    };
    let reached = watch.wait(&connection, peer).await;
    Ok(PeerAnswer { values, observed: watch.last.take(), reached })
}

async fn within<T>(
    name: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, PeerError>>,
) -> Result<T, PeerError> {
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let late = |_| PeerError::TimedOut { name: name.to_owned(), limit_ms };
    timeout(limit, work).await.map_err(late)?
}

fn refused(peer: &PeerInterface, why: String) -> PeerError {
    PeerError::Refused { name: peer.name().to_owned(), why }
}

fn error_of(peer: &PeerInterface, error: zbus::Error) -> PeerError {
    match error {
        zbus::Error::FDO(error)
            if matches!(
                *error,
                zbus::fdo::Error::ServiceUnknown(_) | zbus::fdo::Error::NameHasNoOwner(_)
            ) =>
        {
            PeerError::NoPeer { name: peer.name().to_owned() }
        }
        other => refused(peer, other.to_string().chars().take(MAX_WHY_CHARS).collect()),
    }
}

/// Calls without starting anybody, and takes the answer within its bounds.
async fn method(
    connection: &Connection,
    peer: &PeerInterface,
    (interface, member): (&str, &str),
    body: Option<&Structure<'_>>,
) -> Result<Vec<PeerValue>, PeerError> {
    let failed = |error| error_of(peer, error);
    let proxy = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(connection)
        .destination(peer.name())
        .path(peer.path())
        .interface(interface)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(failed)?;
    let flags = MethodFlags::NO_AUTO_START;
    let answer: Option<Answer> = match body {
        Some(body) => proxy.call_with_flags(member, flags, body).await,
        None => proxy.call_with_flags(member, flags, &()).await,
    }
    .map_err(failed)?;
    match answer.and_then(|answer| answer.0) {
        None => Ok(Vec::new()),
        Some(values) => all_from_wire(&values.0).map_err(|what| refused(peer, what)),
    }
}

async fn read(
    connection: &Connection,
    peer: &PeerInterface,
    property: &str,
) -> Result<PeerValue, PeerError> {
    let text = |text: &str| PeerItem::Basic(valet_core::ports::peers::PeerBasic::Text(text.into()));
    let arguments = [peer.interface(), property].map(|t| PeerValue::Item(text(t)));
    let body = to_wire(&arguments).map_err(|why| refused(peer, why))?;
    let mut values = method(connection, peer, (PROPERTIES, "Get"), body.as_ref()).await?;
    values.pop().ok_or_else(|| refused(peer, "nothing".to_owned()))
}

/// A property that is watched from before a call on.
struct Watch<'w> {
    watched: &'w WatchedProperty,
    changes: MessageStream,
    before: Option<PeerValue>,
    last: Option<PeerValue>,
}

impl<'w> Watch<'w> {
    /// Listens first and reads then, so that no change is missed in between.
    async fn begin(
        connection: &Connection,
        peer: &PeerInterface,
        watched: &'w WatchedProperty,
    ) -> Result<Self, PeerError> {
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(peer.name().to_owned())
            .path(peer.path().to_owned())
            .interface(PROPERTIES)
            .member("PropertiesChanged")
            .arg(0, peer.interface().to_owned())
            .build()
            .map_err(|e| error_of(peer, e))?;
        let changes = MessageStream::for_match_rule(rule, connection, None)
            .await
            .map_err(|e| error_of(peer, e))?;
        // Of a property that has no value yet nothing is known; the call may give it one.
        let before = match read(connection, peer, &watched.property).await {
            Ok(value) => Some(value),
            Err(gone @ (PeerError::NoPeer { .. } | PeerError::NotAvailable { .. })) => {
                return Err(gone);
            }
            Err(_) => None,
        };
        Ok(Self { watched, changes, before, last: None })
    }

    fn is_reached(&self) -> bool {
        let Some(last) = &self.last else { return false };
        if self.watched.wanted.any_of.is_empty() {
            return self.before.as_ref() != Some(last);
        }
        match last {
            PeerValue::Item(PeerItem::Basic(basic)) => self.watched.wanted.is(&basic.text()),
            _ => false,
        }
    }

    /// Waits until the property is as wanted; whether it is.
    async fn wait(&mut self, connection: &Connection, peer: &PeerInterface) -> bool {
        let until = Instant::now() + self.watched.limit;
        loop {
            // Also the first time: it may have changed before the answer came, or change without a word.
            let read = timeout_at(until, read(connection, peer, &self.watched.property)).await;
            if let Ok(Ok(value)) = read {
                self.last = Some(value);
            }
            while !self.is_reached() {
                let change = timeout_at(until, self.changes.next()).await;
                let Ok(Some(Ok(message))) = change else { return self.is_reached() };
                match changed(&message, peer, &self.watched.property) {
                    Change::To(value) => self.last = Some(value),
                    // It says that it changed and not to what.
                    Change::Somehow => break,
                    Change::Other => {}
                }
            }
            if self.is_reached() {
                return true;
            }
        }
    }
}

enum Change {
    To(PeerValue),
    Somehow,
    Other,
}

fn changed(message: &Message, peer: &PeerInterface, property: &str) -> Change {
    type Body = (String, std::collections::HashMap<String, OwnedVariant>, Vec<String>);
    let body = message.body();
    if body.len() > MAX_CHANGE_BYTES {
        return Change::Other;
    }
    let Ok((interface, values, invalidated)) = body.deserialize::<Body>() else {
        return Change::Other;
    };
    if interface != peer.interface() {
        return Change::Other;
    }
    match values.get(property).map(|value| from_wire(value)) {
        Some(Ok(value)) => Change::To(value),
        None if invalidated.iter().any(|name| name == property) => Change::Somehow,
        Some(Err(_)) | None => Change::Other,
    }
}
