//! Crashes in a row: a daemon that was ended several times within a minute without being asked starts in safe
//! mode, without what people installed on it.
//!
//! Must not keep the daemon from starting: a file that cannot be read or written counts for nothing. A boot
//! begins anew, for a cut of the power is no crash.

use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};
use valet_package::folder::read_bounded;

/// Below the state: the boot, and when each run began that has not ended well, ms since that boot.
const FILE: &str = "unended-runs";
/// Which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// What is longer ago does not count, ms.
const WITHIN_MS: u64 = 60_000;
/// Largest file that is read, bytes.
const MAX_BYTES: u64 = 4096;
/// Most runs that are noted.
const MAX_RUNS: usize = 32;

/// This run of the daemon.
#[derive(Debug)]
pub(crate) struct Run {
    file: PathBuf,
    crashes: usize,
}

impl Run {
    /// Notes that a run begins.
    pub(crate) fn begin(state: &Path) -> Self {
        let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let now_ms = seconds * 1000 + u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
        Self::begin_at(state, (boot.trim(), now_ms))
    }

    fn begin_at(state: &Path, (boot, now_ms): (&str, u64)) -> Self {
        let file = state.join(FILE);
        let mut runs = read(&file, boot);
        runs.retain(|began| began.saturating_add(WITHIN_MS) > now_ms && *began <= now_ms);
        let crashes = runs.len();
        runs.push(now_ms);
        let lines: Vec<String> =
            runs.iter().rev().take(MAX_RUNS).rev().map(u64::to_string).collect();
        let written = std::fs::write(&file, format!("{boot}\n{}\n", lines.join("\n")));
        if let Err(error) = written {
            log::debug!("{} cannot be written: {error}", file.display());
        }
        Self { file, crashes }
    }

    /// How many runs before this one were not ended well within the last minute, one after the other.
    #[must_use]
    pub(crate) fn crashes(&self) -> usize {
        self.crashes
    }

    /// It ends as it should: whatever went before is forgotten.
    pub(crate) fn ended_well(&self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// When the runs of this boot began that have not ended well.
fn read(file: &Path, boot: &str) -> Vec<u64> {
    let Ok(bytes) = read_bounded(file, MAX_BYTES) else { return Vec::new() };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let mut lines = text.lines();
    if boot.is_empty() || lines.next() != Some(boot) {
        return Vec::new();
    }
    lines.filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashes(state: &Path, boot: &str, at_ms: u64) -> usize {
        Run::begin_at(state, (boot, at_ms)).crashes()
    }

    #[test]
    fn runs_that_did_not_end_well_count_for_a_minute_within_a_boot() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path();
        assert_eq!(crashes(state, "a", 1000), 0);
        assert_eq!(crashes(state, "a", 2000), 1);
        assert_eq!(crashes(state, "a", 61_500), 1, "the first is long ago");
        assert_eq!(crashes(state, "a", 61_600), 2);
        assert_eq!(crashes(state, "b", 62_000), 0, "another boot");
        let run = Run::begin_at(state, ("b", 62_100));
        assert_eq!(run.crashes(), 1);
        run.ended_well();
        assert_eq!(crashes(state, "b", 62_200), 0);
    }

    #[test]
    fn a_file_that_makes_no_sense_counts_for_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in ["", "a", "a\nx\n-1\n99999999999999999999\n", "\u{0}\u{ff}"] {
            std::fs::write(folder.path().join(FILE), text).expect("written");
            assert_eq!(crashes(folder.path(), "a", 1000), 0, "{text:?}");
        }
        assert_eq!(crashes(&folder.path().join("none"), "a", 1000), 0, "no folder");
        assert_eq!(crashes(folder.path(), "", 1000), 0, "an unknown boot");
        for at in 0..100 {
            crashes(folder.path(), "a", 2000 + at);
        }
        assert!(std::fs::metadata(folder.path().join(FILE)).expect("there").len() < MAX_BYTES);
    }
}
