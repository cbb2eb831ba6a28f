//! What a compiler does not need is taken from it before it has read a byte: files and networks
//! (Landlock), system calls (seccomp), memory and time (limits). Each wall stands or is missing
//! by itself, for kernels differ; none is ever said to stand that does not.
//!
//! Must not let anything through for a test: tests raise these very walls.

mod calls;
mod files;
mod limits;

pub use calls::calls;
pub use files::files;
pub use limits::{MAX_CPU_S, MAX_MEMORY_BYTES, limits};

use rayon::ThreadPool;
use std::fmt;

/// A wall, raised or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wall {
    /// `files`, `limits` or `calls`.
    pub name: &'static str,
    /// Whether it stands.
    pub stands: bool,
    /// What it keeps out, or why it is missing; a line without tabs.
    pub detail: String,
}

impl Wall {
    fn stands(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, stands: true, detail: detail.into() }
    }

    fn missing(name: &'static str, why: impl fmt::Display) -> Self {
        let detail = why.to_string().replace(char::is_control, " ");
        Self { name, stands: false, detail }
    }
}

/// As `--walls` prints it: name, `stands` or `missing`, detail; between tabs.
impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.stands { "stands" } else { "missing" };
        write!(f, "{}\t{state}\t{}", self.name, self.detail)
    }
}

/// Raises all walls around this thread, those of the crew, and what they start from now on. There is no way back. A wall
/// stands where it stands around each of them.
#[must_use]
pub fn raise(crew: &ThreadPool) -> [Wall; 3] {
    // In this order: the first needs a file descriptor, the last leaves no call for the others.
    [everywhere(crew, files), limits(), everywhere(crew, calls)]
}

/// Raises a wall that is a thread's own around this one and each of the crew. Limits are the whole process's.
#[must_use]
pub fn everywhere(crew: &ThreadPool, wall: fn() -> Wall) -> Wall {
    let theirs = crew.broadcast(|_| wall());
    let ours = wall();
    theirs.into_iter().find(|wall| !wall.stands).unwrap_or(ours)
}
