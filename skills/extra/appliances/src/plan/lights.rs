//! Lights: those that speak JSON, and those with a topic for each of their sides.
//!
//! Must not wait for a colour of a light that speaks JSON: it reports it in a space of its own.

use super::{Deed, Plan, near, one};
use crate::{config::Report, device::Device};
use valet_skill_sdk::say;

impl Device {
    /// Whether it speaks JSON, as `schema` says; `None` for a schema of its own.
    pub(super) fn is_json(&self) -> Option<bool> {
        match self.config.text("schema") {
            None | Some("default" | "basic") => Some(false),
            Some("json") => Some(true),
            Some(_) => None,
        }
    }

    pub(super) fn light(&self, deed: &Deed) -> Option<Plan> {
        let json = self.is_json()?;
        match deed {
            Deed::On | Deed::Off if json => self.json_light(*deed == Deed::On),
            Deed::On | Deed::Off => self.switch(deed),
            Deed::Brightness(percent) if *percent < 0.5 => self.light(&Deed::Off),
            Deed::Brightness(percent) => self.brightness(*percent, json),
            Deed::Colour(colour) => self.colour(colour, json),
            _ => None,
        }
    }

    fn json_light(&self, on: bool) -> Option<Plan> {
        let state = if on { "ON" } else { "OFF" };
        let wanted = self.json_report("state").map(|report| one(report, state));
        self.command(format!("{{\"state\":\"{state}\"}}"), wanted)
    }

    /// Where it reports how bright it is, and the steps that full is.
    pub(crate) fn brightness_report(&self) -> Option<(Report, f64)> {
        let scale = self.config.number("brightness_scale").unwrap_or(255.0);
        let report = if self.is_json()? {
            self.json_report("brightness")?
        } else {
            self.config.report("brightness_state_topic", "brightness_value_template")?
        };
        (scale >= 1.0).then_some((report, scale))
    }

    fn brightness(&self, percent: f64, json: bool) -> Option<Plan> {
        let scale = self.config.number("brightness_scale").unwrap_or(255.0);
        let steps = (percent.clamp(0.0, 100.0) * scale / 100.0).max(1.0);
        let wanted = self.brightness_report().map(|(report, _)| near(report, steps));
        let steps = say::number(steps, 0);
        if json {
            let modes = self.config.texts("supported_color_modes");
            let dims = self.config.flag("brightness") || modes.iter().any(|mode| *mode != "onoff");
            let payload = format!("{{\"state\":\"ON\",\"brightness\":{steps}}}");
            return if dims { self.command(payload, wanted) } else { None };
        }
        let topic = self.config.topic("brightness_command_topic")?;
        Some(Plan { topic, payload: steps, wanted })
    }

    fn colour(&self, colour: &str, json: bool) -> Option<Plan> {
        let [red, green, blue] = rgb(colour)?;
        if json {
            let coloured = ["hs", "xy", "rgb", "rgbw", "rgbww"];
            let modes = self.config.texts("supported_color_modes");
            if !modes.iter().any(|mode| coloured.contains(mode)) {
                return None;
            }
            let payload = format!(
                "{{\"state\":\"ON\",\"color\":{{\"r\":{red},\"g\":{green},\"b\":{blue}}}}}"
            );
            // It reports colours in whatever space it has; nobody can compare.
            return self.command(payload, None);
        }
        let payload = format!("{red},{green},{blue}");
        let report = self.config.report("rgb_state_topic", "rgb_value_template");
        let wanted = report.map(|report| one(report, &payload));
        Some(Plan { topic: self.config.topic("rgb_command_topic")?, payload, wanted })
    }
}

fn rgb(colour: &str) -> Option<[u8; 3]> {
    let digits =
        colour.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}
