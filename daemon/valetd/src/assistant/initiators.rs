//! What begins a turn, for observers and logs: its call says so, its session, or the microphone that heard it.
//!
//! Must not change what a turn may do.

use std::collections::{BTreeMap, HashMap};
use valet_core::{
    session::{SessionKey, TurnId},
    zone::Zone,
};

/// What began what.
#[derive(Debug, Default)]
pub(crate) struct Initiators {
    turns: HashMap<TurnId, String>,
    /// Of the turns of an opened session that say nothing else.
    sessions: HashMap<SessionKey, String>,
    /// What opened a microphone, by client and zone: the transcripts that follow began so, too.
    microphones: BTreeMap<(String, Zone), String>,
}

impl Initiators {
    /// A turn begins, by what its call says or else its session.
    pub(super) fn begin(&mut self, turn: TurnId, said: Option<&String>, session: SessionKey) {
        if let Some(initiator) = said.or(self.sessions.get(&session)) {
            self.turns.insert(turn, initiator.clone());
        }
    }

    /// What began a turn.
    pub(super) fn of(&self, turn: TurnId) -> Option<&str> {
        self.turns.get(&turn).map(String::as_str)
    }

    /// A turn is over.
    pub(super) fn finished(&mut self, turn: TurnId) {
        self.turns.remove(&turn);
    }

    /// A session's turns begin so.
    pub(super) fn opened(&mut self, session: SessionKey, initiator: String) {
        self.sessions.insert(session, initiator);
    }

    /// A session ended.
    pub(super) fn closed(&mut self, session: SessionKey) {
        self.sessions.remove(&session);
    }

    /// A client opened a microphone; one entry a client and zone.
    pub(super) fn listens(&mut self, client: &str, zone: Zone, initiator: String) {
        self.microphones.insert((client.to_owned(), zone), initiator);
    }

    /// What opened a client's microphone in a zone.
    pub(super) fn of_microphone(&self, client: &str, zone: Zone) -> Option<&String> {
        self.microphones.get(&(client.to_owned(), zone))
    }

    /// A client left the bus.
    pub(super) fn client_left(&mut self, name: &str) {
        self.microphones.retain(|(client, _), _| client != name);
    }
}
