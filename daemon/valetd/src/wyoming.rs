//! The sockets of voice pipelines: listens, reads what they ask, has the assistant's task answer, and
//! writes that back.
//!
//! Must not understand or act, and must not let one pipeline hold up another: each connection has its
//! own task, its own limits, and waits by itself.

mod connection;
mod handed_over;

use crate::config::WyomingConfig;
use anyhow::Context as _;
use connection::Idle;
use handed_over::Listening;
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::File,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::{Semaphore, mpsc, oneshot},
};
use valet_voice::{Address, Answer, Frame, Program, Said, Structured};

/// Most connections of one socket at once.
const MAX_CONNECTIONS: usize = 64;
/// Most texts that wait for the assistant's task, of all sockets.
const MAX_WAITING: usize = 64;
/// Whom a connection over TCP counts as: nobody says who it is.
const NOBODY: u32 = 65_534;

/// Something that a pipeline wants, on its way to the assistant's task.
#[derive(Debug)]
pub(crate) struct Heard {
    /// On which kind of socket.
    pub program: Program,
    /// Which user has connected, as the kernel says.
    pub uid: u32,
    /// What is wanted.
    pub wanted: Wanted,
    /// How to answer.
    pub reply: oneshot::Sender<Answer>,
}

/// What is wanted.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Understand and act.
    Handle(Said),
    /// Understand only.
    Recognize(Said),
    /// Act as an intent says.
    Act(Structured),
}

/// What every connection of a socket needs.
struct Socket {
    program: Program,
    info: Frame,
    heard: mpsc::Sender<Heard>,
    /// How many more connections it takes.
    free: Arc<Semaphore>,
    /// Those that wait for the next frame.
    idle: Idle,
}

impl Socket {
    fn new(program: Program, language: &str, heard: mpsc::Sender<Heard>) -> Arc<Self> {
        let info = valet_voice::info(program, env!("CARGO_PKG_VERSION"), &[language.to_owned()]);
        let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Arc::new(Self { program, info, heard, free, idle: Idle::default() })
    }
}

/// The sockets that are open. Dropping it closes them and every connection.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    tasks: tokio::task::JoinSet<()>,
    files: Vec<Bound>,
    reasons: Vec<String>,
}

impl Sockets {
    /// Why what is configured is not all open.
    pub(crate) fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// Serves what the service manager hands over, and opens what is configured; where one cannot be opened the others are.
    /// The usual file of a program is not opened where something was handed over for it.
    pub(crate) fn open(
        config: &WyomingConfig,
        language: &str,
        runtime: Option<&Path>,
    ) -> (Self, mpsc::Receiver<Heard>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let mut sockets = Self::default();
        let socket = |program| Socket::new(program, language, sender.clone());
        let mut handed = Vec::new();
        for (program, listening) in handed_over::take() {
            handed.push(program);
            let served = may_serve(&listening, config.allow_unauthenticated_network)
                .and_then(|()| sockets.serve(socket(program), listening));
            sockets.note(program, served.context("handed over by the service manager"));
        }
        for program in [Program::Handle, Program::Intent] {
            for address in config.addresses(program) {
                if *address == Address::Usual && handed.contains(&program) {
                    continue;
                }
                let opened = sockets.listen(socket(program), address, config, runtime);
                sockets.note(program, opened);
            }
        }
        (sockets, receiver)
    }

    fn note(&mut self, program: Program, done: anyhow::Result<()>) {
        if let Err(error) = done {
            let reason = format!("wyoming.{}: {error:#}", program.name());
            log::error!("{reason}");
            self.reasons.push(reason);
        }
    }

    fn serve(&mut self, socket: Arc<Socket>, listening: Listening) -> anyhow::Result<()> {
        let name = socket.program.name();
        match listening {
            Listening::Unix(listener) => {
                log::info!("{name} for voice pipelines at a file of the service manager");
                self.tasks.spawn(serve_unix(UnixListener::from_std(listener)?, socket));
            }
            Listening::Tcp(listener) => {
                let address = listener.local_addr()?;
                log::info!("{name} for voice pipelines at tcp://{address}");
                self.tasks.spawn(serve_tcp(TcpListener::from_std(listener)?, socket));
            }
        }
        Ok(())
    }

