//! `skill.toml`: what a skill is, what it may ever touch, which intents it has.
//!
//! Must not read files; `folder` does.

mod raw;

use crate::{error::PackageError, settings::SettingSchema, strict};
pub(crate) use raw::RawFile;
use raw::{RawCapabilities, RawIntent, RawLimits, RawManifest, RawSlot};
use std::collections::BTreeMap;
pub use valet_core::intent::{IntentSpec, SlotDefault, SlotSpec, Words};
use valet_core::{
    capability::{Capability, CapabilityKind, CapabilitySet},
    contract,
    entity::EntityKind,
    intent::{SkillId, check_name},
    signal::Class,
};

/// Largest manifest, bytes.
pub const MAX_MANIFEST_BYTES: usize = 64 * 1024;
/// Largest manifest of a package, which lists its files, bytes.
pub const MAX_PACKED_MANIFEST_BYTES: usize = 96 * 1024;
/// Most intents a skill may have.
pub const MAX_INTENTS: usize = 64;
/// Most slots an intent may have.
pub const MAX_SLOTS: usize = 16;
/// Most settings.
pub const MAX_SETTINGS: usize = 64;
/// Most capabilities.
pub const MAX_CAPABILITIES: usize = 128;
/// Most filters of topics that wake a skill.
pub const MAX_WAKE: usize = 16;
/// Longest text for people, bytes.
pub const MAX_WORDS_BYTES: usize = 512;
/// Memory a skill gets when it asks for none, bytes.
pub const DEFAULT_MEMORY_BYTES: u64 = 16 << 20;
/// Most memory that a skill may ask for, bytes.
pub const MAX_MEMORY_BYTES: u64 = 256 << 20;
/// Own time of a turn when it asks for none, ms.
pub const DEFAULT_TURN_MS: u64 = 500;

/// A checked manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Reverse DNS.
    pub id: SkillId,
    /// For people.
    pub version: String,
    /// Monotonic release number.
    pub counter: u64,
    /// Name by language.
    pub name: Words,
    /// SPDX expression.
    pub license: String,
    /// Notices due for data the skill brings; shown with its answers.
    pub attribution: Vec<String>,
    /// Everything it may ever touch.
    pub capabilities: CapabilitySet,
    /// What it asks for, capped by the device.
    pub limits: Limits,
    /// Filters of MQTT topics whose messages wake it; each within what it may follow.
    pub wake: Vec<String>,
    /// The intent that a yes asks for, where the skill announces a question.
    pub yes: Option<String>,
    /// Settings by name.
    pub settings: BTreeMap<String, SettingSchema>,
    /// Intents by name.
    pub intents: BTreeMap<String, IntentSpec>,
}

/// What a skill asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All its linear memories and tables together, bytes.
    pub memory_bytes: u64,
    /// Its own time in a turn, ms.
    pub turn_ms: u64,
}

