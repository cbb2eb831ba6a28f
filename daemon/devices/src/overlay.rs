//! Reads an overlay: bounds, initial values and behaviour by pattern, checked against the
//! catalogue line by line. Strict: an unknown key, a pattern that matches nothing and a
//! value that does not fit are errors with file and line.
//!
//! Must not guess.

use crate::{
    behaviour::{Drive, DriveAct, Index, View},
    catalogue::{Catalogue, Entry},
    cycle::Cycle,
    error::{DeviceError, cut},
    playlist::{Item, Playlist},
    values,
    world::Energy,
};
use serde::Deserialize;
use std::{ops::Range, time::Duration};
use toml::{Spanned, Value as Toml};
use valet_core::{
    capability::{is_path_pattern, path_matches},
    signal::{SignalInfo, SignalPath, SignalType, SignalValue},
};

/// Longest overlay text in bytes.
pub const MAX_OVERLAY_BYTES: usize = 256 << 10;
/// Most tables of a kind.
const MAX_TABLES: usize = 1000;
/// Most `drives` of a table.
const MAX_DRIVES: usize = 16;
/// Longest dead or momentary time, ms.
const MAX_DELAY_MS: u64 = 60_000;
/// Longest chain of derived or driven signals.
const MAX_CHAIN: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayFile {
    #[serde(default)]
    signal: Vec<SignalTable>,
    energy: Option<Spanned<Energy>>,
    #[serde(default)]
    cycle: Vec<CycleTable>,
    #[serde(default)]
    playlist: Vec<PlaylistTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SignalTable {
    path: Spanned<String>,
    min: Option<f64>,
    max: Option<f64>,
    allowed: Option<Vec<String>>,
    initial: Option<Toml>,
    heads_for: Option<f64>,
    rate: Option<f64>,
    delay_ms: Option<u64>,
    above: Option<BoundTable>,
    below: Option<BoundTable>,
    same: Option<String>,
    count: Option<String>,
    drives: Option<Vec<DriveTable>>,
    momentary: Option<Vec<String>>,
    momentary_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundTable {
    of: String,
    than: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DriveTable {
    when: Option<Toml>,
    signal: String,
    to: Option<Toml>,
    #[serde(default)]
    stop: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CycleTable {
    name: Spanned<String>,
    points: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaylistTable {
    source: Spanned<String>,
    items: Vec<Item>,
}

/// Applies an overlay to a catalogue.
pub(crate) fn apply(catalogue: &mut Catalogue, file: &str, text: &str) -> Result<(), DeviceError> {
    let wrong = |line, why| DeviceError::Data { file: file.to_owned(), line, why };
    if text.len() > MAX_OVERLAY_BYTES {
        let why = format!("{} bytes came, expected at most {MAX_OVERLAY_BYTES}", text.len());
        return Err(wrong(1, why));
    }
    let overlay: OverlayFile = toml::from_str(text)
        .map_err(|error| wrong(line_of(text, error.span()), error.message().replace('\n', ", ")))?;
    let tables = overlay.signal.len().max(overlay.cycle.len()).max(overlay.playlist.len());
    if tables > MAX_TABLES {
        return Err(wrong(1, format!("{tables} tables came, expected at most {MAX_TABLES}")));
    }
    for table in &overlay.signal {
        let at = |why| wrong(line_of(text, Some(table.path.span())), why);
        refine_all(catalogue, table).map_err(at)?;
    }
    if let Some(energy) = overlay.energy {
        let line = line_of(text, Some(energy.span()));
        energy.get_ref().check().map_err(|why| wrong(line, why))?;
        catalogue.energy = energy.into_inner();
    }
    for table in overlay.cycle {
        let line = line_of(text, Some(table.name.span()));
        let cycle = Cycle::new(table.points).map_err(|why| wrong(line, why))?;
        catalogue.cycles.insert(table.name.into_inner(), cycle);
    }
    for table in overlay.playlist {
        let line = line_of(text, Some(table.source.span()));
        let playlist = Playlist::new(table.items).map_err(|why| wrong(line, why))?;
        catalogue.playlists.insert(table.source.into_inner(), playlist);
    }
    check_chains(catalogue).map_err(|why| wrong(1, why))
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let end = span.map_or(0, |span| span.start).min(text.len());
    1 + text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count()
}

fn refine_all(catalogue: &mut Catalogue, table: &SignalTable) -> Result<(), String> {
    let pattern = table.path.get_ref();
    if !is_path_pattern(pattern) {
        return Err(format!("{:?} is no pattern of signal paths", cut(pattern)));
    }
    let matching: Vec<Index> = (0..catalogue.entries.len())
        .filter(|i| path_matches(pattern, catalogue.entries[*i].path.as_str()))
        .collect();
    if matching.is_empty() {
        return Err(format!("no signal matches {pattern:?}"));
    }
    for index in matching {
        let refined = refine(catalogue, index, table)
            .map_err(|why| format!("{}: {why}", catalogue.entries[index].path))?;
        catalogue.entries[index] = refined;
    }
    Ok(())
}

/// One entry with a table applied, checked as a whole.
fn refine(catalogue: &Catalogue, index: Index, table: &SignalTable) -> Result<Entry, String> {
    let mut entry = catalogue.entries[index].clone();
    narrow(&mut entry, table)?;
    let Entry { path, info, behaviour } = &mut entry;
    if let Some(initial) = &table.initial {
        behaviour.initial = Some(value_of(initial)?);
    }
    if let Some(initial) = &behaviour.initial {
        let fitted = values::fit(info, initial)
            .map_err(|expected| format!("initial value {initial} came, expected {expected}"))?;
        behaviour.initial = Some(fitted);
    }
    if let Some(delay_ms) = table.delay_ms {
        behaviour.delay = short_time("delay-ms", delay_ms)?;
    }
    let moves = matches!(info.data_type, SignalType::Integer | SignalType::Float) && !info.is_array;
    if let Some(rate) = table.rate {
        if !(moves && rate.is_finite() && rate > 0.0) {
            return Err(format!("rate {rate} came, expected a number above zero on a number"));
        }
        behaviour.rate = Some(rate);
    }
    if let Some(heads_for) = table.heads_for {
        let target = values::fit(info, &SignalValue::Float(heads_for))
            .map_err(|expected| format!("heads-for {heads_for} came, expected {expected}"))?;
        behaviour.heads_for = target.as_number();
    }
    if let Some(momentary) = &table.momentary {
        let foreign =
            momentary.iter().find(|text| !info.allowed.is_empty() && !info.allowed.contains(text));
        if info.data_type != SignalType::Text || foreign.is_some() {
            return Err("momentary texts came, expected some of those allowed".to_owned());
        }
        info.momentary.clone_from(momentary);
    }
    if let Some(ms) = table.momentary_ms {
        behaviour.momentary_for = short_time("momentary-ms", ms)?;
    }
    if let Some(view) = view_of(catalogue, path, table)? {
        behaviour.view = Some(view);
    }
    if behaviour.view.is_some_and(|view| !derivable(catalogue, info, view)) {
        return Err("its source has a type it cannot be derived from".to_owned());
    }
    if behaviour.view.is_some() && behaviour.initial.is_some() {
        return Err("a derived signal has no initial value".to_owned());
    }
    if let Some(drives) = &table.drives {
        if drives.len() > MAX_DRIVES {
            return Err(format!("{} drives came, expected at most {MAX_DRIVES}", drives.len()));
        }
        behaviour.drives = drives
            .iter()
            .map(|drive| drive_of(catalogue, path, info, drive))
            .collect::<Result<_, _>>()?;
    }
    Ok(entry)
}

/// Applies bounds; they may only become narrower.
fn narrow(entry: &mut Entry, table: &SignalTable) -> Result<(), String> {
    let info = &mut entry.info;
    if table.min.or(table.max).is_some()
        && !matches!(info.data_type, SignalType::Integer | SignalType::Float)
    {
        return Err("bounds came, expected them on a number only".to_owned());
    }
    let (old_min, old_max) = (info.min, info.max);
    if let Some(min) = table.min {
        info.min = Some(min);
    }
    if let Some(max) = table.max {
        info.max = Some(max);
    }
    let (min, max) = (info.min.unwrap_or(f64::NEG_INFINITY), info.max.unwrap_or(f64::INFINITY));
    let widened = old_min.is_some_and(|old| min < old) || old_max.is_some_and(|old| max > old);
    if min.is_nan() || max.is_nan() || min > max || widened {
        return Err(format!("bounds {min} to {max} came, expected narrower ones"));
    }
    if let Some(allowed) = &table.allowed {
        let foreign =
            allowed.iter().find(|text| !info.allowed.is_empty() && !info.allowed.contains(text));
        if info.data_type != SignalType::Text || allowed.is_empty() || foreign.is_some() {
            return Err("allowed texts came, expected some of those of VSS".to_owned());
        }
        info.allowed.clone_from(allowed);
    }
    Ok(())
}

fn short_time(key: &str, ms: u64) -> Result<Duration, String> {
    if ms > MAX_DELAY_MS {
        return Err(format!("{key} {ms} came, expected at most {MAX_DELAY_MS}"));
    }
    Ok(Duration::from_millis(ms))
}

fn view_of(
    catalogue: &Catalogue,
    path: &SignalPath,
    table: &SignalTable,
) -> Result<Option<View>, String> {
    let bound = |bound: &BoundTable| {
        let of = resolve(catalogue, path, &bound.of)?;
        if bound.than.is_finite() { Ok((of, bound.than)) } else { Err("no number".to_owned()) }
    };
    match (&table.above, &table.below, &table.same, &table.count) {
        (None, None, None, None) => Ok(None),
        (Some(b), None, None, None) => bound(b).map(|(of, than)| Some(View::Above { of, than })),
        (None, Some(b), None, None) => bound(b).map(|(of, than)| Some(View::Below { of, than })),
        (None, None, Some(of), None) => Ok(Some(View::Same { of: resolve(catalogue, path, of)? })),
        (None, None, None, Some(of)) => Ok(Some(View::Count { of: resolve(catalogue, path, of)? })),
        _ => Err("several of above, below, same and count came, expected one".to_owned()),
    }
}

/// Whether a signal can show what a view makes of its source.
fn derivable(catalogue: &Catalogue, info: &SignalInfo, view: View) -> bool {
    let source = &catalogue.entries[view.source()].info;
    let number = matches!(source.data_type, SignalType::Integer | SignalType::Float);
    match view {
        View::Above { .. } | View::Below { .. } => {
            number && !source.is_array && info.data_type == SignalType::Boolean && !info.is_array
        }
        View::Same { .. } => source.data_type == info.data_type && source.is_array == info.is_array,
        View::Count { .. } => {
            source.is_array && info.data_type == SignalType::Integer && !info.is_array
        }
    }
}

fn drive_of(
    catalogue: &Catalogue,
    path: &SignalPath,
    info: &SignalInfo,
    table: &DriveTable,
) -> Result<Drive, String> {
    let signal = resolve(catalogue, path, &table.signal)?;
    let driven = &catalogue.entries[signal].info;
    let when = match &table.when {
        None => None,
        Some(when) => {
            let when = value_of(when)?;
            // A value the signal can no longer have is no error: one pattern serves several.
            Some(values::fit(info, &when).unwrap_or(when))
        }
    };
    let act = match (&table.to, table.stop) {
        (Some(to), false) => {
            let to = value_of(to)?;
            let fitted = values::fit(driven, &to).map_err(|expected| {
                format!("to = {to} came for {}, expected {expected}", table.signal)
            })?;
            DriveAct::To(fitted)
        }
        (None, true) => DriveAct::Stop,
        (None, false) if driven.data_type == info.data_type => DriveAct::Along,
        _ => return Err("to and stop came, expected one of them".to_owned()),
    };
    Ok(Drive { when, signal, act })
}

/// The signal of a name: a whole path, or a sibling in the branch of `path`.
fn resolve(catalogue: &Catalogue, path: &SignalPath, name: &str) -> Result<Index, String> {
    let branch = path.as_str().rsplit_once('.').map_or("", |(branch, _)| branch);
    let whole =
        if name.starts_with("Vehicle.") { name.to_owned() } else { format!("{branch}.{name}") };
    catalogue.index(&whole).ok_or_else(|| format!("signal {:?} is unknown", cut(&whole)))
}

fn value_of(toml: &Toml) -> Result<SignalValue, String> {
    match toml {
        Toml::Boolean(v) => Ok(SignalValue::Boolean(*v)),
        Toml::Integer(v) => Ok(SignalValue::Integer(*v)),
        Toml::Float(v) => Ok(SignalValue::Float(*v)),
        Toml::String(v) => Ok(SignalValue::Text(v.clone())),
        Toml::Array(list) => list
            .iter()
            .map(|item| item.as_str().map(ToOwned::to_owned))
            .collect::<Option<_>>()
            .map(SignalValue::Texts)
            .ok_or_else(|| "a list came, expected one of texts".to_owned()),
        _ => Err("a date or table came, expected a value".to_owned()),
    }
}

/// Every chain of derived and driven signals ends.
fn check_chains(catalogue: &Catalogue) -> Result<(), String> {
    (0..catalogue.entries.len()).try_for_each(|index| check_chain(catalogue, index, MAX_CHAIN))
}

fn check_chain(catalogue: &Catalogue, index: Index, left: usize) -> Result<(), String> {
    let entry = &catalogue.entries[index];
    if left == 0 {
        return Err(format!("{} is derived from or drives itself", entry.path));
    }
    if let Some(view) = entry.behaviour.view {
        check_chain(catalogue, view.source(), left - 1)?;
    }
    entry
        .behaviour
        .drives
        .iter()
        .try_for_each(|drive| check_chain(catalogue, drive.signal, left - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Vehicle.A.IsOpen\tactuator\tboolean\t\t\t\t\n\
        Vehicle.A.Position\tactuator\tuint8\tpercent\t0\t100\t\n\
        Vehicle.A.Mode\tactuator\tstring\t\t\t\tON|OFF\n";

    fn overlay(text: &str) -> Result<Catalogue, DeviceError> {
        Catalogue::parse("t", TABLE).expect("a table").with_overlay("o.toml", text)
    }

    #[test]
    fn an_error_names_file_and_line() {
        for (text, line, word) in [
            ("[[signal]]\npath = \"Vehicle.A.Position\"\nspeed = 3\n", 3, "unknown field"),
            ("\n[[signal]]\npath = \"Vehicle.B\"\n", 3, "no signal matches"),
            ("[[signal]]\npath = \"Vehicle.A.Position\"\nmax = 200\n", 2, "narrower"),
            ("[[signal]]\npath = \"Vehicle.A.Position\"\ninitial = 101\n", 2, "from 0 to 100"),
            ("[[signal]]\npath = \"Vehicle.A.Mode\"\ninitial = \"MAYBE\"\n", 2, "ON, OFF"),
            ("[[signal]]\npath = \"Vehicle.A.Mode\"\nrate = 3.0\n", 2, "rate"),
            ("[[signal]]\npath = \"Vehicle.A.IsOpen\"\nsame = \"Psition\"\n", 2, "unknown"),
            ("[[signal]]\npath = \"Vehicle.A.Mode\"\ndelay-ms = 99999999\n", 2, "delay-ms"),
            ("a = 1 = 2\n", 1, ""),
            ("\n\n[[cycle]]\nname = \"city\"\npoints = []\n", 4, "points"),
        ] {
            let error = overlay(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("o.toml:{line}: ")), "{error}");
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_circle_of_derived_or_driven_signals_is_refused() {
        let same = "[[signal]]\npath = \"Vehicle.A.Position\"\nsame = \"Position\"\n";
        assert!(overlay(same).is_err());
        let drives = "[[signal]]\npath = \"Vehicle.A.IsOpen\"\n\
            drives = [{ signal = \"IsOpen\", to = true }]\n";
        assert!(overlay(drives).is_err());
    }

    #[test]
    fn a_later_table_overrides_key_by_key() {
        let text = "[[signal]]\npath = \"Vehicle.**.Position\"\nmax = 50\ninitial = 7\n\
            [[signal]]\npath = \"Vehicle.A.Position\"\ninitial = 9\n";
        let catalogue = overlay(text).expect("a good overlay");
        let index = catalogue.index("Vehicle.A.Position").expect("known");
        assert_eq!(catalogue.entries[index].info.max, Some(50.0));
        assert_eq!(catalogue.entries[index].behaviour.initial, Some(SignalValue::Integer(9)));
    }
}
