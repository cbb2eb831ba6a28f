//! One device as it announced itself: what it is, how people call it, where it stands.
//!
//! Must not keep a name that cannot be said, and does not know what it can do: see `plan`.

use crate::{config::Config, words};

/// Longest name, bytes.
const MAX_NAME_BYTES: usize = 64;
/// Covers that keep people out; whoever wants those opened by voice needs a skill with more rights.
const GUARDING: [&str; 5] = ["door", "garage", "gate", "window", "damper"];

/// What a device is to its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Light,
    Switch,
    Cover,
    Vacuum,
    Climate,
    Button,
    Sensor,
}

impl Kind {
    /// By the second level of the topic that announces it.
    fn of(topic: &str) -> Option<Self> {
        Some(match topic.split('/').nth(1)? {
            "light" => Self::Light,
            "switch" => Self::Switch,
            "cover" => Self::Cover,
            "vacuum" => Self::Vacuum,
            "climate" => Self::Climate,
            "button" => Self::Button,
            "sensor" => Self::Sensor,
            _ => return None,
        })
    }
}

/// What a device is to people: which slot names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Light,
    Cover,
    Machine,
}

/// Machines that people call by what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Vacuum,
    Oven,
    Washer,
    Dryer,
    Dishwasher,
    Coffee,
}

impl Sort {
    /// By the words of a name.
    pub(crate) fn of(words: &[String]) -> Option<Self> {
        let has = |some: &[&str]| words.iter().any(|word| some.contains(&word.as_str()));
        // A dishwasher may be written apart.
        if has(&["dishwasher", "dish"]) {
            Some(Self::Dishwasher)
        } else if has(&["vacuum", "robot", "hoover", "roomba"]) {
            Some(Self::Vacuum)
        } else if has(&["oven", "stove", "cooker"]) {
            Some(Self::Oven)
        } else if has(&["dryer", "tumble"]) {
            Some(Self::Dryer)
        } else if has(&["washer", "washing", "laundry"]) {
            Some(Self::Washer)
        } else if has(&["coffee", "espresso"]) {
            Some(Self::Coffee)
        } else {
            None
        }
    }
}

/// A device.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) kind: Kind,
    /// How people call it.
    pub(crate) name: String,
    /// The same, and no other device of the home has it.
    pub(crate) label: String,
    /// The name of the thing that it is part of, where that has one.
    pub(crate) whole: Option<String>,
    /// The room.
    pub(crate) room: Option<String>,
    /// What it is part of, as the protocol knows it.
    pub(crate) owner: Option<String>,
    /// What it announced.
    pub(crate) config: Config,
}

impl Device {
    /// From what was announced on a topic.
    ///
    /// # Errors
    /// Why it is none of ours.
    pub(crate) fn announced(topic: &str, payload: &[u8]) -> Result<Self, &'static str> {
        let kind = Kind::of(topic).ok_or("it is of a kind that nobody asks for")?;
        let config = Config::parse(payload)?;
        if config.text("entity_category").is_some() {
            return Err("it is a setting of a device");
        }
        let whole = config.table("device");
        let whole_name = whole.text("name").and_then(sayable);
        let name = match (config.text("name").and_then(sayable), &whole_name) {
            // "Light" of "Kitchen" is the kitchen light.
            (Some(own), Some(whole)) if !own.contains(' ') && own != *whole => {
                sayable(&format!("{whole} {own}")).ok_or("its name is too long")?
            }
            (Some(own), _) => own,
            (None, Some(whole)) => whole.clone(),
            (None, None) => return Err("it has no name that can be said"),
        };
        let class = config.text("device_class").unwrap_or_default();
        if kind == Kind::Cover && GUARDING.contains(&class) {
            return Err("it is a door, and doors are not opened by voice");
        }
        if kind == Kind::Climate && Sort::of(&words::words(&name)) != Some(Sort::Oven) {
            return Err("of what heats only ovens are asked for");
        }
        Ok(Self {
            kind,
            label: name.clone(),
            name,
            room: whole.text("suggested_area").and_then(sayable),
            owner: whole.texts("identifiers").first().map(|id| (*id).to_owned()),
            whole: whole_name,
            config,
        })
    }

    /// All words that it can be called by.
    pub(crate) fn words(&self) -> Vec<String> {
        let parts = [Some(&self.name), self.room.as_ref(), self.whole.as_ref()];
        parts.into_iter().flatten().flat_map(|part| words::words(part)).collect()
    }

    /// Which slot names it; `None` for what only tells something about another one.
    pub(crate) fn family(&self) -> Option<Family> {
        let is_lamp = || words::words(&self.name).iter().any(|word| words::is_lamp(word));
        match self.kind {
            Kind::Light => Some(Family::Light),
            Kind::Switch if is_lamp() => Some(Family::Light),
            Kind::Cover => Some(Family::Cover),
            Kind::Switch | Kind::Vacuum | Kind::Climate | Kind::Button => Some(Family::Machine),
            Kind::Sensor => None,
        }
    }

    /// What sort of machine it is.
    pub(crate) fn sort(&self) -> Option<Sort> {
        if self.kind == Kind::Vacuum { Some(Sort::Vacuum) } else { Sort::of(&self.words()) }
    }
}