impl Manifest {
    /// Parses and checks a manifest. `file` is how errors name it.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn parse(file: &str, text: &str) -> Result<Self, PackageError> {
        let raw: RawManifest = strict::parse(file, text, MAX_MANIFEST_BYTES)?;
        if !raw.files.is_empty() {
            let why = "has [[files]], which `valetctl skill pack` writes; leave it out";
            return Err(PackageError::invalid(file, why));
        }
        Self::check(file, raw)
    }

    /// Parses and checks the manifest of a package; its list of files is not checked yet.
    ///
    /// # Errors
    /// [`PackageError`].
    pub(crate) fn parse_packed(
        file: &str,
        text: &str,
    ) -> Result<(Self, Vec<RawFile>), PackageError> {
        let mut raw: RawManifest = strict::parse(file, text, MAX_PACKED_MANIFEST_BYTES)?;
        let files = std::mem::take(&mut raw.files);
        Ok((Self::check(file, raw)?, files))
    }

    fn check(file: &str, raw: RawManifest) -> Result<Self, PackageError> {
        let bad = |what: String| PackageError::invalid(file, what);
        if raw.schema != 1 {
            return Err(bad(format!("schema is {}, expected 1", raw.schema)));
        }
        if raw.skill.api != contract::API {
            return Err(bad(format!("api is {:?}, expected {:?}", raw.skill.api, contract::API)));
        }
        check_semver(&raw.skill.version).map_err(bad)?;
        check_words(&raw.skill.name).map_err(bad)?;
        for text in raw.skill.attribution.iter().chain([&raw.skill.license]) {
            if text.len() > MAX_WORDS_BYTES || text.chars().any(char::is_control) {
                return Err(bad(format!(
                    "license or attribution {text:?}, expected at most {MAX_WORDS_BYTES} bytes without control characters"
                )));
            }
        }
        if raw.skill.name.is_empty() {
            return Err(bad("name has no language, expected at least { en = \"…\" }".into()));
        }
        if raw.intents.is_empty() || raw.intents.len() > MAX_INTENTS {
            return Err(bad(format!("{} intents, expected 1 to {MAX_INTENTS}", raw.intents.len())));
        }
        if raw.settings.len() > MAX_SETTINGS {
            return Err(bad(format!(
                "{} settings, expected at most {MAX_SETTINGS}",
                raw.settings.len()
            )));
        }
        for (name, schema) in &raw.settings {
            check_name(name).map_err(|e| bad(e.to_string()))?;
            schema
                .check(name, &schema.default_value())
                .map_err(|e| bad(format!("default: {e}")))?;
        }
        let mut intents = BTreeMap::new();
        for (name, intent) in raw.intents {
            check_name(&name).map_err(|e| bad(e.to_string()))?;
            let spec =
                build_intent(intent).map_err(|what| bad(format!("intents.{name}: {what}")))?;
            intents.insert(name, spec);
        }
        let capabilities = build_capabilities(&raw.capabilities).map_err(bad)?;
        check_wake(&raw.wake.mqtt, &capabilities).map_err(bad)?;
        if let Some(yes) = &raw.announcements.yes {
            check_yes(yes, &intents, &capabilities).map_err(bad)?;
        }
        Ok(Self {
            id: SkillId::parse(&raw.skill.id).map_err(|e| bad(e.to_string()))?,
            version: raw.skill.version,
            counter: raw.skill.counter,
            name: raw.skill.name,
            license: raw.skill.license,
            attribution: raw.skill.attribution,
            capabilities,
            limits: build_limits(&raw.limits).map_err(bad)?,
            wake: raw.wake.mqtt,
            yes: raw.announcements.yes,
            settings: raw.settings,
            intents,
        })
    }

    /// The skill's name in a language, else in English, else its id.
    #[must_use]
    pub fn display_name(&self, language: &str) -> &str {
        self.name
            .get(language)
            .or_else(|| self.name.get("en"))
            .map_or(self.id.as_str(), String::as_str)
    }
}

fn check_semver(version: &str) -> Result<(), String> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let fine = version.len() <= 64
        && core.split('.').count() == 3
        && core.split('.').all(|part| part.parse::<u32>().is_ok())
        // It becomes part of file names, and is shown.
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte));
    if fine { Ok(()) } else { Err(format!("version {version:?} is not semver, expected 1.2.3")) }
}

