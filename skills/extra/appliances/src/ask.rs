//! Questions: what a device is like, when a machine is done, what there is.
//!
//! Must not publish anything, and must not give for the present what may be old.

use crate::{
    act::{choose, said, unknown},
    config::Report,
    device::{Device, Family, Kind},
    find::{Found, Said},
    home,
    state::Heard,
    time, words,
};
use valet_skill_sdk::prelude::*;

/// "query-device".
pub(crate) fn device(call: &Call) -> Outcome {
    let devices = match home::devices() {
        Ok(devices) => devices,
        Err(why) => return Outcome::cannot_do(why),
    };
    let said =
        said(call).unwrap_or(Said { family: Family::Light, name: Some("lights"), room: None });
    match said.find(&devices, None) {
        Found::These(some) => match some.as_slice() {
            [one] => one_of(one),
            some => several(some),
        },
        // A machine is often several things, of which one tells what it is like.
        Found::Choose(some) => match telling(&some).as_slice() {
            [one] => one_of(one),
            _ => choose(&said, &some),
        },
        Found::None(others) => unknown(&said, &others),
    }
}

fn telling<'a>(some: &[&'a Device]) -> Vec<&'a Device> {
    some.iter().filter(|device| device.condition().is_some()).copied().collect()
}

fn one_of(device: &Device) -> Outcome {
    let who = words::the_first(&device.label);
    let (be, have) = words::verbs(&device.label);
    let Some((is, heard)) = device.condition() else {
        return Outcome::answer(format!("{who} {have} not said anything since I listen."));
    };
    if device.is_away() {
        return Outcome::answer(format!(
            "{who} {be} not connected. The last that was heard is: {is}."
        ))
        .show("state", is);
    }
    let doubt = heard.doubt().map(|doubt| format!(" {doubt}")).unwrap_or_default();
    Outcome::answer(format!("{who} {be} {is}.{doubt}")).show("state", is)
}

fn several(some: &[&Device]) -> Outcome {
    let known: Vec<(&Device, String, Heard)> = some
        .iter()
        .filter_map(|device| device.condition().map(|(is, heard)| (*device, is, heard)))
        .collect();
    if known.is_empty() {
        return Outcome::answer("None of them has said anything since I listen.");
    }
    let rests = |is: &str| is == "off" || is == "closed";
    let active: Vec<&str> = known
        .iter()
        .filter(|(_, is, _)| !rests(is))
        .map(|(device, ..)| device.label.as_str())
        .collect();
    let is_cover = some.iter().all(|device| device.kind == Kind::Cover);
    let (yes, no) = if is_cover { ("open", "closed") } else { ("on", "off") };
    let doubt = known.iter().find_map(|(.., heard)| heard.doubt());
    let doubt = doubt.map(|doubt| format!(" {doubt}")).unwrap_or_default();
    let silent = some.len() - known.len();
    let silent = if silent > 0 { format!(" {silent} have not said.") } else { String::new() };
    let speech = match active.as_slice() {
        [] => format!("They are {no}."),
        all if all.len() == some.len() => format!("All {} are {yes}.", all.len()),
        [one] => format!("Only {} is {yes}.", words::the(one)),
        all => format!("{} of {} are {yes}: {}.", all.len(), some.len(), words::list(all, 6)),
    };
    Outcome::answer(format!("{speech}{silent}{doubt}"))
}

/// "query-finish".
pub(crate) fn finish(call: &Call) -> Outcome {
    let devices = match home::devices() {
        Ok(devices) => devices,
        Err(why) => return Outcome::cannot_do(why),
    };
    let name = call.text("machine").unwrap_or("washer");
    let said = Said { family: Family::Machine, name: Some(name), room: call.text("room") };
    let some = match said.find(&devices, None) {
        Found::These(some) | Found::Choose(some) => some,
        Found::None(others) => return unknown(&said, &others),
    };
    let Some(first) = some.first() else { return unknown(&said, &[]) };
    let who = words::the_first(&first.label);
    let sensors = devices.iter().filter(|device| device.kind == Kind::Sensor);
    let left = sensors.filter(|sensor| some.iter().any(|device| is_of(sensor, device)));
    for sensor in left {
        if let Some((speech, heard)) = left_of(sensor) {
            let doubt = heard.doubt().map(|doubt| format!(" {doubt}")).unwrap_or_default();
            return Outcome::answer(format!("{who} {speech}.{doubt}"));
        }
    }
    match telling(&some).first().and_then(|device| device.condition()) {
        Some((is, heard)) => {
            let doubt = heard.doubt().map(|doubt| format!(" {doubt}")).unwrap_or_default();
            Outcome::answer(format!("{who} does not say when. It is {is}.{doubt}"))
        }
        None => Outcome::answer(format!("{who} does not say when it is done.")),
    }
}

/// Whether a sensor belongs to a device: by what it is part of, else by sort.
fn is_of(sensor: &Device, device: &Device) -> bool {
    match (&sensor.owner, &device.owner) {
        (Some(one), Some(other)) => one == other,
        _ => sensor.sort().is_some() && sensor.sort() == device.sort(),
    }
}

/// What is left, in words that go after a name.
fn left_of(sensor: &Device) -> Option<(String, Heard)> {
    let report: Report = sensor.config.report("state_topic", "value_template")?;
    let heard = Heard::on(&report)?;
    let now = clock::now();
    let unit = sensor.config.text("unit_of_measurement");
    let minutes = minutes_left(&heard.text, unit, now.utc_ms)?;
    let words = if minutes == 0 {
        "is done".to_owned()
    } else {
        format!("is done in {}", words::minutes(minutes))
    };
    Some((words, heard))
}

/// A length of time in a unit, or the moment when it is over; at most thirty days.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn minutes_left(text: &str, unit: Option<&str>, now_ms: i64) -> Option<u64> {
    let minutes = if let Some(at) = time::utc_ms(text) {
        at.saturating_sub(now_ms).max(0).unsigned_abs().div_ceil(60_000)
    } else {
        let number = text.trim().parse::<f64>().ok().filter(|n| (0.0..1e7).contains(n))?;
        let minutes = match unit? {
            "s" => number / 60.0,
            "min" => number,
            "h" => number * 60.0,
            _ => return None,
        };
        minutes.ceil() as u64
    };
    (minutes <= 30 * 24 * 60).then_some(minutes)
}

/// "list-devices".
pub(crate) fn list() -> Outcome {
    let devices = match home::devices() {
        Ok(devices) => devices,
        Err(why) => return Outcome::cannot_do(why),
    };
    let named: Vec<&str> = devices
        .iter()
        .filter(|device| device.family().is_some())
        .map(|device| device.label.as_str())
        .collect();
    if named.is_empty() {
        return Outcome::answer("No device of your home has announced itself.");
    }
    Outcome::answer(format!("There is {}.", words::list(&named, 10)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read_in_the_unit_it_is_said_in() {
        assert_eq!(minutes_left("42", Some("min"), 0), Some(42));
        assert_eq!(minutes_left("90", Some("s"), 0), Some(2));
        assert_eq!(minutes_left("1.5", Some("h"), 0), Some(90));
        assert_eq!(minutes_left("1970-01-01T00:10:00Z", None, 60_000), Some(9));
        assert_eq!(minutes_left("1970-01-01T00:10:00Z", None, 6_000_000), Some(0));
        for (text, unit) in
            [("42", None), ("soon", Some("min")), ("-3", Some("min")), ("1e9", Some("h"))]
        {
            assert_eq!(minutes_left(text, unit, 0), None, "{text}");
        }
    }
}
