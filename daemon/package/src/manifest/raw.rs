//! `skill.toml` as it is written: names and types, and nothing that they do not know.
//!
//! Must not check what is in them; `manifest` does.

use super::Words;
use crate::settings::SettingSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawManifest {
    pub(super) schema: u32,
    pub(super) skill: RawSkill,
    #[serde(default)]
    pub(super) capabilities: RawCapabilities,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) wake: RawWake,
    #[serde(default)]
    pub(super) announcements: RawAnnouncements,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, SettingSchema>,
    pub(super) intents: BTreeMap<String, RawIntent>,
    #[serde(default)]
    pub(super) files: Vec<RawFile>,
}

/// A file of a packed manifest, unchecked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFile {
    /// Within the package.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Of its content, 64 hexadecimal digits.
    pub sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSkill {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) counter: u64,
    pub(super) api: String,
    pub(super) name: Words,
    pub(super) license: String,
    #[serde(default)]
    pub(super) attribution: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawCapabilities {
    #[serde(default)]
    pub(super) vehicle_read: Vec<String>,
    #[serde(default)]
    pub(super) vehicle_actuate: Vec<String>,
    #[serde(default)]
    pub(super) http: Vec<String>,
    #[serde(default)]
    pub(super) mqtt_publish: Vec<String>,
    #[serde(default)]
    pub(super) mqtt_subscribe: Vec<String>,
    #[serde(default)]
    pub(super) dbus_call: Vec<String>,
    pub(super) store: Option<u32>,
    pub(super) alarms: Option<u32>,
    #[serde(default)]
    pub(super) announce: bool,
    #[serde(default)]
    pub(super) location: bool,
    #[serde(default)]
    pub(super) utterance_text: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawLimits {
    pub(super) memory: Option<String>,
    pub(super) turn_ms: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnnouncements {
    pub(super) yes: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWake {
    #[serde(default)]
    pub(super) mqtt: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIntent {
    pub(super) description: String,
    pub(super) class: String,
    #[serde(default)]
    pub(super) slots: BTreeMap<String, RawSlot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSlot {
    pub(super) entity: String,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) ask: Words,
}
