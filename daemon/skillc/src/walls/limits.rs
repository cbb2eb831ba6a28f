//! Memory, time, files and output, bounded by the kernel.
//!
//! Must not be lifted again: hard limits are set.

use super::Wall;
use rustix::process::{Resource, Rlimit, setrlimit};
use valet_package::carried::MAX_CODE_BYTES;

const NAME: &str = "limits";
/// Address space, bytes.
pub const MAX_MEMORY_BYTES: u64 = 1 << 30;
/// Processor time, seconds.
pub const MAX_CPU_S: u64 = 60;
/// Stdin, stdout and stderr.
const FILES: u64 = 3;

/// Bounds what this process may take from now on.
#[must_use]
pub fn limits() -> Wall {
    let most = |n| Rlimit { current: Some(n), maximum: Some(n) };
    for (resource, limit) in [
        (Resource::As, MAX_MEMORY_BYTES),
        (Resource::Cpu, MAX_CPU_S),
        (Resource::Nofile, FILES),
        (Resource::Fsize, MAX_CODE_BYTES),
        (Resource::Core, 0),
    ] {
        if let Err(error) = setrlimit(resource, most(limit)) {
            return Wall::missing(NAME, format!("{resource:?} cannot be set: {error}"));
        }
    }
    let detail = format!(
        "memory-bytes={MAX_MEMORY_BYTES} cpu-s={MAX_CPU_S} files={FILES} output-bytes={MAX_CODE_BYTES} core-bytes=0"
    );
    Wall::stands(NAME, detail)
}
