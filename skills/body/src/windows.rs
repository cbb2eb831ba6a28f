//! Windows of the doors: which ones are meant, and how far.
//!
//! Must not write `Switch`: the position is what people ask for.

use crate::place;
use valet_skill_sdk::{prelude::*, zone::Station};

const LEAF: &str = "Window.Position";
const OPEN: f64 = 100.0;
const CLOSED: f64 = 0.0;
/// "A bit", percent of the way.
const LITTLE: f64 = 20.0;
/// "A crack", percent of the way.
const CRACK: f64 = 10.0;

pub(crate) fn open(call: &Call) -> Result<Outcome, SkillError> {
    write(&meant(call), |_| Some(OPEN))
}

pub(crate) fn close(call: &Call) -> Result<Outcome, SkillError> {
    let mut windows = meant(call);
    // "Close the window" while one's own is shut means the one that is not.
    if call.zone("zone").is_none() && windows.iter().all(|w| is_closed(*w)) {
        let others: Vec<Station> = Zone::All.stations().filter(|w| !is_closed(*w)).collect();
        if let [only] = others.as_slice() {
            windows = vec![*only];
        }
    }
    write(&windows, |_| Some(CLOSED))
}

fn is_closed(window: Station) -> bool {
    place::number(&window.door(LEAF)).is_none_or(|position| position <= CLOSED)
}

/// The windows of a command: the zone said, else all for the plural, else the speaker's.
fn meant(call: &Call) -> Vec<Station> {
    let zone = match (call.zone("zone"), call.text("windows")) {
        (Some(zone), _) => zone,
        (None, Some("all")) => Zone::All,
        (None, _) => place::own(call),
    };
    zone.stations().collect()
}

fn write(windows: &[Station], target: impl Fn(f64) -> Option<f64>) -> Result<Outcome, SkillError> {
    if windows.is_empty() {
        return Ok(Outcome::cannot_do("There is no window that opens there."));
    }
    let mut batch = Batch::new();
    for window in windows {
        let path = window.door(LEAF);
        if let Some(value) = target(place::number(&path).unwrap_or(CLOSED)) {
            batch.push(path, value);
        }
    }
    if batch.is_empty() {
        return Ok(Outcome::cannot_do("It is already as far as it goes."));
    }
    batch.send()?;
    Ok(Outcome::done()
        .with("window", place::group(windows, "window", "windows"))
        .with("are", place::verb(windows.len())))
}

/// Where a window shall stop.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wish {
    At(f64),
    Up(f64),
    Down(f64),
}

pub(crate) fn set(call: &Call) -> Result<Outcome, SkillError> {
    let closing = call.text("direction") == Some("closed");
    let Some(wish) = wish(closing, call.percentage("percent"), call.text("part")) else {
        return Ok(Outcome::ask_slot("percent", "How far, in percent?"));
    };
    write(&meant(call), |now| position(wish, now))
}

fn wish(closing: bool, percent: Option<f64>, part: Option<&str>) -> Option<Wish> {
    let way = |percent: f64| if closing { CLOSED.max(OPEN - percent) } else { percent };
    if let Some(percent) = percent {
        // "Close it all the way" is closed; "to thirty percent" is how far it is open.
        return Some(Wish::At(if closing && percent >= OPEN { CLOSED } else { percent.round() }));
    }
    Some(match part? {
        "crack" => Wish::At(CRACK),
        "quarter" => Wish::At(way(25.0)),
        "third" => Wish::At(way(33.0)),
        "half" => Wish::At(50.0),
        "two-thirds" => Wish::At(way(67.0)),
        "three-quarters" => Wish::At(way(75.0)),
        "full" => Wish::At(way(OPEN)),
        _ if closing => Wish::Up(LITTLE),
        _ => Wish::Down(LITTLE),
    })
}

/// The position to write; none when a step would change nothing.
fn position(wish: Wish, now: f64) -> Option<f64> {
    match wish {
        Wish::At(position) => Some(position),
        Wish::Down(step) => (now < OPEN).then(|| (now + step).min(OPEN).round()),
        Wish::Up(step) => (now > CLOSED).then(|| (now - step).max(CLOSED).round()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_the_way_that_is_meant() {
        assert_eq!(wish(false, None, Some("quarter")), Some(Wish::At(25.0)));
        assert_eq!(wish(true, None, Some("quarter")), Some(Wish::At(75.0)));
        assert_eq!(wish(true, Some(100.0), None), Some(Wish::At(CLOSED)));
        assert_eq!(wish(true, Some(30.0), None), Some(Wish::At(30.0)));
        assert_eq!(wish(true, None, Some("little")), Some(Wish::Up(LITTLE)));
        assert_eq!(wish(false, None, None), None);
    }

    #[test]
    fn steps_stop_at_the_ends() {
        assert_eq!(position(Wish::Down(LITTLE), 95.0), Some(100.0));
        assert_eq!(position(Wish::Down(LITTLE), 100.0), None);
        assert_eq!(position(Wish::Up(LITTLE), 10.0), Some(0.0));
        assert_eq!(position(Wish::Up(LITTLE), 0.0), None);
    }
}
