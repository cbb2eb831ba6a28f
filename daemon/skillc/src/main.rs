//! `valet-skillc`: a component on stdin becomes code on stdout, in a process of its own that
//! has no rights and little memory, because wasmtime promises least where it compiles.
//!
//! Must not open anything, must not trust its input, and knows nothing of packages, grants
//! or the daemon: it shares one thing with the skill host, the engine's configuration.

mod arguments;

use arguments::{Arguments, Job};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    num::NonZero,
    process::ExitCode,
};
use valet_component::ComponentError;
use valet_core::{capability::CapabilityKind, contract::MAX_COMPONENT_BYTES};
use valet_skill_host::{
    code::{COMPILER_SAYS, REFUSED},
    engine::{self, EngineId, Target},
};
use valet_skillc::walls::{self, Wall};

const HELP: &str = "\
valet-skillc: compile a skill's component for this machine, or for another

  valet-skillc --declares KIND,… < skill.wasm > skill.code
                              KIND: a capability of the skill's manifest, such as store; what it
                              imports besides those that need none is refused
  valet-skillc --target TRIPLE …
                              for boards of that kind, such as aarch64-unknown-linux-gnu: on x86-64
                              for aarch64, armv7 and x86_64, elsewhere for the machine's own kind and
                              for armv7
  valet-skillc --verbose …    say on stderr which walls are missing on this machine
  valet-skillc --walls        raise the walls and print them: name, stands or missing, detail;
                              between tabs
  valet-skillc --engine-id    print the id of the engine that the code is for; with --target of that one
  valet-skillc --version      print the version
  valet-skillc --help         print this

Exit codes: 0 done, 2 wrong arguments, 3 the input is no component or too large,
4 the component does not compile, 5 input or output failed, 6 the limits or the engine failed,
7 the component is refused: what it imports, its start-up code, its form.
Killed by SIGSYS: it made a system call that compiling needs not.
";

/// Most threads that compile: each takes some megabytes of its own.
const MOST_THREADS: usize = 4;
/// Stack of each, bytes: what a process has for its first thread.
const STACK_BYTES: usize = 8 << 20;

/// Why there is no code; each has an exit code of its own.
#[derive(Debug, thiserror::Error)]
enum CompileError {
    #[error(transparent)]
    Arguments(#[from] arguments::ArgumentError),
    #[error("the input is no wasm component, expected one of at most {MAX_COMPONENT_BYTES} bytes")]
    NotComponent,
    #[error(transparent)]
    Refused(ComponentError),
    #[error("the component does not compile: {why}")]
    Invalid { why: String },
    #[error("{what} failed: {error}")]
    Pipe { what: &'static str, error: io::Error },
    #[error("{what} cannot be set up: {why}")]
    Setup { what: &'static str, why: String },
}

impl CompileError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(_) => 2,
            Self::NotComponent => 3,
            Self::Invalid { .. } => 4,
            Self::Pipe { .. } => 5,
            Self::Setup { .. } => 6,
            Self::Refused(_) => REFUSED,
        }
    }
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

/// A line on stderr; when that is gone the exit code still tells.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{COMPILER_SAYS}{line}");
}

fn run(arguments: Vec<String>) -> Result<(), CompileError> {
    let Arguments { job, declared, target, verbose } = Arguments::parse(arguments)?;
    match job {
        Job::Compile => compile(&declared, target, verbose),
        Job::Walls => {
            let walls = walls::raise(crew()?);
            print(&walls.map(|wall| format!("{wall}\n")).concat())
        }
        Job::EngineId => print(&format!("{}\n", EngineId::of(target).hex())),
        Job::Version => print(concat!("valet-skillc ", env!("CARGO_PKG_VERSION"), "\n")),
        Job::Help => print(HELP),
    }
}

fn compile(
    declared: &BTreeSet<CapabilityKind>,
    target: Target,
    verbose: bool,
) -> Result<(), CompileError> {
    be_first_to_go();
    // The engine is ours and reads nothing foreign; what it needs to be made, the walls need not
    // let through.
    let engine = engine::compiler(target)
        .map_err(|e| CompileError::Setup { what: "the engine", why: e.to_string() })?;
    // Behind the walls no thread can be started.
    let crew = crew()?;
    be_walled_in(crew, verbose)?;
    let wasm = read_component()?;
    match valet_component::check(&wasm, declared) {
        Ok(_) => {}
        Err(ComponentError::NotComponent | ComponentError::TooLarge { .. }) => {
            return Err(CompileError::NotComponent);
        }
        Err(refusal) => return Err(CompileError::Refused(refusal)),
    }
    let code = crew.install(|| engine.precompile_component(&wasm)).map_err(|e| {
        CompileError::Invalid { why: format!("{e:#}").chars().take(2000).collect() }
    })?;
    write(&code)
}

/// Threads that compile the functions of a component, which have nothing to do with each other. They end with the process: what
/// a thread calls as it ends differs between C libraries, and the walls do not let all of it through.
fn crew() -> Result<&'static ThreadPool, CompileError> {
    share_one_heap();
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let of =
        |threads| ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build();
    // Where many cannot be had, one does it too.
    let crew = of(processors.min(MOST_THREADS)).or_else(|_| of(1));
    crew.map(|crew| &*Box::leak(Box::new(crew)))
        .map_err(|e| CompileError::Setup { what: "the threads", why: e.to_string() })
}

/// All threads take their memory from one heap: of those that glibc makes for threads it looks up in a file whether they may shrink,
/// which the walls do not let through.
#[allow(unsafe_code)]
fn share_one_heap() {
    // SAFETY: it sets a number in the allocator, and no other thread is there yet.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Where memory ends, the kernel ends this process before whoever started it.
fn be_first_to_go() {
    // A system without that file has another order, which is no reason not to compile.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Takes away what a compiler does not need, before it has read a byte. Kernels without some wall
/// are served; one that sets no limits is broken.
fn be_walled_in(crew: &ThreadPool, verbose: bool) -> Result<(), CompileError> {
    for Wall { name, stands, detail } in walls::raise(crew) {
        if !stands && name == "limits" {
            return Err(CompileError::Setup { what: "the limits", why: detail });
        }
        if !stands && verbose {
            say(&format!("the wall {name} is missing: {detail}"));
        }
    }
    Ok(())
}

fn read_component() -> Result<Vec<u8>, CompileError> {
    let mut wasm = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_COMPONENT_BYTES + 1)
        .read_to_end(&mut wasm)
        .map_err(|error| CompileError::Pipe { what: "reading the component", error })?;
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
