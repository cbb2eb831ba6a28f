//! What lies outside of the vehicle, behind grants: servers, the broker, peers, the vocabulary. What the
//! device does not have answers that it is not available.
//!
//! Must not decide anything, as the rest of the world.

use super::World;
use crate::grant::{
    EntityGrant, FetchGrant, FilterGrant, MethodGrant, NamesGrant, PropertyGrant, PublishGrant,
    TopicGrant,
};
use std::{sync::Arc, time::Duration};
use valet_core::ports::{
    Spoken, Vocabularies,
    broker::{Awaited, Broker, BrokerError, MqttCommand, SeenMessage, TopicMessage},
    http::{HttpClient, HttpError, HttpRequest, HttpResponse},
    peers::{PeerAnswer, PeerCall, PeerError, PeerValue, Peers, WatchedProperty},
};

/// What the daemon lends to the skills besides the vehicle; none of it by default.
#[derive(Clone, Default)]
pub struct Outside {
    /// Servers.
    pub http: Option<Arc<dyn HttpClient>>,
    /// The broker.
    pub broker: Option<Arc<dyn Broker>>,
    /// Peers on D-Bus.
    pub peers: Option<Arc<dyn Peers>>,
    /// What skills know at run time.
    pub vocabularies: Option<Arc<dyn Vocabularies>>,
}

/// A call of a method: with what, what is watched, and how long the answer may take.
pub(crate) struct Calling {
    pub(crate) arguments: Vec<PeerValue>,
    pub(crate) watched: Option<(PropertyGrant, WatchedProperty)>,
    pub(crate) limit: Duration,
}

impl World {
    pub(crate) fn fetch(
        &self,
        grant: &FetchGrant,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let http = self.0.outside.http.as_ref().ok_or(HttpError::NotAvailable)?;
        http.fetch(&HttpRequest {
            url: grant.url().clone(),
            method: grant.method(),
            headers,
            body,
            most_bytes: grant.most_bytes(),
            limit,
        })
    }

    fn broker(&self) -> Result<&dyn Broker, BrokerError> {
        self.0.outside.broker.as_deref().ok_or(BrokerError::NotAvailable)
    }

    pub(crate) fn last(&self, grant: &TopicGrant) -> Result<Option<TopicMessage>, BrokerError> {
        self.broker()?.last(grant.skill(), grant.topic())
    }

    pub(crate) fn topics(&self, grant: &FilterGrant) -> Result<Vec<String>, BrokerError> {
        self.broker()?.topics(grant.skill(), grant.filter())
    }

    /// Publishes; what is awaited needs leave of its own.
    pub(crate) fn publish(
        &self,
        grant: &PublishGrant,
        payload: Vec<u8>,
        awaited: Option<(TopicGrant, Awaited)>,
    ) -> Result<Option<SeenMessage>, BrokerError> {
        let awaited =
            awaited.map(|(grant, awaited)| Awaited { topic: grant.topic().to_owned(), ..awaited });
        let topic = grant.topic().to_owned();
        self.broker()?.command(&MqttCommand { topic, payload, awaited })
    }

    fn peers(&self, bus: valet_core::capability::dbus::BusKind) -> Result<&dyn Peers, PeerError> {
        let peers = self.0.outside.peers.as_deref();
        peers.ok_or(PeerError::NotAvailable { bus: bus.name() })
    }

    pub(crate) fn peer_names(
        &self,
        grant: &NamesGrant,
        limit: Duration,
    ) -> Result<Vec<String>, PeerError> {
        self.peers(grant.bus())?.names(grant.bus(), grant.pattern(), limit)
    }

    pub(crate) fn call_peer(
        &self,
        grant: &MethodGrant,
        calling: Calling,
    ) -> Result<PeerAnswer, PeerError> {
        let Calling { arguments, watched, limit } = calling;
        let watched = watched.map(|(grant, watched)| WatchedProperty {
            property: grant.property().to_owned(),
            ..watched
        });
        let (peer, member) = (grant.peer().clone(), grant.member().to_owned());
        self.peers(peer.bus())?.call(&PeerCall { peer, member, arguments, watched, limit })
    }

    pub(crate) fn peer_property(
        &self,
        grant: &PropertyGrant,
        limit: Duration,
    ) -> Result<PeerValue, PeerError> {
        self.peers(grant.peer().bus())?.property(grant.peer(), grant.property(), limit)
    }

    /// Nobody may listen: then nothing is understood by it.
    pub(crate) fn set_vocabulary(&self, grant: &EntityGrant, values: Vec<Spoken>) {
        if let Some(vocabularies) = &self.0.outside.vocabularies {
            vocabularies.set(grant.skill(), grant.entity(), values);
        }
    }
}
