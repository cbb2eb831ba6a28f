//! A turn as a picture: its stages on a common time axis, and below what was understood, what
//! was asked of the world and what was said.
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
/// Where texts begin.
const MARGIN: f64 = 24.0;
/// Where the time axis begins and ends.
const LEFT: f64 = 120.0;
const RIGHT: f64 = 90.0;
/// Height of a stage and of a line of text.
const ROW: f64 = 26.0;
const LINE: f64 = 20.0;
/// Where the stages begin.
const TOP: f64 = 92.0;
/// Columns of an action behind its target: values, status.
const VALUES: f64 = 452.0;
const STATUS: f64 = 630.0;
/// Characters that fit into a line, also in a wide font, and into the columns of an action.
const LINE_CHARS: usize = 104;
const TARGET_CHARS: usize = 56;
const VALUES_CHARS: usize = 22;
/// Most lines of a part; a turn may have acted on hundreds of signals.
const MOST_LINES: usize = 24;

const INK: &str = "#22262b";
const DIM: &str = "#6a717a";

/// Draws a trace.
pub(super) fn draw(trace: &Value) -> String {
    let result = trace.get("result").unwrap_or(&Value::Null);
    let mut picture = Picture { body: String::new(), y: TOP };
    picture.stages(trace);
    picture.part("understood", understood(result));
    picture.part("asked for", asked_for(trace, result));
    let said = wrap(text(result, "speech"), LINE_CHARS);
    picture.part("said", said.into_iter().map(Line::of).collect());
    let (turn, height) = (escape(text(trace, "turn")), picture.y + 10.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{INK}\">\n\
         <title>Turn {turn}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fcfcfa\"/>\n\
         <text x=\"{MARGIN}\" y=\"36\" font-size=\"18\" font-weight=\"600\">{title}</text>\n\
         <text x=\"{MARGIN}\" y=\"60\" fill=\"{DIM}\">{foot}</text>\n{body}</svg>\n",
        title = escape(&shorten(&title(result), 72)),
        foot = escape(&subtitle(trace, result)),
        body = picture.body,
    )
}

/// The commands of a turn; the daemon keeps no text that could stand here.
fn title(result: &Value) -> String {
    let names: Vec<&str> =
        items(result, "intents").iter().map(|i| short_intent(text(i, "intent"))).collect();
    match names.as_slice() {
        [] => text(result, "type").replace('-', " "),
        names => names.join(", "),
    }
}

