//! Who has called: identity, rate, calls in flight. Asked of the bus once a client.
//!
//! Must not trust anything a client says about itself.

use crate::{
    access::{AccessRules, Rights},
    limits::Bucket,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};
use zbus::{Connection, MatchRule, Message, fdo::DBusProxy, names::BusName};

/// Most clients that are remembered at once; the bus itself allows 256 a user.
pub(super) const MAX_SENDERS: usize = 2048;
/// Most calls of one client that wait for its identity.
pub(super) const MAX_UNIDENTIFIED: usize = 512;

/// Who a client is, as the bus says, and what it may do by the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) rights: Arc<Rights>,
}

/// One client.
pub(super) struct Sender {
    pub(super) identity: Option<Identity>,
    pub(super) waiting: VecDeque<Message>,
    pub(super) bucket: Bucket,
    pub(super) in_flight: usize,
}

impl Sender {
    fn new(now: Instant) -> Self {
        Self { identity: None, waiting: VecDeque::new(), bucket: Bucket::new(now), in_flight: 0 }
    }
}

/// All clients by unique name.
#[derive(Default)]
pub(super) struct Senders {
    by_name: HashMap<String, Sender>,
}

impl Senders {
    pub(super) fn find(&mut self, name: &str) -> Option<&mut Sender> {
        self.by_name.get_mut(name)
    }

    /// A client, new or known; `None` when there are too many.
    pub(super) fn entry(&mut self, name: &str, now: Instant) -> Option<&mut Sender> {
        if !self.by_name.contains_key(name) && self.by_name.len() >= MAX_SENDERS {
            return None;
        }
        Some(self.by_name.entry(name.to_owned()).or_insert_with(|| Sender::new(now)))
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Sender> {
        self.by_name.remove(name)
    }
}

fn watch_rule(name: &str) -> zbus::Result<MatchRule<'_>> {
    MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, name)
        .build()
}

/// Asks the bus to tell us when a client leaves, and then who it is: in this order, so that
/// one that leaves in between is not missed.
pub(super) async fn identify(
    connection: &Connection,
    rules: &AccessRules,
    name: &str,
) -> zbus::Result<Identity> {
    let bus = DBusProxy::new(connection).await?;
    bus.add_match_rule(watch_rule(name)?).await?;
    let credentials = bus.get_connection_credentials(BusName::try_from(name)?).await?;
    let uid = credentials
        .unix_user_id()
        .ok_or_else(|| zbus::Error::Failure("the bus does not know the client's user".into()))?;
    let gids = credentials.unix_group_ids().cloned().unwrap_or_default();
    Ok(Identity { uid, rights: Arc::new(rules.rights_of(uid, &gids)) })
}

/// Stops watching a client that left.
pub(super) async fn unwatch(connection: &Connection, name: &str) -> zbus::Result<()> {
    DBusProxy::new(connection).await?.remove_match_rule(watch_rule(name)?).await?;
    Ok(())
}
