//! Entities: the typed things a slot can hold, and their values.
//!
//! Must not parse speech; recognising values in text is `valet-understanding`'s.

use crate::zone::Zone;
use std::fmt;

/// What kind of value a slot wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// A plain number.
    Number,
    /// "the second".
    Ordinal,
    /// 0 to 100.
    Percentage,
    /// Degrees Celsius after conversion.
    Temperature,
    /// A length of time.
    Duration,
    /// A time of day.
    Time,
    /// A calendar date.
    Date,
    /// Metres after conversion.
    Distance,
    /// km/h after conversion.
    Speed,
    /// A colour by name.
    Colour,
    /// A part of the cabin.
    Zone,
    /// Yes or no, on or off.
    Boolean,
    /// A free span of words.
    Text,
    /// An entity that the skill's sentences define by a list of values.
    Listed(String),
}

impl EntityKind {
    /// The kind named in a manifest; a name that is not built in is a listed entity.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "number" => Self::Number,
            "ordinal" => Self::Ordinal,
            "percentage" => Self::Percentage,
            "temperature" => Self::Temperature,
            "duration" => Self::Duration,
            "time" => Self::Time,
            "date" => Self::Date,
            "distance" => Self::Distance,
            "speed" => Self::Speed,
            "colour" => Self::Colour,
            "zone" => Self::Zone,
            "boolean" => Self::Boolean,
            "text" => Self::Text,
            other => Self::Listed(other.to_owned()),
        }
    }

    /// The name as a manifest writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Number => "number",
            Self::Ordinal => "ordinal",
            Self::Percentage => "percentage",
            Self::Temperature => "temperature",
            Self::Duration => "duration",
            Self::Time => "time",
            Self::Date => "date",
            Self::Distance => "distance",
            Self::Speed => "speed",
            Self::Colour => "colour",
            Self::Zone => "zone",
            Self::Boolean => "boolean",
            Self::Text => "text",
            Self::Listed(name) => name,
        }
    }
}

/// A resolved value, in the units of the D-Bus face.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A plain number.
    Number(f64),
    /// Counted from 1; "last" is -1.
    Ordinal(i64),
    /// 0 to 100.
    Percentage(f64),
    /// Degrees Celsius.
    Temperature(f64),
    /// Milliseconds.
    Duration(u64),
    /// `HH:MM[:SS]`, ISO 8601, local time of the device.
    Time(String),
    /// `YYYY-MM-DD`, ISO 8601.
    Date(String),
    /// Metres.
    Distance(f64),
    /// km/h.
    Speed(f64),
    /// `#rrggbb`.
    Colour(String),
    /// A part of the cabin.
    Zone(Zone),
    /// On, yes / off, no.
    Boolean(bool),
    /// Free text, or the canonical value of a listed entity.
    Text(String),
}

/// The value as plain text, the way a reply template or a trace shows it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(v)
            | Self::Percentage(v)
            | Self::Temperature(v)
            | Self::Distance(v)
            | Self::Speed(v) => write!(f, "{v}"),
            Self::Ordinal(v) => write!(f, "{v}"),
            Self::Duration(v) => write!(f, "{v} ms"),
            Self::Time(v) | Self::Date(v) | Self::Colour(v) | Self::Text(v) => f.write_str(v),
            Self::Zone(v) => write!(f, "{v}"),
            Self::Boolean(v) => write!(f, "{v}"),
        }
    }
}