fn subtitle(trace: &Value, result: &Value) -> String {
    let parts = [
        text(trace, "turn").to_owned(),
        text(result, "engine").to_owned(),
        milliseconds(end_of(trace) / 1000.0),
        text(result, "type").to_owned(),
        text(result, "code").to_owned(),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ·  ")
}

/// A line of text: an entry with columns, or a remark to the one above.
struct Line {
    words: String,
    values: String,
    status: String,
    remark: bool,
}

impl Line {
    fn of(words: String) -> Self {
        Self { words, values: String::new(), status: String::new(), remark: false }
    }
}

/// What is drawn so far, and how far down it reaches.
struct Picture {
    body: String,
    y: f64,
}

impl Picture {
    fn stages(&mut self, trace: &Value) {
        let took_time = |stage: &&Value| number(stage, "took") > 0.0;
        let stages: Vec<&Value> = items(trace, "stages").iter().filter(took_time).collect();
        let end = end_of(trace);
        #[allow(clippy::cast_precision_loss)]
        let bottom = TOP + stages.len() as f64 * ROW;
        if !stages.is_empty() {
            self.axis(end, bottom);
        }
        for stage in stages {
            self.stage(stage, end);
            self.y += ROW;
        }
        self.y = bottom + 24.0;
    }

    fn axis(&mut self, end: f64, bottom: f64) {
        let step = nice_step(end);
        let mut at = 0.0;
        while at <= end {
            let _ = writeln!(
                self.body,
                "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#e3e5e0\"/>\
                 <text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{DIM}\" font-size=\"11\" text-anchor=\"middle\">{label}</text>",
                x = x(at, end),
                y = bottom + 16.0,
                label = axis_label(at, step),
            );
            at += step;
        }
    }

    fn stage(&mut self, stage: &Value, end: f64) {
        let (start, took) = (number(stage, "start"), number(stage, "took"));
        let (from, length) = (x(start, end), (x(start + took, end) - x(start, end)).max(2.0));
        let _ = writeln!(
            self.body,
            "<text x=\"{label:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"16\" rx=\"3\" fill=\"{colour}\"/>\
             <text x=\"{time:.1}\" y=\"{base:.1}\" font-size=\"11\" fill=\"{DIM}\">{took}</text>",
            label = LEFT - 10.0,
            base = self.y + 17.0,
            name = escape(text(stage, "stage")),
            top = self.y + 4.0,
            colour = colour(text(stage, "stage")),
            time = from + length + 6.0,
            took = milliseconds(took / 1000.0),
        );
    }

    /// A heading and its lines; nothing where there are none.
    fn part(&mut self, heading: &str, mut lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        let more = lines.len().saturating_sub(MOST_LINES);
        lines.truncate(MOST_LINES);
        if more > 0 {
            lines.push(Line { remark: true, ..Line::of(format!("and {more} more")) });
        }
        self.y += 22.0;
        self.words(MARGIN, DIM, heading);
        for line in lines {
            self.y += LINE;
            if line.remark {
                self.words(MARGIN + 16.0, DIM, &line.words);
                continue;
            }
            self.words(MARGIN, INK, &line.words);
            self.words(VALUES, INK, &line.values);
            self.words(STATUS, status_colour(&line.status), &line.status);
        }
        self.y += 10.0;
    }

    fn words(&mut self, x: f64, colour: &str, words: &str) {
        if !words.is_empty() {
            let _ = writeln!(
                self.body,
                "<text x=\"{x}\" y=\"{y:.1}\" fill=\"{colour}\">{words}</text>",
                y = self.y,
                words = escape(words),
            );
        }
    }
}

fn understood(result: &Value) -> Vec<Line> {
    let line = |intent: &Value| {
        let status = text(intent, "status");
        let (name, filled) = (short_intent(text(intent, "intent")), slots(items(intent, "slots")));
        let words: Vec<&str> = [name, &filled].into_iter().filter(|w| !w.is_empty()).collect();
        // What is done needs no word; a long command is cut so that the word has room.
        let open = if status == "done" { "" } else { status };
        let most = if open.is_empty() { LINE_CHARS } else { TARGET_CHARS + VALUES_CHARS };
        Line { status: open.to_owned(), ..Line::of(shorten(&words.join(" – "), most)) }
    };
    items(result, "intents").iter().map(line).collect()
}

/// What was asked of the world and what became of it; what the policy held back stands last.
fn asked_for(trace: &Value, result: &Value) -> Vec<Line> {
    let actions = items(result, "actions");
    let mut lines = Vec::new();
    for action in actions {
        let side = |key: &str| action.get(key).map_or_else(|| "–".to_owned(), plain);
        let values = match action.get("requested").or_else(|| action.get("observed")) {
            Some(_) => format!("{} → {}", side("requested"), side("observed")),
            None => String::new(),
        };
        let along = if action.get("companion").is_some() { "  (goes along)" } else { "" };
        lines.push(entry(action, &shorten(&values, VALUES_CHARS), "status", along));
        lines.extend(remarks(text(action, "why")));
    }
    let acted = |target: &str| actions.iter().any(|action| text(action, "target") == target);
    for entry_of in items(trace, "policy").iter().filter(|p| !acted(text(p, "target"))) {
        lines.push(entry(entry_of, "", "verdict", ""));
        lines.extend(remarks(text(entry_of, "why")));
    }
    lines
}

fn entry(of: &Value, values: &str, status: &str, along: &str) -> Line {
    Line {
        words: shorten(short_path(text(of, "target")), TARGET_CHARS),
        values: values.to_owned(),
        status: format!("{}{along}", text(of, status)),
        remark: false,
    }
}

fn remarks(why: &str) -> impl Iterator<Item = Line> {
    wrap(why, LINE_CHARS).into_iter().map(|words| Line { remark: true, ..Line::of(words) })
}

/// Calm, and apart from one another also for who does not see red and green.
fn colour(stage: &str) -> &'static str {
    match stage {
        "template" => "#4c78a8",
        "encoder" => "#f2a541",
        "heads" => "#b279a2",
        "guest" => "#72b7b2",
        "observe" => "#9d8c70",
        "total" => "#c3c8ce",
        _ => "#8c9bb0",
    }
}

