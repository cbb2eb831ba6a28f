//! Places of the cabin in words, and reading what is there.
//!
//! Must not actuate.

use valet_skill_sdk::{prelude::*, zone::Station};

/// The current number of a signal; `None` when it is not known or cannot be read.
pub(crate) fn number(path: &str) -> Option<f64> {
    signals::read_number(path).ok().flatten()
}

/// The current boolean; `None` when it is not known or cannot be read.
pub(crate) fn flag(path: &str) -> Option<bool> {
    signals::read_bool(path).ok().flatten()
}

/// The current text; `None` when it is not known or cannot be read.
pub(crate) fn text(path: &str) -> Option<String> {
    signals::read_text(path).ok().flatten()
}

/// The place of who speaks; the driver's where nobody knows who it is.
pub(crate) fn own(call: &Call) -> Zone {
    if call.speaker() == Zone::All { Zone::DRIVER } else { call.speaker() }
}

/// Words for one place: "front left" would depend on the market, so sides are by person.
pub(crate) fn name(station: Station) -> &'static str {
    match (station.row, station.side) {
        (1, Side::Driver) => "driver's",
        (1, _) => "front passenger's",
        (_, Side::Driver) => "rear driver's side",
        _ => "rear passenger's side",
    }
}

/// Words for some places of one kind: "the driver's window", "the rear windows",
/// "all windows".
pub(crate) fn group(stations: &[Station], one: &str, many: &str) -> String {
    let all_of = |row: u8| stations.iter().all(|s| s.row == row);
    match stations {
        [] => ["no ", one].concat(),
        [station] => ["the ", name(*station), " ", one].concat(),
        [_, _] if all_of(1) => ["the front ", many].concat(),
        [_, _] if all_of(2) => ["the rear ", many].concat(),
        [_, _, _, _] => ["all ", many].concat(),
        _ => ["the ", many].concat(),
    }
}

/// Words for some places of one kind that are not all there are, each by its name: "the driver's
/// and the rear passenger's side doors".
pub(crate) fn listed(stations: &[Station], one: &str, many: &str) -> String {
    let names: Vec<String> = stations.iter().map(|s| ["the ", name(*s)].concat()).collect();
    match names.as_slice() {
        [] => group(stations, one, many),
        [only] => [only, " ", one].concat(),
        [rest @ .., last] => [&rest.join(", "), " and ", last, " ", many].concat(),
    }
}

/// Whether the car has a signal at all, known or not.
pub(crate) fn is_there(path: &str) -> bool {
    signals::describe(path).is_ok()
}

/// "is" or "are".
pub(crate) fn verb(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(zone: Zone) -> String {
        let stations: Vec<Station> = zone.stations().collect();
        group(&stations, "window", "windows")
    }

    #[test]
    fn groups_are_named_as_a_person_would() {
        assert_eq!(of(Zone::All), "all windows");
        assert_eq!(of(Zone::Row(2)), "the rear windows");
        assert_eq!(of(Zone::DRIVER), "the driver's window");
    }

    #[test]
    fn a_part_of_the_places_is_named_one_by_one() {
        let stations: Vec<Station> = Zone::All.stations().collect();
        let said = |some: &[Station]| listed(some, "door", "doors");
        assert_eq!(said(&stations[..1]), "the driver's door");
        assert_eq!(
            said(&stations[..3]),
            "the driver's, the front passenger's and the rear driver's side doors"
        );
    }
}
