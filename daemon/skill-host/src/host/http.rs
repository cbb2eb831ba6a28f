//! `http`: one fetch at a time, where a rule lets it. Which addresses a name may lead to is judged by who
//! connects; here it is what may be asked, with which headers, how much and for how long.

use crate::{
    bindings::valet::skill::http as wit,
    grant::FetchGrant,
    limits::{MAX_HEADERS, MAX_HTTP_BODY_BYTES, MAX_TEXT_BYTES},
    rate::Rated,
    turn::Turn,
};
use valet_core::{
    capability::http::{HttpMethod, HttpUrl},
    outcome::{ActionStatus, Target},
    ports::http::{HttpError, HttpResponse},
    signal::{Class, SignalValue},
};

/// Headers that a guest may set; the rest is the client's.
const HEADERS: [&str; 7] = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
];

fn method(method: wit::Method) -> HttpMethod {
    match method {
        wit::Method::Get => HttpMethod::Get,
        wit::Method::Head => HttpMethod::Head,
        wit::Method::Post => HttpMethod::Post,
        wit::Method::Put => HttpMethod::Put,
        wit::Method::Patch => HttpMethod::Patch,
        wit::Method::Delete => HttpMethod::Delete,
    }
}

/// Names in lower case, each once and of the list; values that cannot end a line.
fn are_headers(headers: &[(String, String)]) -> bool {
    let value = |value: &str| {
        value.len() <= MAX_TEXT_BYTES && value.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    headers.len() <= MAX_HEADERS
        && headers.iter().enumerate().all(|(i, (name, text))| {
            let twice = headers[..i].iter().any(|(earlier, _)| earlier == name);
            HEADERS.contains(&name.as_str()) && value(text) && !twice
        })
}

fn http_error(error: HttpError) -> wit::HttpError {
    log::debug!("{error}");
    match error {
        HttpError::NotAvailable => wit::HttpError::NotAvailable,
        HttpError::Refused { .. } => wit::HttpError::Refused,
        HttpError::Unreachable { .. } => wit::HttpError::Unreachable,
        HttpError::TimedOut { .. } => wit::HttpError::TimedOut,
        HttpError::TooLong { .. } => wit::HttpError::TooLong,
        HttpError::Failed { .. } => wit::HttpError::Failed,
    }
}

impl Turn {
    /// Asks, and keeps what a server was asked to change. That it took it says nothing about the world.
    fn fetch_granted(
        &mut self,
        grant: &FetchGrant,
        request: wit::Request,
    ) -> wasmtime::Result<Result<HttpResponse, HttpError>> {
        let changes = !grant.method().is_safe();
        let (origin, method) = (grant.url().origin().to_string(), grant.method().name());
        let target = Target::Server { method, origin };
        if changes {
            self.end_rehearsal_before(target.clone())?;
        }
        let limit = self.clock.left_for_a_wait();
        let result = self.world.fetch(grant, request.headers, request.body, limit);
        if changes {
            let (status, code) = match &result {
                Ok(response) if (200..300).contains(&response.status) => {
                    (ActionStatus::Requested, Some(response.status))
                }
                Ok(response) => (ActionStatus::Failed, Some(response.status)),
                Err(HttpError::NotAvailable) => (ActionStatus::NoProvider, None),
                Err(_) => (ActionStatus::Failed, None),
            };
            let observed = code.map(|code| SignalValue::Integer(code.into()));
            self.keep_action(target, status, (None, observed), None);
        }
        Ok(result)
    }
}

impl wit::Host for Turn {
    fn fetch(
        &mut self,
        request: wit::Request,
    ) -> wasmtime::Result<Result<wit::Response, wit::HttpError>> {
        self.host_call()?;
        let method = method(request.method);
        let Some(url) = HttpUrl::parse(&request.url) else {
            return Ok(Err(wit::HttpError::BadRequest));
        };
        let bodiless = method.is_safe() && !request.body.is_empty();
        let long = request.body.len() > MAX_HTTP_BODY_BYTES;
        if bodiless || long || !are_headers(&request.headers) {
            return Ok(Err(wit::HttpError::BadRequest));
        }
        let origin = url.origin().to_string();
        let asks = method.is_safe() || self.scope.ceiling > Class::Info;
        let Some(grant) = self.granter.fetch(url, method).filter(|_| asks) else {
            if !method.is_safe() {
                self.deny(Target::Server { method: method.name(), origin });
            }
            return Ok(Err(wit::HttpError::NotGranted));
        };
        if !self.has_room_for_action() || !self.take_rated(Rated::HttpFetch) {
            return Ok(Err(wit::HttpError::Limited));
        }
        let fetched = self.fetch_granted(&grant, request)?;
        Ok(fetched.map_err(http_error).map(|response| wit::Response {
            status: response.status,
            headers: response.headers,
            body: response.body,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_headers_pass_and_none_ends_its_line() {
        let one = |name: &str, value: &str| are_headers(&[(name.to_owned(), value.to_owned())]);
        assert!(one("accept", "application/json") && one("authorization", "Bearer abc"));
        for (name, value) in [
            ("Accept", "x"),
            ("host", "evil.example"),
            ("cookie", "a=b"),
            ("content-length", "0"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "x"),
            ("x-forwarded-for", "127.0.0.1"),
            ("accept", "a\r\nhost: b"),
            ("accept", "a\u{0}"),
            ("accept", "ä"),
        ] {
            assert!(!one(name, value), "{name}: {value:?}");
        }
        assert!(!one("accept", &"a".repeat(MAX_TEXT_BYTES + 1)));
        let accept = ("accept".to_owned(), "a".to_owned());
        assert!(!are_headers(&[accept.clone(), accept]));
    }
}