fn status_colour(status: &str) -> &'static str {
    match status.split(' ').next().unwrap_or_default() {
        "done" | "already" | "allow" => "#2f7d4f",
        "requested" | "waiting" | "confirm" | "skipped" => "#8a6a12",
        _ => "#b3392f",
    }
}

/// Columns of a moment.
fn x(us: f64, end: f64) -> f64 {
    LEFT + us / end * (WIDTH - LEFT - RIGHT)
}

/// 1, 2 or 5 times a power of ten, so that an axis has three to ten marks.
fn nice_step(end: f64) -> f64 {
    let rough = end / 8.0;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(end)
}

/// A moment in milliseconds, with as many decimals as its axis needs.
fn axis_label(at_us: f64, step_us: f64) -> String {
    let decimals = match step_us {
        step if step >= 1000.0 => 0,
        step if step >= 100.0 => 1,
        step if step >= 10.0 => 2,
        _ => 3,
    };
    if at_us > 0.0 { format!("{:.decimals$} ms", at_us / 1000.0) } else { "0".to_owned() }
}

fn shorten(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    let mut short: String = words.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A text in lines of at most `most` characters, broken between words where there are any.
fn wrap(words: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        let word = shorten(word, most);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
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
            "turn": "t1\"/><script>",
            "stages": [{ "stage": "template", "start": 0, "took": 120 }, { "stage": "guest", "start": 120, "took": 900 }],
            "result": { "speech": "</text><script>&\u{1b}", "intents": [{ "intent": "<b>", "status": "done" }] },
        });
        let svg = draw(&trace);
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;&amp; "), "{svg}");
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
        assert!(svg.contains(">template<") && svg.contains(">guest<"));
    }

    #[test]
    fn what_was_done_is_shown_with_its_values_and_what_was_held_back_with_its_reason() {
        let trace = json!({
            "turn": "t1", "stages": [{ "stage": "total", "start": 0, "took": 900 }],
            "policy": [
                { "target": "Vehicle.A", "verdict": "allow" },
                { "target": "Vehicle.B", "verdict": "confirm", "why": "The car is moving." },
            ],
            "result": {
                "type": "question", "speech": "Shall I?",
                "intents": [{ "intent": "org.valetd.body/open-boot", "status": "waiting" }],
                "actions": [{ "target": "Vehicle.A", "requested": 1, "observed": 2, "status": "requested", "companion": true }],
            },
        });
        let svg = draw(&trace);
        for shown in [
            ">body/open-boot<",
            ">waiting<",
            ">A<",
            ">1 → 2<",
            ">requested  (goes along)<",
            ">B<",
            ">confirm<",
            ">The car is moving.<",
            ">Shall I?<",
            ">0.90 ms<",
        ] {
            assert!(svg.contains(shown), "{shown} is missing in {svg}");
        }
        assert!(!svg.contains(">allow<"), "an action says it better: {svg}");
    }

    #[test]
    fn every_line_fits_and_a_long_list_is_cut_with_a_word_about_it() {
        let intent = json!({ "intent": "a".repeat(300), "status": "failed" });
        let action = json!({ "target": "b".repeat(300), "requested": "c".repeat(300), "status": "failed", "why": "d ".repeat(300) });
        let trace = json!({
            "turn": "t1", "stages": [],
            "result": { "speech": "e".repeat(500), "intents": [intent], "actions": vec![action; 100] },
        });
        let svg = draw(&trace);
        let texts = svg.split("<text").skip(1).filter_map(|t| t.split_once('>')?.1.split_once('<'));
        for (words, _) in texts {
            assert!(words.chars().count() <= LINE_CHARS, "{words}");
        }
        assert!(svg.contains("more<"), "{svg}");
    }

    #[test]
    fn an_axis_has_a_handful_of_marks() {
        for end in [1.0, 90.0, 1_234.0, 48_000.0, 15_000_000.0] {
            let marks = end / nice_step(end);
            assert!((3.0..=10.0).contains(&marks), "{end}: {marks}");
        }
        assert_eq!(axis_label(500.0, 500.0), "0.5 ms");
        assert_eq!(axis_label(50_000.0, 50_000.0), "50 ms");
        assert_eq!(axis_label(0.0, 20.0), "0");
    }
}
