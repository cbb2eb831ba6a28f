//! What tests stand on: a bus of their own, the real daemon on it, agents, and waiting that is
//! driven by events.
//!
//! Must not sleep, must not reach into the daemon, and must leave no process and no file behind:
//! whatever is started here is killed when it is dropped.

mod agent;
mod author;
mod bus;
mod daemon;
mod error;
mod mosquitto;
mod places;
mod polkit;
mod process;
mod wait;

pub use agent::{Asked, Says, TestAgent};
pub use author::{Author, Packed};
pub use bus::PrivateBus;
pub use daemon::{Daemon, DaemonBuilder, Skills};
pub use error::KitError;
pub use mosquitto::Mosquitto;
pub use places::polkit_actions;
pub use places::{built, guests, models, shipped_skills};
pub use polkit::Polkit;
pub use process::Watched;
pub use wait::{LIMIT, arrived, until, within};

/// Options of a call, none.
#[must_use]
pub fn none<'a>() -> valet_bus::proxies::Options<'a> {
    valet_bus::proxies::Options::new()
}

/// A text of a result; empty where it has none.
#[must_use]
pub fn text<'a>(dict: &'a valet_bus::Dict, key: &str) -> &'a str {
    match dict.get(key).map(|value| &**value) {
        Some(zbus::Variant::Str(text)) => text.as_str(),
        _ => "",
    }
}

/// A list of dictionaries of a result, such as `intents` and `actions`.
#[must_use]
pub fn dicts(dict: &valet_bus::Dict, key: &str) -> Vec<valet_bus::Dict> {
    dict.get(key)
        .and_then(|value| Vec::<valet_bus::Dict>::try_from(value.clone()).ok())
        .unwrap_or_default()
}

/// The name of a D-Bus error, `Ok` and other faults spelled out.
pub fn error_name<T>(result: &zbus::Result<T>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(zbus::Error::MethodError(name, ..)) => name.to_string(),
        Err(zbus::Error::FDO(error)) => zbus::DBusError::name(&**error).to_string(),
        Err(other) => format!("not a method error: {other}"),
    }
}
