//! From a component to code: what the skill carries, else the cache on disk, else `valet-skillc`, which is asked when the
//! cache has nothing or anything about it is in doubt.
//!
//! Must not compile in this process, and must not deserialize any bytes but the ones whose
//! hash was just checked.

mod file;

use crate::{
    engine::{EngineId, hex},
    error::HostError,
};
use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};
use valet_core::{capability::CapabilityKind, intent::SkillId};
use valet_package::carried::MAX_CODE_BYTES;
use wasmtime::{Engine, component::Component};

/// Below the cache.
const FOLDER: &str = "aot";
/// Longest compilation.
pub const COMPILE_LIMIT: Duration = Duration::from_secs(60);
/// The signal of a system call that its walls do not let the compiler make.
const SIGSYS: i32 = rustix::process::Signal::SYS.as_raw();
/// Most bytes kept of what the compiler complains.
const MAX_COMPLAINT_BYTES: u64 = 4096;

/// Exit code of the compiler where it will not compile that component for this skill: the one line
/// on its stderr says why.
pub const REFUSED: u8 = 7;
/// What the compiler puts before what it says.
pub const COMPILER_SAYS: &str = "valet-skillc: ";

/// Where code comes from.
#[derive(Debug, Clone)]
pub struct CodeSource {
    /// The cache folder of the daemon; code lies in `aot/` within it.
    pub cache: PathBuf,
    /// `valet-skillc`; none on a sealed board.
    pub compiler: Option<PathBuf>,
}

/// What is to be got ready.
pub(crate) struct Wanted<'a> {
    pub(crate) skill: &'a SkillId,
    pub(crate) wasm: &'a [u8],
    /// Kinds of capabilities that its manifest declares; the compiler refuses imports of others.
    pub(crate) declared: &'a BTreeSet<CapabilityKind>,
    /// Code that was made for it ahead of time, for which a key vouches that may sign code.
    pub(crate) carried: Option<&'a [u8]>,
}

/// Code that was got ready.
pub(crate) struct Code {
    pub(crate) component: Component,
    pub(crate) bytes: usize,
    pub(crate) compiled: bool,
}

impl CodeSource {
    /// Code for a component: what it carries, else from the cache, else compiled and put there. A cache that
    /// cannot be written is logged and does no other harm.
    pub(crate) fn ready(
        &self,
        engine: &Engine,
        wanted: &Wanted<'_>,
        sha256: &[u8; 32],
    ) -> Result<Code, HostError> {
        let skill = wanted.skill;
        if let Some(code) = wanted.carried {
            match deserialize(engine, code) {
                Ok(component) => {
                    return Ok(Code { component, bytes: code.len(), compiled: false });
                }
                Err(e) => log::warn!("the code that {skill} carries does not fit: {e:#}"),
            }
        }
        let path = self.path(sha256);
        match file::read_code(&path) {
            Ok(code) => match deserialize(engine, &code) {
                Ok(component) => {
                    return Ok(Code { component, bytes: code.len(), compiled: false });
                }
                Err(e) => log::info!("code of {skill} in the cache does not fit: {e:#}"),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => log::warn!("code of {skill} in the cache is not used: {e}"),
        }
        let sealed =
            || HostError::Sealed { skill: skill.clone(), engine: EngineId::current().hex() };
        let compiler = self.compiler.as_deref().ok_or_else(sealed)?;
        let refuse = |why: String| HostError::Compile { skill: skill.clone(), why };
        let code = compile(compiler, wanted)?;
        let component = deserialize(engine, &code).map_err(|e| refuse(format!("{e:#}")))?;
        if let Err(e) = file::write_code(&path, &code) {
            log::warn!("code of {skill} is not kept: {}: {e}", path.display());
        }
        Ok(Code { component, bytes: code.len(), compiled: true })
    }

    /// Removes what is cached for other components than these, and for other engines. Nothing on a sealed board, which
    /// cannot make it again.
    pub(crate) fn forget_others(&self, kept: &BTreeSet<[u8; 32]>) {
        if self.compiler.is_none() {
            return;
        }
        let kept: Vec<PathBuf> = kept.iter().map(|sha256| self.path(sha256)).collect();
        let Ok(entries) = self.cache.join(FOLDER).read_dir() else { return };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if !kept.contains(&path)
                && let Err(error) = std::fs::remove_file(&path)
            {
                log::warn!("{} is not needed and cannot be removed: {error}", path.display());
            }
        }
    }

    fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        let name = format!("{}-{}.code", hex(sha256), EngineId::current().hex());
        self.cache.join(FOLDER).join(name)
    }
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> Result<Component, wasmtime::Error> {
    // SAFETY: the bytes are what `valet-skillc` wrote for this engine: just now over our own pipe, or read into this very
    // memory from a file that only this user can write and whose hash matched after the read, or read so from a skill's file
    // whose hash a key signed that is trusted with code. Nothing can change them in between.
    unsafe { Component::deserialize(engine, code) }
}

