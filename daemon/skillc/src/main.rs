//! `valet-skillc`: a component on stdin becomes code on stdout, in a process of its own that
//! has no rights and little memory, because wasmtime promises least where it compiles.
//!
//! Must not open anything, must not trust its input, and knows nothing of packages, grants
//! or the daemon: it shares one thing with the skill host, the engine's configuration.

use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    io::{self, Read, Write},
    process::ExitCode,
};
use valet_package::folder::MAX_WASM_BYTES;
use valet_skill_host::{
    code::MAX_CODE_BYTES,
    contract,
    engine::{self, EngineId},
};

/// Address space, bytes.
const MAX_MEMORY_BYTES: u64 = 1 << 30;
/// Processor time, seconds.
const MAX_CPU_S: u64 = 60;

const HELP: &str = "\
valet-skillc: compile a skill's component for this machine

  valet-skillc < skill.wasm > skill.code
  valet-skillc --engine-id    print the id of the engine that the code is for
  valet-skillc --version      print the version
  valet-skillc --help         print this

Exit codes: 0 done, 2 wrong arguments, 3 the input is no component or too large,
4 the component does not compile, 5 input or output failed, 6 the limits or the engine failed.
";

/// Why there is no code; each has an exit code of its own.
#[derive(Debug, thiserror::Error)]
enum CompileError {
    #[error("argument {got:?} is unknown, expected --engine-id, --version or --help")]
    Argument { got: String },
    #[error("the input is no wasm component, expected one of at most {MAX_WASM_BYTES} bytes")]
    NotComponent,
    #[error("the component does not compile: {why}")]
    Refused { why: String },
    #[error("{what} failed: {error}")]
    Pipe { what: &'static str, error: io::Error },
    #[error("{what} cannot be set up: {why}")]
    Setup { what: &'static str, why: String },
}

impl CompileError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Argument { .. } => 2,
            Self::NotComponent => 3,
            Self::Refused { .. } => 4,
            Self::Pipe { .. } => 5,
            Self::Setup { .. } => 6,
        }
    }
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When stderr is gone the exit code still tells.
            let _ = writeln!(io::stderr(), "valet-skillc: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), CompileError> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--engine-id"] => return print(&format!("{}\n", EngineId::current().hex())),
        ["--version"] => return print(concat!("valet-skillc ", env!("CARGO_PKG_VERSION"), "\n")),
        ["--help"] => return print(HELP),
        [first, ..] => {
            return Err(CompileError::Argument { got: first.chars().take(80).collect() });
        }
    }
    limit()?;
    let wasm = read_component()?;
    let engine = engine::engine()
        .map_err(|e| CompileError::Setup { what: "the engine", why: e.to_string() })?;
    let code = engine.precompile_component(&wasm).map_err(|e| CompileError::Refused {
        why: format!("{e:#}").chars().take(2000).collect(),
    })?;
    write(&code)
}

/// Takes away what a compiler does not need, before it has read a byte.
fn limit() -> Result<(), CompileError> {
    let most = |n| Rlimit { current: Some(n), maximum: Some(n) };
    for (resource, limit) in [
        (Resource::As, MAX_MEMORY_BYTES),
        (Resource::Cpu, MAX_CPU_S),
        (Resource::Nofile, 3),
        (Resource::Fsize, MAX_CODE_BYTES),
        (Resource::Core, 0),
    ] {
        setrlimit(resource, most(limit)).map_err(|e| CompileError::Setup {
            what: "the limits",
            why: format!("{resource:?}: {e}"),
        })?;
    }
    Ok(())
}

fn read_component() -> Result<Vec<u8>, CompileError> {
    let mut wasm = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_WASM_BYTES + 1)
        .read_to_end(&mut wasm)
        .map_err(|error| CompileError::Pipe { what: "reading the component", error })?;
    if wasm.len() as u64 > MAX_WASM_BYTES || !contract::is_component(&wasm) {
        return Err(CompileError::NotComponent);
    }
    Ok(wasm)
}

fn print(text: &str) -> Result<(), CompileError> {
    write(text.as_bytes())
}

fn write(bytes: &[u8]) -> Result<(), CompileError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| CompileError::Pipe { what: "writing", error })
}