/// A name as people say it: `kitchen_lamp` is "kitchen lamp". `None` for what is none.
pub(crate) fn sayable(name: &str) -> Option<String> {
    let plain = |c: char| if c == '_' || c == '-' || c == '/' { ' ' } else { c };
    let spaced: String = name.chars().map(plain).filter(|c| !c.is_control()).collect();
    let name = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = name.len() <= MAX_NAME_BYTES && name.chars().any(char::is_alphabetic);
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(topic: &str, config: &str) -> Result<Device, &'static str> {
        Device::announced(topic, config.as_bytes())
    }

    #[test]
    fn a_name_is_made_of_what_was_announced() {
        let lamp = device(
            "homeassistant/light/0x1/light/config",
            r#"{"name":null,"device":{"name":"kitchen_lamp","suggested_area":"Kitchen","identifiers":["z_0x1"]}}"#,
        )
        .expect("a lamp");
        assert_eq!((lamp.name.as_str(), lamp.room.as_deref()), ("kitchen lamp", Some("Kitchen")));
        assert_eq!(lamp.owner.as_deref(), Some("z_0x1"));
        let lamp = device("h/light/x/config", r#"{"name":"Light","dev":{"name":"Desk"}}"#);
        assert_eq!(lamp.expect("a lamp").name, "Desk Light");
        let lamp =
            device("h/light/x/config", r#"{"name":"Reading corner","dev":{"name":"node7"}}"#);
        assert_eq!(lamp.expect("a lamp").name, "Reading corner");
    }

    #[test]
    fn what_cannot_be_said_or_is_not_ours_is_left_out() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for (topic, config) in [
            ("homeassistant/lock/x/config", r#"{"name":"Front door"}"#.to_owned()),
            ("homeassistant/light/x/config", "{}".to_owned()),
            ("homeassistant/light/x/config", r#"{"name":"12 34"}"#.to_owned()),
            ("homeassistant/light/x/config", format!(r#"{{"name":"{long}"}}"#)),
            (
                "homeassistant/switch/x/config",
                r#"{"name":"Child lock","ent_cat":"config"}"#.to_owned(),
            ),
            ("homeassistant/cover/x/config", r#"{"name":"Gate","dev_cla":"gate"}"#.to_owned()),
            ("homeassistant/climate/x/config", r#"{"name":"Hall radiator"}"#.to_owned()),
            ("homeassistant", r#"{"name":"x"}"#.to_owned()),
        ] {
            assert!(device(topic, &config).is_err(), "{topic} {config}");
        }
        assert_eq!(sayable("a\u{7}b_c").as_deref(), Some("ab c"));
    }

    #[test]
    fn a_switch_is_a_lamp_where_its_name_says_so() {
        let family = |name: &str| {
            let config = format!(r#"{{"name":"{name}"}}"#);
            device("h/switch/x/config", &config).expect("a switch").family()
        };
        assert_eq!(family("Porch lamp"), Some(Family::Light));
        assert_eq!(family("Coffee machine"), Some(Family::Machine));
    }

    #[test]
    fn machines_are_known_by_their_words() {
        let sort = |name: &str| Sort::of(&words::words(name));
        assert_eq!(sort("Washing machine"), Some(Sort::Washer));
        assert_eq!(sort("the dish washer"), Some(Sort::Dishwasher));
        assert_eq!(sort("Rosie the robot"), Some(Sort::Vacuum));
        assert_eq!(sort("Tumble dryer"), Some(Sort::Dryer));
        assert_eq!(sort("Fountain"), None);
    }
}
