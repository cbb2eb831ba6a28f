//! What a device has to be told for a deed, and what it reports when it is done.
//!
//! Must not speak to the broker, and must not wait for something that a device reports on the way: a blind that is
//! opening is not open.

mod covers;
mod lights;
mod machines;

use crate::{
    config::Report,
    device::{Device, Kind, Sort},
};

/// How far a level may be off and still be the one that was asked for, in steps of the device.
const OFF_BY: i64 = 2;

/// What is wanted of a device.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Deed {
    On,
    Off,
    /// Percent.
    Brightness(f64),
    /// `#rrggbb`.
    Colour(String),
    Open,
    Close,
    /// A cover stops where it is.
    Halt,
    /// Percent, 100 is open.
    Position(f64),
    Start,
    Stop,
    Dock,
    /// Degrees Celsius.
    Temperature(f64),
    /// Coffee.
    Make,
}

/// What shows that it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where.
    pub(crate) report: Report,
    /// One of these texts.
    pub(crate) any_of: Vec<String>,
}

/// A command for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) wanted: Option<Wanted>,
}

/// Why a device cannot do it; after its name: "cannot be dimmed".
pub(crate) type Cannot = String;

impl Device {
    /// How it does a deed.
    ///
    /// # Errors
    /// [`Cannot`].
    pub(crate) fn plan(&self, deed: &Deed) -> Result<Plan, Cannot> {
        // Nobody should find an oven as hot as it was left last time.
        if matches!(deed, Deed::On | Deed::Start) && self.sort() == Some(Sort::Oven) {
            return Err("is only heated to a temperature that you say".into());
        }
        let plan = match self.kind {
            Kind::Light => self.light(deed),
            Kind::Switch => self.switch(deed),
            Kind::Cover => self.cover(deed),
            Kind::Vacuum => self.vacuum(deed),
            Kind::Climate => return self.oven(deed),
            Kind::Button => self.button(deed),
            Kind::Sensor => None,
        };
        plan.ok_or_else(|| cannot(deed).to_owned())
    }

    /// All that it is told for a deed, in this order.
    ///
    /// # Errors
    /// [`Cannot`].
    pub(crate) fn plans(&self, deed: &Deed) -> Result<Vec<Plan>, Cannot> {
        let mut all = vec![self.plan(deed)?];
        // First how hot, then the heat: never the heat of last time.
        if matches!(deed, Deed::Temperature(_)) {
            all.extend(self.oven_mode("heat"));
        }
        Ok(all)
    }

    fn command(&self, payload: String, wanted: Option<Wanted>) -> Option<Plan> {
        Some(Plan { topic: self.config.topic("command_topic")?, payload, wanted })
    }

    fn json_report(&self, member: &str) -> Option<Report> {
        let topic = self.config.topic("state_topic")?;
        Some(Report { topic, member: Some(member.to_owned()) })
    }

    /// Where something with a switch reports whether it is on.
    pub(crate) fn switch_report(&self) -> Option<Report> {
        match (self.kind, self.is_json()) {
            (Kind::Light, Some(true)) => self.json_report("state"),
            (Kind::Light, _) if self.config.text("state_value_template").is_some() => {
                self.config.report("state_topic", "state_value_template")
            }
            _ => self.config.report("state_topic", "value_template"),
        }
    }

    /// What it reports when it is on or off.
    pub(crate) fn switch_text(&self, on: bool) -> Option<String> {
        let (payload, state, usual) =
            if on { ("payload_on", "state_on", "ON") } else { ("payload_off", "state_off", "OFF") };
        self.config.payload(state, &self.config.payload(payload, usual)?)
    }

    fn switch(&self, deed: &Deed) -> Option<Plan> {
        let on = match deed {
            Deed::On | Deed::Start | Deed::Make => true,
            Deed::Off | Deed::Stop => false,
            _ => return None,
        };
        let (key, usual) = if on { ("payload_on", "ON") } else { ("payload_off", "OFF") };
        let wanted = self.switch_report().zip(self.switch_text(on));
        let wanted = wanted.map(|(report, text)| one(report, &text));
        self.command(self.config.payload(key, usual)?, wanted)
    }
}

fn cannot(deed: &Deed) -> &'static str {
    match deed {
        Deed::On => "cannot be turned on from here",
        Deed::Off => "cannot be turned off from here",
        Deed::Brightness(_) => "cannot be dimmed",
        Deed::Colour(_) => "has no colours",
        Deed::Open => "cannot be opened from here",
        Deed::Close => "cannot be closed from here",
        Deed::Halt | Deed::Stop => "cannot be stopped from here",
        Deed::Position(_) => "only opens and closes",
        Deed::Start => "cannot be started from here",
        Deed::Dock => "has no base to go to",
        Deed::Temperature(_) => "does not take a temperature",
        Deed::Make => "cannot be told to make coffee",
    }
}

fn one(report: Report, text: &str) -> Wanted {
    Wanted { report, any_of: vec![text.to_owned()] }
}

/// A number that devices round in their own way.
#[allow(clippy::cast_possible_truncation)]
fn near(report: Report, number: f64) -> Wanted {
    let middle = number.clamp(0.0, 1e6).round() as i64;
    // The first is what was asked for.
    let mut any_of = vec![middle.to_string()];
    for off in 1..=OFF_BY {
        any_of.extend([middle - off, middle + off].iter().filter(|n| **n >= 0).map(i64::to_string));
    }
    Wanted { report, any_of }
}

#[cfg(test)]
mod tests;
