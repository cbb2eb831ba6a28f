//! Zones of a command, the values there, and words for them.
//!
//! Must not actuate.

use valet_skill_sdk::prelude::*;

/// The zone of a command: as said, else the speaker's.
pub(crate) fn zone(call: &Call) -> Zone {
    call.zone("zone").unwrap_or(call.speaker())
}

/// The zone of a command about seats. Where nobody knows who speaks, one's own seat is the
/// driver's rather than every seat.
pub(crate) fn seat_zone(call: &Call) -> Zone {
    let zone = zone(call);
    let said = call.words("zone").unwrap_or_default().to_ascii_lowercase();
    let own = matches!(said.split(' ').next(), None | Some("" | "me" | "my" | "mine" | "here"));
    if zone == Zone::All && call.speaker() == Zone::All && own { Zone::DRIVER } else { zone }
}

/// Words for a zone behind a sentence: "for the driver".
pub(crate) fn words(zone: Zone) -> &'static str {
    match zone {
        Zone::All => "everywhere",
        Zone::Row(1) => "in the front",
        Zone::Seat((1, Side::Driver)) => "for the driver",
        Zone::Seat((1, Side::Passenger)) => "for the front passenger",
        Zone::Seat((2, Side::Driver)) => "in the back on the driver's side",
        Zone::Seat((2, Side::Passenger)) => "in the back on the passenger's side",
        Zone::Seat((2, Side::Middle)) => "in the middle of the back",
        _ => "in the back",
    }
}

/// Adds the place to a reply when the person named one.
pub(crate) fn tell(outcome: Outcome, call: &Call) -> Outcome {
    match call.words("zone") {
        Some(said) if !said.is_empty() => outcome.with("where", words(zone(call))),
        _ => outcome,
    }
}

/// The refusal for a zone without a climate station.
pub(crate) fn without_station() -> Outcome {
    Outcome::cannot_do("That place has no climate control of its own.")
}

/// The current number of a signal; `None` when it is not known or cannot be read.
pub(crate) fn current(path: &str) -> Option<f64> {
    signals::read_number(path).ok().flatten()
}

/// The bounds that the catalogue gives a signal, else the given ones.
pub(crate) fn bounds(path: &str, otherwise: (f64, f64)) -> (f64, f64) {
    signals::describe(path).map_or(otherwise, |info| {
        (info.min.unwrap_or(otherwise.0), info.max.unwrap_or(otherwise.1))
    })
}
