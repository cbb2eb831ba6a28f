//! The contract of skills by name: which interfaces a component may import, and which capabilities
//! open each. The one table for the author's desk, the compiler and the host.
//!
//! Must not read a component: names come in, a verdict goes out.

use crate::capability::CapabilityKind::{
    self, Alarms, Announce, DbusCall, Http, Location, MqttPublish, MqttSubscribe, Store,
    VehicleActuate, VehicleRead,
};
use std::collections::BTreeSet;

/// The version that a manifest and a component say they are for.
pub const API: &str = "0.1";
/// Custom section of a component's core module with its version, [`API`].
pub const API_SECTION: &str = "valet:skill-api";
/// Functions that a skill exports.
pub const EXPORTS: [&str; 3] = ["handle", "on-alarm", "on-message"];
/// Largest component, bytes.
pub const MAX_COMPONENT_BYTES: u64 = 16 << 20;
/// Most imports: more than twice what there is to import.
pub const MAX_IMPORTS: usize = 64;

/// An interface of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Its name in the package `valet:skill`.
    pub name: &'static str,
    /// The kinds of capabilities of which one has to be declared; none = open to every skill.
    pub opened_by: &'static [CapabilityKind],
}

const PACKAGE: &str = "valet:skill/";

/// Every interface that a skill may import.
pub const INTERFACES: [Interface; 13] = [
    Interface { name: "types", opened_by: &[] },
    Interface { name: "log", opened_by: &[] },
    Interface { name: "clock", opened_by: &[] },
    Interface { name: "assets", opened_by: &[] },
    Interface { name: "vocabulary", opened_by: &[] },
    Interface { name: "http", opened_by: &[Http] },
    Interface { name: "mqtt", opened_by: &[MqttPublish, MqttSubscribe] },
    Interface { name: "dbus-peer", opened_by: &[DbusCall] },
    Interface { name: "vehicle-signals", opened_by: &[VehicleRead, VehicleActuate] },
    Interface { name: "store", opened_by: &[Store] },
    Interface { name: "alarms", opened_by: &[Alarms] },
    Interface { name: "announce", opened_by: &[Announce] },
    Interface { name: "location", opened_by: &[Location] },
];

/// Release series of the WASI interfaces in [`FLOOR`].
pub const FLOOR_API: &str = "0.2";

/// Interfaces of WASI that every skill may import, for no Rust guest starts without; the host
/// gives nothing through them.
pub const FLOOR: [&str; 18] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
];

/// Why a component may not import something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefusal {
    /// Neither of the contract nor of the floor.
    #[error(
        "imports {name:?}, which no skill is given; expected interfaces of valet:skill and the few of WASI that do nothing, so leave out what needs it"
    )]
    Foreign {
        /// What came (cut).
        name: String,
    },
    /// An interface that is known, of a version that is not.
    #[error(
        "imports {name:?}, expected {interface}@{expected}.x; build it with the SDK of that version"
    )]
    Version {
        /// What came (cut).
        name: String,
        /// The interface without a version.
        interface: &'static str,
        /// The series that is spoken here.
        expected: &'static str,
    },
    /// An interface of the contract that no declared capability opens.
    #[error(
        "imports {interface} without the capability for it; add to [capabilities] in skill.toml: {}, or leave out what needs it",
        lines(.kinds)
    )]
    Undeclared {
        /// Its name in the package `valet:skill`.
        interface: &'static str,
        /// The kinds of which one would open it.
        kinds: &'static [CapabilityKind],
    },
}

fn lines(kinds: &[CapabilityKind]) -> String {
    kinds.iter().map(|kind| kind.line()).collect::<Vec<_>>().join(" or ")
}

