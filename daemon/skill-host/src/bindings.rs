//! What wasmtime makes of `skills/wit`, for the host's side.
//!
//! Must not be named outside of this crate: the daemon speaks `valet-core`'s types.

#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../skills/wit",
    world: "skill",
    imports: { default: trappable },
    additional_derives: [PartialEq],
});
