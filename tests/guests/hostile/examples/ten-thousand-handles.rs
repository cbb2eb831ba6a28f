//! Takes ten thousand handles of the host and gives none back.
//!
//! Must not be shipped.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

#[link(wasm_import_module = "wasi:cli/stdout@0.2.6")]
unsafe extern "C" {
    #[link_name = "get-stdout"]
    fn stdout_handle() -> i32;
}

hostile!(|_| {
    let last = (0..10_000).map(|_| unsafe { stdout_handle() }).last();
    Ok(Outcome::answer(format!("{last:?}")))
});