    fn listen(
        &mut self,
        socket: Arc<Socket>,
        address: &Address,
        config: &WyomingConfig,
        runtime: Option<&Path>,
    ) -> anyhow::Result<()> {
        let file = match address {
            Address::Usual => match runtime {
                Some(folder) => folder.join(format!("wyoming-{}.sock", socket.program.name())),
                // Nobody said where, and there is no usual place: nothing was asked for.
                None => return Ok(()),
            },
            Address::Unix(file) => file.clone(),
            Address::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address)
                    .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                    .with_context(|| format!("tcp://{address} cannot be listened on"))?;
                return self.serve(socket, Listening::Tcp(listener));
            }
        };
        let (listener, bound) = bind(&file, config.group)
            .with_context(|| format!("unix://{} cannot be listened on", file.display()))?;
        log::info!("{} for voice pipelines at unix://{}", socket.program.name(), file.display());
        self.files.push(bound);
        self.tasks.spawn(serve_unix(listener, socket));
        Ok(())
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for bound in &self.files {
            // It is ours as long as the lock is, and is made anew at the next start anyway.
            let _ = std::fs::remove_file(&bound.file);
        }
    }
}

/// A port that others than this device reach is served only where the configuration says so, whoever opened it.
fn may_serve(listening: &Listening, allow_network: bool) -> anyhow::Result<()> {
    let Listening::Tcp(listener) = listening else { return Ok(()) };
    let address = listener.local_addr()?;
    anyhow::ensure!(
        allow_network || address.ip().is_loopback(),
        "tcp://{address} is of another interface than loopback: whoever reaches it may command the device; \
         wyoming.allow-unauthenticated-network = true accepts that"
    );
    Ok(())
}

/// A socket's file.
#[derive(Debug)]
struct Bound {
    file: PathBuf,
    /// Held as long as the file is ours.
    _lock: File,
}

/// A socket's file, for its owner and the group. A lock beside it says whose it is; a file that an earlier
/// run left is replaced. It is made in a folder that nobody else can enter and moved to its place when its mode
/// is right, so that nobody connects before.
fn bind(file: &Path, group: Option<u32>) -> anyhow::Result<(UnixListener, Bound)> {
    let folder = file.parent().context("the path has no folder")?;
    let name = file.file_name().context("the path has no name")?.to_string_lossy();
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let lock = folder.join(format!(".{name}.lock"));
    let lock = File::options().create(true).truncate(false).write(true).open(lock)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| anyhow::anyhow!("another process listens there"))?;
    if std::fs::symlink_metadata(file).is_ok_and(|there| !there.file_type().is_socket()) {
        anyhow::bail!("there is a file that is no socket");
    }
    let private = folder.join(format!(".wyoming-{}", std::process::id()));
    // A process of this number may have been killed here before.
    let _ = std::fs::remove_dir_all(&private);
    std::fs::create_dir(&private)?;
    let bound = bind_in(&private, file, group);
    let removed = std::fs::remove_dir_all(&private);
    let listener = bound?;
    removed?;
    Ok((listener, Bound { file: file.to_owned(), _lock: lock }))
}

fn bind_in(private: &Path, file: &Path, group: Option<u32>) -> anyhow::Result<UnixListener> {
    std::fs::set_permissions(private, std::fs::Permissions::from_mode(0o700))?;
    let unready = private.join("s");
    let listener = UnixListener::bind(&unready)?;
    // Also a change to what it is already is one that a unit may forbid.
    if group.is_some() {
        std::os::unix::fs::chown(&unready, None, group)?;
    }
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    std::fs::set_permissions(&unready, std::fs::Permissions::from_mode(mode))?;
    std::fs::rename(&unready, file)?;
    Ok(listener)
}

async fn serve_unix(listener: UnixListener, socket: Arc<Socket>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => match stream.peer_cred() {
                    Ok(peer) => connection::begin(&mut connections, stream, peer.uid(), &socket),
                    Err(error) => log::warn!("a voice pipeline that the kernel does not know: {error}"),
                },
                Err(error) => connection::pause_after(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_tcp(listener: TcpListener, socket: Arc<Socket>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Answers are small and whole: they need not wait for more.
                    let _ = stream.set_nodelay(true);
                    connection::begin(&mut connections, stream, NOBODY, &socket);
                }
                Err(error) => connection::pause_after(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
