//! The history of turns: kept where the integrator says for how long, each user's own, and forgotten on a word.
//!
//! Must not keep anything by default, and must not let the task that serves the bus wait for a disk. What one user
//! asks for is done in the order in which it was asked: what was forgotten does not come back.

use crate::{
    state::{
        State,
        history::{Said, Span},
    },
    wall::SystemClock,
};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};
use valet_bus::{BusError, Dict, ErrorName, Reply, convert::owned};
use valet_core::{
    dialogue::TurnResult,
    ports::{Clock as _, StoreError},
};

/// Most jobs that wait for the disk.
const MOST_WAITING: usize = 256;
/// How often what is too old is dropped where nothing else happens.
const PURGE_EVERY: Duration = Duration::from_secs(6 * 3600);

type Job = Box<dyn FnOnce(&State, Span) + Send>;

/// The end of it that the assistant's task holds.
#[derive(Debug)]
pub(crate) struct History {
    to: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl History {
    /// Begins to keep turns for so long; without an age nothing is kept, and what was kept before is dropped.
    pub(crate) fn start(state: &Arc<State>, age: Option<Duration>) -> Self {
        let state = state.clone();
        let Some(age) = age else {
            drop_all(&state);
            return Self { to: None, thread: None };
        };
        let (to, jobs) = sync_channel(MOST_WAITING);
        let thread = std::thread::Builder::new().name("history".into());
        match thread.spawn(move || keep(&state, age, &jobs)) {
            Ok(thread) => Self { to: Some(to), thread: Some(thread) },
            Err(error) => {
                log::error!("no turn is kept, there is no thread for it: {error}");
                Self { to: None, thread: None }
            }
        }
    }

    /// Whether turns are kept.
    #[must_use]
    pub(crate) fn is_kept(&self) -> bool {
        self.to.is_some()
    }

    /// Keeps a turn that ended.
    pub(crate) fn remember(&self, result: &TurnResult) {
        if result.text.is_empty() || !self.is_kept() {
            return;
        }
        let uid = result.caller.uid;
        let said = Said {
            turn: result.turn.to_string(),
            time_ms: SystemClock.now().utc_ms,
            text: result.text.clone(),
            kind: result.kind.name().to_owned(),
            speech: result.speech.clone(),
            code: result.code.to_owned(),
            intents: result.intents.iter().map(|i| i.intent.to_string()).collect(),
        };
        let _ = self.ask(Box::new(move |state, span| {
            if let Err(error) = state.remember(uid, &said, span) {
                log::error!("a turn is not kept: {error}");
            }
        }));
    }

    /// Answers with the latest turns of a user.
    pub(crate) fn show(&self, uid: u32, most: usize, reply: Reply) {
        if !self.is_kept() {
            return reply.ok(&Vec::<Dict>::new());
        }
        self.answer(reply, move |state, span, reply| match state.history(uid, most, span) {
            Ok(all) => reply.ok(&all.iter().map(dict).collect::<Vec<Dict>>()),
            Err(error) => reply.error(&not_kept(&error)),
        });
    }

    /// Forgets all turns of a user, and answers.
    pub(crate) fn forget(&self, uid: u32, reply: Reply) {
        if !self.is_kept() {
            return reply.ok(&());
        }
        self.answer(reply, move |state, _, reply| match state.forget_history(uid) {
            Ok(()) => reply.ok(&()),
            Err(error) => reply.error(&not_kept(&error)),
        });
    }

    fn answer(&self, reply: Reply, job: impl FnOnce(&State, Span, Reply) + Send + 'static) {
        // Where the job is not taken its reply is dropped, which answers with a fault.
        let _ = self.ask(Box::new(move |state, span| job(state, span, reply)));
    }

    fn ask(&self, job: Job) -> bool {
        self.to.as_ref().is_some_and(|to| to.try_send(job).is_ok())
    }
}

impl Drop for History {
    /// What was asked for is done before the daemon ends.
    fn drop(&mut self) {
        self.to = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has done what it could.
            let _ = thread.join();
        }
    }
}

fn keep(state: &State, age: Duration, jobs: &Receiver<Job>) {
    let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let span = || {
        let now_ms = SystemClock.now().utc_ms;
        Span { oldest_ms: now_ms.saturating_sub(age_ms), now_ms }
    };
    let purge = || {
        if let Err(error) = state.purge_history(span()) {
            log::error!("turns that are too old are still kept: {error}");
        }
    };
    purge();
    loop {
        match jobs.recv_timeout(PURGE_EVERY) {
            Ok(job) => job(state, span()),
            Err(RecvTimeoutError::Timeout) => purge(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Nobody wishes any more that turns are kept.
fn drop_all(state: &State) {
    if let Err(error) = state.purge_history(Span { oldest_ms: i64::MAX, now_ms: i64::MAX }) {
        log::error!("turns that were kept before are still there: {error}");
    }
}

fn not_kept(error: &StoreError) -> BusError {
    BusError::new(ErrorName::Failed, error.to_string())
}

/// A turn as the bus shows it.
fn dict(said: &Said) -> Dict {
    let result = Dict::from([
        ("type".to_owned(), owned(said.kind.as_str())),
        ("speech".to_owned(), owned(said.speech.as_str())),
        ("code".to_owned(), owned(said.code.as_str())),
        ("intents".to_owned(), owned(said.intents.clone())),
    ]);
    Dict::from([
        ("turn".to_owned(), owned(said.turn.as_str())),
        ("time".to_owned(), owned(said.time_ms)),
        ("text".to_owned(), owned(said.text.as_str())),
        ("result".to_owned(), owned(result)),
    ])
}
