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

/// What was asked about, with what of it is known to be so.
struct Survey {
    asked: Vec<Station>,
    so: Vec<Station>,
}

fn survey(zone: Zone, is_so: impl Fn(Station) -> Option<bool>) -> Option<Survey> {
    let mut survey = Survey { asked: Vec::new(), so: Vec::new() };
    for station in zone.stations() {
        if let Some(so) = is_so(station) {
            survey.asked.push(station);
            if so {
                survey.so.push(station);
            }
        }
    }
    (!survey.asked.is_empty()).then_some(survey)
}

fn zone(call: &Call) -> Zone {
    call.zone("zone").unwrap_or(Zone::All)
}

/// "The driver's window is open." or, when none is, "All windows are closed."
fn told(survey: &Survey, nouns: (&str, &str), yes: &str, no: &str) -> String {
    let (of, state) = if survey.so.is_empty() { (&survey.asked, no) } else { (&survey.so, yes) };
    let list = match of.len() {
        2 | 3 if of.len() < survey.asked.len() => {
            let names: Vec<&str> = of.iter().map(|station| place::name(*station)).collect();
            ["the ", &names.join(" and the "), " ", nouns.1].concat()
        }
        _ => place::group(of, nouns.0, nouns.1),
    };
    capital(&[&list, " ", place::verb(of.len()), " ", state, "."].concat())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn windows(call: &Call) -> Option<String> {
    let position = |station: Station| place::number(&station.door("Window.Position"));
    let survey = survey(zone(call), |s| position(s).map(|p| p > 0.0))?;
    let mut speech = told(&survey, ("window", "windows"), "open", "closed");
    if let [only] = survey.so.as_slice()
        && let Some(percent) = position(*only).filter(|percent| *percent < 100.0)
    {
        speech.pop();
        speech.push_str(&[", at ", &say::number(percent, 0), " percent."].concat());
    }
    Some(speech)
}

fn doors(call: &Call) -> Option<String> {
    let survey = survey(zone(call), |s| place::flag(&s.door("IsOpen")))?;
    Some(told(&survey, ("door", "doors"), "open", "closed"))
}

fn locks(call: &Call) -> Option<String> {
    let survey = survey(zone(call), |s| place::flag(&s.door("IsLocked")).map(|locked| !locked))?;
    Some(told(&survey, ("door", "doors"), "unlocked", "locked"))
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
    let known: Vec<(&str, f64)> =
        places.iter().filter_map(|(name, path)| Some((*name, place::number(path)?))).collect();
    if known.is_empty() {
        return None;
    }
    let closed: Vec<&str> = known.iter().filter(|(_, p)| *p < 100.0).map(|(n, _)| *n).collect();
    Some(match closed.as_slice() {
        [] => "All shades are open.".into(),
        [only] => capital(&[only, " shade is closed or partly closed."].concat()),
        many => capital(&[&many.join(", "), " shades are closed or partly closed."].concat()),
    })
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
    let front = place::flag("Vehicle.Body.Lights.Fog.Front.IsOn")?;
    let rear = place::flag("Vehicle.Body.Lights.Fog.Rear.IsOn").unwrap_or(false);
    Some(
        match (front, rear) {
            (true, true) => "The front and rear fog lights are on.",
            (true, false) => "The front fog lights are on.",
            (false, true) => "The rear fog lights are on.",
            (false, false) => "The fog lights are off.",
        }
        .into(),
    )
}

fn strip(call: &Call, what: &str, branch: &str) -> Option<String> {
    let survey = survey(zone(call), |s| place::flag(&s.within(branch, "IsLightOn")))?;
    let state = match survey.so.len() {
        0 => "off",
        lit if lit == survey.asked.len() => "on",
        _ => "on in a part of the car",
    };
    Some(["The ", what, " is ", state, "."].concat())
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
    let front = place::text("Vehicle.Body.Windshield.Front.Wiping.Mode")?;
    let mut speech = ["The wipers are ", words(&front)].concat();
    if let Some(rear) = place::text("Vehicle.Body.Windshield.Rear.Wiping.Mode")
        && rear != "OFF"
    {
        speech.push_str(&[", the rear one is ", words(&rear)].concat());
    }
    speech.push('.');
    Some(speech)
}

fn mirrors() -> Option<String> {
    let folded = |side: &str| place::flag(&["Vehicle.Body.Mirrors.", side, ".IsFolded"].concat());
    let driver = folded("DriverSide")?;
    let passenger = folded("PassengerSide").unwrap_or(driver);
    Some(
        match (driver, passenger) {
            (true, true) => "The mirrors are folded.",
            (true, false) => "The driver's mirror is folded.",
            (false, true) => "The passenger's mirror is folded.",
            (false, false) => "The mirrors are not folded.",
        }
        .into(),
    )
}

/// What is open or unlocked of the whole car, or that nothing is.
fn everything() -> Option<String> {
    let mut open = Vec::new();
    let mut known = false;
    let mut look = |what: &str, state: Option<bool>| {
        known |= state.is_some();
        if state == Some(true) {
            open.push(what.to_owned());
        }
    };
    for station in Zone::All.stations() {
        let name = place::name(station);
        let window = place::number(&station.door("Window.Position")).map(|p| p > 0.0);
        look(&["the ", name, " window"].concat(), window);
        look(&["the ", name, " door"].concat(), place::flag(&station.door("IsOpen")));
    }
    look("the boot", place::flag("Vehicle.Body.Trunk.Rear.IsOpen"));
    look("the bonnet", place::flag("Vehicle.Body.Hood.IsOpen"));
    let sunroof = place::number("Vehicle.Cabin.Sunroof.Position");
    look("the sunroof", sunroof.map(|position| position.abs() > 0.0));
    if !known {
        return None;
    }
    let locked = survey(Zone::All, |s| place::flag(&s.door("IsLocked")).map(|locked| !locked))
        .map(|survey| told(&survey, ("door", "doors"), "unlocked", "locked"));
    let first = if open.is_empty() {
        "Everything is closed.".into()
    } else {
        capital(&[&open.join(", "), " ", place::verb(open.len()), " open."].concat())
    };
    Some([first, locked.map(|words| [" ", &words].concat()).unwrap_or_default()].concat())
}
