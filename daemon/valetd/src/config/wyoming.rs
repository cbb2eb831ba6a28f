//! The part of the configuration about voice pipelines that speak Wyoming.
//!
//! Must not open anything to a network by default: what is not said is a file that its owner alone uses.

use super::{replace, resolve_names};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use valet_core::zone::Zone;
use valet_voice::{Address, MAX_CONVERSATION_BYTES, Program};

/// Most addresses of a kind of socket.
const MAX_ADDRESSES: usize = 4;
/// Most satellites whose place is known.
const MAX_SATELLITES: usize = 64;

/// What is configured of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WyomingConfig {
    handle: Vec<Address>,
    intent: Vec<Address>,
    /// The group that may connect to the files; none = their owner alone.
    pub group: Option<u32>,
    /// Whether an address of another interface than loopback is taken.
    pub allow_unauthenticated_network: bool,
    satellites: BTreeMap<String, Zone>,
}

impl Default for WyomingConfig {
    fn default() -> Self {
        Self {
            handle: vec![Address::Usual],
            intent: vec![Address::Usual],
            group: None,
            allow_unauthenticated_network: false,
            satellites: BTreeMap::new(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Wyoming {
    handle: Option<Vec<String>>,
    intent: Option<Vec<String>>,
    group: Option<String>,
    allow_unauthenticated_network: bool,
    satellites: Option<BTreeMap<String, String>>,
}

impl WyomingConfig {
    /// Where sockets of a kind listen.
    pub(crate) fn addresses(&self, program: Program) -> &[Address] {
        match program {
            Program::Handle => &self.handle,
            Program::Intent => &self.intent,
        }
    }

    /// Where a satellite is: whoever speaks to one that nobody placed speaks to the whole cabin.
    pub(crate) fn zone_of(&self, satellite: Option<&str>) -> Zone {
        satellite.and_then(|name| self.satellites.get(name)).copied().unwrap_or_default()
    }

    /// Takes over what a file says.
    ///
    /// # Errors
    /// The key that is wrong.
    pub(super) fn merge(&mut self, file: Wyoming) -> Result<(), String> {
        let allow = file.allow_unauthenticated_network;
        self.allow_unauthenticated_network |= allow;
        for (key, addresses, with) in [
            ("wyoming.handle", &mut self.handle, file.handle),
            ("wyoming.intent", &mut self.intent, file.intent),
        ] {
            if let Some(with) = with {
                *addresses = parse(key, &with, allow)?;
            }
        }
        if let Some(group) = file.group {
            let mut ids = BTreeSet::new();
            resolve_names(&[group], Path::new("/etc/group"), &mut ids)
                .map_err(|why| format!("wyoming.group: {why}"))?;
            self.group = ids.first().copied();
        }
        replace(&mut self.satellites, file.satellites.map(|given| placed(&given)).transpose()?);
        Ok(())
    }
}

fn parse(key: &str, texts: &[String], allow: bool) -> Result<Vec<Address>, String> {
    if texts.len() > MAX_ADDRESSES {
        return Err(format!(
            "{key} has {} addresses, expected at most {MAX_ADDRESSES}",
            texts.len()
        ));
    }
    let address =
        |text: &String| Address::parse(text, allow).map_err(|error| format!("{key}: {error}"));
    texts.iter().map(address).collect()
}

fn placed(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, Zone>, String> {
    if given.len() > MAX_SATELLITES {
        let got = given.len();
        return Err(format!("wyoming.satellites has {got}, expected at most {MAX_SATELLITES}"));
    }
    let place = |(name, zone): (&String, &String)| {
        if !(1..=MAX_CONVERSATION_BYTES).contains(&name.len()) {
            return Err(format!(
                "wyoming.satellites has a name of {} bytes, expected 1 to {MAX_CONVERSATION_BYTES}",
                name.len()
            ));
        }
        let zone = Zone::parse(zone).map_err(|error| format!("wyoming.satellites: {error}"))?;
        Ok((name.clone(), zone))
    };
    given.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn merged(text: &str) -> Result<WyomingConfig, String> {
        let mut config = Config::default();
        let text = format!("[wyoming]\n{text}\n");
        config.merge_text("valetd.toml", &text).map_err(|error| error.to_string())?;
        Ok(config.wyoming)
    }

    #[test]
    fn by_default_there_are_files_for_their_owner_and_no_network() {
        let config = merged("").expect("fine");
        assert_eq!(config, WyomingConfig::default());
        assert!(config.addresses(Program::Handle).iter().all(|a| *a == Address::Usual));
        assert_eq!(config.group, None);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        for (text, named) in [
            ("handle = [\"tcp://0.0.0.0:10400\"]", "wyoming.handle: 0.0.0.0:10400 can be reached"),
            ("intent = [\"here\"]", "wyoming.intent: address \"here\""),
            ("group = \"no-such-group-here\"", "wyoming.group: \"no-such-group-here\""),
            ("satellites = { kitchen = \"trunk\" }", "wyoming.satellites: "),
            ("handle = [\"unix\", \"unix\", \"unix\", \"unix\", \"unix\"]", "has 5 addresses"),
        ] {
            let error = merged(text).expect_err(named);
            assert!(error.contains(named), "{error}");
        }
        let open = "handle = [\"tcp://0.0.0.0:10400\"]\nallow-unauthenticated-network = true";
        assert!(merged(open).is_ok());
        let config = merged("satellites = { front = \"row1-passenger\" }").expect("fine");
        assert_eq!(config.zone_of(Some("front")), Zone::PASSENGER);
        assert_eq!((config.zone_of(Some("x")), config.zone_of(None)), (Zone::All, Zone::All));
    }
}
