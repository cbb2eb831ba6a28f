//! Verdict on the features of shared dependencies: whichever crate is built alone, it asks for
//! the same ones as all together, so that tract and wasmtime are compiled once.

use std::collections::BTreeSet;
use valet_house_tests::{cargo, root};

/// Every dependency on the target's side with its version and features, a line each.
fn resolved(packages: &[String], edges: &str) -> BTreeSet<String> {
    let mut arguments = vec!["tree", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges];
    arguments.extend(packages.iter().flat_map(|package| ["--package", package.as_str()]));
    let tree = cargo(&arguments);
    tree.lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn default_members() -> Vec<String> {
    let read = |path: &std::path::Path| -> toml::Table {
        let text = std::fs::read_to_string(path).expect("the manifest can be read");
        text.parse().expect("the manifest is TOML")
    };
    let workspace = read(&root().join("Cargo.toml"));
    let folders = workspace["workspace"]["default-members"].as_array().expect("a list");
    let name = |folder: &toml::Value| {
        let folder = folder.as_str().expect("a folder");
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        manifest["package"]["name"].as_str().expect("a name").to_owned()
    };
    folders.iter().map(name).collect()
}

#[test]
fn a_crate_built_alone_asks_for_no_other_features() {
    let all = default_members();
    let together = resolved(&all, "normal,dev,no-proc-macro");
    let mut wrong = Vec::new();
    for package in &all {
        let alone = resolved(std::slice::from_ref(package), "normal,no-proc-macro");
        // Without one of these two there is nothing that is costly to compile again.
        let costly =
            |line: &String| ["tract-core ", "wasmtime "].iter().any(|c| line.starts_with(c));
        if alone.iter().any(costly) {
            wrong.extend(alone.difference(&together).map(|line| format!("{package}: {line}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "expected daemon/pins/Cargo.toml to ask for all features that the default members ask \
         for; these are other crates when built alone: {wrong:#?}"
    );
}
