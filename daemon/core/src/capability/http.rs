//! Rules about HTTP: `<scheme>://<host>[:<port>] <methods> <most bytes of a response>`, such as
//! `https://api.example.org GET,POST 65536`, and the URLs that are judged by them.
//!
//! Exact on purpose: one host by its name, no pattern in it, no second way to write it. A host that is
//! a number in any spelling, that is not ASCII or that stands for such a name (`xn--…`) is none. Must
//! not resolve anything: what a name leads to is judged where the connection is made.

use super::MAX_PATTERN_BYTES;
use std::fmt;

/// Most bytes of a response that a rule may let through.
pub const MAX_RESPONSE_BYTES: u32 = 1 << 20;
/// Longest URL, bytes.
pub const MAX_URL_BYTES: usize = 2048;
/// Longest host, bytes.
const MAX_HOST_BYTES: usize = 253;

/// Whether what is said can be read on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpScheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl HttpScheme {
    /// As in a URL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What is done with what a URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpMethod {
    /// Read.
    Get,
    /// Read its headers.
    Head,
    /// Hand something over.
    Post,
    /// Put in its place.
    Put,
    /// Change a part.
    Patch,
    /// Remove.
    Delete,
}

impl HttpMethod {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// As on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it asks for nothing to be changed (RFC 9110, 9.2.1).
    #[must_use]
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// Where a request goes: scheme, host and port, in their one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: HttpScheme,
    host: String,
    port: u16,
}

impl Origin {
    /// `scheme://host[:port]`, in lower case, the port only where it is not the scheme's own.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme =
            [HttpScheme::Http, HttpScheme::Https].into_iter().find(|s| s.name() == scheme)?;
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, other_port(port, scheme)?),
            None => (rest, scheme.default_port()),
        };
        is_host(host).then(|| Self { scheme, host: host.to_owned(), port })
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn scheme(&self) -> HttpScheme {
        self.scheme
    }

    /// The name; never a number.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// A port in its one spelling that is not the scheme's own.
fn other_port(text: &str, scheme: HttpScheme) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    (port > 0 && port.to_string() == text && port != scheme.default_port()).then_some(port)
}

/// Whether a text is a host's name: labels of lower-case letters, digits and inner dashes. The last one
/// is no number, for `127.1`, `0x7f.1` and `2130706433` are addresses to many resolvers.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            // Stands for a name that may look like another one.
            && !label.starts_with("xn--")
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let number = last.starts_with(|c: char| c.is_ascii_digit());
    text.len() <= MAX_HOST_BYTES && text.split('.').all(label) && !number
}

/// A URL that may be asked for: an origin and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    origin: Origin,
    target: String,
}

impl HttpUrl {
    /// Parses a URL of at most [`MAX_URL_BYTES`]; `None` for one with a user, a fragment, a host that
    /// is no name, or bytes that have to be escaped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_URL_BYTES || !text.bytes().all(is_url_byte) {
            return None;
        }
        let begin = text.find("://")? + 3;
        let end = text[begin..].find(['/', '?']).map_or(text.len(), |at| begin + at);
        let origin = Origin::parse(&text[..end])?;
        let rest = &text[end..];
        let target = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        Some(Self { origin, target })
    }

    /// Where it goes.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query, beginning with `/`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target)
    }
}

/// What may stand in a URL unescaped; no backslash, no fragment, no blank.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]!$&'()*+,;=%".contains(&byte)
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRule {
    origin: Origin,
    methods: Vec<HttpMethod>,
    most_bytes: u32,
}

