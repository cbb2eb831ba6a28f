//! Verdicts on who may use whom: between our crates, and of the world outside.

use std::collections::{BTreeMap, BTreeSet};
use valet_house_tests::{Member, cargo, members};

/// Library crates of ours.
const LIBRARIES: [&str; 12] = [
    "valet-core",
    "valet-package",
    "valet-component",
    "valet-trust",
    "valet-kernels",
    "valet-inference",
    "valet-understanding",
    "valet-skill-host",
    "valet-devices",
    "valet-bus",
    "valet-voice",
    "valet-testkit",
];

/// The only arrows between our crates. `valet-pins` holds no code and may be named by all.
fn allowed(member: &Member) -> Vec<&'static str> {
    match member.name.as_str() {
        "valet-core" | "valet-pins" | "valet-kernels" => vec![],
        "valet-package" | "valet-component" | "valet-devices" | "valet-bus" | "valet-voice" => {
            vec!["valet-core"]
        }
        "valet-inference" => vec!["valet-core", "valet-kernels"],
        "valet-understanding" => vec!["valet-core", "valet-kernels", "valet-package"],
        "valet-skill-host" => vec!["valet-core", "valet-package"],
        "valet-skillc" => {
            vec!["valet-core", "valet-component", "valet-package", "valet-skill-host"]
        }
        "valet-trust" => vec!["valet-core", "valet-package"],
        "valetctl" => vec!["valet-bus", "valet-component", "valet-package", "valet-trust"],
        "valetd" => {
            let not_its = ["valet-component", "valet-testkit"];
            LIBRARIES.into_iter().filter(|name| !not_its.contains(name)).collect()
        }
        "valet-skill-sdk" => vec![],
        _ if member.folder.starts_with("skills/") => vec!["valet-skill-sdk"],
        _ if member.folder.starts_with("tests/guests/") => vec!["valet-skill-sdk"],
        "valet-hostile-guests" => vec!["valet-skill-sdk"],
        "valet-hostile-skills" => vec!["valet-bus", "valet-bus-tests", "valet-testkit"],
        "valet-bench" => [&LIBRARIES[..], &["valet-bus-tests", "valet-hostile-skills"]].concat(),
        _ if ["tests/fuzz", "tests/skills"].contains(&member.folder.as_str()) => LIBRARIES.to_vec(),
        _ if member.folder.starts_with("tests/") => {
            vec!["valet-bus", "valet-package", "valet-testkit"]
        }
        _ => panic!("{} has no row in the table of arrows", member.name),
    }
}

/// What a crate never names, by how the name begins.
fn forbidden(member: &Member) -> Vec<&'static str> {
    let guest = member.folder.starts_with("skills/") || member.folder.starts_with("tests/guests/");
    match member.name.as_str() {
        "valet-core" => vec!["zbus", "wasmtime", "tract", "tonic", "tokio"],
        "valet-package" | "valet-component" | "valet-trust" => {
            vec!["tokio", "zbus", "wasmtime", "tract", "tonic"]
        }
        "valet-inference" | "valet-understanding" => vec!["zbus", "wasmtime", "tonic"],
        "valet-skill-host" => vec!["zbus", "tonic", "tract", "cranelift"],
        "valet-skillc" => vec!["zbus", "tokio", "tract"],
        "valet-devices" => vec!["wasmtime", "tract"],
        "valet-bus" => vec!["wasmtime", "tract", "tonic"],
        "valet-voice" => vec!["wasmtime", "tract", "zbus"],
        _ if guest => vec!["zbus", "wasmtime", "tract", "tokio", "tonic"],
        _ => vec!["wasmtime", "tract"],
    }
}

#[test]
fn only_the_arrows_of_the_plan_exist_between_our_crates() {
    let members = members();
    let ours: BTreeSet<&str> = members.iter().map(|m| m.name.as_str()).collect();
    for member in &members {
        let allowed = allowed(member);
        for used in member.dependencies.iter().filter(|d| ours.contains(d.as_str())) {
            let fine = used == "valet-pins" || allowed.contains(&used.as_str());
            assert!(fine, "{} may not use {used}; it may use {allowed:?}", member.name);
        }
    }
}

#[test]
fn no_crate_names_what_it_never_should() {
    for member in members() {
        for begin in forbidden(&member) {
            let named = member.dependencies.iter().find(|name| name.starts_with(begin));
            // The host and its compiler are where wasmtime belongs, inference where tract does.
            let home = match begin {
                "wasmtime" => ["valet-skill-host", "valet-skillc"].contains(&member.name.as_str()),
                "tract" => member.name == "valet-inference",
                _ => false,
            };
            assert!(home || named.is_none(), "{} names {named:?}", member.name);
        }
    }
}

