//! What is promised while something is broken and after, and whether it was kept.
//!
//! Must not say that a promise was kept that nobody looked at.

use std::{fmt::Display, time::Duration};

/// Of one fault.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Promises that were looked at.
    pub(super) looked_at: usize,
    /// Those that were broken, with what was found.
    pub(super) broken: Vec<String>,
    /// What else is worth knowing.
    pub(super) notes: Vec<String>,
    /// The longest that it took until all was well.
    pub(super) recovery: Duration,
}

impl Account {
    /// Whether a promise was kept.
    pub(super) fn holds(&mut self, promise: &str, kept: bool, found: impl Display) {
        self.looked_at += 1;
        if !kept {
            self.broken.push(format!("{promise}: {found}"));
        }
    }

    /// Something that is no promise.
    pub(super) fn note(&mut self, what: impl Display) {
        self.notes.push(what.to_string());
    }

    /// All was well again after so long.
    pub(super) fn took(&mut self, recovery: Duration) {
        self.recovery = self.recovery.max(recovery);
    }
}
