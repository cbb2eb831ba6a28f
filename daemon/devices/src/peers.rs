//! Peers on D-Bus: connections of this room's own, on a thread of their own, made when somebody is called first.
//!
//! Must not start anybody (a peer that is not there is not there), serve anything, or share the connection on which
//! the daemon is called.

mod answer;
mod call;
mod connections;
mod values;

use crate::error::DeviceError;
use connections::Connections;
use std::{
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::mpsc::{self, error::TrySendError};
use valet_core::{
    capability::dbus::{BusKind, PeerInterface},
    ports::peers::{PeerAnswer, PeerCall, PeerError, PeerValue, Peers},
};

/// Most calls that wait for the thread at once.
const MAX_WAITING: usize = 32;
/// What the thread gets on top of a call's own time to say that it is over.
const SLACK: Duration = Duration::from_millis(250);

/// Where a bus is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BusPlace {
    /// Where the environment or the standard says.
    #[default]
    Usual,
    /// At this address.
    At(String),
    /// Nobody there is called.
    Off,
}

/// Which buses peers are called on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerSettings {
    /// The user's.
    pub session: BusPlace,
    /// The machine's.
    pub system: BusPlace,
}

/// What the thread is asked.
enum Job {
    Names(BusKind, String, Duration, SyncSender<Result<Vec<String>, PeerError>>),
    Call(Box<PeerCall>, SyncSender<Result<PeerAnswer, PeerError>>),
    Property(PeerInterface, String, Duration, SyncSender<Result<PeerValue, PeerError>>),
}

/// Calls peers.
pub struct DbusPeers {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl DbusPeers {
    /// Starts the thread; nothing is connected to yet.
    ///
    /// # Errors
    /// [`DeviceError::Peers`] where there can be no thread for it.
    pub fn start(settings: PeerSettings) -> Result<Self, DeviceError> {
        let failed = |e: std::io::Error| DeviceError::Peers { why: e.to_string() };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("peers".to_owned())
            .spawn(move || runtime.block_on(serve(Connections::new(settings), waiting)))
            .map_err(failed)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Hands a job to the thread and waits for what comes of it.
    fn ask<T>(
        &self,
        name: &str,
        limit: Duration,
        job: impl FnOnce(SyncSender<Result<T, PeerError>>) -> Job,
    ) -> Result<T, PeerError> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let late = || PeerError::TimedOut { name: name.to_owned(), limit_ms };
        let (send, receive) = sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or_else(late)?;
        jobs.try_send(job(send)).map_err(|error| match error {
            TrySendError::Full(_) => late(),
            TrySendError::Closed(_) => PeerError::NotAvailable { bus: "any" },
        })?;
        match receive.recv_timeout(limit + SLACK) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(late()),
        }
    }
}

impl Drop for DbusPeers {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread that calls peers had panicked");
        }
    }
}

impl Peers for DbusPeers {
    fn names(
        &self,
        bus: BusKind,
        pattern: &str,
        limit: Duration,
    ) -> Result<Vec<String>, PeerError> {
        self.ask(pattern, limit, |send| Job::Names(bus, pattern.to_owned(), limit, send))
    }

    fn call(&self, call: &PeerCall) -> Result<PeerAnswer, PeerError> {
        let watched = call.watched.as_ref().map_or(Duration::ZERO, |watched| watched.limit);
        let whole = call.limit.saturating_add(watched);
        self.ask(call.peer.name(), whole, |send| Job::Call(Box::new(call.clone()), send))
    }

    fn property(
        &self,
        peer: &PeerInterface,
        property: &str,
        limit: Duration,
    ) -> Result<PeerValue, PeerError> {
        self.ask(peer.name(), limit, |send| {
            Job::Property(peer.clone(), property.to_owned(), limit, send)
        })
    }
}

/// Takes jobs until nobody has any more; each runs beside the others.
async fn serve(connections: Connections, mut waiting: mpsc::Receiver<Job>) {
    let connections = std::rc::Rc::new(connections);
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            while let Some(job) = waiting.recv().await {
                let connections = std::rc::Rc::clone(&connections);
                tokio::task::spawn_local(async move {
                    // Who asked may have given up.
                    match job {
                        Job::Names(bus, pattern, limit, send) => {
                            let found = call::names(&connections, bus, &pattern, limit).await;
                            let _ = send.send(found);
                        }
                        Job::Call(call, send) => {
                            let _ = send.send(call::call(&connections, &call).await);
                        }
                        Job::Property(peer, property, limit, send) => {
                            let read = call::property(&connections, &peer, &property, limit).await;
                            let _ = send.send(read);
                        }
                    }
                });
            }
        })
        .await;
}
