//! Counts and times since the daemon started, for `Diagnostics1.Stats`.
//!
//! Must not keep anything of what was said.

use crate::inference::Sentences;
use std::collections::{BTreeMap, VecDeque};
use valet_bus::{Dict, convert::owned};
use valet_core::dialogue::{ResultType, TurnResult};

/// Turns whose times are kept for the percentiles.
const KEPT: usize = 1000;

/// The counts.
#[derive(Default)]
pub(crate) struct Stats {
    /// Requested values that are waited for now.
    pub(crate) watches: usize,
    /// Skills that broke their contract in a turn.
    pub(crate) faults: u64,
    /// Calls that were answered with `Busy` by the dialogue.
    pub(crate) busy: u64,
    turns: u64,
    refused: u64,
    not_understood: u64,
    /// From where the embeddings of the heads that serve came.
    sentences: Sentences,
    /// Of those that packages lent, how many were not computed here.
    owed: usize,
    by_engine: BTreeMap<&'static str, u64>,
    /// Times by stage, the last ones.
    stages_us: BTreeMap<&'static str, VecDeque<u64>>,
}

impl Stats {
    /// Counts a turn.
    pub(crate) fn count(&mut self, result: &TurnResult) {
        self.turns += 1;
        self.refused += u64::from(result.kind == ResultType::Refusal);
        self.not_understood += u64::from(result.kind == ResultType::NotUnderstood);
        let engine = result.engine.map_or("skill", |engine| engine.name());
        *self.by_engine.entry(engine).or_default() += 1;
        for (stage, us) in &result.timing {
            let times = self.stages_us.entry(stage).or_default();
            if times.len() == KEPT {
                times.pop_front();
            }
            times.push_back(*us);
        }
    }

    /// Other heads serve.
    pub(crate) fn learned_from(&mut self, sentences: Sentences) {
        (self.sentences, self.owed) = (sentences, sentences.lent);
    }

    /// What was lent to them was computed here, and is the same.
    pub(crate) fn loan_paid(&mut self) {
        self.owed = 0;
    }

    /// The counts as the bus shows them.
    pub(crate) fn dict(&self) -> Dict {
        let engines: BTreeMap<String, u64> =
            self.by_engine.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        let latency: BTreeMap<String, BTreeMap<String, u64>> = self
            .stages_us
            .iter()
            .map(|(stage, times)| ((*stage).to_owned(), spread(times)))
            .collect();
        let mut dict = Dict::from([
            ("turns".into(), owned(self.turns)),
            ("refused".into(), owned(self.refused)),
            ("not-understood".into(), owned(self.not_understood)),
            ("faults".into(), owned(self.faults)),
            ("busy".into(), owned(self.busy)),
            ("sentences".into(), owned(self.sentences())),
            ("by-engine".into(), owned(engines)),
            ("latency-us".into(), owned(latency)),
        ]);
        if let Some(bytes) = resident_bytes() {
            dict.insert("resident-bytes".into(), owned(bytes));
        }
        dict
    }
}

impl Stats {
    fn sentences(&self) -> BTreeMap<String, u64> {
        let Sentences { computed, lent } = self.sentences;
        let counts = [("computed", computed), ("lent", lent), ("owed", self.owed)];
        counts.into_iter().map(|(name, count)| (name.to_owned(), count as u64)).collect()
    }
}

/// Median, 95th percentile and largest of times.
fn spread(times: &VecDeque<u64>) -> BTreeMap<String, u64> {
    let mut sorted: Vec<u64> = times.iter().copied().collect();
    sorted.sort_unstable();
    let at = |percent: usize| sorted.get(sorted.len() * percent / 100).copied().unwrap_or(0);
    let largest = sorted.last().copied().unwrap_or(0);
    BTreeMap::from([("p50".into(), at(50)), ("p95".into(), at(95)), ("max".into(), largest)])
}

/// Resident memory of this process.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
