//! The part of the configuration about what lies outside of the vehicle: servers, the broker, peers, and how
//! often a skill may reach out.
//!
//! Must not let anybody out by default: what is not said is off, but for peers of the own bus, which each need a
//! grant of their own.

use super::{replace, within};
use serde::Deserialize;
use std::{collections::BTreeSet, path::PathBuf};
use valet_core::{capability::http::is_host, rates::Rates};

/// Where systemd puts the credentials of the unit; said here for `--check-config`, which runs outside of it.
const UNITS_CREDENTIALS: &str = "/run/credentials/valetd.service";
/// Most names of a list.
const MAX_HOSTS: usize = 64;

/// What lies outside of the vehicle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutsideConfig {
    /// Whether skills may ask servers at all.
    pub http: bool,
    /// Names that may lead into the local network.
    pub private_hosts: BTreeSet<String>,
    /// Names that lead to this device and nowhere else.
    pub loopback_hosts: BTreeSet<String>,
    /// The certificates that count, as PEM; none = the system's.
    pub certificates: Option<PathBuf>,
    /// Where the broker is; none = there is none.
    pub broker: Option<String>,
    /// Whether the broker may be on another device.
    pub allow_remote_broker: bool,
    /// Our name to the broker, where it wants one.
    pub broker_user: Option<String>,
    /// Where our password to the broker lies.
    pub broker_password_file: Option<PathBuf>,
    /// Where the user's bus is: `usual`, `off` or an address.
    pub session_bus: String,
    /// Where the machine's bus is: `usual`, `off` or an address.
    pub system_bus: String,
    /// How often a skill may reach out.
    pub rates: Rates,
}

impl Default for OutsideConfig {
    fn default() -> Self {
        Self {
            http: false,
            private_hosts: BTreeSet::new(),
            loopback_hosts: BTreeSet::new(),
            certificates: None,
            broker: None,
            allow_remote_broker: false,
            broker_user: None,
            broker_password_file: None,
            session_bus: "usual".to_owned(),
            system_bus: "usual".to_owned(),
            rates: Rates::default(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Network {
    http: Option<bool>,
    private_hosts: Option<Vec<String>>,
    loopback_hosts: Option<Vec<String>>,
    certificates: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Mqtt {
    broker: Option<String>,
    allow_remote: Option<bool>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    password_credential: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Peers {
    session_bus: Option<String>,
    system_bus: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct PerMinute {
    http_fetches: Option<u64>,
    mqtt_commands: Option<u64>,
    dbus_calls: Option<u64>,
    announcements: Option<u64>,
    alarms: Option<u64>,
    store_writes: Option<u64>,
}

impl OutsideConfig {
    /// Takes over what a file says.
    ///
    /// # Errors
    /// The key that is out of bounds.
    pub(super) fn merge(
        &mut self,
        network: Network,
        mqtt: Mqtt,
        peers: Peers,
        rates: PerMinute,
    ) -> Result<(), String> {
        replace(&mut self.http, network.http);
        for (key, hosts, with) in [
            ("network.private-hosts", &mut self.private_hosts, network.private_hosts),
            ("network.loopback-hosts", &mut self.loopback_hosts, network.loopback_hosts),
        ] {
            if let Some(with) = with {
                *hosts = names(key, with)?;
            }
        }
        keep(&mut self.certificates, network.certificates);
        keep(&mut self.broker, mqtt.broker);
        replace(&mut self.allow_remote_broker, mqtt.allow_remote);
        keep(&mut self.broker_user, mqtt.user);
        keep(&mut self.broker_password_file, mqtt.password_file);
        if let Some(name) = mqtt.password_credential {
            self.broker_password_file = Some(credential("mqtt.password-credential", &name)?);
        }
        replace(&mut self.session_bus, peers.session_bus);
        replace(&mut self.system_bus, peers.system_bus);
        self.merge_rates(rates)
    }

    fn merge_rates(&mut self, given: PerMinute) -> Result<(), String> {
        let rates = &mut self.rates;
        for (name, rate, with) in [
            ("http-fetches", &mut rates.http_fetches, given.http_fetches),
            ("mqtt-commands", &mut rates.mqtt_commands, given.mqtt_commands),
            ("dbus-calls", &mut rates.dbus_calls, given.dbus_calls),
            ("announcements", &mut rates.announcements, given.announcements),
            ("alarms", &mut rates.alarms, given.alarms),
            ("store-writes", &mut rates.store_writes, given.store_writes),
        ] {
            if let Some(with) = with {
                let with = within(&format!("skills.per-minute.{name}"), with, 0, 100_000)?;
                *rate = u32::try_from(with).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }
}

/// Where the service manager put a credential.
fn credential(key: &str, name: &str) -> Result<PathBuf, String> {
    let is_name = !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_name {
        let name: String = name.chars().take(64).collect();
        return Err(format!("{key} is {name:?}, expected a name of letters, digits, - _ ."));
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    let folder = folder.map_or_else(|| PathBuf::from(UNITS_CREDENTIALS), PathBuf::from);
    Ok(folder.join(name))
}

fn keep<T>(value: &mut Option<T>, with: Option<T>) {
    if with.is_some() {
        *value = with;
    }
}

fn names(key: &str, hosts: Vec<String>) -> Result<BTreeSet<String>, String> {
    if hosts.len() > MAX_HOSTS {
        return Err(format!("{key} has {} names, expected at most {MAX_HOSTS}", hosts.len()));
    }
    match hosts.iter().find(|host| !is_host(host)) {
        Some(wrong) => {
            Err(format!("{key} has {wrong:?}, expected names in lower case, no addresses"))
        }
        None => Ok(hosts.into_iter().collect()),
    }
}
