//! Traces of the last turns: stages, scores, times, policy. For whoever asks why.
//!
//! Must not keep the text of an utterance; slots keep their words, as results do.

use std::collections::VecDeque;
use valet_bus::{Dict, convert, convert::owned};
use valet_core::{
    dialogue::TurnResult,
    outcome::{ActionStatus, Invoked},
    session::TurnId,
    understanding::{Command, Understanding},
};

/// Turns that are kept.
const KEPT: usize = 64;

/// One turn, kept as it came: few are ever asked for, and those are put into words then.
struct Trace {
    turn: TurnId,
    uid: u32,
    understood: Option<Vec<Command>>,
    events: Vec<(u64, String)>,
    policy: Vec<Verdict>,
    result: Option<TurnResult>,
}

/// What policy and grants said of one thing that a skill asked for.
struct Verdict {
    target: String,
    verdict: &'static str,
    why: Option<String>,
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
        trace.policy.extend(invoked.actions.iter().map(|action| Verdict {
            target: action.target.to_string(),
            verdict: if action.status == ActionStatus::Denied { "refuse" } else { "allow" },
            why: action.why.clone(),
        }));
        if let Some((planned, why)) = &invoked.needs_confirmation {
            trace.policy.extend(planned.iter().map(|planned| Verdict {
                target: planned.path.to_string(),
                verdict: "confirm",
                why: Some(why.clone()),
            }));
        }
    }

    /// Notes what was understood, alternatives included.
    pub(crate) fn understood(&mut self, turn: TurnId, understanding: &Understanding) {
        if let Some(trace) = self.find(turn) {
            trace.understood = Some(understanding.commands.clone());
        }
    }

    /// Notes the result.
    pub(crate) fn finish(&mut self, result: TurnResult) {
        if let Some(trace) = self.find(result.turn) {
            trace.result = Some(result);
        }
    }

    /// Drops the traces of a user's turns; one that still runs is traced no further.
    pub(crate) fn forget(&mut self, uid: u32) {
        self.kept.retain(|trace| trace.uid != uid);
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
        let mut dict = Dict::from([
            ("turn".into(), owned(turn.to_string())),
            ("stages".into(), owned(trace.result.as_ref().map(stages).unwrap_or_default())),
            ("events".into(), owned(events)),
            ("policy".into(), owned(trace.policy.iter().map(Verdict::dict).collect::<Vec<_>>())),
        ]);
        if let Some(understood) = &trace.understood {
            let commands: Vec<_> = understood.iter().map(convert::command).collect();
            dict.insert("candidates".into(), owned(commands));
        }
        if let Some(result) = &trace.result {
            dict.insert("result".into(), owned(convert::result(result)));
        }
        Some(dict)
    }
}

impl Verdict {
    fn dict(&self) -> Dict {
        let mut dict = Dict::from([
            ("target".to_owned(), owned(self.target.as_str())),
            ("verdict".to_owned(), owned(self.verdict)),
        ]);
        dict.extend(self.why.as_deref().map(|why| ("why".to_owned(), owned(why))));
        dict
    }
}

/// The stages of a turn, which follow each other; `total` spans them all.
fn stages(result: &TurnResult) -> Vec<Dict> {
    let mut begun = 0;
    let stage = |(stage, us): &(&'static str, u64)| {
        let start = if *stage == "total" { 0 } else { begun };
        begun = start + us;
        Dict::from([
            ("stage".into(), owned(*stage)),
            ("start".into(), owned(start)),
            ("took".into(), owned(*us)),
        ])
    };
    result.timing.iter().map(stage).collect()
}
