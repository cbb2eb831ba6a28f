//! Figures with units and with how they were measured, and the two ways of printing them.
//!
//! Must not compute any.

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    /// Which, in dotted words.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
    /// How it was measured, and over how many.
    pub(crate) how: String,
}

/// What a subcommand found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    lines: Vec<String>,
}

impl Report {
    /// Adds a figure.
    pub(crate) fn add(
        &mut self,
        name: &str,
        value: f64,
        unit: &'static str,
        how: impl Into<String>,
    ) {
        self.figures.push(Figure { name: name.to_owned(), value, unit, how: how.into() });
    }

    /// Adds a line for people; JSON leaves it out.
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Prints everything to standard output.
    pub(crate) fn print(&self, json: bool) {
        if json {
            match serde_json::to_string_pretty(&self.figures) {
                Ok(text) => println!("{text}"),
                Err(why) => println!("{{\"error\": \"{why}\"}}"),
            }
            return;
        }
        for line in &self.lines {
            println!("{line}");
        }
        for figure in &self.figures {
            let Figure { name, value, unit, how } = figure;
            println!("{name:<44} {value:>10.2} {unit:<7} {how}");
        }
    }
}

/// `part` of `whole` in per cent; 0 of nothing.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

/// The value below which the share `at` (0 to 1) of the values lies.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn quantile(values: &mut [f64], at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = ((values.len().saturating_sub(1)) as f64 * at).round() as usize;
    values.get(place).copied().unwrap_or(0.0)
}