/// Whether a skill that declares these kinds of capabilities may import that name, such as
/// `valet:skill/store@0.1.0`.
///
/// # Errors
/// [`ImportRefusal`].
pub fn judge_import(name: &str, declared: &BTreeSet<CapabilityKind>) -> Result<(), ImportRefusal> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let cut = || name.chars().take(80).collect();
    let of_series = |interface, expected| {
        if is_of_series(version, expected) {
            Ok(())
        } else {
            Err(ImportRefusal::Version { name: cut(), interface, expected })
        }
    };
    if let Some(floor) = FLOOR.into_iter().find(|floor| *floor == path) {
        return of_series(floor, FLOOR_API);
    }
    let interface = path.strip_prefix(PACKAGE).unwrap_or_default();
    let Some(Interface { name, opened_by }) = INTERFACES.into_iter().find(|i| i.name == interface)
    else {
        return Err(ImportRefusal::Foreign { name: cut() });
    };
    of_series(name, API)?;
    if opened_by.is_empty() || opened_by.iter().any(|kind| declared.contains(kind)) {
        return Ok(());
    }
    Err(ImportRefusal::Undeclared { interface: name, kinds: opened_by })
}

/// Whether a version is a release of `major.minor`; one to come, as `0.1.0-rc1`, is not.
fn is_of_series(version: &str, series: &str) -> bool {
    let patch = version.strip_prefix(series).and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| {
        (1..=9).contains(&patch.len()) && patch.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> BTreeSet<CapabilityKind> {
        BTreeSet::new()
    }

    #[test]
    fn each_interface_wants_one_of_its_capabilities_and_no_other() {
        for Interface { name, opened_by } in INTERFACES {
            let import = format!("valet:skill/{name}@0.1.0");
            assert_eq!(judge_import(&import, &nothing()).is_ok(), opened_by.is_empty(), "{name}");
            for kind in CapabilityKind::ALL {
                let verdict = judge_import(&import, &BTreeSet::from([kind]));
                let open = opened_by.is_empty() || opened_by.contains(&kind);
                assert_eq!(verdict.is_ok(), open, "{name} with {}", kind.name());
            }
        }
    }

    #[test]
    fn what_is_missing_is_said_as_the_line_to_add() {
        let why = judge_import("valet:skill/vehicle-signals@0.1.0", &nothing()).expect_err("none");
        let words = why.to_string();
        assert!(words.contains("imports vehicle-signals "), "{words}");
        assert!(words.contains("vehicle-read = [\"Vehicle."), "{words}");
        assert!(words.contains(" or vehicle-actuate = [\"Vehicle."), "{words}");
    }

    #[test]
    fn versions_of_the_series_are_taken_and_others_named() {
        for fine in ["valet:skill/log@0.1.0", "valet:skill/log@0.1.27", "wasi:io/poll@0.2.9"] {
            assert_eq!(judge_import(fine, &nothing()), Ok(()), "{fine}");
        }
        for bad in [
            "valet:skill/log",
            "valet:skill/log@",
            "valet:skill/log@0.1",
            "valet:skill/log@0.1.",
            "valet:skill/log@0.2.0",
            "valet:skill/log@0.1.0-rc1",
            "valet:skill/log@0.1.0.0",
            "valet:skill/log@0.10.0",
            "valet:skill/log@10.1.0",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll@0.2.0@0.2.0",
        ] {
            let verdict = judge_import(bad, &nothing());
            assert!(matches!(verdict, Err(ImportRefusal::Version { .. })), "{bad}: {verdict:?}");
        }
    }

    #[test]
    fn anything_else_is_foreign() {
        for bad in [
            "wasi:filesystem/types@0.2.6",
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/outgoing-handler@0.2.6",
            "valet:skill/dbus@0.1.0",
            "valet:skill/@0.1.0",
            "valet:skill@0.1.0",
            "other:skill/log@0.1.0",
            "log",
            "",
        ] {
            let verdict = judge_import(bad, &CapabilityKind::ALL.into());
            assert!(matches!(verdict, Err(ImportRefusal::Foreign { .. })), "{bad}: {verdict:?}");
        }
    }
}
