//! The devices that are announced now, and the names that people may say for them.
//!
//! Must not remember a device: what the broker does not announce any more is gone.

use crate::{
    device::{Device, Family},
    words,
};
use std::collections::{BTreeMap, BTreeSet};
use valet_skill_sdk::{
    mqtt::{self, MqttError},
    prelude::*,
    vocabulary::Entry,
};

/// Most devices that are known; the host takes no more names.
const MAX_DEVICES: usize = 256;
/// Most ways to say a name; the host takes no more.
const MAX_WAYS: usize = 8;

/// Where devices announce themselves: with and without the id of a node. Of sensors only those that say when
/// something is done, for a home has hundreds of them. The manifest's `[wake]` has the same.
pub(crate) const ANNOUNCED: [&str; 16] = [
    "homeassistant/light/+/config",
    "homeassistant/light/+/+/config",
    "homeassistant/switch/+/config",
    "homeassistant/switch/+/+/config",
    "homeassistant/cover/+/config",
    "homeassistant/cover/+/+/config",
    "homeassistant/vacuum/+/config",
    "homeassistant/vacuum/+/+/config",
    "homeassistant/climate/+/config",
    "homeassistant/climate/+/+/config",
    "homeassistant/button/+/config",
    "homeassistant/button/+/+/config",
    "homeassistant/sensor/+/remaining_time/config",
    "homeassistant/sensor/+/time_remaining/config",
    "homeassistant/sensor/+/finish_time/config",
    "homeassistant/sensor/+/completion_time/config",
];

/// All devices, in the order of the topics that announce them.
///
/// # Errors
/// Why nobody can know, for a person.
pub(crate) fn devices() -> Result<Vec<Device>, &'static str> {
    let mut topics = BTreeSet::new();
    let mut granted = false;
    for filter in ANNOUNCED {
        match mqtt::topics(filter) {
            Ok(some) => {
                granted = true;
                topics.extend(some);
            }
            // Narrowed by whoever installed it.
            Err(MqttError::NotGranted) => {}
            Err(MqttError::NotAvailable) => return Err("No MQTT broker is set up for your home."),
            Err(_) => return Err("I cannot reach your home now."),
        }
    }
    if !granted {
        return Err("I may not look for the devices of your home.");
    }
    let announced = topics.into_iter().filter_map(|topic| {
        let message = mqtt::last(&topic).ok().flatten()?;
        Device::announced(&topic, &message.payload).ok()
    });
    Ok(distinct(announced.take(MAX_DEVICES).collect()))
}

