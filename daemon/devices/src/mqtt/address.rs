//! Where the broker is, and who we are to it.
//!
//! Must not connect. A broker elsewhere than on this device has to be allowed by name of the key.

use crate::error::DeviceError;
use rumqttc::{MqttOptions, Transport};
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// How often we are heard of, when there is nothing else to say.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Largest packet that is taken; a larger one ends the connection.
const MAX_PACKET_BYTES: usize = 1 << 20;
/// Longest password, bytes.
const MAX_PASSWORD_BYTES: usize = 1024;

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerAddress {
    /// A socket in the file system.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String, u16),
}

impl BrokerAddress {
    /// Parses `unix:///path` or `tcp://host:port`. One that is not on this device wants `allow_remote`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str, allow_remote: bool) -> Result<Self, String> {
        let misfit =
            || format!("mqtt.broker is {text:?}, expected unix:///path or tcp://host:port");
        if let Some(path) = text.strip_prefix("unix://") {
            let absolute = path.starts_with('/') && !path.contains('\0');
            return absolute.then(|| Self::Unix(path.into())).ok_or_else(misfit);
        }
        let (host, port) = text
            .strip_prefix("tcp://")
            .and_then(|rest| rest.rsplit_once(':'))
            .ok_or_else(misfit)?;
        let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(misfit)?;
        let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        if host.is_empty() || !named {
            return Err(misfit());
        }
        // A name could lead anywhere.
        let local = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !local && !allow_remote {
            return Err(format!(
                "mqtt.broker is {text:?}, which is not this device; expected unix:///path or tcp://127.0.0.1:port, or mqtt.allow-remote = true"
            ));
        }
        Ok(Self::Tcp(host.to_owned(), port))
    }
}

/// The broker, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Where it is.
    pub address: BrokerAddress,
    /// Our name, where it wants one.
    pub user: Option<String>,
    /// A file whose first line is our password.
    pub password_file: Option<PathBuf>,
}

impl BrokerSettings {
    /// As the client wants them.
    ///
    /// # Errors
    /// [`DeviceError::Broker`] where the password cannot be read.
    pub(super) fn options(&self) -> Result<MqttOptions, DeviceError> {
        let name = format!("valetd-{}", std::process::id());
        let mut options = match &self.address {
            BrokerAddress::Unix(path) => {
                let mut options = MqttOptions::new(name, path.display().to_string(), 1883);
                options.set_transport(Transport::unix());
                options
            }
            BrokerAddress::Tcp(host, port) => MqttOptions::new(name, host.clone(), *port),
        };
        options.set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
        // Nothing of an earlier connection counts.
        options.set_clean_session(true);
        if let Some(user) = &self.user {
            options.set_credentials(user.clone(), self.password()?);
        }
        Ok(options)
    }

    fn password(&self) -> Result<String, DeviceError> {
        let Some(file) = &self.password_file else { return Ok(String::new()) };
        let wrong = |why: String| DeviceError::Broker { why: format!("{}: {why}", file.display()) };
        let text = std::fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() || line.len() > MAX_PASSWORD_BYTES {
            return Err(wrong(format!("expected a first line of 1 to {MAX_PASSWORD_BYTES} bytes")));
        }
        Ok(line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_broker_of_this_device_is_taken_unless_it_is_said_otherwise() {
        for local in ["unix:///run/mosquitto/mosquitto.sock", "tcp://127.0.0.1:1883"] {
            assert!(BrokerAddress::parse(local, false).is_ok(), "{local}");
        }
        for remote in
            ["tcp://192.168.1.2:1883", "tcp://broker.example:1883", "tcp://localhost:1883"]
        {
            let why = BrokerAddress::parse(remote, false).expect_err("not local");
            assert!(why.contains("allow-remote"), "{why}");
            assert!(BrokerAddress::parse(remote, true).is_ok(), "{remote}");
        }
        for bad in [
            "",
            "mqtt://127.0.0.1:1883",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:0",
            "tcp://127.0.0.1:99999",
            "tcp://:1883",
            "tcp://user@127.0.0.1:1883",
            "unix://run/mosquitto",
            "unix:///a\0b",
        ] {
            assert!(BrokerAddress::parse(bad, true).is_err(), "{bad:?}");
        }
    }
}
