//! Counts and times since the daemon started, for `Diagnostics1.Stats`.
//!
//! Must not keep anything of what was said.

use std::collections::{BTreeMap, VecDeque};
use valet_bus::{Dict, convert::owned};
use valet_core::dialogue::TurnResult;

/// Turns whose times are kept for the percentiles.
const KEPT: usize = 1000;

/// The counts.
#[derive(Default)]
pub(crate) struct Stats {
    /// Requested values that are waited for now.
    pub watches: usize,
    turns: u64,
    by_type: BTreeMap<&'static str, u64>,
    by_engine: BTreeMap<&'static str, u64>,
    totals_us: VecDeque<u64>,
}

impl Stats {
    /// Counts a turn.
    pub(crate) fn count(&mut self, result: &TurnResult) {
        self.turns += 1;
        *self.by_type.entry(result.kind.name()).or_default() += 1;
        let engine = result.engine.map_or("skill", |engine| engine.name());
        *self.by_engine.entry(engine).or_default() += 1;
        if self.totals_us.len() == KEPT {
            self.totals_us.pop_front();
        }
        let total = result.timing.iter().find(|(stage, _)| *stage == "total");
        self.totals_us.extend(total.map(|(_, us)| *us));
    }

    /// The counts as the bus shows them.
    pub(crate) fn dict(&self) -> Dict {
        let mut sorted: Vec<u64> = self.totals_us.iter().copied().collect();
        sorted.sort_unstable();
        let percentile = |p: usize| sorted.get(sorted.len() * p / 100).copied().unwrap_or(0);
        let named = |counts: &BTreeMap<&'static str, u64>| {
            let counts: BTreeMap<String, u64> =
                counts.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
            owned(counts)
        };
        let mut dict = Dict::from([
            ("turns".into(), owned(self.turns)),
            ("turns-by-type".into(), named(&self.by_type)),
            ("turns-by-engine".into(), named(&self.by_engine)),
            ("turn-p50-us".into(), owned(percentile(50))),
            ("turn-p95-us".into(), owned(percentile(95))),
        ]);
        if let Some(bytes) = resident_bytes() {
            dict.insert("resident-bytes".into(), owned(bytes));
        }
        dict
    }
}

/// Resident memory of this process.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
