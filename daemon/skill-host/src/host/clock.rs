//! `clock`: the wall clock, rounded down so that it is no stop-watch.

use crate::{bindings::valet::skill::clock as wit, turn::Turn};

/// What a guest can tell apart, ms.
pub(super) const RESOLUTION_MS: i64 = 10;

impl wit::Host for Turn {
    fn now(&mut self) -> wasmtime::Result<wit::WallTime> {
        self.host_call()?;
        let now = self.world.now();
        Ok(wit::WallTime {
            utc_ms: now.utc_ms - now.utc_ms.rem_euclid(RESOLUTION_MS),
            offset_min: now.offset_min,
            trusted: now.trusted,
        })
    }
}
