//! What stands in a row of the database: an alarm, a setting, the choice of a model, an installed skill, grants.
//!
//! Must not trust a row: one that was not written like this counts as not there.

use data_encoding::HEXLOWER;
use valet_core::{
    capability::{Capability, CapabilitySet},
    entity::Value,
    ports::Alarm,
};

/// Longest id of a model in a row, bytes; manifests allow no longer one.
const MAX_MODEL_ID_BYTES: usize = 128;

/// Which model of a kind was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelChoice {
    /// The model that is to serve.
    pub active: String,
    /// The one before, for a rollback.
    pub previous: Option<String>,
}

/// Longest number of a key in a row, bytes.
const MAX_SIGNER_BYTES: usize = 32;

/// A version of a skill that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// Its release number.
    pub counter: u64,
    /// Of its manifest: with the counter, the name of its folder.
    pub manifest_sha256: [u8; 32],
    /// Number of the key that vouched for it; `None` for one that nobody signed.
    pub signer: Option<String>,
    /// Whether it has still to show, in its first turns, that it works.
    pub on_trial: bool,
}

/// The versions of a skill that are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// The one that runs.
    pub current: Version,
    /// The one before, for a way back.
    pub previous: Option<Version>,
}

/// An alarm: when it rings (UTC, ms, little-endian), then its payload.
pub(crate) fn write_alarm(alarm: &Alarm) -> Vec<u8> {
    let mut bytes = alarm.at_utc_ms.to_le_bytes().to_vec();
    bytes.extend_from_slice(&alarm.payload);
    bytes
}

/// Reads what [`write_alarm`] wrote; `None` for fewer than 8 bytes.
pub(crate) fn read_alarm(name: &str, bytes: &[u8]) -> Option<Alarm> {
    let (at, payload) = bytes.split_first_chunk::<8>()?;
    Some(Alarm {
        name: name.to_owned(),
        at_utc_ms: i64::from_le_bytes(*at),
        payload: payload.to_vec(),
    })
}

/// A setting is a boolean, a number or a text: one letter and the value.
pub(crate) fn write_value(value: &Value) -> Vec<u8> {
    match value {
        Value::Boolean(v) => format!("b{v}").into_bytes(),
        Value::Number(v) => format!("n{v}").into_bytes(),
        other => format!("t{other}").into_bytes(),
    }
}

/// Reads what [`write_value`] wrote; `None` for any other letter, for a number that is not
/// finite, and for what is not UTF-8.
pub(crate) fn read_value(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (kind, value) = text.split_at_checked(1)?;
    match kind {
        "b" => value.parse().ok().map(Value::Boolean),
        "n" => value.parse().ok().filter(|v: &f64| v.is_finite()).map(Value::Number),
        "t" => Some(Value::Text(value.to_owned())),
        _ => None,
    }
}

/// A choice of a model: the id of the one that is to serve, a line break, the one before or nothing.
pub(crate) fn write_choice(choice: &ModelChoice) -> Vec<u8> {
    let previous = choice.previous.as_deref().unwrap_or_default();
    format!("{}\n{previous}", choice.active).into_bytes()
}

/// Reads what [`write_choice`] wrote; `None` for what no id of a model can be.
pub(crate) fn read_choice(bytes: &[u8]) -> Option<ModelChoice> {
    let (active, previous) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let fits = |id: &str| id.len() <= MAX_MODEL_ID_BYTES && !id.chars().any(char::is_control);
    if active.is_empty() || !fits(active) || !fits(previous) {
        return None;
    }
    let previous = (!previous.is_empty()).then(|| previous.to_owned());
    Some(ModelChoice { active: active.to_owned(), previous })
}

/// An installed skill: a line a version, the current one first; its parts between blanks.
pub(crate) fn write_installed(installed: &Installed) -> Vec<u8> {
    let line = |version: &Version| {
        let Version { counter, manifest_sha256, signer, on_trial } = version;
        let hash = HEXLOWER.encode(manifest_sha256);
        let signer = signer.as_deref().unwrap_or("-");
        format!("{counter} {hash} {signer} {}\n", if *on_trial { "trial" } else { "settled" })
    };
    let versions = [Some(&installed.current), installed.previous.as_ref()];
    versions.into_iter().flatten().map(line).collect::<String>().into_bytes()
}

