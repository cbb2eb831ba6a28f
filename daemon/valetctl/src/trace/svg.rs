//! A turn's stages as a picture: one row a stage on a common time axis.
//!
//! Must not need anything but the file: no fonts, no scripts, no links. Every text is escaped.

use super::end_of;
use crate::{
    turn::{milliseconds, short_intent, short_path, slots},
    value::{items, number, plain, text},
};
use serde_json::Value;
use std::fmt::Write as _;

const WIDTH: f64 = 880.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 90.0;
const ROW: f64 = 26.0;
const TOP: f64 = 92.0;
/// Calm, and apart from one another also for who does not see red and green.
const COLOURS: [&str; 6] = ["#4c78a8", "#f2a541", "#72b7b2", "#b279a2", "#9d8c70", "#54a24b"];

/// Draws a trace.
pub(super) fn draw(trace: &Value) -> String {
    let stages: Vec<&Value> =
        items(trace, "stages").iter().filter(|stage| number(stage, "took") > 0.0).collect();
    let mut notes = notes(trace);
    notes.truncate(24);
    #[allow(clippy::cast_precision_loss)]
    let (rows, lines) = (stages.len() as f64, notes.len() as f64);
    let axis = TOP + rows * ROW;
    let height = axis + 52.0 + lines * 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#22262b\">\n\
         <title>Stages of turn {turn}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fcfcfa\"/>\n\
         <text x=\"24\" y=\"36\" font-size=\"18\" font-weight=\"600\">{said}</text>\n\
         <text x=\"24\" y=\"60\" fill=\"#6a717a\">{foot}</text>\n",
        turn = escape(text(trace, "turn")),
        said = escape(&shorten(text(trace, "text"), 88)),
        foot = escape(&subtitle(trace)),
    );
    draw_axis(&mut svg, end_of(trace), axis);
    for (row, stage) in stages.iter().enumerate() {
        draw_stage(&mut svg, row, stage, end_of(trace));
    }
    for (line, note) in notes.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let y = axis + 48.0 + line as f64 * 20.0;
        let _ = writeln!(svg, "<text x=\"24\" y=\"{y}\">{}</text>", escape(&shorten(note, 116)));
    }
    svg.push_str("</svg>\n");
    svg
}

fn subtitle(trace: &Value) -> String {
    let result = trace.get("result").unwrap_or(&Value::Null);
    let parts = [
        text(trace, "turn").to_owned(),
        text(result, "engine").to_owned(),
        milliseconds(end_of(trace) / 1000.0),
        text(result, "type").to_owned(),
        text(result, "code").to_owned(),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ·  ")
}

/// Columns of a moment.
fn x(us: f64, end: f64) -> f64 {
    LEFT + us / end * (WIDTH - LEFT - RIGHT)
}

fn draw_axis(svg: &mut String, end: f64, bottom: f64) {
    let step = nice_step(end);
    let mut at = 0.0;
    while at <= end {
        let x = x(at, end);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#e3e5e0\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" fill=\"#6a717a\" font-size=\"11\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            milliseconds(at / 1000.0),
        );
        at += step;
    }
}

/// 1, 2 or 5 times a power of ten, so that an axis has four to ten marks.
fn nice_step(end: f64) -> f64 {
    let rough = end / 8.0;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(end)
}

fn draw_stage(svg: &mut String, row: usize, stage: &Value, end: f64) {
    let (start, took) = (number(stage, "start"), number(stage, "took"));
    #[allow(clippy::cast_precision_loss)]
    let y = TOP + row as f64 * ROW;
    let (from, length) = (x(start, end), (x(start + took, end) - x(start, end)).max(2.0));
    let _ = writeln!(
        svg,
        "<text x=\"{label:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{name}</text>\
         <rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"16\" rx=\"3\" fill=\"{colour}\"/>\
         <text x=\"{time:.1}\" y=\"{base:.1}\" font-size=\"11\" fill=\"#6a717a\">{took}</text>",
        label = LEFT - 10.0,
        base = y + 17.0,
        name = escape(text(stage, "stage")),
        top = y + 4.0,
        colour = COLOURS[row % COLOURS.len()],
        time = from + length + 6.0,
        took = milliseconds(took / 1000.0),
    );
}

fn notes(trace: &Value) -> Vec<String> {
    let result = trace.get("result").unwrap_or(&Value::Null);
    let side = |action: &Value, key: &str| action.get(key).map_or_else(|| "–".to_owned(), plain);
    let understood = items(result, "intents").iter().map(|intent| {
        let filled = slots(items(intent, "slots"));
        format!("{}   {filled}", short_intent(text(intent, "intent")))
    });
    let policy = items(trace, "policy").iter().map(|entry| {
        format!(
            "policy: {} {} {}",
            short_path(text(entry, "target")),
            text(entry, "verdict"),
            text(entry, "why")
        )
    });
    let acted = items(trace, "actions").iter().map(|action| {
        let values = format!("{} → {}", side(action, "requested"), side(action, "observed"));
        format!("{}   {values}   {}", short_path(text(action, "target")), text(action, "status"))
    });
    let said =
        Some(text(result, "speech")).filter(|s| !s.is_empty()).map(|speech| format!("“{speech}”"));
    understood.chain(policy).chain(acted).chain(said).collect()
}

fn shorten(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    let mut short: String = words.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn escape(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn foreign_words_cannot_break_out_of_the_picture() {
        let trace = json!({
            "turn": "t1", "text": "</text><script>&\u{1b}",
            "stages": [{ "stage": "template", "start": 0, "took": 120 }, { "stage": "guest", "start": 120, "took": 900 }],
            "result": { "speech": "<b>" },
        });
        let svg = draw(&trace);
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;&amp; "), "{svg}");
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
        assert!(svg.contains(">template<") && svg.contains(">guest<"));
    }

    #[test]
    fn an_axis_has_a_handful_of_marks() {
        for end in [1.0, 90.0, 1_234.0, 48_000.0, 15_000_000.0] {
            let marks = end / nice_step(end);
            assert!((3.0..=10.0).contains(&marks), "{end}: {marks}");
        }
    }
}
