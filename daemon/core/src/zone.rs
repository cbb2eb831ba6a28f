//! Zones: who speaks, and which part of the cabin a command is about.
//!
//! Must not know which signals belong to a zone; skills map zones to signals.

use std::fmt;

/// Highest row number a zone may name (VSS knows four seat rows).
pub const MAX_ROW: u8 = 4;

/// A side of a row, as VSS names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The driver's side.
    Driver,
    /// The middle.
    Middle,
    /// The passenger's side.
    Passenger,
}

/// A part of the cabin: `all`, `row<N>`, or `row<N>-driver|middle|passenger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Zone {
    /// The whole cabin.
    #[default]
    All,
    /// A whole row, counted from 1 at the front.
    Row(u8),
    /// One place in a row.
    Seat(u8, Side),
}

/// A text that is not a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "zone {got:?} is unknown, expected all, row<N> or row<N>-driver|middle|passenger with N from 1 to {MAX_ROW}"
)]
pub struct ZoneError {
    /// What came.
    pub got: String,
}

impl Zone {
    /// The driver's place.
    pub const DRIVER: Self = Self::Seat(1, Side::Driver);
    /// The front passenger's place.
    pub const PASSENGER: Self = Self::Seat(1, Side::Passenger);

    /// Parses the D-Bus notation.
    ///
    /// # Errors
    /// [`ZoneError`] for anything else than that notation.
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        let refuse = || ZoneError { got: text.chars().take(64).collect() };
        if text == "all" {
            return Ok(Self::All);
        }
        let rest = text.strip_prefix("row").ok_or_else(refuse)?;
        let (row, side) = match rest.split_once('-') {
            Some((row, side)) => (row, Some(side)),
            None => (rest, None),
        };
        let row = match row.as_bytes() {
            [d @ b'1'..=b'4'] => d - b'0',
            _ => return Err(refuse()),
        };
        match side {
            None => Ok(Self::Row(row)),
            Some("driver") => Ok(Self::Seat(row, Side::Driver)),
            Some("middle") => Ok(Self::Seat(row, Side::Middle)),
            Some("passenger") => Ok(Self::Seat(row, Side::Passenger)),
            Some(_) => Err(refuse()),
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Row(row) => write!(f, "row{row}"),
            Self::Seat(row, Side::Driver) => write!(f, "row{row}-driver"),
            Self::Seat(row, Side::Middle) => write!(f, "row{row}-middle"),
            Self::Seat(row, Side::Passenger) => write!(f, "row{row}-passenger"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_survives_display_and_parse() {
        for text in ["all", "row1", "row4", "row1-driver", "row2-middle", "row3-passenger"] {
            assert_eq!(Zone::parse(text).expect("a zone").to_string(), text);
        }
        for text in ["", "row", "row0", "row5", "row12", "row1-", "row1-left", "driver"] {
            assert!(Zone::parse(text).is_err(), "{text:?} is no zone");
        }
    }
}