/// Reads what [`write_installed`] wrote; `None` for anything else.
pub(crate) fn read_installed(bytes: &[u8]) -> Option<Installed> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut lines = text.split('\n');
    let current = read_version(lines.next()?)?;
    let previous = match lines.next() {
        Some(line) => Some(read_version(line)?),
        None => None,
    };
    lines.next().is_none().then_some(Installed { current, previous })
}

fn read_version(line: &str) -> Option<Version> {
    let [counter, hash, signer, trial] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let manifest_sha256 = HEXLOWER.decode(hash.as_bytes()).ok()?.try_into().ok()?;
    if signer.is_empty() || signer.len() > MAX_SIGNER_BYTES {
        return None;
    }
    let signer = (signer != "-").then(|| signer.to_owned());
    let on_trial = match trial {
        "trial" => true,
        "settled" => false,
        _ => return None,
    };
    Some(Version { counter: counter.parse().ok()?, manifest_sha256, signer, on_trial })
}

/// Grants: one a line.
pub(crate) fn write_grants(grants: &CapabilitySet) -> Vec<u8> {
    grants.iter().map(|grant| format!("{grant}\n")).collect::<String>().into_bytes()
}

/// Reads what [`write_grants`] wrote; a line that is no grant grants nothing.
pub(crate) fn read_grants(bytes: &[u8]) -> CapabilitySet {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    CapabilitySet::new(text.lines().filter_map(|line| Capability::parse(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let alarm = Alarm { name: "tea".into(), at_utc_ms: -7, payload: vec![0, 255] };
        assert_eq!(read_alarm("tea", &write_alarm(&alarm)), Some(alarm));
        for value in [
            Value::Boolean(true),
            Value::Number(-21.5),
            Value::Number(0.1),
            Value::Text("é".into()),
        ] {
            assert_eq!(read_value(&write_value(&value)), Some(value));
        }
        for previous in [None, Some("old-1.0".to_owned())] {
            let choice = ModelChoice { active: "new".into(), previous };
            assert_eq!(read_choice(&write_choice(&choice)), Some(choice));
        }
        let version = |signer: Option<&str>, on_trial| Version {
            counter: u64::MAX,
            manifest_sha256: [0xa5; 32],
            signer: signer.map(str::to_owned),
            on_trial,
        };
        for previous in [None, Some(version(Some("0123456789ABCDEF"), false))] {
            let installed = Installed { current: version(None, true), previous };
            assert_eq!(read_installed(&write_installed(&installed)), Some(installed));
        }
        let grants =
            ["store:64", "vehicle-read:A.**"].map(|text| Capability::parse(text).expect("valid"));
        let grants = CapabilitySet::new(grants.into());
        assert_eq!(read_grants(&write_grants(&grants)), grants);
    }

    #[test]
    fn rows_that_were_not_written_like_this_count_as_not_there() {
        assert_eq!(read_alarm("tea", &[0; 7]), None);
        for bad in
            [&b""[..], b"x1", b"byes", b"n", b"nNaN", b"ninf", b"n1e999", b"t\xff", "é".as_bytes()]
        {
            assert_eq!(read_value(bad), None, "{bad:?}");
        }
        let hash = "5a".repeat(32);
        for bad in [
            "",
            "7",
            "7 5a - trial\n",
            &format!("7 {hash} - trial"),
            &format!("x {hash} - trial\n"),
            &format!("7 {hash}  trial\n"),
            &format!("7 {hash} - new\n"),
            &format!("7 {hash} - trial\n\n"),
        ] {
            assert_eq!(read_installed(bad.as_bytes()), None, "{bad:?}");
        }
        assert!(read_grants(b"all:*\nstore:-1\n\xff").is_empty());
        let long = [b'a'; MAX_MODEL_ID_BYTES + 1];
        for bad in [&b""[..], b"a", b"\na", b"a\nb\nc", b"a\t\n", b"a\n\xff", &long] {
            assert_eq!(read_choice(bad), None, "{bad:?}");
        }
    }
}
