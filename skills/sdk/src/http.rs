//! Servers (capability `http`): one blocking request at a time, within what the manifest lists. Most
//! devices have the network off; then every fetch is [`HttpError::NotAvailable`].
//!
//! Must not follow redirections: the skill sees them and asks anew, where a rule lets it.

use crate::bindings::valet::skill::http as raw;

pub use raw::{HttpError, Method, Response};

/// A request. The time that it takes is the skill's own: ask for enough in `[limits] turn-ms`.
#[derive(Debug, Clone)]
#[must_use]
pub struct Request(raw::Request);

impl Request {
    /// Reads what is at a URL: `https://host/path?query`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// Hands something over; no question may.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// Any method.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self(raw::Request { method, url: url.into(), headers: Vec::new(), body: Vec::new() })
    }

    /// Adds a header: accept, accept-language, authorization, content-type, if-match, if-modified-since
    /// or if-none-match, in lower case.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body, at most 64 KiB.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// Asks.
    ///
    /// # Errors
    /// [`HttpError`]; a status of 400 and above is none.
    pub fn send(self) -> Result<Response, HttpError> {
        raw::fetch(&self.0)
    }
}

impl Response {
    /// Whether the status is 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text, where it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.body).ok()
    }

    /// The first header of that name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
