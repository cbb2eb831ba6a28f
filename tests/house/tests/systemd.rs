//! Verdicts on the units as they are installed: systemd finds nothing wrong with them and little exposed, and what the
//! journal explains is what the daemon says.
//!
//! Must not need a running systemd; where its tools are missing, that is said.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{collections::BTreeSet, fs, path::Path, process::Command};
use valet_house_tests::{files, root, text};

/// Highest exposure of the unit, tenths.
const MOST_EXPOSED: &str = "15";
/// With the network opened by a drop-in, tenths.
const MOST_EXPOSED_OPENED: &str = "25";
/// Our units of the system.
const OURS: [&str; 3] =
    ["valetd.service", "valetd-wyoming-handle.socket", "valetd-wyoming-intent.socket"];
/// Units of the host that ours name.
const OF_THE_HOST: [&str; 8] = [
    "dbus.socket",
    "sysinit.target",
    "basic.target",
    "shutdown.target",
    "multi-user.target",
    "default.target",
    "sockets.target",
    "system.slice",
];

/// Whether systemd's analysis can be run here.
fn has_systemd() -> bool {
    let found = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: systemd-analyze is missing; it comes with systemd");
    }
    found
}

/// A root with our units in it, with one of the drop-ins where `with` names one.
fn installed(with: Option<&str>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let units = folder.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&units).expect("made");
    for name in OF_THE_HOST {
        let host = Path::new("/usr/lib/systemd/system").join(name);
        if host.exists() {
            fs::copy(host, units.join(name)).expect("copied");
        }
    }
    for unit in OURS {
        fs::copy(root().join("systemd/system").join(unit), units.join(unit)).expect("copied");
    }
    if let Some(name) = with {
        let dropins = units.join("valetd.service.d");
        fs::create_dir_all(&dropins).expect("made");
        fs::copy(root().join(name), dropins.join("10-here.conf")).expect("copied");
    }
    // What the unit runs has to be there to be found right.
    for program in ["usr/bin/valetd", "bin/kill"] {
        let path = folder.path().join(program);
        fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        fs::copy("/bin/true", path).expect("copied");
    }
    folder
}

/// Runs `systemd-analyze` over a root; what it said, where it found something.
fn analyze(root: &Path, arguments: &[&str], units: &[&str]) -> Option<String> {
    let output = Command::new("systemd-analyze")
        .arg(format!("--root={}", root.display()))
        .args(arguments)
        .args(units)
        .output()
        .expect("it ran before");
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

fn dropins() -> Vec<String> {
    let all = files("systemd/examples", ".conf");
    assert!(!all.is_empty(), "there are drop-ins");
    all
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units_and_their_dropins() {
    if !has_systemd() {
        return;
    }
    let verify = ["verify", "--man=no", "--recursive-errors=no"];
    for with in [None].into_iter().chain(dropins().iter().map(|name| Some(name.as_str()))) {
        let root = installed(with);
        assert_eq!(analyze(root.path(), &verify, &OURS), None, "{with:?}");
    }
}

#[test]
fn the_unit_is_little_exposed_and_a_dropin_opens_no_more_than_it_says() {
    if !has_systemd() {
        return;
    }
    let most = |tenths: &str| format!("--threshold={tenths}");
    let root = installed(None);
    let security = ["security", "--offline=true", "--no-pager"];
    let said = analyze(root.path(), &[&security[..], &[&most(MOST_EXPOSED)]].concat(), &OURS[..1]);
    assert_eq!(said, None);
    for name in dropins() {
        let root = installed(Some(&name));
        let said = analyze(
            root.path(),
            &[&security[..], &[&most(MOST_EXPOSED_OPENED)]].concat(),
            &OURS[..1],
        );
        assert_eq!(said, None, "{name}");
    }
}

#[test]
fn the_journal_explains_each_kind_of_message_and_no_other() {
    let code = text("daemon/valetd/src/logging.rs");
    let in_code: BTreeSet<&str> = code
        .split('"')
        .filter(|word| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .collect();
    let catalog = text("systemd/catalog/valetd.catalog");
    let entries: Vec<&str> = catalog.split("\n-- ").skip(1).collect();
    let explained: BTreeSet<&str> =
        entries.iter().filter_map(|entry| entry.split_whitespace().next()).collect();
    assert!(!in_code.is_empty());
    assert_eq!(in_code, explained);
    for entry in entries {
        let (head, words) = entry.split_once("\n\n").expect("a head and words");
        assert!(head.contains("\nSubject: ") && words.trim().len() > 40, "{head}");
    }
}

#[test]
fn every_file_of_the_tree_is_named_with_its_place() {
    let readme = text("systemd/README.md");
    for folder in
        ["system", "user", "sysusers.d", "tmpfiles.d", "catalog", "examples", "polkit-1/actions"]
    {
        assert!(readme.contains(&format!("`{folder}/")), "{folder} stands not in the README");
    }
}
