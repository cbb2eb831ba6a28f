//! What a client for HTTP must offer.
//!
//! Must not implement anything, and does not say what may be asked for: that is judged before.

use crate::capability::http::{HttpMethod, HttpUrl};
use std::time::Duration;

/// A request that was judged.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Where it goes.
    pub url: HttpUrl,
    /// What is asked.
    pub method: HttpMethod,
    /// Headers by name in lower case.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// Most bytes of the response's body.
    pub most_bytes: u32,
    /// How long all of it may take.
    pub limit: Duration,
}

/// What came back; a redirection is a response like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Headers by name in lower case; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, at most what was allowed.
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The device's configuration lets nobody out.
    #[error("the network is off; [network] http = true in the configuration turns it on")]
    NotAvailable,
    /// The name leads to an address that is never connected to.
    #[error("{host} leads to {address}, {why}")]
    Refused {
        /// The name.
        host: String,
        /// One of its addresses.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No address, no connection, no certificate that counts.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The name.
        host: String,
        /// Why.
        why: String,
    },
    /// The time was over.
    #[error("{host} took longer than {limit_ms} ms")]
    TimedOut {
        /// The name.
        host: String,
        /// What it had, ms.
        limit_ms: u64,
    },
    /// The body is longer than allowed.
    #[error("{host} answers with more than {limit} bytes")]
    TooLong {
        /// The name.
        host: String,
        /// The limit.
        limit: u32,
    },
    /// What came back is no response.
    #[error("{host} does not speak HTTP: {why}")]
    Failed {
        /// The name.
        host: String,
        /// Why.
        why: String,
    },
}

/// Asks servers. Called from several threads; blocks at most as long as the request says.
pub trait HttpClient: Send + Sync {
    /// Asks once, follows nothing, keeps nothing.
    ///
    /// # Errors
    /// [`HttpError`].
    fn fetch(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError>;
}
