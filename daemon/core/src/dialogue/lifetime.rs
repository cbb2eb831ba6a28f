//! How sessions and turns end: stopped, closed, forgotten, out of time, or their owner gone.
//!
//! Must not act on the world but to take back what is running.

use super::{Dialogue, Effect, Step, turn::Stage};
use crate::{
    session::TurnId,
    session::{Caller, Changes, EXPIRE_AFTER, FORGET_AFTER, SessionKey},
    signal::SignalPath,
    zone::Zone,
};

impl Dialogue {
    pub(super) fn stop(&mut self, cx: &mut Step, caller: &Caller, session: Option<SessionKey>) {
        self.hush(cx, caller, session);
        if session.is_none() {
            self.offers.clear();
        }
        let keys: Vec<SessionKey> = match session {
            Some(key) => vec![key],
            None => self.sessions.keys().copied().collect(),
        };
        for key in keys.into_iter().filter(|key| self.may_use(key, caller)).collect::<Vec<_>>() {
            self.end_turns_of(cx, key);
            if let Some(session) = self.sessions.get_mut(&key)
                && session.pending.take().is_some()
            {
                cx.effects.push(Effect::Expecting { session: key, expecting: false });
            }
        }
    }

    /// Cancels the running turn of a session and those that wait behind it.
    pub(super) fn end_turns_of(&mut self, cx: &mut Step, key: SessionKey) {
        let waiting = self.queues.remove(&key).unwrap_or_default();
        let running: Vec<TurnId> =
            self.turns.values().filter(|t| t.session == key).map(|t| t.id).collect();
        for id in running {
            if let Some(turn) = self.turns.remove(&id) {
                self.cancel(cx, turn);
            }
        }
        for waiting in waiting {
            let turn = waiting.never_begun(cx.now, &self.rules.language);
            self.cancel(cx, turn);
        }
    }

    pub(super) fn close(&mut self, cx: &mut Step, key: SessionKey) {
        self.end_turns_of(cx, key);
        if self.sessions.remove(&key).is_some() {
            cx.effects.push(Effect::SessionClosed(key));
        }
    }

    pub(super) fn agent_went(&mut self, name: &str, object: &str) {
        self.agents.retain(|agent| agent.name != name || agent.object != object);
    }

    pub(super) fn name_lost(&mut self, cx: &mut Step, name: &str) {
        self.agents.retain(|agent| agent.name != name);
        self.voice.client_left(cx.now, name);
        let owned: Vec<SessionKey> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.owner.as_ref().is_some_and(|owner| owner.name == name))
            .map(|(key, _)| *key)
            .collect();
        for key in owned {
            self.close(cx, key);
        }
        // A question to somebody who left cannot be answered by another client of that user.
        for (key, session) in &mut self.sessions {
            if session.pending.as_ref().is_some_and(|p| p.asked.name == name)
                && matches!(key, SessionKey::Opened(_))
            {
                session.pending = None;
                cx.effects.push(Effect::Expecting { session: *key, expecting: false });
            }
        }
    }

    pub(super) fn reset(&mut self, cx: &mut Step, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(&key) {
            if session.pending.is_some() {
                cx.effects.push(Effect::Expecting { session: key, expecting: false });
            }
            session.forget();
        }
    }

    /// A value that was requested never came: it is said, and undo forgets it.
    pub(super) fn not_reached(
        &mut self,
        cx: &mut Step,
        key: SessionKey,
        path: &SignalPath,
        speech: String,
    ) {
        let zone = match key {
            SessionKey::Default { zone, .. } => zone,
            SessionKey::Opened(_) => self.sessions.get(&key).map_or(Zone::All, |s| s.zone),
        };
        if let Some(session) = self.sessions.get_mut(&key) {
            session.changes.reversible.retain(|change| change.path != *path);
            if session.changes.reversible.is_empty() && !session.changes.lasting {
                session.changes = Changes::default();
            }
        }
        cx.effects.push(Effect::Announce { zone, speech });
    }

    pub(super) fn tick(&mut self, cx: &mut Step) {
        self.voice.tick(cx.now);
        self.offers.tick(cx.now);
        let late: Vec<TurnId> = self
            .turns
            .values()
            .filter(|turn| match &turn.stage {
                Stage::AskingAgent { until, .. } => cx.now >= *until,
                _ => turn.deadline.is_over(cx.now),
            })
            .map(|turn| turn.id)
            .collect();
        for id in late {
            if let Some(turn) = self.turns.remove(&id) {
                self.time_out(cx, turn);
            }
        }
        let mut gone = Vec::new();
        let busy: Vec<SessionKey> = self.turns.values().map(|t| t.session).collect();
        for (key, session) in &mut self.sessions {
            if session.pending.as_ref().is_some_and(|p| cx.now >= p.until) {
                session.pending = None;
                cx.effects.push(Effect::Expecting { session: *key, expecting: false });
            }
            let lives = match key {
                SessionKey::Default { .. } => FORGET_AFTER,
                SessionKey::Opened(_) => EXPIRE_AFTER,
            };
            if session.pending.is_none()
                && cx.now.since(session.used) >= lives
                && !busy.contains(key)
            {
                gone.push(*key);
            }
        }
        for key in gone {
            self.sessions.remove(&key);
            cx.effects.push(Effect::SessionClosed(key));
        }
    }

    /// After a turn of a session ended: the next one that waits begins.
    pub(super) fn next_in_queue(&mut self, cx: &mut Step, key: SessionKey) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        let next = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        if let Some(waiting) = next {
            self.begin_or_wait(cx, waiting);
        }
    }
}
