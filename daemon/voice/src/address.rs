//! Where a socket listens, as the configuration writes it.
//!
//! Must not let anybody in over a network by mistake: the protocol knows neither who speaks nor a secret.

use std::{net::SocketAddr, path::PathBuf};

/// Longest path of a socket's file, bytes: the kernel takes 107, and the file is made beside its place first.
const MAX_PATH_BYTES: usize = 85;

/// Where a socket listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A file at the usual place.
    Usual,
    /// A file.
    Unix(PathBuf),
    /// An address and a port.
    Tcp(SocketAddr),
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is in none of the forms.
    #[error(
        "address {0:?} is not valid, expected \"unix\", \"unix:///PATH\" of at most {MAX_PATH_BYTES} bytes, or \"tcp://IP:PORT\""
    )]
    Invalid(String),
    /// Reachable from elsewhere.
    #[error(
        "{0} can be reached from other machines, and whoever reaches it commands this device: the protocol has neither authentication nor encryption. Use a unix socket or tcp://127.0.0.1:PORT; where you accept that, say `allow-unauthenticated-network = true`"
    )]
    Open(SocketAddr),
}

impl Address {
    /// Reads an address; one that is not of this machine alone only where that is allowed.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str, allow_network: bool) -> Result<Self, AddressError> {
        let invalid = || AddressError::Invalid(text.chars().take(120).collect());
        if text == "unix" {
            return Ok(Self::Usual);
        }
        if let Some(path) = text.strip_prefix("unix://") {
            let fits = path.starts_with('/')
                && (2..=MAX_PATH_BYTES).contains(&path.len())
                && !path.ends_with('/')
                && !path.chars().any(char::is_control);
            return if fits { Ok(Self::Unix(path.into())) } else { Err(invalid()) };
        }
        let address: SocketAddr =
            text.strip_prefix("tcp://").and_then(|a| a.parse().ok()).ok_or_else(invalid)?;
        if address.port() == 0 {
            return Err(invalid());
        }
        if !address.ip().is_loopback() && !allow_network {
            return Err(AddressError::Open(address));
        }
        Ok(Self::Tcp(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_setting_that_names_the_risk_opens_it_to_a_network() {
        for (text, address) in [
            ("unix", Address::Usual),
            ("unix:///run/v/h.sock", Address::Unix("/run/v/h.sock".into())),
            ("tcp://127.0.0.1:10400", Address::Tcp(([127, 0, 0, 1], 10_400).into())),
            ("tcp://[::1]:10400", Address::Tcp("[::1]:10400".parse().expect("an address"))),
        ] {
            assert_eq!(Address::parse(text, false), Ok(address));
        }
        for open in
            ["tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://192.168.1.2:1", "tcp://[::ffff:127.0.0.1]:1"]
        {
            assert!(matches!(Address::parse(open, false), Err(AddressError::Open(_))), "{open}");
            assert!(Address::parse(open, true).is_ok(), "{open}");
        }
        let long = format!("unix:///{}", "x".repeat(MAX_PATH_BYTES));
        for wrong in [
            "",
            "tcp",
            "tcp://localhost:1",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:0",
            "unix://a",
            "unix:///",
            &long,
        ] {
            assert!(
                matches!(Address::parse(wrong, true), Err(AddressError::Invalid(_))),
                "{wrong}"
            );
        }
    }
}
