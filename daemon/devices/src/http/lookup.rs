//! Looking a name up, once, within a time, and judging every address that came before one is connected to.
//!
//! Must not look up another name than the one that was asked for.

use super::addresses::{Reach, judge};
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
};
use ureq::{
    Error, Timeout,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// Most addresses that a name may have; further ones are left out.
const MAX_ADDRESSES: usize = 8;
/// Most lookups that wait for the system at once, those given up on among them.
const MAX_LOOKUPS: usize = 4;

/// Knows the addresses of names. May block; whoever waits gives up after a while.
pub trait Lookup: Send + Sync {
    /// All addresses of a name.
    ///
    /// # Errors
    /// Where it has none, or nobody can be asked.
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the system, as its configuration says.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// An address that a name may not lead to.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) address: IpAddr,
    pub(super) why: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.address, self.why)
    }
}

impl std::error::Error for Refusal {}

/// Stands between the client and the lookup: what comes out of here is connected to.
pub(super) struct Judge {
    lookup: Arc<dyn Lookup>,
    host: String,
    port: u16,
    reach: Reach,
}

impl Judge {
    pub(super) fn new(lookup: Arc<dyn Lookup>, host: &str, port: u16, reach: Reach) -> Self {
        Self { lookup, host: host.to_owned(), port, reach }
    }

    /// Looks up on a thread that may be given up on.
    fn look_up(&self, timeout: NextTimeout) -> Result<Vec<IpAddr>, Error> {
        let slot = Slot::take().ok_or_else(|| {
            Error::Io(io::Error::other(format!("{MAX_LOOKUPS} names are being looked up already")))
        })?;
        let (send, receive) = sync_channel(1);
        let (lookup, host) = (Arc::clone(&self.lookup), self.host.clone());
        std::thread::Builder::new()
            .name("lookup".to_owned())
            .spawn(move || {
                let _slot = slot;
                // Nobody listens any more when it took too long.
                let _ = send.send(lookup.addresses(&host));
            })
            .map_err(Error::Io)?;
        match receive.recv_timeout(*timeout.after) {
            Ok(addresses) => addresses.map_err(|_| Error::HostNotFound),
            Err(RecvTimeoutError::Timeout) => Err(Error::Timeout(Timeout::Resolve)),
            Err(RecvTimeoutError::Disconnected) => Err(Error::HostNotFound),
        }
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Resolver for Judge {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        if uri.host() != Some(self.host.as_str()) {
            return Err(Error::BadUri(format!("expected the host {}", self.host)));
        }
        let addresses = self.look_up(timeout)?;
        // One bad address is one too many: whoever answers for the name wants it to be tried.
        for address in &addresses {
            judge(*address, self.reach)
                .map_err(|why| Error::Io(io::Error::other(Refusal { address: *address, why })))?;
        }
        let mut judged = self.empty();
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            judged.push(SocketAddr::new(address, self.port));
        }
        if judged.is_empty() { Err(Error::HostNotFound) } else { Ok(judged) }
    }
}

/// Lookups under way.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Leave to look something up; given back when that has ended, however long it takes.
struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        let one_more = |n: usize| (n < MAX_LOOKUPS).then_some(n + 1);
        UNDER_WAY.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok().map(|_| Self)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::AcqRel);
    }
}