/// Runs the compiler with nothing but its pipes, and kills it when it takes too long.
fn compile(compiler: &Path, wanted: &Wanted<'_>) -> Result<Vec<u8>, HostError> {
    let broken = |why| HostError::Compile { skill: wanted.skill.clone(), why };
    let declared: Vec<&str> = wanted.declared.iter().map(|kind| kind.name()).collect();
    let mut child = Command::new(compiler)
        .args(["--declares", &declared.join(",")])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| broken(format!("{} does not start: {e}", compiler.display())))?;
    let code = exchange(&mut child, wanted.wasm);
    if code.is_err() {
        // It may have ended by itself; then there is nothing to kill.
        let _ = child.kill();
    }
    let status =
        child.wait().map_err(|e| broken(format!("the compiler cannot be waited for: {e}")))?;
    let (code, complaint) = code.map_err(broken)?;
    if !status.success() {
        return Err(complained(wanted.skill, status, &complaint));
    }
    if code.len() as u64 > MAX_CODE_BYTES {
        return Err(broken(format!("its code has more than {MAX_CODE_BYTES} bytes")));
    }
    Ok(code)
}

/// What a compiler that failed means by it.
fn complained(skill: &SkillId, status: ExitStatus, complaint: &str) -> HostError {
    let skill = skill.clone();
    let complaint: String =
        complaint.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = complaint.trim();
    if status.code() == Some(REFUSED.into()) {
        let why = words.strip_prefix(COMPILER_SAYS).unwrap_or(words).to_owned();
        return HostError::Contract { skill, why };
    }
    let why = if status.signal() == Some(SIGSYS) {
        format!(
            "the compiler made a system call that compiling needs not and was killed for it (SIGSYS): \
             either the component has taken it over, or this system wants more calls than \
             `valet-skillc --walls` lists {words}"
        )
    } else {
        format!("{status}: {words}")
    };
    HostError::Compile { skill, why }
}

/// Feeds the component and takes the code and the complaints, all three pipes at once.
fn exchange(child: &mut Child, wasm: &[u8]) -> Result<(Vec<u8>, String), String> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("the compiler has no pipes".into());
    };
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        // A compiler that stops reading says why on its stderr.
        scope.spawn(move || stdin.write_all(wasm).is_ok());
        let complaint = scope.spawn(move || read_most(stderr, MAX_COMPLAINT_BYTES));
        scope.spawn(move || send.send(read_most(stdout, MAX_CODE_BYTES + 1)).is_ok());
        let code = receive.recv_timeout(COMPILE_LIMIT);
        if code.is_err() {
            // Closes the pipes that the threads of this scope wait on.
            let _ = child.kill();
        }
        let complaint = complaint.join().unwrap_or_default();
        let code = code.map_err(|_| format!("it took longer than {COMPILE_LIMIT:?}"))?;
        Ok((code, String::from_utf8_lossy(&complaint).into_owned()))
    })
}

/// Reads at most `most` bytes; what cannot be read is missing at the end and the exit
/// status tells.
fn read_most(pipe: impl Read, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.take(most).read_to_end(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    /// What becomes of a component where the compiler is this script.
    fn compiled_by(script: &str) -> HostError {
        let folder = tempfile::tempdir().expect("a folder");
        let compiler = folder.path().join("cc");
        fs::write(&compiler, format!("#!/bin/sh\n{script}\n")).expect("script");
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o700)).expect("mode");
        let wanted = Wanted {
            skill: &SkillId::parse("org.example.lamp").expect("an id"),
            wasm: &[0; 100_000],
            declared: &[CapabilityKind::Store, CapabilityKind::VehicleRead].into(),
            carried: None,
        };
        compile(&compiler, &wanted).expect_err("it fails")
    }

    #[test]
    fn a_compiler_that_fails_is_quoted_without_control_characters() {
        let error = compiled_by("printf 'no\\033 component' >&2; exit 3");
        let HostError::Compile { why, .. } = error else { panic!("{error}") };
        assert!(why.contains("3: no  component"), "{why}");
    }

    #[test]
    fn what_the_compiler_refuses_does_not_fit_and_what_is_declared_reaches_it() {
        let error = compiled_by("echo \"valet-skillc: not with $*\" >&2; exit 7");
        let HostError::Contract { why, .. } = error else { panic!("{error}") };
        assert_eq!(why, "not with --declares vehicle-read,store");
    }

    #[test]
    fn a_compiler_that_did_what_it_may_not_is_said_to_have() {
        let error = compiled_by("kill -SYS $$");
        let HostError::Compile { why, .. } = error else { panic!("{error}") };
        assert!(why.contains("SIGSYS") && why.contains("system call"), "{why}");
    }
}
