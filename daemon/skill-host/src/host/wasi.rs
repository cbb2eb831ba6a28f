//! The floor of WASI: what a Rust guest cannot start without, giving nothing. Empty
//! environment and arguments, closed stdin, output to the log within a bound, `exit` a
//! fault, coarse clocks, a few random bytes. Files, sockets and sleep are not here, so a
//! component that imports them is refused.
//!
//! Must not grow: a skill gets what it needs through the contract.

use super::clock::RESOLUTION_MS;
use crate::{
    limits::{MAX_OUTPUT_BYTES, MAX_RANDOM_BYTES},
    turn::Turn,
};
use std::{fs::File, io::Read};
use wasmtime::component::{HasSelf, Linker, Resource};

mod floor {
    //! Generated.
    #![allow(missing_docs, unreachable_pub, unused_qualifications)]
    #![allow(clippy::all)]

    wasmtime::component::bindgen!({
        path: "wit",
        world: "valet:floor/floor",
        imports: { default: trappable },
        with: {
            "wasi:io/error.error": super::resources::IoError,
            "wasi:io/poll.pollable": super::resources::Pollable,
            "wasi:io/streams.input-stream": super::resources::InputStream,
            "wasi:io/streams.output-stream": super::resources::OutputStream,
            "wasi:cli/terminal-input.terminal-input": super::resources::Terminal,
            "wasi:cli/terminal-output.terminal-output": super::resources::Terminal,
        },
    });
}

use floor::wasi::{cli, clocks, io, random};

use resources::{InputStream, IoError, OutputStream, Pollable, Terminal};

/// What handles stand for. The generated code names these types in public.
#[allow(unreachable_pub)]
mod resources {
    /// An error of a stream; none is ever made.
    pub struct IoError;
    /// Something to wait for; always ready.
    pub struct Pollable;
    /// Stdin; always at its end.
    pub struct InputStream;
    /// Stdout and stderr; to the log.
    pub struct OutputStream;
    /// A terminal; there is none.
    pub struct Terminal;
}

/// The number behind every handle: what it stands for has no state of its own.
const ANY: u32 = 0;

pub(super) fn add_to_linker(linker: &mut Linker<Turn>) -> wasmtime::Result<()> {
    floor::Floor::add_to_linker::<_, HasSelf<_>>(linker, |turn| turn)
}

impl Turn {
    fn handle<T: 'static>(&mut self) -> wasmtime::Result<Resource<T>> {
        self.host_call()?;
        self.take_handle()?;
        Ok(Resource::new_own(ANY))
    }
}

impl io::error::Host for Turn {}

impl io::error::HostError for Turn {
    fn to_debug_string(&mut self, _: Resource<IoError>) -> wasmtime::Result<String> {
        Ok("error".into())
    }

    fn drop(&mut self, _: Resource<IoError>) -> wasmtime::Result<()> {
        self.return_handle();
        Ok(())
    }
}

impl io::poll::Host for Turn {}

impl io::poll::HostPollable for Turn {
    fn ready(&mut self, _: Resource<Pollable>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn block(&mut self, _: Resource<Pollable>) -> wasmtime::Result<()> {
        Ok(self.host_call()?)
    }

    fn drop(&mut self, _: Resource<Pollable>) -> wasmtime::Result<()> {
        self.return_handle();
        Ok(())
    }
}

type Streamed<T> = wasmtime::Result<Result<T, io::streams::StreamError>>;

impl io::streams::Host for Turn {}

impl io::streams::HostInputStream for Turn {
    fn read(&mut self, _: Resource<InputStream>, _: u64) -> Streamed<Vec<u8>> {
        Ok(Err(io::streams::StreamError::Closed))
    }

    fn blocking_read(&mut self, _: Resource<InputStream>, _: u64) -> Streamed<Vec<u8>> {
        Ok(Err(io::streams::StreamError::Closed))
    }