fn check_words(words: &Words) -> Result<(), String> {
    for (language, text) in words {
        if language.is_empty()
            || language.len() > 16
            || text.is_empty()
            || text.len() > MAX_WORDS_BYTES
        {
            return Err(format!(
                "text for language {language:?} is empty or too long, expected 1 to {MAX_WORDS_BYTES} bytes"
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(format!("text for language {language:?} has control characters"));
        }
    }
    Ok(())
}

fn build_capabilities(raw: &RawCapabilities) -> Result<CapabilitySet, String> {
    let mut all = Vec::new();
    let mut add = |kind, pattern: &str| -> Result<(), String> {
        all.push(Capability::new(kind, pattern).map_err(|e| e.to_string())?);
        Ok(())
    };
    for (kind, patterns) in [
        (CapabilityKind::VehicleRead, &raw.vehicle_read),
        (CapabilityKind::VehicleActuate, &raw.vehicle_actuate),
        (CapabilityKind::Http, &raw.http),
        (CapabilityKind::MqttPublish, &raw.mqtt_publish),
        (CapabilityKind::MqttSubscribe, &raw.mqtt_subscribe),
        (CapabilityKind::DbusCall, &raw.dbus_call),
    ] {
        patterns.iter().try_for_each(|pattern| add(kind, pattern))?;
    }
    for (kind, amount) in [(CapabilityKind::Store, raw.store), (CapabilityKind::Alarms, raw.alarms)]
    {
        if let Some(amount) = amount {
            add(kind, &amount.to_string())?;
        }
    }
    for (kind, wanted) in [
        (CapabilityKind::Announce, raw.announce),
        (CapabilityKind::Location, raw.location),
        (CapabilityKind::UtteranceText, raw.utterance_text),
    ] {
        if wanted {
            add(kind, "*")?;
        }
    }
    if all.len() > MAX_CAPABILITIES {
        return Err(format!("{} capabilities, expected at most {MAX_CAPABILITIES}", all.len()));
    }
    Ok(CapabilitySet::new(all))
}

/// What wakes a skill has to be something that it follows anyway.
fn check_wake(filters: &[String], capabilities: &CapabilitySet) -> Result<(), String> {
    if filters.len() > MAX_WAKE {
        return Err(format!(
            "wake.mqtt has {} filters, expected at most {MAX_WAKE}",
            filters.len()
        ));
    }
    for filter in filters {
        let wanted = Capability::new(CapabilityKind::MqttSubscribe, filter)
            .map_err(|e| format!("wake.mqtt: {e}"))?;
        if !capabilities.includes(&wanted) {
            return Err(format!(
                "wake.mqtt has {filter:?}, expected filters within mqtt-subscribe"
            ));
        }
    }
    Ok(())
}

/// What a yes to an announcement asks for: something small that needs no more words.
fn check_yes(
    yes: &str,
    intents: &BTreeMap<String, IntentSpec>,
    capabilities: &CapabilitySet,
) -> Result<(), String> {
    let Some(spec) = intents.get(yes) else {
        let known: Vec<&str> = intents.keys().map(String::as_str).collect();
        let known = known.join(", ");
        return Err(format!("announcements.yes is {yes:?}, expected one of its intents: {known}"));
    };
    if !matches!(spec.class, Class::Info | Class::Comfort) {
        return Err(format!(
            "announcements.yes is {yes:?} of class {}, expected one of class info or comfort: a yes to what nobody asked for opens nothing",
            spec.class.name()
        ));
    }
    let unfilled = spec.slots.iter().find(|(_, slot)| slot.required && slot.default.is_none());
    if let Some((slot, _)) = unfilled {
        return Err(format!(
            "announcements.yes is {yes:?}, whose slot {slot} is required: expected an intent that a plain yes is enough for"
        ));
    }
    if !capabilities.kinds().contains(&CapabilityKind::Announce) {
        return Err("announcements.yes needs the capability announce = true".into());
    }
    Ok(())
}

fn build_limits(raw: &RawLimits) -> Result<Limits, String> {
    let memory_bytes = match &raw.memory {
        None => DEFAULT_MEMORY_BYTES,
        Some(text) => parse_memory(text).ok_or_else(|| {
            format!("memory is {text:?}, expected such as \"512 KiB\" or \"16 MiB\"")
        })?,
    };
    let turn_ms = raw.turn_ms.unwrap_or(DEFAULT_TURN_MS);
    if !(1..=10_000).contains(&turn_ms) {
        return Err(format!("turn-ms is {turn_ms}, expected 1 to 10000"));
    }
    Ok(Limits { memory_bytes, turn_ms })
}

/// `<number> KiB|MiB`, at most 256 MiB.
fn parse_memory(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let bytes = match unit {
        "KiB" => number.checked_mul(1 << 10)?,
        "MiB" => number.checked_mul(1 << 20)?,
        _ => return None,
    };
    ((64 << 10)..=MAX_MEMORY_BYTES).contains(&bytes).then_some(bytes)
}

fn build_intent(raw: RawIntent) -> Result<IntentSpec, String> {
    let class = match raw.class.as_str() {
        "info" => Class::Info,
        "comfort" => Class::Comfort,
        "body" => Class::Body,
        "security" => Class::Security,
        other => {
            return Err(format!("class is {other:?}, expected info, comfort, body or security"));
        }
    };
    if raw.description.is_empty() || raw.description.len() > MAX_WORDS_BYTES {
        return Err(format!("description is empty or longer than {MAX_WORDS_BYTES} bytes"));
    }
    if raw.slots.len() > MAX_SLOTS {
        return Err(format!("{} slots, expected at most {MAX_SLOTS}", raw.slots.len()));
    }
    let mut slots = BTreeMap::new();
    for (name, slot) in raw.slots {
        check_name(&name).map_err(|e| e.to_string())?;
        slots.insert(
            name.clone(),
            build_slot(slot).map_err(|what| format!("slots.{name}: {what}"))?,
        );
    }
    Ok(IntentSpec { description: raw.description, class, slots })
}

fn build_slot(raw: RawSlot) -> Result<SlotSpec, String> {
    check_name(&raw.entity).map_err(|e| e.to_string())?;
    check_words(&raw.ask)?;
    let entity = EntityKind::from_name(&raw.entity);
    if raw.required && raw.ask.is_empty() {
        return Err("is required but has no question, expected ask = { en = \"…?\" }".into());
    }
    let default = match raw.default {
        Some(text) if text == "speaker" && entity == EntityKind::Zone => Some(SlotDefault::Speaker),
        Some(text) if text.len() <= MAX_WORDS_BYTES => Some(SlotDefault::Fixed(text)),
        Some(_) => return Err(format!("default is longer than {MAX_WORDS_BYTES} bytes")),
        None => None,
    };
    Ok(SlotSpec { entity, required: raw.required, default, ask: raw.ask })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
schema = 1
[skill]
id = "org.example.lamp"
version = "1.0.0"
counter = 1
api = "0.1"
name = { en = "Lamp" }
license = "Apache-2.0"
[capabilities]
vehicle-actuate = ["Vehicle.Cabin.Lights.**"]
store = 4096
[intents.set-light]
description = "Set the light"
class = "comfort"
slots.zone = { entity = "zone", default = "speaker" }
slots.level = { entity = "percentage", required = true, ask = { en = "How bright?" } }
"#;

    #[test]
    fn a_small_manifest_is_read() {
        let manifest = Manifest::parse("skill.toml", SMALL).expect("a manifest");
        assert_eq!(manifest.limits.memory_bytes, DEFAULT_MEMORY_BYTES);
        let slots = &manifest.intents["set-light"].slots;
        assert_eq!(slots["zone"].default, Some(SlotDefault::Speaker));
        assert!(slots["level"].required);
        assert!(
            manifest
                .capabilities
                .covers(CapabilityKind::VehicleActuate, "Vehicle.Cabin.Lights.IsDomeOn")
        );
    }

    #[test]
    fn the_line_that_is_advised_for_a_capability_declares_it() {
        for kind in CapabilityKind::ALL {
            let (before, after) = SMALL.split_once("[capabilities]").expect("it has some");
            let (_, intents) = after.split_once("[intents").expect("it has some");
            let text = format!("{before}[capabilities]\n{}\n[intents{intents}", kind.line());
            let manifest = Manifest::parse("skill.toml", &text).expect("a manifest");
            assert_eq!(manifest.capabilities.kinds(), [kind].into(), "{}", kind.line());
        }
    }

    #[test]
    fn what_wakes_a_skill_lies_within_what_it_follows() {
        let with = |subscribe: &str, wake: &str| {
            let capabilities = format!("[capabilities]\nmqtt-subscribe = [{subscribe:?}]");
            let wake = format!("[wake]\nmqtt = [{wake:?}]\n[intents.set-light]");
            let text = SMALL.replace("[capabilities]", &capabilities);
            Manifest::parse("skill.toml", &text.replace("[intents.set-light]", &wake))
        };
        let manifest = with("home/#", "home/+/config").expect("a manifest");
        assert_eq!(manifest.wake, ["home/+/config"]);
        for (subscribe, wake) in [("home/#", "#"), ("home/a", "home/b"), ("home/#", "home/#/x")] {
            assert!(with(subscribe, wake).is_err(), "{subscribe} {wake}");
        }
    }

    #[test]
    fn a_yes_to_an_announcement_stands_for_something_small() {
        let with = |yes: &str, class: &str| {
            let text = SMALL
                .replace("class = \"comfort\"", &format!("class = {class:?}"))
                .replace(", required = true", "")
                .replace(
                    "[intents.set-light]",
                    &format!("[announcements]\nyes = {yes:?}\n[intents.set-light]"),
                );
            Manifest::parse("skill.toml", &text.replace("store = 4096", "announce = true"))
        };
        assert_eq!(
            with("set-light", "comfort").expect("a manifest").yes.as_deref(),
            Some("set-light")
        );
        assert!(with("unset-light", "comfort").is_err(), "no such intent");
        assert!(with("set-light", "security").is_err(), "too much for a yes");
        let text = SMALL.replace(
            "[intents.set-light]",
            "[announcements]\nyes = \"set-light\"\n[intents.set-light]",
        );
        let needs_more =
            Manifest::parse("skill.toml", &text.replace("store = 4096", "announce = true"));
        assert!(needs_more.is_err_and(|e| e.to_string().contains("level")), "how bright?");
        let silent = Manifest::parse("skill.toml", &text.replace(", required = true", ""));
        assert!(silent.is_err_and(|e| e.to_string().contains("announce")), "it may not announce");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for (from, to) in [
            ("schema = 1", "schema = 2"),
            ("api = \"0.1\"", "api = \"9\""),
            ("org.example.lamp", "Lamp"),
            ("1.0.0", "one"),
            ("1.0.0", "1.0.0-../../x"),
            ("Apache-2.0", "Apache\\u001b[2J"),
            ("class = \"comfort\"", "class = \"driving\""),
            ("store = 4096", "storage = 4096"),
            ("store = 4096", "store = 0"),
            (", ask = { en = \"How bright?\" }", ""),
            ("Vehicle.Cabin.Lights.**", "Vehicle.Cabin.Li*"),
        ] {
            let text = SMALL.replace(from, to);
            assert!(Manifest::parse("skill.toml", &text).is_err(), "{from} -> {to}");
        }
    }
}
