//! Who waits for a turn: a call to be answered, or a request object.
//!
//! Must not outlive the client; results go to nobody else.

use std::collections::HashMap;
use valet_bus::{BusError, ErrorName, Reply};
use valet_core::session::TurnId;

/// Most requests of one client at once.
pub(crate) const MAX_REQUESTS: usize = 64;

/// What whoever still waits is told when the daemon stops.
pub(crate) const STOPPING: &str = "the assistant is stopping";

/// Whoever waits for a turn.
pub(crate) enum Waiter {
    /// A blocking call.
    Call(Reply),
    /// A request object.
    Request {
        /// Its path.
        path: String,
        /// Whose.
        client: String,
    },
}

/// A client that watches all turns it may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observer {
    /// Its user.
    pub uid: u32,
    /// Whether it sees the turns of other users too.
    pub sees_all: bool,
}

/// All waiters by turn.
#[derive(Default)]
pub(crate) struct Waiters {
    by_turn: HashMap<TurnId, Waiter>,
}

impl Waiters {
    /// Somebody waits.
    pub(crate) fn insert(&mut self, turn: TurnId, waiter: Waiter) {
        self.by_turn.insert(turn, waiter);
    }

    /// The turn is over.
    pub(crate) fn take(&mut self, turn: TurnId) -> Option<Waiter> {
        self.by_turn.remove(&turn)
    }

    /// The request of a turn: path and client.
    pub(crate) fn request(&self, turn: TurnId) -> Option<(&str, &str)> {
        match self.by_turn.get(&turn)? {
            Waiter::Request { path, client } => Some((path, client)),
            Waiter::Call(_) => None,
        }
    }

    /// The turn behind a request's path, and whose it is.
    pub(crate) fn turn_of(&self, wanted: &str) -> Option<(TurnId, &str)> {
        self.by_turn.iter().find_map(|(turn, waiter)| match waiter {
            Waiter::Request { path, client } if path == wanted => Some((*turn, client.as_str())),
            _ => None,
        })
    }

    /// How many requests a client has open.
    pub(crate) fn requests_of(&self, wanted: &str) -> usize {
        let of =
            |waiter: &&Waiter| matches!(waiter, Waiter::Request { client, .. } if client == wanted);
        self.by_turn.values().filter(of).count()
    }

    /// Nobody is there any more to take this client's results.
    pub(crate) fn client_left(&mut self, wanted: &str) {
        self.by_turn.retain(
            |_, waiter| !matches!(waiter, Waiter::Request { client, .. } if client == wanted),
        );
    }

    /// The daemon stops: every blocking call is told so. Gives the requests that are open, as
    /// client and path, so that those can be told too.
    pub(crate) fn drop_all(&mut self) -> Vec<(String, String)> {
        let mut requests = Vec::new();
        for (_, waiter) in self.by_turn.drain() {
            match waiter {
                Waiter::Call(reply) => {
                    reply.error(&BusError::new(ErrorName::Canceled, STOPPING));
                }
                Waiter::Request { path, client } => requests.push((client, path)),
            }
        }
        requests
    }
}