    fn subscribe(&mut self, _: Resource<InputStream>) -> wasmtime::Result<Resource<Pollable>> {
        self.handle()
    }

    fn drop(&mut self, _: Resource<InputStream>) -> wasmtime::Result<()> {
        self.return_handle();
        Ok(())
    }
}

impl io::streams::HostOutputStream for Turn {
    fn check_write(&mut self, _: Resource<OutputStream>) -> Streamed<u64> {
        Ok(Ok(MAX_OUTPUT_BYTES as u64))
    }

    fn write(&mut self, _: Resource<OutputStream>, contents: Vec<u8>) -> Streamed<()> {
        self.host_call()?;
        self.print(&contents);
        Ok(Ok(()))
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<OutputStream>,
        contents: Vec<u8>,
    ) -> Streamed<()> {
        self.write(stream, contents)
    }

    fn flush(&mut self, _: Resource<OutputStream>) -> Streamed<()> {
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, _: Resource<OutputStream>) -> Streamed<()> {
        Ok(Ok(()))
    }

    fn subscribe(&mut self, _: Resource<OutputStream>) -> wasmtime::Result<Resource<Pollable>> {
        self.handle()
    }

    fn drop(&mut self, _: Resource<OutputStream>) -> wasmtime::Result<()> {
        self.return_handle();
        Ok(())
    }
}

impl cli::environment::Host for Turn {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for Turn {
    fn exit(&mut self, _: Result<(), ()>) -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg("exits, which a skill may not"))
    }
}

impl cli::stdin::Host for Turn {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<InputStream>> {
        self.handle()
    }
}

impl cli::stdout::Host for Turn {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<OutputStream>> {
        self.handle()
    }
}

impl cli::stderr::Host for Turn {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<OutputStream>> {
        self.handle()
    }
}

impl cli::terminal_input::Host for Turn {}

impl cli::terminal_input::HostTerminalInput for Turn {
    fn drop(&mut self, _: Resource<Terminal>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl cli::terminal_output::Host for Turn {}

impl cli::terminal_output::HostTerminalOutput for Turn {
    fn drop(&mut self, _: Resource<Terminal>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl cli::terminal_stdin::Host for Turn {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl cli::terminal_stdout::Host for Turn {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl cli::terminal_stderr::Host for Turn {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl clocks::monotonic_clock::Host for Turn {
    fn now(&mut self) -> wasmtime::Result<u64> {
        let ms = self.clock.own().as_millis() as u64;
        Ok((ms - ms % RESOLUTION_MS as u64) * 1_000_000)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(RESOLUTION_MS as u64 * 1_000_000)
    }
}

impl clocks::wall_clock::Host for Turn {
    fn now(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        let ms = self.world.now().utc_ms;
        let ms = u64::try_from(ms - ms.rem_euclid(RESOLUTION_MS)).unwrap_or(0);
        Ok(clocks::wall_clock::Datetime {
            seconds: ms / 1000,
            nanoseconds: (ms % 1000) as u32 * 1_000_000,
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        let nanoseconds = RESOLUTION_MS as u32 * 1_000_000;
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds })
    }
}

fn random_bytes(len: u64) -> wasmtime::Result<Vec<u8>> {
    if len > MAX_RANDOM_BYTES {
        return Err(wasmtime::Error::msg("wants more random bytes than a call may have"));
    }
    let mut bytes = vec![0; len as usize];
    File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes))?;
    Ok(bytes)
}

fn random_u64() -> wasmtime::Result<u64> {
    let bytes = random_bytes(8)?;
    Ok(bytes.into_iter().fold(0, |all, byte| all << 8 | u64::from(byte)))
}

impl random::random::Host for Turn {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.host_call()?;
        random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.host_call()?;
        random_u64()
    }
}

impl random::insecure::Host for Turn {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.host_call()?;
        random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.host_call()?;
        random_u64()
    }
}

impl random::insecure_seed::Host for Turn {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((random_u64()?, random_u64()?))
    }
}
