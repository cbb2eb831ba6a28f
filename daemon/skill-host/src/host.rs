//! What a guest imports: the contract's interfaces, one file each, and the floor of WASI.
//!
//! Must not reach the world but through `world.rs` with a grant.

mod alarms;
mod announce;
mod assets;
mod clock;
mod dbus_peer;
mod http;
mod location;
mod log;
mod mqtt;
mod store;
mod vehicle_signals;
mod vocabulary;
mod wasi;

use crate::{bindings, error::HostError, turn::Turn};
use wasmtime::{
    Engine,
    component::{HasSelf, Linker},
};

/// Everything a component may import. What is not in here is refused when it is loaded.
pub(crate) fn link(engine: &Engine) -> Result<Linker<Turn>, HostError> {
    let mut linker = Linker::new(engine);
    bindings::Skill::add_to_linker::<_, HasSelf<_>>(&mut linker, |turn| turn)
        .and_then(|()| wasi::add_to_linker(&mut linker))
        .map_err(|e| HostError::Engine { why: format!("{e:#}") })?;
    Ok(linker)
}

impl bindings::valet::skill::types::Host for Turn {}
