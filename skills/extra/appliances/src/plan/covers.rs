//! Blinds, shutters, curtains.
//!
//! Must not take one for open that is opening.

use super::{Deed, Plan, near, one};
use crate::{
    config::{Report, fill},
    device::Device,
};
use valet_skill_sdk::say;

impl Device {
    /// Where a cover reports how far it is open.
    pub(crate) fn position_report(&self) -> Option<Report> {
        self.config.report("position_topic", "position_template")
    }

    /// What a cover's position is at this many percent.
    fn position(&self, percent: f64) -> f64 {
        let open = self.config.number("position_open").unwrap_or(100.0);
        let closed = self.config.number("position_closed").unwrap_or(0.0);
        closed + (open - closed) * percent.clamp(0.0, 100.0) / 100.0
    }

    /// How many percent a cover is open at a position.
    pub(crate) fn percent_open(&self, position: f64) -> Option<f64> {
        let (open, closed) = (self.position(100.0), self.position(0.0));
        let percent = (position - closed) / (open - closed) * 100.0;
        percent.is_finite().then(|| percent.clamp(0.0, 100.0))
    }

    pub(super) fn cover(&self, deed: &Deed) -> Option<Plan> {
        let (key, usual, state, usual_state) = match deed {
            Deed::Open => ("payload_open", "OPEN", "state_open", "open"),
            Deed::Close => ("payload_close", "CLOSE", "state_closed", "closed"),
            Deed::Halt => ("payload_stop", "STOP", "state_stopped", "stopped"),
            Deed::Position(percent) => return self.cover_at(*percent),
            _ => return None,
        };
        let end = if *deed == Deed::Open { 100.0 } else { 0.0 };
        let wanted = match self.config.report("state_topic", "value_template") {
            Some(report) => Some(one(report, &self.config.payload(state, usual_state)?)),
            None if *deed == Deed::Halt => None,
            None => self.position_report().map(|at| one(at, &say::number(self.position(end), 0))),
        };
        self.command(self.config.payload(key, usual)?, wanted)
    }

    fn cover_at(&self, percent: f64) -> Option<Plan> {
        let position = self.position(percent);
        let number = say::number(position, 0);
        let payload = match self.config.text("set_position_template") {
            Some(template) => fill(template, "position", &number)?,
            None => number,
        };
        let wanted = self.position_report().map(|report| near(report, position));
        Some(Plan { topic: self.config.topic("set_position_topic")?, payload, wanted })
    }
}
