//! Object paths: how ids, names and sessions are written into them and read back.

use crate::{ROOT, error::BusError};
use std::fmt::Write as _;
use valet_core::{session::SessionKey, zone::Zone};

/// Escapes a text as one path element: every byte outside `[A-Za-z0-9]` becomes `_xx`.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "_{byte:02x}");
        }
    }
    out
}

/// Reads an escaped element back; `None` when it is not one.
#[must_use]
pub fn unescape(element: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(element.len());
    let mut rest = element.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'_' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else if first.is_ascii_alphanumeric() {
            bytes.push(first);
            rest = tail;
        } else {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The object of a skill.
#[must_use]
pub fn skill(id: &str) -> String {
    format!("{ROOT}/skill/{}", escape(id))
}

/// The object of a model.
#[must_use]
pub fn model(id: &str) -> String {
    format!("{ROOT}/model/{}", escape(id))
}

/// The object of a session. Default sessions have a path too, though no object.
#[must_use]
pub fn session(key: SessionKey) -> String {
    match key {
        SessionKey::Opened(number) => format!("{ROOT}/session/s{number}"),
        SessionKey::Default { uid, zone } => {
            format!("{ROOT}/session/u{uid}_2f{}", escape(&zone.to_string()))
        }
    }
}

/// Reads the path of a session.
#[must_use]
pub fn parse_session(path: &str) -> Option<SessionKey> {
    let element = path.strip_prefix(ROOT)?.strip_prefix("/session/")?;
    if let Some(number) = element.strip_prefix('s') {
        return number.parse().ok().map(SessionKey::Opened);
    }
    let (uid, zone) = element.strip_prefix('u')?.split_once("_2f")?;
    Some(SessionKey::Default { uid: uid.parse().ok()?, zone: Zone::parse(&unescape(zone)?).ok()? })
}

/// The object of a request.
#[must_use]
pub fn request(sender: &str, token: &str) -> String {
    format!("{ROOT}/request/{}/{token}", escape(sender))
}

/// Checks a caller's token: `[A-Za-z0-9_]{1,64}`.
///
/// # Errors
/// `InvalidArguments`.
pub fn check_token(token: &str) -> Result<(), BusError> {
    let fits = (1..=64).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits {
        Ok(())
    } else {
        Err(BusError::invalid("handle-token does not fit, expected 1 to 64 of [A-Za-z0-9_]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_can_be_read_back() {
        assert_eq!(escape(":1.7"), "_3a1_2e7");
        assert_eq!(unescape("_3a1_2e7").as_deref(), Some(":1.7"));
        for key in [
            SessionKey::Opened(7),
            SessionKey::Default { uid: 1000, zone: Zone::PASSENGER },
            SessionKey::Default { uid: 0, zone: Zone::All },
        ] {
            assert_eq!(parse_session(&session(key)), Some(key));
        }
        for bad in
            ["/x", "/org/valetd/Assistant1/session/s-1", "/org/valetd/Assistant1/session/u1_2fmoon"]
        {
            assert_eq!(parse_session(bad), None);
        }
    }
}