impl HttpRule {
    /// Parses a pattern; `None` where it is none.
    #[must_use]
    pub fn parse(pattern: &str) -> Option<Self> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return None;
        }
        let mut parts = pattern.split(' ');
        let (Some(origin), Some(names), Some(bytes), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let mut methods = Vec::new();
        for name in names.split(',') {
            let method = HttpMethod::ALL.into_iter().find(|method| method.name() == name)?;
            if methods.contains(&method) {
                return None;
            }
            methods.push(method);
        }
        let most_bytes: u32 = bytes.parse().ok().filter(|n: &u32| n.to_string() == bytes)?;
        let bounded = (1..=MAX_RESPONSE_BYTES).contains(&most_bytes);
        let origin = Origin::parse(origin)?;
        bounded.then_some(Self { origin, methods, most_bytes })
    }

    /// Most bytes of a response, where the rule lets this method go there.
    #[must_use]
    pub fn allows(&self, origin: &Origin, method: HttpMethod) -> Option<u32> {
        (self.origin == *origin && self.methods.contains(&method)).then_some(self.most_bytes)
    }

    /// Whether this one lets through all that another does.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        self.origin == other.origin
            && other.methods.iter().all(|method| self.methods.contains(method))
            && other.most_bytes <= self.most_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_one_spelling() {
        for fine in [
            "https://api.example.org GET 65536",
            "https://api.example.org:8443 GET,POST 1",
            "http://bridge GET,HEAD,POST,PUT,PATCH,DELETE 1048576",
            "https://3.pool.example.org GET 10",
        ] {
            assert!(HttpRule::parse(fine).is_some(), "{fine}");
        }
        for bad in [
            "",
            "https://api.example.org",
            "https://api.example.org GET",
            "https://api.example.org GET 0",
            "https://api.example.org GET 01",
            "https://api.example.org GET +1",
            "https://api.example.org GET 1048577",
            "https://api.example.org get 1",
            "https://api.example.org GET,GET 1",
            "https://api.example.org GET, 1",
            "https://api.example.org  GET 1",
            "https://api.example.org GET 1 ",
            "https://api.example.org/ GET 1",
            "https://api.example.org/v1 GET 1",
            "https://api.example.org:443 GET 1",
            "https://api.example.org:0443 GET 1",
            "https://api.example.org:0 GET 1",
            "https://api.example.org: GET 1",
            "https://*.example.org GET 1",
            "https://API.example.org GET 1",
            "ftp://api.example.org GET 1",
            "api.example.org GET 1",
        ] {
            assert!(HttpRule::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn no_number_is_a_host_in_any_spelling() {
        for bad in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0x7f.1",
            "1.2.3.0x4",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "localhost.",
            ".example.org",
            "a..b",
            "",
            "-a.example.org",
            "a-.example.org",
            "a_b.example.org",
            "xn--pple-43d.com",
            "www.xn--pple-43d.com",
            "аpple.com",
            "example。org",
            "user@example.org",
        ] {
            assert!(!is_host(bad), "{bad}");
            assert!(HttpUrl::parse(&format!("http://{bad}/")).is_none(), "{bad}");
        }
        assert!(!is_host(&format!("{}.example.org", "a".repeat(64))));
        assert!(is_host("api.example.org") && is_host("bridge") && is_host("0x.example.org"));
    }

    #[test]
    fn urls_are_taken_apart_in_one_way() {
        let url = |text: &str| HttpUrl::parse(text).map(|url| url.to_string());
        for (text, canonical) in [
            ("https://api.example.org", "https://api.example.org/"),
            ("https://api.example.org?q=1", "https://api.example.org/?q=1"),
            ("https://api.example.org/a/../b?q=%20", "https://api.example.org/a/../b?q=%20"),
            ("http://api.example.org:8080/x", "http://api.example.org:8080/x"),
        ] {
            assert_eq!(url(text).as_deref(), Some(canonical), "{text}");
        }
        for bad in [
            "https://user@api.example.org/",
            "https://user:secret@api.example.org/",
            "https://api.example.org@evil.example.com/",
            "https://api.example.org\\@evil.example.com/",
            "https://api.example.org:80:90/",
            "https://api.example.org/#fragment",
            "https://api.example.org/ x",
            "https://api.example.org/\r\nX: y",
            "https:/api.example.org/",
            "https:///api.example.org/",
            "//api.example.org/",
            "file:///etc/passwd",
            "HTTPS://api.example.org/",
            "https://api.example.org/ä",
        ] {
            assert_eq!(url(bad), None, "{bad:?}");
        }
        assert_eq!(url(&format!("https://a.example/{}", "x".repeat(MAX_URL_BYTES))), None);
    }

    #[test]
    fn a_rule_lets_through_what_it_names_and_no_more() {
        let rule = HttpRule::parse("https://api.example.org GET,POST 100").expect("a rule");
        let asked =
            |text: &str, method| rule.allows(HttpUrl::parse(text).expect("a URL").origin(), method);
        assert_eq!(asked("https://api.example.org/x", HttpMethod::Get), Some(100));
        for (text, method) in [
            ("https://api.example.org/x", HttpMethod::Delete),
            ("http://api.example.org/x", HttpMethod::Get),
            ("https://api.example.org:444/x", HttpMethod::Get),
            ("https://www.api.example.org/x", HttpMethod::Get),
            ("https://example.org/x", HttpMethod::Get),
        ] {
            assert_eq!(asked(text, method), None, "{text} {method:?}");
        }
        let other = |text: &str| HttpRule::parse(text).expect("a rule");
        assert!(rule.includes(&other("https://api.example.org POST 100")));
        assert!(!rule.includes(&other("https://api.example.org POST 101")));
        assert!(!rule.includes(&other("https://api.example.org POST,PUT 1")));
        assert!(!rule.includes(&other("http://api.example.org GET 1")));
    }
}
