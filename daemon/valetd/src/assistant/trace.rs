//! Traces of the last turns: stages, scores, times, policy. For whoever asks why.
//!
//! Must not keep the text of an utterance; slots keep their words, as results do.

use std::collections::VecDeque;
use valet_bus::{Dict, convert, convert::owned};
use valet_core::{
    dialogue::TurnResult,
    outcome::{ActionStatus, Invoked},
    session::TurnId,
    understanding::Understanding,
};

/// Turns that are kept.
const KEPT: usize = 64;

struct Trace {
    turn: TurnId,
    uid: u32,
    understood: Option<Vec<Dict>>,
    events: Vec<(u64, String)>,
    policy: Vec<Dict>,
    result: Option<Dict>,
    stages: Vec<(String, u64)>,
}

/// The last turns.
#[derive(Default)]
pub(crate) struct Traces {
    kept: VecDeque<Trace>,
}

impl Traces {
    /// A turn begins.
    pub(crate) fn begin(&mut self, turn: TurnId, uid: u32) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Trace {
            turn,
            uid,
            understood: None,
            events: Vec::new(),
            policy: Vec::new(),
            result: None,
            stages: Vec::new(),
        });
    }

    fn find(&mut self, turn: TurnId) -> Option<&mut Trace> {
        self.kept.iter_mut().rev().find(|trace| trace.turn == turn)
    }

    /// Notes what happened at `at_us` of the daemon's clock.
    pub(crate) fn note(&mut self, turn: TurnId, at_us: u64, what: String) {
        if let Some(trace) = self.find(turn) {
            trace.events.push((at_us, what));
        }
    }

    /// Notes what policy and grants said of each thing a skill asked for.
    pub(crate) fn judged(&mut self, turn: TurnId, invoked: &Invoked) {
        let Some(trace) = self.find(turn) else { return };
        let verdict = |target: String, verdict: &str, why: Option<&str>| {
            let mut dict = Dict::from([
                ("target".to_owned(), owned(target)),
                ("verdict".to_owned(), owned(verdict)),
            ]);
            dict.extend(why.map(|why| ("why".to_owned(), owned(why))));
            dict
        };
        trace.policy.extend(invoked.actions.iter().map(|action| {
            let denied = action.status == ActionStatus::Denied;
            verdict(
                action.target.to_string(),
                if denied { "refuse" } else { "allow" },
                action.why.as_deref(),
            )
        }));
        if let Some((planned, why)) = &invoked.needs_confirmation {
            trace
                .policy
                .extend(planned.iter().map(|p| verdict(p.path.to_string(), "confirm", Some(why))));
        }
    }

    /// Notes what was understood, alternatives included.
    pub(crate) fn understood(&mut self, turn: TurnId, understanding: &Understanding) {
        if let Some(trace) = self.find(turn) {
            trace.understood = Some(understanding.commands.iter().map(convert::command).collect());
        }
    }

    /// Notes the result.
    pub(crate) fn finish(&mut self, result: &TurnResult) {
        if let Some(trace) = self.find(result.turn) {
            trace.stages = result.timing.iter().map(|(s, us)| ((*s).to_owned(), *us)).collect();
            trace.result = Some(convert::result(result));
        }
    }

    /// The latest turn of a user.
    pub(crate) fn latest_of(&self, uid: u32) -> Option<TurnId> {
        self.kept.iter().rev().find(|trace| trace.uid == uid).map(|trace| trace.turn)
    }

    /// A trace of a user's own turn, as the bus shows it.
    pub(crate) fn dict(&self, turn: TurnId, uid: u32) -> Option<Dict> {
        let mut kept = self.kept.iter().rev();
        let trace = kept.find(|trace| trace.turn == turn && trace.uid == uid)?;
        let first = trace.events.first().map_or(0, |(at, _)| *at);
        let events: Vec<Dict> = trace
            .events
            .iter()
            .map(|(at, what)| {
                Dict::from([
                    ("at".into(), owned(at - first)),
                    ("what".into(), owned(what.as_str())),
                ])
            })
            .collect();
        // The stages of a turn follow each other; `total` spans them all.
        let mut begun = 0;
        let stages: Vec<Dict> = trace
            .stages
            .iter()
            .map(|(stage, us)| {
                let start = if stage == "total" { 0 } else { begun };
                begun = start + us;
                Dict::from([
                    ("stage".into(), owned(stage.as_str())),
                    ("start".into(), owned(start)),
                    ("took".into(), owned(*us)),
                ])
            })
            .collect();
        let mut dict = Dict::from([
            ("turn".into(), owned(turn.to_string())),
            ("stages".into(), owned(stages)),
            ("events".into(), owned(events)),
            ("policy".into(), owned(trace.policy.clone())),
        ]);
        if let Some(understood) = &trace.understood {
            dict.insert("candidates".into(), owned(understood.clone()));
        }
        if let Some(result) = &trace.result {
            dict.insert("result".into(), owned(result.clone()));
        }
        Some(dict)
    }
}
