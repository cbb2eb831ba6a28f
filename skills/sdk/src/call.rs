//! A command as a skill sees it: intent, typed slots, settings, who speaks.
//!
//! Must not look anything up: what is not in the invocation is not there.

use crate::{
    Value,
    bindings::valet::skill::types::{
        Invocation, Received as RawReceived, Ringing as RawRinging, Setting, Slot,
    },
    zone::Zone,
};

/// One command for the skill. A getter is `None` when the slot is not filled or holds
/// another type than asked for.
#[derive(Debug, Clone)]
pub struct Call(Invocation);

impl From<Invocation> for Call {
    fn from(invocation: Invocation) -> Self {
        Self(invocation)
    }
}

macro_rules! slot_getters {
    ($($(#[$doc:meta])* $name:ident: $variant:ident -> $type:ty;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(&self, slot: &str) -> Option<$type> {
            match self.value(slot)? {
                Value::$variant(v) => Some(*v),
                _ => None,
            }
        })*
    };
}

macro_rules! text_getters {
    ($($(#[$doc:meta])* $name:ident: $variant:ident;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(&self, slot: &str) -> Option<&str> {
            match self.value(slot)? {
                Value::$variant(v) => Some(v),
                _ => None,
            }
        })*
    };
}

impl Call {
    /// The intent's name in the manifest, such as `set-temperature`.
    #[must_use]
    pub fn intent(&self) -> &str {
        &self.0.intent
    }

    /// All filled slots.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.0.slots
    }

    /// The value of a slot, whatever its type.
    #[must_use]
    pub fn value(&self, slot: &str) -> Option<&Value> {
        self.0.slots.iter().find(|s| s.name == slot).map(|s| &s.value)
    }

    /// The words a slot was filled from; empty for a default.
    #[must_use]
    pub fn words(&self, slot: &str) -> Option<&str> {
        self.0.slots.iter().find(|s| s.name == slot).map(|s| s.text.as_str())
    }

    slot_getters! {
        /// A temperature, degrees Celsius.
        temperature: Temperature -> f64;
        /// A percentage, 0 to 100.
        percentage: Percentage -> f64;
        /// A plain number.
        number: Number -> f64;
        /// A position counted from 1; "last" is -1.
        ordinal: Ordinal -> i64;
        /// A length of time, milliseconds.
        duration_ms: Duration -> u64;
        /// A distance, metres.
        distance_m: Distance -> f64;
        /// A speed, km/h.
        speed_kmh: Speed -> f64;
        /// A part of the cabin.
        zone: Zone -> Zone;
        /// Yes or no.
        boolean: Boolean -> bool;
    }

    text_getters! {
        /// A time of day, `HH:MM` or `HH:MM:SS`, local.
        time: Time;
        /// A date, `YYYY-MM-DD`.
        date: Date;
        /// A colour, `#rrggbb`.
        colour: Colour;
        /// Free text, or the canonical value of a listed entity.
        text: Text;
    }

    /// The zone of who speaks.
    #[must_use]
    pub fn speaker(&self) -> Zone {
        self.0.speaker
    }

    /// The utterance's language, BCP 47.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.0.language
    }

    /// The utterance; only with the capability `utterance-text`.
    #[must_use]
    pub fn utterance(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// Whether the person said yes to what this skill asked with [`Outcome::confirm`](crate::Outcome::confirm).
    #[must_use]
    pub fn confirmed(&self) -> bool {
        self.0.confirmed
    }

    /// A setting that is a text or a choice.
    #[must_use]
    pub fn setting_text(&self, name: &str) -> Option<&str> {
        setting_text(&self.0.settings, name)
    }

    /// A setting that is a number.
    #[must_use]
    pub fn setting_number(&self, name: &str) -> Option<f64> {
        setting_number(&self.0.settings, name)
    }

    /// A setting that is yes or no.
    #[must_use]
    pub fn setting_boolean(&self, name: &str) -> Option<bool> {
        setting_boolean(&self.0.settings, name)
    }
}

