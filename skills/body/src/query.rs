//! Questions about windows, doors, locks, boot, roof, shades, lights, wipers and mirrors.
//!
//! Must not actuate: the host would refuse it.

use crate::place;
use valet_skill_sdk::{prelude::*, zone::Station};

pub(crate) fn answer(call: &Call) -> Outcome {
    let locking = matches!(call.text("aspect"), Some("locked" | "unlocked"));
    let speech = match call.text("part") {
        Some("windows") => windows(call),
        Some("doors") if !locking => doors(call),
        Some("doors" | "locks") => locks(call),
        Some("boot") if locking => {
            flag("The boot", "Vehicle.Body.Trunk.Rear.IsLocked", "locked", "unlocked")
        }
        Some("boot") => flag("The boot", "Vehicle.Body.Trunk.Rear.IsOpen", "open", "closed"),
        Some("bonnet") => flag("The bonnet", "Vehicle.Body.Hood.IsOpen", "open", "closed"),
        Some("sunroof") => sunroof(),
        Some("shades") => shades(),
        Some("headlights") => headlights(),
        Some("high-beam") => on("The high beam", "Vehicle.Body.Lights.Beam.High.IsOn"),
        Some("fog") => fog(),
        Some("hazards") => on("The hazard light", "Vehicle.Body.Lights.Hazard.IsSignaling"),
        Some("parking") => on("The parking light", "Vehicle.Body.Lights.Parking.IsOn"),
        Some("dome") => on("The ceiling light", "Vehicle.Cabin.Light.IsDomeOn"),
        Some("ambient") => strip(call, "ambient light", "Vehicle.Cabin.Light.AmbientLight"),
        Some("reading") => strip(call, "reading light", "Vehicle.Cabin.Light.Spotlight"),
        Some("wipers") => wipers(),
        Some("mirrors") => mirrors(),
        _ if locking => locks(call),
        _ => everything(),
    };
    Outcome::answer(speech.unwrap_or_else(|| "The car does not tell me that now.".into()))
}

fn flag(what: &str, path: &str, yes: &str, no: &str) -> Option<String> {
    let state = if place::flag(path)? { yes } else { no };
    Some([what, " is ", state, "."].concat())
}

fn on(what: &str, path: &str) -> Option<String> {
    flag(what, path, "on", "off")
}

/// What was asked about, with what of it is known to be so, and what the car does not tell.
struct Survey {
    asked: Vec<Station>,
    so: Vec<Station>,
    unknown: Vec<Station>,
}

/// Looks at one signal of each place; a place whose signal the car does not have is left out.
fn survey(
    zone: Zone,
    path: impl Fn(Station) -> String,
    is_so: impl Fn(&str) -> Option<bool>,
) -> Option<Survey> {
    let mut survey = Survey { asked: Vec::new(), so: Vec::new(), unknown: Vec::new() };
    for station in zone.stations() {
        let path = path(station);
        match is_so(&path) {
            Some(true) => {
                survey.asked.push(station);
                survey.so.push(station);
            }
            Some(false) => survey.asked.push(station),
            None if place::is_there(&path) => survey.unknown.push(station),
            None => {}
        }
    }
    (!survey.asked.is_empty()).then_some(survey)
}

fn zone(call: &Call) -> Zone {
    call.zone("zone").unwrap_or(Zone::All)
}

/// "The driver's window is open." or, when none is, "All windows are closed."; then what the car
/// does not tell.
fn told(survey: &Survey, nouns: (&str, &str), yes: &str, no: &str) -> String {
    let (of, state) = if survey.so.is_empty() { (&survey.asked, no) } else { (&survey.so, yes) };
    let is_part = of.len() < survey.asked.len() + survey.unknown.len();
    let is_row = matches!(of.as_slice(), [one, other] if one.row == other.row);
    let list = if is_part && !is_row {
        place::listed(of, nouns.0, nouns.1)
    } else {
        place::group(of, nouns.0, nouns.1)
    };
    let known = capital(&[&list, " ", place::verb(of.len()), " ", state, "."].concat());
    [known, untold(&survey.unknown, nouns)].concat()
}

