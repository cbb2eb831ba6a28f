//! `valetctl stats`: counters and times since the start.

use crate::{
    CtlError, Verdict,
    link::Link,
    screen::{Screen, Style},
    turn::{milliseconds, table},
    value::{self, number, plain},
};
use serde_json::Value;
use valet_bus::proxies::Options;

/// Reads and prints.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn run(link: &Link, screen: &mut Screen) -> Result<Verdict, CtlError> {
    let stats = link.diagnostics().await?.stats(Options::new()).await.map_err(|e| link.error(e))?;
    let stats = value::object(&stats);
    for line in lines(screen, &stats) {
        screen.line(line)?;
    }
    screen.document(&stats)?;
    Ok(Verdict::Fine)
}

fn lines(screen: &Screen, stats: &Value) -> Vec<String> {
    let Some(all) = stats.as_object() else { return Vec::new() };
    let mut rows = Vec::new();
    let mut more = Vec::new();
    for (key, value) in all {
        match (key.as_str(), value) {
            ("uptime-ms", _) => {
                rows.push(("up for".to_owned(), duration(number(stats, key) / 1000.0)))
            }
            ("resident-bytes", _) => {
                rows.push((
                    "resident".to_owned(),
                    format!("{:.1} MiB", number(stats, key) / 1_048_576.0),
                ));
            }
            ("latency-us", Value::Object(stages)) => {
                more.push(
                    screen
                        .paint(Style::Dim, "  times by stage: half of them, 95 of 100, all below"),
                );
                let stage = |(name, of): (&String, &Value)| {
                    let ms = |key: &str| milliseconds(number(of, key) / 1000.0);
                    (format!("  {name}"), format!("{}   {}   {}", ms("p50"), ms("p95"), ms("max")))
                };
                more.extend(table(screen, &stages.iter().map(stage).collect::<Vec<_>>()));
            }
            (_, Value::Object(parts)) => {
                let parts: Vec<String> =
                    parts.iter().map(|(k, v)| format!("{k} {}", plain(v))).collect();
                rows.push((key.replace('-', " "), parts.join(" · ")));
            }
            (_, other) => rows.push((key.replace('-', " "), plain(other))),
        }
    }
    let mut lines = table(screen, &rows);
    lines.extend(more);
    lines
}

/// Seconds in the two largest units.
fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0);
    let (days, hours, minutes) =
        ((whole / 86_400.0).floor(), (whole / 3600.0) % 24.0, (whole / 60.0) % 60.0);
    if days >= 1.0 {
        format!("{days} d {} h", hours.floor())
    } else if whole >= 3600.0 {
        format!("{} h {} min", hours.floor(), minutes.floor())
    } else if whole >= 60.0 {
        format!("{} min {} s", minutes.floor(), (whole % 60.0).floor())
    } else {
        format!("{whole:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_two_units_at_most() {
        for (seconds, words) in
            [(0.25, "0.2 s"), (61.0, "1 min 1 s"), (3661.0, "1 h 1 min"), (90_061.0, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), words);
        }
    }
}