/// Gives each device a label that no other of its family has.
pub(crate) fn distinct(mut devices: Vec<Device>) -> Vec<Device> {
    for with_room in [true, false] {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for device in &devices {
            *count.entry(device.label.to_lowercase()).or_default() += 1;
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for device in &mut devices {
            let label = device.label.to_lowercase();
            if count[&label] < 2 {
                continue;
            }
            if let Some(room) = device.room.as_ref().filter(|_| with_room) {
                device.label = format!("{} in the {room}", device.name);
            } else if !with_room {
                let number = seen.entry(label).or_default();
                *number += 1;
                device.label = format!("{} number {number}", device.label);
            }
        }
    }
    devices
}

/// A device announced itself, or is gone.
///
/// # Errors
/// The host's.
pub(crate) fn learn(message: &Received) -> Result<(), SkillError> {
    if !message.payload().is_empty()
        && let Err(why) = Device::announced(message.topic(), message.payload())
    {
        let topic: String = message.topic().chars().take(128).collect();
        log::info(&format!("{topic} is left out: {why}"));
    }
    if is_followed_by_another(message.topic()) {
        return Ok(());
    }
    let Ok(devices) = devices() else { return Ok(()) };
    for (entity, family) in
        [("light", Family::Light), ("cover", Family::Cover), ("machine", Family::Machine)]
    {
        vocabulary::set(entity, &names(&devices, family))?;
    }
    Ok(vocabulary::set("room", &rooms(&devices))?)
}

/// Whether something was announced after this. Each announcement wakes the skill, so the last of many that come
/// together is enough to learn them all.
fn is_followed_by_another(topic: &str) -> bool {
    let age = |topic: &str| mqtt::last(topic).ok().flatten().map(|message| message.age_ms);
    let Some(own) = age(topic) else { return false };
    let topics = ANNOUNCED.iter().filter_map(|filter| mqtt::topics(filter).ok()).flatten();
    // Of those that came within one millisecond each counts as the last.
    topics.into_iter().any(|other| age(&other).is_some_and(|age| age < own))
}

/// What people may say for the devices of a family.
fn names(devices: &[Device], family: Family) -> Vec<Entry> {
    let mut all: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for device in devices.iter().filter(|device| device.family() == Some(family)) {
        // Two of one name are told apart by asking.
        let shared = device.label != device.name;
        let ways = all.entry(if shared { &device.name } else { &device.label }).or_default();
        ways.extend(ways_to_say(device, family));
        if shared {
            all.entry(&device.label).or_default();
        }
    }
    all.into_iter().take(MAX_DEVICES).map(|(name, ways)| entry(name, ways)).collect()
}

fn entry(value: &str, ways: BTreeSet<String>) -> Entry {
    let other = ways.into_iter().filter(|way| way != value);
    Entry { value: value.to_owned(), synonyms: other.take(MAX_WAYS).collect() }
}

/// "Ceiling" of the hall is also the "hall ceiling" and the "ceiling light".
fn ways_to_say(device: &Device, family: Family) -> Vec<String> {
    let own = words::words(&device.name);
    let has_room = |room: &String| words::words(room).iter().all(|word| own.contains(word));
    let room = device.room.as_ref().filter(|room| !has_room(room));
    let is_said = family != Family::Light || own.iter().any(|word| words::is_lamp(word));
    let mut ways = Vec::new();
    if let Some(room) = room {
        ways.push(format!("{room} {}", device.name));
    }
    if !is_said {
        ways.push(format!("{} light", device.name));
        ways.push(format!("{} lamp", device.name));
        ways.extend(room.map(|room| format!("{room} {} light", device.name)));
    }
    ways
}

fn rooms(devices: &[Device]) -> Vec<Entry> {
    let rooms: BTreeSet<String> =
        devices.iter().filter_map(|device| Some(device.room.as_ref()?.to_lowercase())).collect();
    rooms.into_iter().map(vocabulary::entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(kind: &str, config: &str) -> Device {
        let topic = format!("homeassistant/{kind}/x/config");
        Device::announced(&topic, config.as_bytes()).expect("a device")
    }

    #[test]
    fn names_are_those_of_the_devices_with_other_ways_to_say_them() {
        let home = distinct(vec![
            device("light", r#"{"name":"Ceiling","dev":{"sa":"Hall"}}"#),
            device("light", r#"{"name":"Hall lamp","dev":{"sa":"Hall"}}"#),
            device("switch", r#"{"name":"Fountain"}"#),
        ]);
        let lights = names(&home, Family::Light);
        let shown: Vec<_> = lights.iter().map(|e| (e.value.as_str(), e.synonyms.len())).collect();
        assert_eq!(shown, [("Ceiling", 4), ("Hall lamp", 0)]);
        assert!(lights[0].synonyms.contains(&"Hall Ceiling light".to_owned()));
        assert_eq!(names(&home, Family::Machine)[0].value, "Fountain");
        assert_eq!(rooms(&home).len(), 1);
    }

    #[test]
    fn no_two_devices_have_one_label() {
        let same = r#"{"name":"Lamp","dev":{"sa":"Hall"}}"#;
        let elsewhere = r#"{"name":"Lamp","dev":{"sa":"Attic"}}"#;
        let home = distinct(vec![
            device("light", same),
            device("light", same),
            device("light", elsewhere),
            device("light", r#"{"name":"Lamp"}"#),
        ]);
        let labels: Vec<&str> = home.iter().map(|device| device.label.as_str()).collect();
        assert_eq!(
            labels,
            ["Lamp in the Hall number 1", "Lamp in the Hall number 2", "Lamp in the Attic", "Lamp"]
        );
        let said = names(&home, Family::Light);
        assert!(said.iter().any(|entry| entry.value == "Lamp"), "the name alone is understood");
    }
}
