//! What the car complains about.
//!
//! Must not hide a complaint: every one that is read is said, most urgent first.

use crate::{read, tyres, units};
use valet_skill_sdk::prelude::*;

/// Below this the 12 volt battery is weak, V.
const WEAK_BELOW_V: f64 = 11.8;
/// A service this near is mentioned, km.
const SERVICE_SOON_KM: f64 = 1000.0;
/// Most fault codes that are read out.
const MAX_CODES: usize = 5;

const WASHER_LOW: &str = "Vehicle.Body.Windshield.Front.WasherFluid.IsLevelLow";
const WASHER: &str = "Vehicle.Body.Windshield.Front.WasherFluid.Level";
const VOLTAGE: &str = "Vehicle.LowVoltageBattery.CurrentVoltage";
const FAULTS: &str = "Vehicle.Diagnostics.DTCCount";
const FUEL_LOW: &str = "Vehicle.Powertrain.FuelSystem.IsFuelLevelLow";

const LIGHTS: [(&str, &str); 12] = [
    ("Beam.Low", "a low beam"),
    ("Beam.High", "a high beam"),
    ("Brake", "a brake light"),
    ("DirectionIndicator.Left", "a left indicator"),
    ("DirectionIndicator.Right", "a right indicator"),
    ("Backup", "a reversing light"),
    ("Fog.Front", "a front fog light"),
    ("Fog.Rear", "a rear fog light"),
    ("Hazard", "a hazard light"),
    ("LicensePlate", "the number plate light"),
    ("Parking", "a parking light"),
    ("Running", "a running light"),
];

pub(crate) fn answer(call: &Call) -> Outcome {
    match call.text("topic") {
        Some("washer") => read::answer(washer(), "how much washer fluid there is"),
        Some("brakes") => found(brakes(), "No brake is reported to be worn.", "how its brakes are"),
        Some("service") => read::answer(service(call), "when the service is due"),
        Some("faults") => found(faults(), "No fault codes are stored.", "its fault codes"),
        Some("lights") => {
            found(lights(), "No light is reported to be defective.", "how its lights are")
        }
        Some("twelve-volt") => read::answer(twelve_volt(), "its 12 volt battery's voltage"),
        _ => all(call),
    }
}

/// What one look found: complaints, whether anything at all is reported, and whether a part of it
/// cannot be seen.
#[derive(Default)]
struct Found {
    complaints: Vec<String>,
    known: bool,
    hidden: bool,
}

impl Found {
    /// Looks at a warning: its words, where it is on. One that the car never reported says
    /// nothing; one that cannot be read hides something.
    fn look(&mut self, path: &str, words: impl FnOnce() -> String) {
        match signals::read(path) {
            Ok(Some(SignalValue::Boolean(on))) => {
                self.known = true;
                self.complaints.extend(on.then(words));
            }
            Ok(_) => {}
            Err(_) => self.hidden = true,
        }
    }
}

/// The complaints of one look; that there are none only where all of it can be seen.
fn found(found: Found, otherwise: &str, what: &str) -> Outcome {
    if !found.complaints.is_empty() {
        return Outcome::answer(sentence(&found.complaints));
    }
    read::answer((found.known && !found.hidden).then(|| otherwise.into()), what)
}

fn sentence(parts: &[String]) -> String {
    let mut speech = String::new();
    for part in parts {
        if !speech.is_empty() {
            speech.push(' ');
        }
        let mut letters = part.chars();
        speech.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        speech.push_str(letters.as_str());
        speech.push('.');
    }
    speech
}

fn all(call: &Call) -> Outcome {
    let mut general = Found::default();
    general.look("Vehicle.IsBrokenDown", || "the car reports a breakdown".into());
    let mut tyres = Found::default();
    for (branch, name) in tyres::wheels() {
        let path = [branch, ".Tire.IsPressureLow"].concat();
        tyres.look(&path, || ["the ", name, " tyre is low"].concat());
    }
    let mut fluids = Found::default();
    fluids.look(FUEL_LOW, || "the fuel is low".into());
    let mut battery = Found { hidden: signals::read(VOLTAGE).is_err(), ..Found::default() };
    if let Some(volts) = read::number(VOLTAGE) {
        battery.known = true;
        battery
            .complaints
            .extend((volts < WEAK_BELOW_V).then(|| "the 12 volt battery is weak".into()));
    }
    let mut washer = Found::default();
    washer.look(WASHER_LOW, || "the washer fluid is low".into());
    let looks = [
        ("breakdowns", general),
        ("the brakes", brakes()),
        ("the tyres", tyres),
        ("fault codes", faults()),
        ("the fuel", fluids),
        ("the 12 volt battery", battery),
        ("the lights", lights()),
        ("the washer fluid", washer),
    ];
    let known = looks.iter().any(|(_, look)| look.known);
    let hidden: Vec<&str> = looks.iter().filter(|(_, l)| l.hidden).map(|(what, _)| *what).collect();
    let mut complaints: Vec<String> = looks.into_iter().flat_map(|(_, l)| l.complaints).collect();
    if service_is_near() {
        complaints.extend(service(call).map(|words| words.trim_end_matches('.').to_owned()));
    }
    Outcome::answer(summary(&complaints, known, &hidden))
}

