//! The catalogue: every signal of VSS 6.0 with its type and bounds, and what an overlay adds.
//!
//! Must not hold a current value; the simulator does.

use crate::{
    behaviour::{Behaviour, Index},
    cycle::Cycle,
    error::{DeviceError, cut},
    overlay,
    playlist::Playlist,
    world::Energy,
};
use std::{collections::BTreeMap, fs, path::Path};
use valet_core::signal::{SignalInfo, SignalKind, SignalPath, SignalType};

/// Longest catalogue text in bytes.
pub const MAX_CATALOGUE_BYTES: usize = 1 << 20;
/// Most signals of a catalogue.
pub const MAX_SIGNALS: usize = 4096;

const BUILTIN_SIGNALS: &str = include_str!("../data/vss6.tsv");
const BUILTIN_OVERLAY: &str = include_str!("../data/overlay.toml");

/// One signal.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) path: SignalPath,
    pub(crate) info: SignalInfo,
    pub(crate) behaviour: Behaviour,
}

/// All signals, sorted by path, and how the simulated vehicle behaves.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub(crate) entries: Vec<Entry>,
    pub(crate) energy: Energy,
    pub(crate) cycles: BTreeMap<String, Cycle>,
    pub(crate) playlists: BTreeMap<String, Playlist>,
}

impl Catalogue {
    /// VSS 6.0 with the overlay that comes with it.
    ///
    /// # Errors
    /// [`DeviceError::Data`] when the data built in is broken; a test holds that it is not.
    pub fn builtin() -> Result<Self, DeviceError> {
        Self::parse("vss6.tsv", BUILTIN_SIGNALS)?.with_overlay("overlay.toml", BUILTIN_OVERLAY)
    }

    /// Reads a table of signals: path, kind, type, unit, lowest, highest, allowed texts
    /// joined by `|`, separated by tabs; `#` starts a comment line. `file` is for messages.
    ///
    /// # Errors
    /// [`DeviceError::Data`] with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, DeviceError> {
        let wrong = |line, why| DeviceError::Data { file: file.to_owned(), line, why };
        if text.len() > MAX_CATALOGUE_BYTES {
            let why = format!("{} bytes came, expected at most {MAX_CATALOGUE_BYTES}", text.len());
            return Err(wrong(1, why));
        }
        let mut entries = Vec::new();
        for (i, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if entries.len() == MAX_SIGNALS {
                return Err(wrong(i + 1, format!("more than {MAX_SIGNALS} signals")));
            }
            entries.push(parse_line(line).map_err(|why| wrong(i + 1, why))?);
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(wrong(1, format!("signal {} occurs twice", pair[0].path)));
        }
        Ok(Self { entries, ..Self::default() })
    }

    /// Refines the catalogue by an overlay, TOML as described in `data/overlay.toml`.
    /// `file` is for messages.
    ///
    /// # Errors
    /// [`DeviceError::Data`] with the line.
    pub fn with_overlay(mut self, file: &str, text: &str) -> Result<Self, DeviceError> {
        overlay::apply(&mut self, file, text)?;
        Ok(self)
    }

    /// Refines the catalogue by an overlay file of at most
    /// [`MAX_OVERLAY_BYTES`](crate::MAX_OVERLAY_BYTES).
    ///
    /// # Errors
    /// [`DeviceError::Unreadable`], [`DeviceError::Data`].
    pub fn with_overlay_file(self, path: &Path) -> Result<Self, DeviceError> {
        let unreadable = |why: String| DeviceError::Unreadable { path: path.to_owned(), why };
        let size = fs::metadata(path).map_err(|e| unreadable(e.to_string()))?.len();
        if usize::try_from(size).map_or(true, |size| size > overlay::MAX_OVERLAY_BYTES) {
            let most = overlay::MAX_OVERLAY_BYTES;
            return Err(unreadable(format!("{size} bytes, expected at most {most}")));
        }
        let text = fs::read_to_string(path).map_err(|e| unreadable(e.to_string()))?;
        self.with_overlay(&path.display().to_string(), &text)
    }

    /// What the catalogue says of a path.
    #[must_use]
    pub fn describe(&self, path: &SignalPath) -> Option<&SignalInfo> {
        self.index(path.as_str()).map(|i| &self.entries[i].info)
    }

    /// All paths that start with `prefix`, sorted.
    #[must_use]
    pub fn paths(&self, prefix: &str) -> Vec<SignalPath> {
        let first = self.entries.partition_point(|entry| entry.path.as_str() < prefix);
        self.entries[first..]
            .iter()
            .take_while(|entry| entry.path.as_str().starts_with(prefix))
            .map(|entry| entry.path.clone())
            .collect()
    }

    /// The index of a path.
    pub(crate) fn index(&self, path: &str) -> Option<Index> {
        self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()
    }
}

