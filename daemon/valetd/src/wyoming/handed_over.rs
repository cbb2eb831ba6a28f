//! Sockets that the service manager opened and hands over at the start (`LISTEN_FDS`), by the names that its socket units
//! give them. So the daemon listens for a group that it cannot know, and on a port of a network that it cannot reach.
//!
//! Must not take a descriptor that is no socket that listens: whoever starts the daemon may have left others open.

use std::{
    io,
    net::TcpListener,
    os::{
        fd::{FromRawFd as _, OwnedFd, RawFd},
        unix::net::UnixListener,
    },
};
use valet_voice::Program;

/// One of them.
pub(super) enum Listening {
    /// A file.
    Unix(UnixListener),
    /// A port.
    Tcp(TcpListener),
}

/// What was handed over, and for which program. To be asked once: whoever asks owns them.
pub(super) fn take() -> Vec<(Program, Listening)> {
    let all = match sd_notify::listen_fds_with_names() {
        Ok(all) => all.collect::<Vec<_>>(),
        Err(error) => {
            log::error!("what the service manager hands over cannot be used: {error}");
            return Vec::new();
        }
    };
    all.into_iter().filter_map(|(descriptor, name)| named(descriptor, &name)).collect()
}

fn named(descriptor: RawFd, name: &str) -> Option<(Program, Listening)> {
    let program = [Program::Handle, Program::Intent].into_iter().find(|one| one.name() == name);
    let listening = program
        .ok_or_else(|| io::Error::other("expected FileDescriptorName=handle or intent"))
        .and_then(|program| Ok((program, listening(owned(descriptor))?)));
    listening.inspect_err(|error| log::error!("the socket {name:?} is not served: {error}")).ok()
}

#[allow(unsafe_code)]
fn owned(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the service manager opened it for this process and for this use, which `LISTEN_PID` says and sd_notify has
    // checked; nothing else here knows its number, and each is taken once.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

fn listening(socket: OwnedFd) -> io::Result<Listening> {
    if !rustix::net::sockopt::socket_acceptconn(&socket)? {
        return Err(io::Error::other("it does not listen, expected ListenStream="));
    }
    let domain = rustix::net::sockopt::socket_domain(&socket)?;
    if domain == rustix::net::AddressFamily::UNIX {
        let listener = UnixListener::from(socket);
        listener.set_nonblocking(true)?;
        return Ok(Listening::Unix(listener));
    }
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    // Says so where it is of no internet family.
    listener.local_addr()?;
    Ok(Listening::Tcp(listener))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn only_a_socket_that_listens_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = UnixListener::bind(folder.path().join("s")).expect("bound");
        assert!(matches!(listening(file.into()), Ok(Listening::Unix(_))));
        let port = TcpListener::bind("127.0.0.1:0").expect("bound");
        assert!(matches!(listening(port.into()), Ok(Listening::Tcp(_))));
        let (connected, _other) = UnixStream::pair().expect("a pair");
        assert!(listening(connected.into()).is_err());
        let regular = tempfile::tempfile().expect("a file");
        assert!(listening(regular.into()).is_err());
    }
}
