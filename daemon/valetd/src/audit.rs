//! The audit log: who installed what, what skills may touch, what was refused, and what moved of class body or
//! security. One JSON object a line; each names the hash of the line before it, so that none can be changed or
//! taken out unseen.
//!
//! Must not hold a word that anybody said, must not grow past its bound, and must not let the task that serves
//! the bus wait for a disk.

mod book;

use book::Book;
use serde::Serialize;
use std::{
    path::Path,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Most entries that wait for the disk; what comes then is counted and left out.
const MOST_WAITING: usize = 1024;
/// Most refusals in a minute; the others are counted. Whoever asks in vain must not push out what happened.
const REFUSALS_A_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// What is entered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(crate) enum Deed {
    /// The daemon began.
    Started {
        /// Its version.
        version: &'static str,
        /// Whether it left alone what was installed.
        safe_mode: bool,
    },
    /// A version of a skill was installed.
    Installed {
        skill: String,
        version: String,
        counter: u64,
        /// Of its manifest.
        sha256: String,
        /// Number of the key that vouches for it; none = nobody does.
        signer: Option<String>,
        /// What it may touch.
        grants: Vec<String>,
    },
    /// Another version of a skill runs again.
    WentBack {
        skill: String,
        version: String,
        /// Why, where nobody asked for it.
        why: Option<String>,
    },
    /// A skill was removed with its data.
    Removed { skill: String },
    /// What a skill may touch from now on.
    Granted { skill: String, grants: Vec<String> },
    /// A skill takes turns again, or no more.
    Switched { skill: String, on: bool },
    /// Somebody asked for what they may not.
    NotAuthorized {
        /// The call or the right.
        wanted: String,
    },
    /// The policy or a missing grant kept a skill from something.
    Refused { turn: String, skill: String, target: String, why: String },
    /// A signal of class body or security was asked to change.
    Actuated {
        turn: String,
        skill: String,
        signal: String,
        class: &'static str,
        from: Option<String>,
        to: Option<String>,
        seen: Option<String>,
        status: &'static str,
    },
}

impl Deed {
    fn is_refusal(&self) -> bool {
        matches!(self, Self::NotAuthorized { .. } | Self::Refused { .. })
    }

    /// Whether it has to be on disk before the next one: what can be done comes and goes with it.
    fn is_grave(&self) -> bool {
        !self.is_refusal() && !matches!(self, Self::Actuated { .. } | Self::Started { .. })
    }
}

/// A deed on its way to the disk.
#[derive(Debug, Serialize)]
struct Entry {
    /// Of whom; none = of nobody who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(flatten)]
    deed: Deed,
    /// How many entries were left out before this one.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The end of the log that the assistant's task holds.
#[derive(Debug)]
pub(crate) struct Audit {
    to: Option<SyncSender<Entry>>,
    thread: Option<JoinHandle<()>>,
    left_out: u64,
    refusals: (Instant, u32),
}

impl Audit {
    /// Opens the log in a folder and a thread that writes it; and why there is none, where there is none.
    pub(crate) fn start(folder: &Path) -> (Self, Option<String>) {
        let silent = Self { to: None, thread: None, left_out: 0, refusals: (Instant::now(), 0) };
        let no_log = |why: std::io::Error| {
            format!("there is no audit log: {} cannot be used: {why}", folder.display())
        };
        let book = match Book::open(folder) {
            Ok(book) => book,
            Err(error) => return (silent, Some(no_log(error))),
        };
        let (to, entries) = sync_channel(MOST_WAITING);
        let thread = std::thread::Builder::new().name("audit".into());
        match thread.spawn(move || write(book, &entries)) {
            Ok(thread) => {
                let (to, thread) = (Some(to), Some(thread));
                (Self { to, thread, left_out: 0, refusals: (Instant::now(), 0) }, None)
            }
            Err(error) => (silent, Some(no_log(error))),
        }
    }

    /// Enters a deed.
    pub(crate) fn enter(&mut self, uid: Option<u32>, deed: Deed) {
        if deed.is_refusal() && !self.refusals_fit() {
            self.left_out += 1;
            return;
        }
        let Some(to) = &self.to else { return };
        match to.try_send(Entry { uid, deed, left_out: self.left_out }) {
            Ok(()) => self.left_out = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.left_out += 1,
        }
    }

    fn refusals_fit(&mut self) -> bool {
        let (began, count) = &mut self.refusals;
        if began.elapsed() >= MINUTE {
            (*began, *count) = (Instant::now(), 0);
        }
        *count += 1;
        *count <= REFUSALS_A_MINUTE
    }
}

impl Drop for Audit {
    /// What was entered is written before the daemon ends.
    fn drop(&mut self) {
        self.to = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has written what it could.
            let _ = thread.join();
        }
    }
}

fn write(mut book: Book, entries: &Receiver<Entry>) {
    let mut failing = false;
    let mut lost = 0;
    while let Ok(mut entry) = entries.recv() {
        entry.left_out += lost;
        match book.write(&entry, entry.deed.is_grave()) {
            Ok(()) => (failing, lost) = (false, 0),
            Err(error) => {
                lost = entry.left_out + 1;
                if !std::mem::replace(&mut failing, true) {
                    log::error!("the audit log cannot be written: {error}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_bounded_and_what_is_left_out_is_counted() {
        let (to, entries) = sync_channel(4);
        let refusals = (Instant::now(), 58);
        let mut audit = Audit { to: Some(to), thread: None, left_out: 0, refusals };
        for _ in 0..5 {
            audit.enter(Some(7), Deed::NotAuthorized { wanted: "Install".into() });
        }
        audit.enter(Some(7), Deed::Removed { skill: "org.example.a".into() });
        let taken: Vec<Entry> = entries.try_iter().collect();
        assert_eq!(taken.len(), 3, "two refusals and what happened");
        assert_eq!(taken[2].left_out, 3);
        for _ in 0..6 {
            audit.enter(None, Deed::Removed { skill: "org.example.a".into() });
        }
        assert_eq!((entries.try_iter().count(), audit.left_out), (4, 2));
    }
}