/// Complaints, or that there are none of what the car tells; then what it does not tell.
fn summary(complaints: &[String], known: bool, hidden: &[&str]) -> String {
    let untold = || ["the car does not tell me about ", &hidden.join(", "), " now"].concat();
    match (complaints, hidden) {
        ([], []) if known => "The car reports no problems.".into(),
        ([], []) => "The car does not tell me about problems now.".into(),
        ([], _) if known => sentence(&[untold(), "it reports no other problems".into()]),
        ([], _) => sentence(&[untold()]),
        (complaints, []) => sentence(complaints),
        (complaints, _) => {
            let mut all = complaints.to_vec();
            all.push(untold());
            sentence(&all)
        }
    }
}

fn washer() -> Option<String> {
    let low = read::flag(WASHER_LOW);
    let level = read::number(WASHER).map(|level| say::number(level, 0));
    match (low, level) {
        (Some(true), Some(level)) => {
            Some(["The washer fluid is low, at ", &level, " percent."].concat())
        }
        (_, Some(level)) => Some(["The washer fluid is at ", &level, " percent."].concat()),
        (Some(true), None) => Some("The washer fluid is low.".into()),
        (Some(false), None) => Some("There is enough washer fluid.".into()),
        (None, None) => None,
    }
}

fn brakes() -> Found {
    let mut brakes = Found::default();
    for (branch, name) in tyres::wheels() {
        let path = [branch, ".Brake.IsBrakesWorn"].concat();
        brakes.look(&path, || ["the ", name, " brake is worn"].concat());
    }
    let mut fluid = Found::default();
    for (branch, _) in tyres::wheels() {
        let path = [branch, ".Brake.IsFluidLevelLow"].concat();
        fluid.look(&path, || "the brake fluid is low".into());
    }
    brakes.complaints.extend(fluid.complaints.into_iter().take(1));
    brakes.known |= fluid.known;
    brakes.hidden |= fluid.hidden;
    brakes
}

fn faults() -> Found {
    let count = signals::read_number(FAULTS);
    let listed = signals::read("Vehicle.Diagnostics.DTCList");
    let hidden = count.is_err() && listed.is_err();
    let count = count.ok().flatten();
    let codes = match listed {
        Ok(Some(SignalValue::Texts(codes))) => Some(codes),
        _ => None,
    };
    let known = count.is_some() || codes.is_some();
    let words = fault_words(count.unwrap_or(0.0), &codes.unwrap_or_default());
    Found { complaints: words.into_iter().collect(), known, hidden }
}

fn fault_words(count: f64, codes: &[String]) -> Option<String> {
    if count < 1.0 && codes.is_empty() {
        return None;
    }
    let shown: Vec<&str> = codes.iter().take(MAX_CODES).map(String::as_str).collect();
    Some(match (shown.as_slice(), codes.len() > MAX_CODES) {
        ([], _) => [&say::number(count, 0), " fault codes are stored"].concat(),
        (shown, false) => ["fault codes are stored: ", &shown.join(", ")].concat(),
        (shown, true) => ["fault codes are stored, among them ", &shown.join(", ")].concat(),
    })
}

fn lights() -> Found {
    let mut lights = Found::default();
    for (branch, name) in LIGHTS {
        let path = ["Vehicle.Body.Lights.", branch, ".IsDefect"].concat();
        lights.look(&path, || [name, " is defective"].concat());
    }
    lights
}

fn service_is_near() -> bool {
    read::is_true("Vehicle.Service.IsServiceDue")
        || read::number("Vehicle.Service.DistanceToService").is_some_and(|km| km < SERVICE_SOON_KM)
}

fn service(call: &Call) -> Option<String> {
    if read::is_true("Vehicle.Service.IsServiceDue") {
        return Some("A service is due.".into());
    }
    let way = read::number("Vehicle.Service.DistanceToService")
        .map(|km| units::way(km.max(0.0) * 1000.0, call));
    let days = read::number("Vehicle.Service.TimeToService")
        .map(|seconds| say::number((seconds / 86_400.0).max(0.0), 0));
    Some(match (way, days) {
        (Some(way), Some(days)) => {
            ["The next service is due in ", &way, " or ", &days, " days."].concat()
        }
        (Some(way), None) => ["The next service is due in ", &way, "."].concat(),
        (None, Some(days)) => ["The next service is due in ", &days, " days."].concat(),
        (None, None) => return None,
    })
}

fn twelve_volt() -> Option<String> {
    let volts = read::number(VOLTAGE)?;
    let verdict = if volts < WEAK_BELOW_V { "weak" } else { "fine" };
    Some(["The 12 volt battery is ", verdict, ", at ", &say::number(volts, 1), " volts."].concat())
}

#[cfg(test)]
mod tests {
    use super::{sentence, summary};

    #[test]
    fn complaints_become_sentences() {
        let parts = ["the fuel is low".to_owned(), "a low beam is defective".to_owned()];
        assert_eq!(sentence(&parts), "The fuel is low. A low beam is defective.");
    }

    #[test]
    fn what_cannot_be_seen_is_no_all_clear() {
        assert_eq!(summary(&[], true, &[]), "The car reports no problems.");
        assert_eq!(summary(&[], false, &[]), "The car does not tell me about problems now.");
        assert_eq!(
            summary(&[], true, &["the brakes"]),
            "The car does not tell me about the brakes now. It reports no other problems."
        );
        assert_eq!(
            summary(&["the fuel is low".to_owned()], true, &["the tyres"]),
            "The fuel is low. The car does not tell me about the tyres now."
        );
    }
}
