//! What people said and were answered, where they wish that it is kept: newest first, each user's own.
//!
//! Must not keep a row past its age, nor more of a user than the bound.

use super::{HISTORY, State, failed, key_of};
use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};
use valet_core::ports::StoreError;

/// Most turns of a user; the oldest goes.
pub(crate) const MAX_TURNS: usize = 1000;
/// A row that is further ahead of the clock than this was written under a wrong one, ms.
const AHEAD_MS: i64 = 86_400_000;

/// A turn that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// Which turn it was.
    pub turn: String,
    /// When it ended, ms since the epoch.
    pub time_ms: i64,
    /// What was said.
    pub text: String,
    /// The kind of its result.
    pub kind: String,
    /// What was answered.
    pub speech: String,
    /// Why it was not simply done; empty otherwise.
    pub code: String,
    /// Its intents.
    pub intents: Vec<String>,
}

/// From when to when rows count, ms since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// What is older goes.
    pub oldest_ms: i64,
    /// Now.
    pub now_ms: i64,
}

impl Span {
    fn holds(self, time_ms: i64) -> bool {
        time_ms >= self.oldest_ms && time_ms <= self.now_ms.saturating_add(AHEAD_MS)
    }
}

/// Of one user, in the order of time.
fn prefix(uid: u32) -> String {
    key_of(&uid.to_string(), "")
}

/// The time in a key's end.
fn time_of(key: &str) -> Option<i64> {
    key.rsplit(super::SEPARATOR).next()?.split('-').next()?.parse().ok()
}

impl State {
    /// Keeps a turn of a user, and drops what is too old or too much.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn remember(&self, uid: u32, said: &Said, span: Span) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(said).map_err(failed)?;
        let key = format!("{}{:020}-{}", prefix(uid), said.time_ms.max(0), said.turn);
        self.change(|tables| tables.put(HISTORY, &key, &bytes))?;
        self.purge_history(span)
    }

    /// The latest turns of a user, newest first.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn history(
        &self,
        uid: u32,
        most: usize,
        span: Span,
    ) -> Result<Vec<Said>, StoreError> {
        let rows = self.rows(HISTORY, &prefix(uid))?;
        let said = rows.iter().rev().filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok());
        Ok(said.filter(|said: &Said| span.holds(said.time_ms)).take(most).collect())
    }

    /// Forgets all turns of a user.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; then none is forgotten.
    pub(crate) fn forget_history(&self, uid: u32) -> Result<(), StoreError> {
        self.change(|tables| tables.drop_all(HISTORY, &prefix(uid)))
    }

    /// Drops what is too old or too much. Writes nothing where there is nothing to drop.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn purge_history(&self, span: Span) -> Result<(), StoreError> {
        let gone = self.too_old_or_too_many(span)?;
        if gone.is_empty() {
            return Ok(());
        }
        self.change(|tables| gone.iter().try_for_each(|key| tables.drop(HISTORY, key).map(drop)))
    }

    fn too_old_or_too_many(&self, span: Span) -> Result<Vec<String>, StoreError> {
        self.database.read(|read| {
            let (mut gone, mut user, mut of_user) = (Vec::new(), String::new(), 0);
            for row in read.open_table(HISTORY)?.iter()?.rev() {
                let (key, _) = row?;
                let key = key.value();
                let whose = key.split(super::SEPARATOR).next().unwrap_or_default();
                if whose != user {
                    (user, of_user) = (whose.to_owned(), 0);
                }
                of_user += 1;
                if of_user > MAX_TURNS || !time_of(key).is_some_and(|time| span.holds(time)) {
                    gone.push(key.to_owned());
                }
            }
            Ok(gone)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(time_ms: i64) -> Said {
        Said {
            turn: "t1".into(),
            time_ms,
            text: format!("text {time_ms}"),
            kind: "answer".into(),
            speech: String::new(),
            code: String::new(),
            intents: Vec::new(),
        }
    }

    fn span(oldest_ms: i64, now_ms: i64) -> Span {
        Span { oldest_ms, now_ms }
    }

    fn times(state: &State, uid: u32, span: Span) -> Vec<i64> {
        let all = state.history(uid, 2000, span).expect("reads");
        all.iter().map(|said| said.time_ms).collect()
    }

    #[test]
    fn turns_are_each_users_own_newest_first_until_they_are_too_old() {
        let state = State::in_memory_only().expect("memory");
        for time in [1000, 3000, 2000] {
            state.remember(7, &said(time), span(0, time)).expect("kept");
        }
        state.remember(77, &said(1500), span(0, 3000)).expect("kept");
        let all = span(0, 3000);
        assert_eq!(times(&state, 7, all), [3000, 2000, 1000]);
        assert_eq!(times(&state, 77, all), [1500]);
        assert_eq!(state.history(7, 1, all).expect("reads"), [said(3000)]);
        assert_eq!(times(&state, 7, span(1800, 3000)), [3000, 2000], "not shown any more");
        state.purge_history(span(1800, 3000)).expect("purged");
        assert_eq!(times(&state, 7, all), [3000, 2000], "nor there");
        assert!(times(&state, 77, all).is_empty());
    }

    #[test]
    fn a_user_forgets_its_own_and_what_a_wrong_clock_wrote_goes() {
        let state = State::in_memory_only().expect("memory");
        state.remember(7, &said(1000), span(0, 1000)).expect("kept");
        state.remember(8, &said(1000), span(0, 1000)).expect("kept");
        state.forget_history(7).expect("forgotten");
        assert!(times(&state, 7, span(0, 1000)).is_empty());
        assert_eq!(times(&state, 8, span(0, 1000)), [1000]);
        let far = 1000 + 2 * AHEAD_MS;
        state.remember(8, &said(far), span(0, far)).expect("kept");
        state.purge_history(span(0, 2000)).expect("purged");
        assert_eq!(times(&state, 8, span(0, far)), [1000]);
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let state = State::in_memory_only().expect("memory");
        let more = i64::try_from(MAX_TURNS).expect("small") + 5;
        for time in 1..=more {
            let bytes = serde_json::to_vec(&said(time)).expect("json");
            let key = format!("{}{time:020}-t1", prefix(7));
            state.change(|tables| tables.put(HISTORY, &key, &bytes)).expect("written");
        }
        state.purge_history(span(0, more)).expect("purged");
        let left = times(&state, 7, span(0, more));
        assert_eq!((left.len(), left.last()), (MAX_TURNS, Some(&6)));
    }
}
