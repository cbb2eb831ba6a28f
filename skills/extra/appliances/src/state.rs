//! What a device said last, and how far that can be trusted.
//!
//! Must not take for the present what the broker had kept.

use crate::{
    config::{Report, seen},
    device::{Device, Kind},
    plan::Wanted,
    words,
};
use valet_skill_sdk::{mqtt, say};

/// From when on it is said how long ago something was heard.
const OLD_MS: u64 = 15 * 60 * 1000;

/// The last that was heard on a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) text: String,
    age_ms: u64,
    retained: bool,
}

impl Heard {
    /// What is on a report's topic; `None` where nothing is, or it may not be known.
    pub(crate) fn on(report: &Report) -> Option<Self> {
        let message = mqtt::last(&report.topic).ok().flatten()?;
        let text = seen(&message.payload, report.member.as_deref())?;
        Some(Self { text, age_ms: message.age_ms, retained: message.retained })
    }

    /// Whether it says what is wanted, and was said while we listened.
    pub(crate) fn is_already(&self, wanted: &Wanted) -> bool {
        !self.retained && wanted.any_of.contains(&self.text)
    }

    /// What a person should know beside it.
    pub(crate) fn doubt(&self) -> Option<String> {
        if self.retained {
            Some("That was so before I listened and may be old.".to_owned())
        } else if self.age_ms >= OLD_MS {
            Some(format!("It said so {} ago.", words::minutes(self.age_ms / 60_000)))
        } else {
            None
        }
    }
}

impl Device {
    /// Whether the broker says that nobody is there. A device's last will is kept by the broker, and counts.
    pub(crate) fn is_away(&self) -> bool {
        let away = |report: Option<Report>, payload: Option<String>| {
            let heard = report.and_then(|report| Heard::on(&report));
            heard.is_some_and(|heard| Some(heard.text) == payload)
        };
        let own = self.config.report("availability_topic", "availability_template");
        if away(own, self.config.payload("payload_not_available", "offline")) {
            return true;
        }
        self.config.tables("availability").iter().any(|one| {
            away(
                one.report("topic", "value_template"),
                one.payload("payload_not_available", "offline"),
            )
        })
    }

    /// What it is like, in words that go after "is", and what was heard for it.
    pub(crate) fn condition(&self) -> Option<(String, Heard)> {
        match self.kind {
            Kind::Light | Kind::Switch => {
                let heard = Heard::on(&self.switch_report()?)?;
                Some((self.switched(&heard.text)?, heard))
            }
            Kind::Cover => self.openness(),
            Kind::Vacuum => {
                let report = self.config.report("state_topic", "value_template")?;
                let report = Report { member: Some("state".into()), ..report };
                let heard = Heard::on(&report)?;
                Some((plain(&heard.text)?, heard))
            }
            Kind::Climate => self.heat(),
            Kind::Button | Kind::Sensor => None,
        }
    }

    fn switched(&self, text: &str) -> Option<String> {
        if self.switch_text(true).as_deref() == Some(text) {
            let level = self.brightness_report().filter(|_| self.kind == Kind::Light);
            let percent = level.and_then(|(report, scale)| {
                let steps: f64 = Heard::on(&report)?.text.trim().parse().ok()?;
                Some(say::number(steps / scale * 100.0, 0))
            });
            return Some(match percent {
                Some(percent) => format!("on, at {percent} percent"),
                None => "on".to_owned(),
            });
        }
        if self.switch_text(false).as_deref() == Some(text) {
            return Some("off".to_owned());
        }
        plain(text)
    }

    fn openness(&self) -> Option<(String, Heard)> {
        let at = self.position_report().and_then(|report| Heard::on(&report));
        let percent = at.as_ref().and_then(|heard| {
            let position: f64 = heard.text.trim().parse().ok()?;
            self.percent_open(position)
        });
        if let (Some(percent), Some(heard)) = (percent, at) {
            let words = match percent {
                percent if percent < 0.5 => "closed".to_owned(),
                percent if percent > 99.5 => "open".to_owned(),
                percent => format!("{} percent open", say::number(percent, 0)),
            };
            return Some((words, heard));
        }
        let heard = Heard::on(&self.config.report("state_topic", "value_template")?)?;
        let states = [
            ("state_open", "open"),
            ("state_closed", "closed"),
            ("state_opening", "opening"),
            ("state_closing", "closing"),
            ("state_stopped", "stopped"),
        ];
        let is = |(key, usual): &&(&str, &str)| {
            self.config.payload(key, usual).as_deref() == Some(heard.text.as_str())
        };
        let words = states.iter().find(is).map(|(_, words)| (*words).to_owned());
        Some((words.or_else(|| plain(&heard.text))?, heard))
    }

    fn heat(&self) -> Option<(String, Heard)> {
        let mode = self.config.report("mode_state_topic", "mode_state_template");
        let mode = mode.and_then(|report| Heard::on(&report));
        if let Some(heard) = mode.clone().filter(|heard| heard.text == "off") {
            return Some(("off".to_owned(), heard));
        }
        let set = self.config.report("temperature_state_topic", "temperature_state_template");
        if let Some(heard) = set.and_then(|report| Heard::on(&report))
            && let Ok(degrees) = heard.text.trim().parse::<f64>()
        {
            return Some((format!("set to {} degrees", say::number(degrees, 0)), heard));
        }
        let heard = mode?;
        Some((plain(&heard.text)?, heard))
    }
}

/// A word of a device as it may be said: short, letters and digits.
fn plain(text: &str) -> Option<String> {
    let fits = |c: char| c.is_alphanumeric() || c == ' ' || c == '_' || c == '-';
    let short = !text.trim().is_empty() && text.len() <= 32 && text.chars().all(fits);
    short.then(|| text.trim().to_lowercase().replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str, age_ms: u64, retained: bool) -> Heard {
        Heard { text: text.into(), age_ms, retained }
    }

    #[test]
    fn only_what_was_said_while_we_listened_is_already_so() {
        let report = Report { topic: "a".into(), member: None };
        let wanted = Wanted { report, any_of: vec!["ON".into()] };
        assert!(heard("ON", 1, false).is_already(&wanted));
        assert!(!heard("ON", 1, true).is_already(&wanted), "kept by the broker");
        assert!(!heard("OFF", 1, false).is_already(&wanted));
    }

    #[test]
    fn what_may_be_old_is_said_to_be() {
        assert_eq!(heard("ON", 1000, false).doubt(), None);
        assert_eq!(
            heard("ON", OLD_MS, false).doubt().as_deref(),
            Some("It said so 15 minutes ago.")
        );
        assert!(heard("ON", 0, true).doubt().expect("a doubt").contains("may be old"));
    }

    #[test]
    fn foreign_words_are_said_only_where_they_are_plain() {
        assert_eq!(plain("Return_Home").as_deref(), Some("return home"));
        assert_eq!(plain("{\"a\":1}"), None);
        assert_eq!(plain(&"x".repeat(33)), None);
    }
}
