//! `location`: the vehicle's position, from its signals.

use crate::{bindings::valet::skill::location as wit, turn::Turn};

impl wit::Host for Turn {
    fn current(&mut self) -> wasmtime::Result<Result<wit::Position, wit::LocationError>> {
        self.host_call()?;
        let Some(grant) = self.granter.location() else {
            return Ok(Err(wit::LocationError::NotGranted));
        };
        let position = self.world.position(&grant).ok_or(wit::LocationError::Unknown);
        Ok(position.map(|(latitude, longitude)| wit::Position { latitude, longitude }))
    }
}