fn parse_line(line: &str) -> Result<Entry, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [path, kind, data_type, unit, min, max, allowed] = fields[..] else {
        return Err(format!("{} columns came, expected 7 separated by tabs", fields.len()));
    };
    let path = SignalPath::parse(path).map_err(|e| e.to_string())?;
    let kind = match kind {
        "sensor" => SignalKind::Sensor,
        "actuator" => SignalKind::Actuator,
        "attribute" => SignalKind::Attribute,
        other => {
            let got = cut(other);
            return Err(format!("kind {got:?} is unknown, expected sensor, actuator or attribute"));
        }
    };
    let (scalar, is_array) = match data_type.strip_suffix("[]") {
        Some(scalar) => (scalar, true),
        None => (data_type, false),
    };
    let (data_type, narrowest, widest) = data_type_of(scalar)
        .ok_or_else(|| format!("type {:?} is not one of VSS", cut(data_type)))?;
    let (min, max) = (parse_bound(min)?.or(narrowest), parse_bound(max)?.or(widest));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(format!("the lowest value {min} is above the highest {max}"));
    }
    let allowed = if allowed.is_empty() {
        Vec::new()
    } else {
        allowed.split('|').map(ToOwned::to_owned).collect()
    };
    let (unit, momentary) = (unit.to_owned(), Vec::new());
    let info = SignalInfo { kind, data_type, is_array, unit, min, max, allowed, momentary };
    Ok(Entry { path, info, behaviour: Behaviour::default() })
}

/// The scalar type of a VSS type and the bounds of its width.
fn data_type_of(name: &str) -> Option<(SignalType, Option<f64>, Option<f64>)> {
    let integer = |min: f64, max: f64| Some((SignalType::Integer, Some(min), Some(max)));
    match name {
        "boolean" => Some((SignalType::Boolean, None, None)),
        "string" => Some((SignalType::Text, None, None)),
        "float" | "double" => Some((SignalType::Float, None, None)),
        "uint8" => integer(0.0, f64::from(u8::MAX)),
        "uint16" => integer(0.0, f64::from(u16::MAX)),
        "uint32" => integer(0.0, f64::from(u32::MAX)),
        "int8" => integer(f64::from(i8::MIN), f64::from(i8::MAX)),
        "int16" => integer(f64::from(i16::MIN), f64::from(i16::MAX)),
        "int32" => integer(f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => None,
    }
}

fn parse_bound(text: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Some(number)),
        _ => Err(format!("bound {:?} is no number", cut(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> SignalPath {
        SignalPath::parse(text).expect("a path")
    }

    #[test]
    fn the_builtin_catalogue_holds_all_of_vss_6() {
        let catalogue = Catalogue::builtin().expect("good data");
        assert_eq!(catalogue.paths("").len(), 968);
        let wiping = path("Vehicle.Body.Windshield.Front.Wiping.Intensity");
        assert_eq!(catalogue.describe(&wiping).expect("known").max, Some(5.0));
        let station = path("Vehicle.Cabin.HVAC.Station.Row2.Passenger.Temperature");
        let info = catalogue.describe(&station).expect("known");
        assert_eq!((info.min, info.max), (Some(16.0), Some(30.0)));
        assert_eq!(info.unit, "Celsius");
        assert_eq!(catalogue.paths("Vehicle.Cabin.Sunroof.").len(), 5);
    }

    #[test]
    fn an_unsigned_byte_without_bounds_gets_those_of_its_type() {
        let catalogue =
            Catalogue::parse("t", "Vehicle.A\tactuator\tuint8\t\t\t\t\n").expect("a signal");
        let info = catalogue.describe(&path("Vehicle.A")).expect("known");
        assert_eq!((info.min, info.max), (Some(0.0), Some(255.0)));
    }

    #[test]
    fn a_broken_line_is_refused_with_its_number() {
        for (line, word) in [
            ("Vehicle.A\tactuator\tuint8\t\t\t", "columns"),
            ("Vehicle.*\tactuator\tuint8\t\t\t\t", "path"),
            ("Vehicle.A\tlever\tuint8\t\t\t\t", "kind"),
            ("Vehicle.A\tsensor\tuint7\t\t\t\t", "type"),
            ("Vehicle.A\tsensor\tuint8\t\tx\t\t", "bound"),
            ("Vehicle.A\tsensor\tuint8\t\t9\t3\t", "lowest"),
        ] {
            let text = format!("# a comment\n\n{line}\n");
            let error = Catalogue::parse("cars.tsv", &text).expect_err("a broken line").to_string();
            assert!(error.starts_with("cars.tsv:3: ") && error.contains(word), "{error}");
        }
        let twice = "Vehicle.A\tsensor\tuint8\t\t\t\t\n".repeat(2);
        assert!(Catalogue::parse("t", &twice).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,200}", table in "[VA.\tusenor8i\n|#-]{0,200}") {
            let _ = Catalogue::parse("t", &text);
            let _ = Catalogue::parse("t", &table);
            let _ = Catalogue::default().with_overlay("t", &text);
        }
    }
}
