//! The wall clock, coarse.

use crate::bindings::valet::skill::clock as raw;

pub use raw::WallTime;

/// Now: UTC, the offset of local time, and whether the device trusts its clock.
#[must_use]
pub fn now() -> WallTime {
    raw::now()
}

impl WallTime {
    /// Local time as ms since the Unix epoch, for reading off hours and dates.
    #[must_use]
    pub fn local_ms(&self) -> i64 {
        self.utc_ms + i64::from(self.offset_min) * 60_000
    }
}
