//! The client for HTTP: one request, one answer, to an address that was looked at before it is connected to.
//!
//! Must not follow anything, keep anything (connections, cookies), ask the environment (proxies), or connect to
//! another address than the one that was judged: the name is looked up once, here.

mod addresses;
mod lookup;

use addresses::Reach;
use lookup::{Judge, Refusal};
pub use lookup::{Lookup, SystemLookup};
use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use ureq::{
    Agent, Body,
    config::Config,
    http,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
    unversioned::transport::DefaultConnector,
};
use valet_core::{
    capability::http::{HttpScheme, is_host},
    ports::http::{HttpClient, HttpError, HttpRequest, HttpResponse},
};

/// Where Debian and most others keep the certificates that count.
pub const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Largest headers of a response, bytes.
const MAX_HEADER_BYTES: usize = 16 << 10;
/// Most headers of a response that are handed on.
const MAX_HEADERS: usize = 64;
/// Largest file of certificates, bytes.
const MAX_ROOTS_BYTES: u64 = 4 << 20;

/// How far the client may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Names that may lead to private addresses of the local network too.
    pub private_hosts: BTreeSet<String>,
    /// Names that may lead to this device itself, and to nothing else.
    pub loopback_hosts: BTreeSet<String>,
    /// Certificates that count, as PEM.
    pub roots: PathBuf,
}

impl Default for HttpSettings {
    /// No private host, no local one, the system's certificates.
    fn default() -> Self {
        let none = BTreeSet::new();
        Self { private_hosts: none.clone(), loopback_hosts: none, roots: SYSTEM_ROOTS.into() }
    }
}

impl HttpSettings {
    /// The first of the names that is none.
    #[must_use]
    pub fn wrong_host(&self) -> Option<&str> {
        let mut all = self.private_hosts.iter().chain(&self.loopback_hosts);
        all.find(|host| !is_host(host)).map(String::as_str)
    }

    fn reach(&self, host: &str) -> Reach {
        if self.loopback_hosts.contains(host) {
            Reach::Loopback
        } else if self.private_hosts.contains(host) {
            Reach::Private
        } else {
            Reach::Public
        }
    }
}

/// The client.
pub struct Http {
    settings: HttpSettings,
    lookup: Arc<dyn Lookup>,
    roots: OnceLock<Result<RootCerts, String>>,
}

impl Http {
    /// A client that looks names up there.
    #[must_use]
    pub fn new(settings: HttpSettings, lookup: Arc<dyn Lookup>) -> Self {
        Self { settings, lookup, roots: OnceLock::new() }
    }

    fn agent(&self, request: &HttpRequest) -> Result<Agent, HttpError> {
        let origin = request.url.origin();
        let mut config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent("valet")
            .accept("*/*")
            .max_response_header_size(MAX_HEADER_BYTES)
            .max_idle_connections(0)
            .timeout_global(Some(request.limit));
        if origin.scheme() == HttpScheme::Https {
            let unreachable = |why: &String| HttpError::Unreachable {
                host: origin.host().into(),
                why: why.clone(),
            };
            let roots = self.roots.get_or_init(|| read_roots(&self.settings.roots));
            let roots = roots.as_ref().map_err(unreachable)?.clone();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let tls = TlsConfig::builder()
                .root_certs(roots)
                .unversioned_rustls_crypto_provider(provider)
                .build();
            config = config.tls_config(tls);
        }
        let reach = self.settings.reach(origin.host());
        let judge = Judge::new(Arc::clone(&self.lookup), origin.host(), origin.port(), reach);
        Ok(Agent::with_parts(config.build(), DefaultConnector::new(), judge))
    }
}

impl HttpClient for Http {
    fn fetch(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.url.origin().host();
        let failed = |why: String| HttpError::Failed { host: host.into(), why };
        if request.limit < Duration::from_millis(1) {
            return Err(HttpError::TimedOut { host: host.into(), limit_ms: 0 });
        }
        let agent = self.agent(request)?;
        let mut wire =
            http::Request::builder().method(request.method.name()).uri(request.url.to_string());
        for (name, value) in &request.headers {
            wire = wire.header(name, value);
        }
        let explain = |error| error_of(error, request);
        let response = if request.method.is_safe() || request.body.is_empty() {
            let wire = wire.body(()).map_err(|e| failed(e.to_string()))?;
            agent.run(wire).map_err(explain)?
        } else {
            let wire = wire.body(request.body.as_slice()).map_err(|e| failed(e.to_string()))?;
            agent.run(wire).map_err(explain)?
        };
        read(response, request)
    }
}

/// Takes a response whole, up to its bound.
fn read(response: http::Response<Body>, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
    let host = request.url.origin().host();
    let (head, body) = response.into_parts();
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = head.headers.iter().filter_map(text).take(MAX_HEADERS).collect();
    let most = u64::from(request.most_bytes);
    let mut bytes = Vec::new();
    // One more than allowed shows that there is more.
    let read = body.into_reader().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| error_of(ureq::Error::from(error), request))?;
    if bytes.len() as u64 > most {
        return Err(HttpError::TooLong { host: host.into(), limit: request.most_bytes });
    }
    Ok(HttpResponse { status: head.status.as_u16(), headers, body: bytes })
}

/// What went wrong, in the words of the port.
fn error_of(error: ureq::Error, request: &HttpRequest) -> HttpError {
    let host = request.url.origin().host().to_owned();
    let limit_ms = u64::try_from(request.limit.as_millis()).unwrap_or(u64::MAX);
    match error {
        ureq::Error::Timeout(_) => HttpError::TimedOut { host, limit_ms },
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            HttpError::TimedOut { host, limit_ms }
        }
        ureq::Error::Io(error) => match error.get_ref().and_then(|e| e.downcast_ref::<Refusal>()) {
            Some(Refusal { address, why }) => {
                HttpError::Refused { host, address: address.to_string(), why }
            }
            None => HttpError::Unreachable { host, why: error.to_string() },
        },
        error @ (ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Rustls(_)
        | ureq::Error::Tls(_)) => HttpError::Unreachable { host, why: error.to_string() },
        other => HttpError::Failed { host, why: other.to_string() },
    }
}

/// The certificates that count.
fn read_roots(path: &PathBuf) -> Result<RootCerts, String> {
    let wrong = |why: String| format!("certificates of {}: {why}", path.display());
    let file = std::fs::File::open(path).map_err(|e| wrong(e.to_string()))?;
    let mut pem = Vec::new();
    file.take(MAX_ROOTS_BYTES).read_to_end(&mut pem).map_err(|e| wrong(e.to_string()))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(wrong("there is none in it".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