/// What cannot be answered, behind what can.
fn untold(unknown: &[Station], nouns: (&str, &str)) -> String {
    if unknown.is_empty() {
        return String::new();
    }
    let list = place::listed(unknown, nouns.0, nouns.1);
    [" The car does not tell me about ", &list, " now."].concat()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn windows(call: &Call) -> Option<String> {
    let survey =
        survey(zone(call), |s| s.door("Window.Position"), |p| place::number(p).map(|n| n > 0.0))?;
    let nouns = ("window", "windows");
    let [only] = survey.so.as_slice() else {
        return Some(told(&survey, nouns, "open", "closed"));
    };
    let partly = place::number(&only.door("Window.Position")).filter(|percent| *percent < 100.0);
    let how = partly.map(|percent| ["open, at ", &say::number(percent, 0), " percent"].concat());
    Some(told(&survey, nouns, how.as_deref().unwrap_or("open"), "closed"))
}

fn doors(call: &Call) -> Option<String> {
    let survey = survey(zone(call), |s| s.door("IsOpen"), place::flag)?;
    Some(told(&survey, ("door", "doors"), "open", "closed"))
}

fn locks(call: &Call) -> Option<String> {
    let survey = unlocked(zone(call))?;
    Some(told(&survey, ("door", "doors"), "unlocked", "locked"))
}

fn unlocked(zone: Zone) -> Option<Survey> {
    survey(zone, |s| s.door("IsLocked"), |path| place::flag(path).map(|locked| !locked))
}

fn sunroof() -> Option<String> {
    let position = place::number("Vehicle.Cabin.Sunroof.Position")?;
    Some(match position {
        p if p < 0.0 => "The sunroof is tilted.".into(),
        p if p <= 0.0 => "The sunroof is closed.".into(),
        p if p < 100.0 => ["The sunroof is open at ", &say::number(p, 0), " percent."].concat(),
        _ => "The sunroof is open.".into(),
    })
}

fn shades() -> Option<String> {
    let places = [
        ("the sunroof's", "Vehicle.Cabin.Sunroof.Shade.Position"),
        ("the rear window's", "Vehicle.Cabin.RearShade.Position"),
        ("the rear driver's side", "Vehicle.Cabin.Door.Row2.DriverSide.Shade.Position"),
        ("the rear passenger's side", "Vehicle.Cabin.Door.Row2.PassengerSide.Shade.Position"),
    ];
    let (mut known, mut closed, mut unknown) = (0, Vec::new(), Vec::new());
    for (name, path) in places {
        match place::number(path) {
            Some(position) => {
                known += 1;
                if position > 0.0 {
                    closed.push(name);
                }
            }
            None if place::is_there(path) => unknown.push(name),
            None => {}
        }
    }
    if known == 0 {
        return None;
    }
    let shade = |names: &[&str]| {
        let noun = if names.len() == 1 { " shade" } else { " shades" };
        [&names.join(", "), noun].concat()
    };
    let said = match (closed.as_slice(), unknown.as_slice()) {
        ([], []) => "All shades are open.".into(),
        ([], _) => "The other shades are open.".into(),
        (closed, _) => {
            let is = place::verb(closed.len());
            capital(&[&shade(closed), " ", is, " closed or partly closed."].concat())
        }
    };
    if unknown.is_empty() {
        return Some(said);
    }
    Some(["The car does not tell me about ", &shade(&unknown), " now. ", &said].concat())
}

fn headlights() -> Option<String> {
    let state = match place::text("Vehicle.Body.Lights.LightSwitch")?.as_str() {
        "OFF" => "off",
        "AUTO" => "on automatic",
        "BEAM" => "on",
        "POSITION" => "on parking lights",
        _ => "on daytime running lights",
    };
    Some(["The headlights are ", state, "."].concat())
}

fn fog() -> Option<String> {
    let front = place::flag("Vehicle.Body.Lights.Fog.Front.IsOn");
    let rear = place::flag("Vehicle.Body.Lights.Fog.Rear.IsOn");
    let of_one = |which: &str, on: bool| {
        let state = if on { "on" } else { "off" };
        ["The ", which, " fog lights are ", state, "."].concat()
    };
    Some(match (front, rear) {
        (Some(true), Some(true)) => "The front and rear fog lights are on.".into(),
        (Some(false), Some(false)) => "The fog lights are off.".into(),
        (Some(true), _) => of_one("front", true),
        (_, Some(true)) => of_one("rear", true),
        (Some(front), None) => of_one("front", front),
        (None, Some(rear)) => of_one("rear", rear),
        (None, None) => return None,
    })
}

fn strip(call: &Call, what: &str, branch: &str) -> Option<String> {
    let survey = survey(zone(call), |s| s.within(branch, "IsLightOn"), place::flag)?;
    let state = match survey.so.len() {
        0 => "off",
        lit if lit == survey.asked.len() => "on",
        _ => "on in a part of the car",
    };
    let known = ["The ", what, " is ", state, "."].concat();
    let places: Vec<&str> = survey.unknown.iter().map(|s| place::name(*s)).collect();
    if places.is_empty() {
        return Some(known);
    }
    let untold = [" The car does not tell me about the ", &places.join(", "), " one now."].concat();
    Some([known, untold].concat())
}

fn wipers() -> Option<String> {
    let words = |mode: &str| match mode {
        "OFF" => "off",
        "SLOW" => "on slow",
        "MEDIUM" => "on medium speed",
        "FAST" => "on fast",
        "INTERVAL" => "on interval",
        _ => "on automatic",
    };
    let front = place::text("Vehicle.Body.Windshield.Front.Wiping.Mode");
    let rear = place::text("Vehicle.Body.Windshield.Rear.Wiping.Mode");
    Some(match (front.as_deref(), rear.as_deref()) {
        (Some(front), Some("OFF")) => ["The wipers are ", words(front), "."].concat(),
        (Some(front), Some(rear)) => {
            ["The wipers are ", words(front), ", the rear one is ", words(rear), "."].concat()
        }
        (Some(front), None) => ["The front wipers are ", words(front), "."].concat(),
        (None, Some(rear)) => ["The rear wiper is ", words(rear), "."].concat(),
        (None, None) => return None,
    })
}

fn mirrors() -> Option<String> {
    let folded = |side: &str| place::flag(&["Vehicle.Body.Mirrors.", side, ".IsFolded"].concat());
    let of_one = |whose: &str, folded: bool| {
        ["The ", whose, " mirror is ", if folded { "folded." } else { "not folded." }].concat()
    };
    Some(match (folded("DriverSide"), folded("PassengerSide")) {
        (Some(true), Some(true)) => "The mirrors are folded.".into(),
        (Some(false), Some(false)) => "The mirrors are not folded.".into(),
        (Some(true), _) => of_one("driver's", true),
        (_, Some(true)) => of_one("passenger's", true),
        (Some(driver), None) => of_one("driver's", driver),
        (None, Some(passenger)) => of_one("passenger's", passenger),
        (None, None) => return None,
    })
}

/// What is open or unlocked of the whole car, or that nothing is; and what the car does not tell.
fn everything() -> Option<String> {
    let (mut open, mut unknown, mut known) = (Vec::new(), Vec::new(), false);
    let mut look = |what: String, path: &str, state: Option<bool>| {
        known |= state.is_some();
        match state {
            Some(true) => open.push(what),
            None if place::is_there(path) => unknown.push(what),
            _ => {}
        }
    };
    let is_open = |path: &str| place::number(path).map(|position| position.abs() > 0.0);
    for station in Zone::All.stations() {
        let name = place::name(station);
        let (window, door) = (station.door("Window.Position"), station.door("IsOpen"));
        look(["the ", name, " window"].concat(), &window, is_open(&window));
        look(["the ", name, " door"].concat(), &door, place::flag(&door));
    }
    for (what, path) in
        [("the boot", "Vehicle.Body.Trunk.Rear.IsOpen"), ("the bonnet", "Vehicle.Body.Hood.IsOpen")]
    {
        look(what.into(), path, place::flag(path));
    }
    let sunroof = "Vehicle.Cabin.Sunroof.Position";
    look("the sunroof".into(), sunroof, is_open(sunroof));
    if !known {
        return None;
    }
    let first = if !open.is_empty() {
        capital(&[&open.join(", "), " ", place::verb(open.len()), " open."].concat())
    } else if unknown.is_empty() {
        "Everything is closed.".into()
    } else {
        "Everything else is closed.".into()
    };
    let unknown = if unknown.is_empty() {
        String::new()
    } else {
        ["The car does not tell me about ", &unknown.join(", "), " now. "].concat()
    };
    let locked = unlocked(Zone::All)
        .map(|survey| told(&survey, ("door", "doors"), "unlocked", "locked"))
        .map(|words| [" ", &words].concat())
        .unwrap_or_default();
    Some([unknown, first, locked].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(zone: Zone) -> Vec<Station> {
        zone.stations().collect()
    }

    #[test]
    fn what_the_car_does_not_tell_is_named_and_not_told_as_known() {
        let nouns = ("door", "doors");
        let all = of(Zone::All);
        let survey = |asked: &[Station], so: &[Station], unknown: &[Station]| Survey {
            asked: asked.to_vec(),
            so: so.to_vec(),
            unknown: unknown.to_vec(),
        };
        let said = |survey: &Survey| told(survey, nouns, "unlocked", "locked");
        assert_eq!(said(&survey(&all, &[], &[])), "All doors are locked.");
        assert_eq!(
            said(&survey(&all[..3], &[], &all[3..])),
            "The driver's, the front passenger's and the rear driver's side doors are locked. \
             The car does not tell me about the rear passenger's side door now."
        );
        assert_eq!(
            said(&survey(&all[..3], &all[..1], &all[3..])),
            "The driver's door is unlocked. \
             The car does not tell me about the rear passenger's side door now."
        );
    }
}
