//! The vacuum, the oven, and buttons that start something.
//!
//! Must not heat an oven but to a temperature that was said.

use super::{Cannot, Deed, Plan, Wanted, cannot, one};
use crate::device::Device;
use valet_skill_sdk::say;

impl Device {
    pub(super) fn vacuum(&self, deed: &Deed) -> Option<Plan> {
        let (key, usual, feature, states): (_, _, _, &[&str]) = match deed {
            Deed::On | Deed::Start => ("payload_start", "start", "start", &["cleaning"]),
            // Stopping would make many a robot forget where it was.
            Deed::Stop if self.has("pause") => ("payload_pause", "pause", "pause", &["paused"]),
            Deed::Stop => ("payload_stop", "stop", "stop", &["idle", "paused", "docked"]),
            Deed::Off | Deed::Dock => {
                let key = "payload_return_to_base";
                (key, "return_to_base", "return_home", &["docked", "returning"])
            }
            _ => return None,
        };
        if !self.has(feature) {
            return None;
        }
        let any_of = states.iter().map(|state| (*state).to_owned()).collect();
        let wanted = self.json_report("state").map(|report| Wanted { report, any_of });
        self.command(self.config.payload(key, usual)?, wanted)
    }

    /// Whether a vacuum has a feature; one that lists none has the usual ones.
    fn has(&self, feature: &str) -> bool {
        let all = self.config.texts("supported_features");
        if all.is_empty() { feature != "pause" } else { all.contains(&feature) }
    }

    pub(super) fn oven(&self, deed: &Deed) -> Result<Plan, Cannot> {
        match deed {
            Deed::Temperature(celsius) => self.oven_at(*celsius),
            Deed::Off | Deed::Stop => self.oven_off().ok_or_else(|| cannot(deed).into()),
            _ => Err(cannot(deed).into()),
        }
    }

    /// Whether it counts in Fahrenheit.
    fn in_fahrenheit(&self) -> bool {
        self.config.text("temperature_unit") == Some("F")
    }

    fn oven_at(&self, celsius: f64) -> Result<Plan, Cannot> {
        let degrees = if self.in_fahrenheit() { celsius * 1.8 + 32.0 } else { celsius };
        let bound = |key| self.config.number(key);
        let (least, most) = (bound("min_temp").unwrap_or(30.0), bound("max_temp").unwrap_or(250.0));
        if !(least..=most).contains(&degrees) {
            let (least, most) = (say::number(least, 0), say::number(most, 0));
            return Err(format!("goes from {least} to {most} degrees"));
        }
        let topic = self.config.topic("temperature_command_topic");
        let topic = topic.ok_or("does not take a temperature")?;
        let report = self.config.report("temperature_state_topic", "temperature_state_template");
        let payload = say::number(degrees, 0);
        let wanted = report.map(|report| one(report, &payload));
        Ok(Plan { topic, payload, wanted })
    }

    fn oven_off(&self) -> Option<Plan> {
        if let Some(plan) = self.oven_mode("off") {
            return Some(plan);
        }
        let topic = self.config.topic("power_command_topic")?;
        Some(Plan { topic, payload: self.config.payload("payload_off", "OFF")?, wanted: None })
    }

    /// To a mode that it has.
    pub(super) fn oven_mode(&self, mode: &str) -> Option<Plan> {
        let topic = self.config.topic("mode_command_topic")?;
        if !self.config.texts("modes").contains(&mode) {
            return None;
        }
        let report = self.config.report("mode_state_topic", "mode_state_template");
        let wanted = report.map(|report| one(report, mode));
        Some(Plan { topic, payload: mode.to_owned(), wanted })
    }

    /// A button is pressed for what its name says.
    pub(super) fn button(&self, deed: &Deed) -> Option<Plan> {
        let words = self.words();
        let ends =
            words.iter().any(|word| ["stop", "pause", "cancel", "off"].contains(&word.as_str()));
        let fits = match deed {
            Deed::Start | Deed::Make => !ends,
            Deed::Stop => ends,
            _ => false,
        };
        if !fits {
            return None;
        }
        self.command(self.config.payload("payload_press", "PRESS")?, None)
    }
}
