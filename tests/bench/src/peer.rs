//! Programs of others that a bench runs beside ours: one line goes in, one line comes out.
//!
//! Must not install them (`tests/bench/peers/install` does), and must not fail where they are missing: a figure
//! then stands alone, and the output says so.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A peer that runs.
#[derive(Debug)]
pub(crate) struct Peer {
    /// What it calls itself, with its version.
    pub(crate) name: String,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// How long one piece of work took a peer.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Took {
    /// Seconds on the wall.
    pub(crate) wall: f64,
    /// Seconds of the processor.
    pub(crate) cpu: f64,
}

#[derive(Deserialize)]
struct Greeting {
    name: String,
}

/// Where peers are installed, and where they may keep files.
#[must_use]
pub(crate) fn folder() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("peers")
}

impl Peer {
    /// Starts a script of `tests/bench/peers` and waits for its greeting.
    ///
    /// # Errors
    /// What is missing, with what to do.
    pub(crate) fn start(script: &str, arguments: &[&Path]) -> anyhow::Result<Self> {
        let python = folder().join("bin/python");
        if !python.is_file() {
            bail!("it is not installed; run tests/bench/peers/install");
        }
        let script = Path::new("tests/bench/peers").join(script);
        let mut child = Command::new(&python)
            .arg(&script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", python.display()))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("it has no pipes");
        };
        let mut peer = Peer { name: String::new(), child, to, from: BufReader::new(from) };
        let Greeting { name } = peer.line().with_context(|| script.display().to_string())?;
        peer.name = name;
        Ok(peer)
    }

    /// Gives it one piece of work.
    ///
    /// # Errors
    /// When it has ended or says something else.
    pub(crate) fn run(&mut self, work: &str) -> anyhow::Result<Took> {
        writeln!(self.to, "{work}")?;
        self.to.flush()?;
        self.line()
    }

    fn line<T: serde::de::DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("it ended without an answer; run it by hand to see why");
        }
        serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
