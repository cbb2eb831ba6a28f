//! Bounds on what a guest takes, hands over and returns.
//!
//! Must not be raised by a manifest: it may only ask for less.

use std::{fmt, time::Duration};
use wasmtime::ResourceLimiter;

/// What a guest may hand to the host in one call, bytes.
pub(crate) const HOSTCALL_FUEL: usize = 1 << 20;
/// Most actuations of a batch.
pub(crate) const MAX_BATCH: usize = 32;
/// Most actions of a turn.
pub(crate) const MAX_ACTIONS: usize = 96;
/// Longest speech, bytes.
pub(crate) const MAX_SPEECH_BYTES: usize = 2048;
/// Most facts of an outcome and most shown entries of an answer.
pub(crate) const MAX_FACTS: usize = 16;
/// Longest text in a fact, a shown entry or a choice's label, bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 512;
/// Longest name of an alarm, a choice or a store key, bytes.
pub(crate) const MAX_KEY_BYTES: usize = 64;
/// Longest payload of an alarm, bytes.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 1024;
/// Most keys listed at once.
pub(crate) const MAX_KEYS: usize = 256;
/// Most writes to disk (store, alarms) of a turn.
pub(crate) const MAX_WRITES: u32 = 64;
/// Most announcements of a turn.
pub(crate) const MAX_ANNOUNCEMENTS: u32 = 4;
/// Most lists of values that a turn sets.
pub(crate) const MAX_LISTS: u32 = 8;
/// Most values of a list.
pub(crate) const MAX_VALUES: usize = 256;
/// Most other ways to say a value.
pub(crate) const MAX_SYNONYMS: usize = 8;
/// Longest value or way to say it, bytes.
pub(crate) const MAX_VALUE_BYTES: usize = 128;
/// Most headers of a request.
pub(crate) const MAX_HEADERS: usize = 16;
/// Longest body of a request, bytes.
pub(crate) const MAX_HTTP_BODY_BYTES: usize = 64 << 10;
/// Longest that peers on D-Bus may take for their answers, all those of a turn together.
pub(crate) const PEERS_TIME: Duration = Duration::from_secs(1);
/// Most lines logged by a turn.
pub(crate) const MAX_LOG_LINES: u32 = 16;
/// Longest line, bytes.
pub(crate) const MAX_LOG_LINE_BYTES: usize = 512;
/// Most bytes kept of what a guest prints in a turn.
pub(crate) const MAX_OUTPUT_BYTES: usize = 4096;
/// Most WASI handles a guest holds at once.
pub(crate) const MAX_HANDLES: u32 = 64;
/// Most random bytes of one call.
pub(crate) const MAX_RANDOM_BYTES: u64 = 256;
/// Longest page of an asset, bytes.
pub(crate) const MAX_ASSET_READ_BYTES: u32 = 64 << 10;

pub(crate) const MAX_TABLE_ELEMENTS: usize = 10_000;
pub(crate) const MAX_INSTANCES: usize = 16;
pub(crate) const MAX_TABLES: usize = 8;
pub(crate) const MAX_MEMORIES: usize = 2;

/// What stopped a guest that wanted too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TooMuch {
    what: &'static str,
    wanted: usize,
    limit: usize,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wants {} {}, may have {}", self.wanted, self.what, self.limit)
    }
}

impl std::error::Error for TooMuch {}

/// Counts all memories and tables of a store together; growing past the limit traps.
#[derive(Debug)]
pub(crate) struct StoreLimits {
    memory_limit: usize,
    memory: usize,
    elements: usize,
}

impl StoreLimits {
    pub(crate) fn new(memory_limit: usize) -> Self {
        Self { memory_limit, memory: 0, elements: 0 }
    }

    /// Bytes of all linear memories; memories do not shrink, so this is the peak.
    pub(crate) fn peak_bytes(&self) -> usize {
        self.memory
    }
}

fn grow(
    total: &mut usize,
    by: usize,
    limit: usize,
    what: &'static str,
) -> Result<bool, wasmtime::Error> {
    let wanted = total.saturating_add(by);
    if wanted > limit {
        return Err(wasmtime::Error::new(TooMuch { what, wanted, limit }));
    }
    *total = wanted;
    Ok(true)
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let by = desired.saturating_sub(current);
        grow(&mut self.memory, by, self.memory_limit, "bytes of memory")
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let by = desired.saturating_sub(current);
        grow(&mut self.elements, by, MAX_TABLE_ELEMENTS, "table elements")
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_counted_together() {
        let mut limits = StoreLimits::new(3 << 16);
        assert!(limits.memory_growing(0, 2 << 16, None).is_ok());
        assert!(limits.memory_growing(0, 1 << 16, None).is_ok());
        assert!(limits.memory_growing(1 << 16, 2 << 16, None).is_err());
        assert_eq!(limits.peak_bytes(), 3 << 16);
        assert!(limits.table_growing(0, MAX_TABLE_ELEMENTS, None).is_ok());
        assert!(limits.table_growing(0, 1, None).is_err());
    }
}