/// An alarm of the skill that rings now.
#[derive(Debug, Clone)]
pub struct Ringing(RawRinging);

impl From<RawRinging> for Ringing {
    fn from(alarm: RawRinging) -> Self {
        Self(alarm)
    }
}

impl Ringing {
    /// The name the skill gave it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The bytes the skill stored with it.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// The payload as text, where it is UTF-8.
    #[must_use]
    pub fn payload_text(&self) -> Option<&str> {
        core::str::from_utf8(&self.0.payload).ok()
    }

    /// How late it rings, ms; the device may have been off.
    #[must_use]
    pub fn late_ms(&self) -> u64 {
        self.0.late_ms
    }

    /// The language to speak, BCP 47.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.0.language
    }

    /// A setting that is a text or a choice.
    #[must_use]
    pub fn setting_text(&self, name: &str) -> Option<&str> {
        setting_text(&self.0.settings, name)
    }

    /// A setting that is a number.
    #[must_use]
    pub fn setting_number(&self, name: &str) -> Option<f64> {
        setting_number(&self.0.settings, name)
    }

    /// A setting that is yes or no.
    #[must_use]
    pub fn setting_boolean(&self, name: &str) -> Option<bool> {
        setting_boolean(&self.0.settings, name)
    }
}

/// A message on a topic that wakes the skill.
#[derive(Debug, Clone)]
pub struct Received(RawReceived);

impl From<RawReceived> for Received {
    fn from(message: RawReceived) -> Self {
        Self(message)
    }
}

impl Received {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// What it says.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// The payload as text, where it is UTF-8.
    #[must_use]
    pub fn payload_text(&self) -> Option<&str> {
        core::str::from_utf8(&self.0.payload).ok()
    }

    /// Whether the broker had kept it from before anybody here listened.
    #[must_use]
    pub fn retained(&self) -> bool {
        self.0.retained
    }

    /// The language to speak, BCP 47.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.0.language
    }

    /// A setting that is a text or a choice.
    #[must_use]
    pub fn setting_text(&self, name: &str) -> Option<&str> {
        setting_text(&self.0.settings, name)
    }

    /// A setting that is yes or no.
    #[must_use]
    pub fn setting_boolean(&self, name: &str) -> Option<bool> {
        setting_boolean(&self.0.settings, name)
    }
}

fn setting<'a>(settings: &'a [Setting], name: &str) -> Option<&'a Value> {
    settings.iter().find(|s| s.name == name).map(|s| &s.value)
}

fn setting_text<'a>(settings: &'a [Setting], name: &str) -> Option<&'a str> {
    match setting(settings, name)? {
        Value::Text(v) => Some(v),
        _ => None,
    }
}

fn setting_number(settings: &[Setting], name: &str) -> Option<f64> {
    match setting(settings, name)? {
        Value::Number(v) => Some(*v),
        _ => None,
    }
}

fn setting_boolean(settings: &[Setting], name: &str) -> Option<bool> {
    match setting(settings, name)? {
        Value::Boolean(v) => Some(*v),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(slots: Vec<Slot>) -> Call {
        Call(Invocation {
            intent: "set".into(),
            slots,
            settings: vec![Setting { name: "units".into(), value: Value::Text("celsius".into()) }],
            speaker: Zone::All,
            language: "en".into(),
            text: None,
            confirmed: false,
        })
    }

    #[test]
    fn a_slot_of_another_type_is_none() {
        let slot = Slot {
            name: "t".into(),
            value: Value::Temperature(21.5),
            text: "twenty one and a half".into(),
        };
        let call = call(vec![slot]);
        assert_eq!(call.temperature("t"), Some(21.5));
        assert_eq!(call.percentage("t"), None);
        assert_eq!(call.temperature("u"), None);
        assert_eq!(call.words("t"), Some("twenty one and a half"));
        assert_eq!(call.setting_text("units"), Some("celsius"));
        assert_eq!(call.setting_number("units"), None);
    }
}