#[test]
fn libraries_have_errors_of_their_own() {
    for member in members().iter().filter(|m| LIBRARIES.contains(&m.name.as_str())) {
        assert!(!member.dependencies.contains("anyhow"), "{} names anyhow", member.name);
    }
}

#[test]
fn the_daemon_holds_no_compiler() {
    let tree = cargo(&["tree", "--package", "valetd", "--edges", "normal", "--prefix", "none"]);
    // Whole components are parsed where they are compiled, behind that program's walls.
    let compiler = ["cranelift-codegen", "valet-component"];
    let found = tree.lines().find(|line| compiler.iter().any(|name| line.starts_with(name)));
    assert_eq!(found, None, "a compiler came into the daemon");
    assert!(tree.lines().any(|line| line.starts_with("wasmtime ")), "the tree was read");
}

/// Crates that talk to the network.
const NETWORK_CLIENTS: [&str; 12] = [
    "reqwest",
    "hyper",
    "ureq",
    "curl",
    "rustls",
    "native-tls",
    "openssl",
    "quinn",
    "rumqttc",
    "paho-mqtt",
    "tonic",
    "tungstenite",
];

#[test]
fn only_devices_name_a_network_client() {
    let members = members();
    let named = |member: &Member| {
        NETWORK_CLIENTS.into_iter().find(|client| member.dependencies.contains(*client))
    };
    for member in members.iter().filter(|member| member.name != "valet-devices") {
        assert_eq!(named(member), None, "{} talks to the network", member.name);
    }
    let devices = members.iter().find(|member| member.name == "valet-devices");
    assert!(devices.and_then(named).is_some(), "the manifests were read");
}

#[test]
fn the_daemon_has_no_network_client_but_those_of_devices() {
    let tree = |package: &str, more: &[&str]| -> BTreeSet<String> {
        let arguments = ["tree", "--package", package, "--edges", "normal", "--prefix", "none"];
        let tree = cargo(&[&arguments[..], more].concat());
        tree.lines().map(|line| name(line).to_owned()).collect()
    };
    let is_client = |name: &&String| NETWORK_CLIENTS.contains(&name.as_str());
    let found: BTreeSet<String> = tree("valetd", &[]).iter().filter(is_client).cloned().collect();
    let theirs = ["rumqttc", "rustls", "ureq"].map(str::to_owned);
    assert_eq!(found, theirs.into(), "who may talk to whom is judged where these are called");
    // A board that wants none of it has none of it.
    let without = tree("valetd", &["--no-default-features"]);
    assert!(without.contains("wasmtime"), "the tree was read");
    assert_eq!(without.iter().find(is_client), None);
}

/// Packages with their features in a selection, as cargo resolves it; crates of ours left out.
fn resolved(selection: &[&str], edges: &str) -> BTreeSet<String> {
    let format = ["--edges", edges, "--prefix", "none", "--format", "{p} [{f}]"];
    let tree = cargo(&[&["tree"][..], selection, &format[..]].concat());
    let lines = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    lines.filter(|line| !line.is_empty() && !line.contains("(/")).map(str::to_owned).collect()
}

fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn every_selection_of_crates_builds_tract_and_wasmtime_alike() {
    let all = resolved(&[], "normal,build,dev");
    let mut wrong: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for heavy in ["tract-onnx", "wasmtime"] {
        let under = resolved(&["--package", heavy], "normal,build");
        let under: BTreeSet<&str> = under.iter().map(|line| name(line)).collect();
        assert!(under.len() > 20, "the tree of {heavy} was read");
        for member in members() {
            // The compiler of skills has a build of its own, by design.
            if member.name == "valet-skillc" {
                continue;
            }
            for edges in ["normal,build", "normal,build,dev"] {
                let lines = resolved(&["--package", &member.name], edges);
                if lines.iter().any(|line| name(line) == heavy) {
                    let others = lines.difference(&all).filter(|line| under.contains(name(line)));
                    wrong.entry(member.name.clone()).or_default().extend(others.cloned());
                }
            }
        }
    }
    wrong.retain(|_, lines| !lines.is_empty());
    assert!(wrong.is_empty(), "add these features to daemon/pins/Cargo.toml: {wrong:#?}");
}
