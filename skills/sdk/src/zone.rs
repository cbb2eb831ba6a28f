//! Zones of the cabin, and the VSS names of the places in them.
//!
//! Must not know which signals a place has; skills append what they need.

pub use crate::bindings::valet::skill::types::{Side, Zone};

/// Rows a car has, as far as VSS gives them stations, doors and seats.
const ROWS: core::ops::RangeInclusive<u8> = 1..=2;

/// One place in the cabin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// Row, from 1 at the front; 1 or 2.
    pub row: u8,
    /// Side of the row.
    pub side: Side,
}

impl Zone {
    /// The driver's place.
    pub const DRIVER: Self = Self::Seat((1, Side::Driver));
    /// The front passenger's place.
    pub const PASSENGER: Self = Self::Seat((1, Side::Passenger));

    /// Whether a place of row 1 or 2 lies in this zone.
    #[must_use]
    pub fn contains(self, row: u8, side: Side) -> bool {
        match self {
            Self::All => true,
            Self::Row(r) => r == row,
            Self::Seat((r, s)) => r == row && s == side,
        }
    }

    /// The places with a climate station, a door and a window: driver's and passenger's
    /// side of rows 1 and 2. A middle seat and rows behind have none.
    pub fn stations(self) -> impl Iterator<Item = Station> {
        ROWS.flat_map(|row| [Side::Driver, Side::Passenger].map(|side| Station { row, side }))
            .filter(move |s| self.contains(s.row, s.side))
    }

    /// The seats: as [`Zone::stations`], and the middle one of row 2.
    pub fn seats(self) -> impl Iterator<Item = Station> {
        ROWS.flat_map(|row| {
            [Side::Driver, Side::Middle, Side::Passenger].map(|side| Station { row, side })
        })
        .filter(move |s| self.contains(s.row, s.side) && (s.row, s.side) != (1, Side::Middle))
    }
}

impl Station {
    /// `Row1` or `Row2`.
    #[must_use]
    pub fn row_name(self) -> &'static str {
        if self.row == 1 { "Row1" } else { "Row2" }
    }

    /// `Driver`, `Middle` or `Passenger`, as climate stations are named.
    #[must_use]
    pub fn side_name(self) -> &'static str {
        match self.side {
            Side::Driver => "Driver",
            Side::Middle => "Middle",
            Side::Passenger => "Passenger",
        }
    }

    /// `DriverSide`, `Middle` or `PassengerSide`, as doors, seats and lights are named.
    #[must_use]
    pub fn place_name(self) -> &'static str {
        match self.side {
            Side::Driver => "DriverSide",
            Side::Middle => "Middle",
            Side::Passenger => "PassengerSide",
        }
    }

    /// `Vehicle.Cabin.HVAC.Station.Row1.Driver.<leaf>`.
    #[must_use]
    pub fn hvac(self, leaf: &str) -> String {
        ["Vehicle.Cabin.HVAC.Station.", self.row_name(), ".", self.side_name(), ".", leaf].concat()
    }

    /// `<branch>.Row1.DriverSide.<leaf>`, such as `Vehicle.Cabin.Door` and `Window.Position`.
    #[must_use]
    pub fn within(self, branch: &str, leaf: &str) -> String {
        [branch, ".", self.row_name(), ".", self.place_name(), ".", leaf].concat()
    }

    /// `Vehicle.Cabin.Door.Row1.DriverSide.<leaf>`.
    #[must_use]
    pub fn door(self, leaf: &str) -> String {
        self.within("Vehicle.Cabin.Door", leaf)
    }

    /// `Vehicle.Cabin.Seat.Row1.DriverSide.<leaf>`.
    #[must_use]
    pub fn seat(self, leaf: &str) -> String {
        self.within("Vehicle.Cabin.Seat", leaf)
    }

    /// The place as a zone.
    #[must_use]
    pub fn zone(self) -> Zone {
        Zone::Seat((self.row, self.side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_cover_the_places_they_name() {
        assert_eq!(Zone::All.stations().count(), 4);
        assert_eq!(Zone::All.seats().count(), 5);
        assert_eq!(Zone::Row(2).seats().count(), 3);
        assert_eq!(Zone::Row(3).stations().count(), 0);
        assert_eq!(Zone::Seat((2, Side::Middle)).stations().count(), 0);
        let paths: Vec<String> = Zone::Row(1).stations().map(|s| s.hvac("Temperature")).collect();
        assert_eq!(
            paths,
            [
                "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature",
                "Vehicle.Cabin.HVAC.Station.Row1.Passenger.Temperature",
            ]
        );
        assert_eq!(
            Station { row: 2, side: Side::Driver }.door("Window.Position"),
            "Vehicle.Cabin.Door.Row2.DriverSide.Window.Position"
        );
    }
}
