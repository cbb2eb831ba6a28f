//! `dbus-peer`: other programs of the device, where a rule names the member. A question only reads;
//! what counts as done is a property that became what was wanted.

mod values;

use super::mqtt::{shown, wanted};
use crate::{bindings::valet::skill::dbus_peer as wit, rate::Rated, turn::Turn, world::Calling};
use std::time::{Duration, Instant};
use valet_core::{
    capability::dbus::{BusKind, PeerInterface, is_member},
    outcome::{ActionStatus, Target},
    ports::peers::{PeerAnswer, PeerError, PeerItem, PeerValue, WatchedProperty},
    signal::{Class, SignalValue},
};
use values::{arguments, value_to_wit};

fn peer_error(error: &PeerError) -> wit::PeerError {
    log::debug!("{error}");
    match error {
        PeerError::NotAvailable { .. } => wit::PeerError::NotAvailable,
        PeerError::NoPeer { .. } => wit::PeerError::NoPeer,
        PeerError::Refused { .. } => wit::PeerError::Refused,
        PeerError::TimedOut { .. } => wit::PeerError::TimedOut,
    }
}

fn bus(bus: wit::Bus) -> BusKind {
    match bus {
        wit::Bus::Session => BusKind::Session,
        wit::Bus::System => BusKind::System,
    }
}

fn peer(peer: &wit::Peer) -> Option<PeerInterface> {
    PeerInterface::new(bus(peer.bus), &peer.name, &peer.path, &peer.interface)
}

/// How a call stands by what was seen.
fn status(result: &Result<PeerAnswer, PeerError>) -> ActionStatus {
    match result {
        Ok(answer) if answer.reached => ActionStatus::Done,
        Ok(_) => ActionStatus::Requested,
        Err(PeerError::NotAvailable { .. } | PeerError::NoPeer { .. }) => ActionStatus::NoProvider,
        Err(_) => ActionStatus::Failed,
    }
}

/// A property as a value of an action, where it is one value.
fn observed(value: &PeerValue) -> Option<SignalValue> {
    match value {
        PeerValue::Item(PeerItem::Basic(basic)) => Some(shown(&basic.text())),
        _ => None,
    }
}

impl Turn {
    /// Runs a call; a slow peer is not the guest's time, but a turn has only so much of it.
    fn with_peers<R>(&mut self, call: impl FnOnce(&Self, Duration) -> R) -> R {
        let started = Instant::now();
        let result = call(self, self.allowance.peers);
        let took = started.elapsed();
        self.allowance.peers = self.allowance.peers.saturating_sub(took);
        self.give_back(took);
        result
    }

    fn call_granted(
        &mut self,
        target: Target,
        grant: &crate::grant::MethodGrant,
        mut calling: Calling,
    ) -> Result<PeerAnswer, PeerError> {
        let watched = calling.watched.as_ref().map(|(_, watched)| watched);
        let requested = watched.and_then(|watched| watched.wanted.any_of.first()).map(|t| shown(t));
        calling.limit = self.allowance.peers;
        let started = Instant::now();
        let result = self.world.call_peer(grant, calling);
        self.waited_for_the_world(started.elapsed());
        let seen = result.as_ref().ok().and_then(|answer| answer.observed.as_ref());
        let observed = seen.and_then(observed);
        self.keep_action(target, status(&result), (requested, observed), None);
        result
    }

    /// A call that passed every check; what a person should hear of a refusal is kept.
    fn judge_call(
        &mut self,
        request: wit::CallRequest,
    ) -> Result<(crate::grant::MethodGrant, Calling), wit::PeerError> {
        let peer = peer(&request.peer).ok_or(wit::PeerError::NotGranted)?;
        let arguments = arguments(request.arguments).ok_or(wit::PeerError::BadValue)?;
        let acts = self.scope.ceiling > Class::Info;
        let grant = self.granter.method(&peer, &request.member).filter(|_| acts);
        let mut readable = true;
        let mut watched = None;
        if let Some(asked) = request.watched {
            let wanted = wanted(None, asked.any_of).ok_or(wit::PeerError::BadValue)?;
            let limit = Duration::from_millis(asked.timeout_ms.into()).min(self.allowance.observe);
            let property = self.granter.property(&peer, &asked.property);
            readable = property.is_some();
            let watch = WatchedProperty { property: asked.property, wanted, limit };
            watched = property.map(|grant| (grant, watch));
        }
        let Some(grant) = grant.filter(|_| readable) else {
            if is_member(&request.member) {
                self.deny(target(&peer, &request.member));
            }
            return Err(wit::PeerError::NotGranted);
        };
        Ok((grant, Calling { arguments, watched, limit: Duration::ZERO }))
    }
}

fn target(peer: &PeerInterface, member: &str) -> Target {
    Target::Peer {
        name: peer.name().to_owned(),
        interface: peer.interface().to_owned(),
        member: member.to_owned(),
    }
}

impl wit::Host for Turn {
    fn names(
        &mut self,
        on: wit::Bus,
        pattern: String,
    ) -> wasmtime::Result<Result<Vec<String>, wit::PeerError>> {
        self.host_call()?;
        let Some(grant) = self.granter.names(bus(on), &pattern) else {
            return Ok(Err(wit::PeerError::NotGranted));
        };
        if !self.take_rated(Rated::DbusCall) {
            return Ok(Err(wit::PeerError::Limited));
        }
        let names = self.with_peers(|turn, limit| turn.world.peer_names(&grant, limit));
        Ok(names.map_err(|e| peer_error(&e)))
    }

    fn call(
        &mut self,
        request: wit::CallRequest,
    ) -> wasmtime::Result<Result<wit::Answer, wit::PeerError>> {
        self.host_call()?;
        let (grant, calling) = match self.judge_call(request) {
            Ok(judged) => judged,
            Err(error) => return Ok(Err(error)),
        };
        let target = target(grant.peer(), grant.member());
        self.end_rehearsal_before(target.clone())?;
        if !self.has_room_for_action() || !self.take_rated(Rated::DbusCall) {
            return Ok(Err(wit::PeerError::Limited));
        }
        let answer = self.call_granted(target, &grant, calling).map_err(|e| peer_error(&e));
        Ok(answer.map(|answer| wit::Answer {
            values: answer.values.iter().map(value_to_wit).collect(),
            observed: answer.observed.as_ref().map(value_to_wit),
            reached: answer.reached,
        }))
    }

    fn property(
        &mut self,
        of: wit::Peer,
        property: String,
    ) -> wasmtime::Result<Result<wit::PeerValue, wit::PeerError>> {
        self.host_call()?;
        let granted = peer(&of).and_then(|peer| self.granter.property(&peer, &property));
        let Some(grant) = granted else {
            return Ok(Err(wit::PeerError::NotGranted));
        };
        if !self.take_rated(Rated::DbusCall) {
            return Ok(Err(wit::PeerError::Limited));
        }
        let value = self.with_peers(|turn, limit| turn.world.peer_property(&grant, limit));
        Ok(value.map(|value| value_to_wit(&value)).map_err(|e| peer_error(&e)))
    }
}
