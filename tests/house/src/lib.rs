//! What the house's own tests look at: the tree of files, and what cargo says about it.
//!
//! Must not use any crate of ours: a rule is not checked by what it binds.

pub mod contract;
pub mod wit;

use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let below = Path::new(env!("CARGO_MANIFEST_DIR"));
    below.ancestors().nth(2).expect("the crate lies two folders below the root").to_path_buf()
}

/// What a cargo command prints; cargo is the one that runs the tests, and stays off the network.
///
/// # Panics
/// When cargo fails; the test that asked fails with its words.
#[must_use]
pub fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments).args(["--offline", "--locked"]);
    let output = command.output().expect("cargo starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?} failed: {words}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// `cargo metadata` of the members alone.
///
/// # Panics
/// When cargo prints anything else than JSON.
#[must_use]
pub fn members() -> Vec<Member> {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages are an array");
    packages.iter().map(Member::from_json).collect()
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the root.
    pub folder: String,
    /// Names of all it depends on: normal, for tests, for building.
    pub dependencies: BTreeSet<String>,
}

impl Member {
    fn from_json(package: &Value) -> Self {
        let text = |key: &str| package[key].as_str().expect("cargo says it").to_owned();
        let manifest = PathBuf::from(text("manifest_path"));
        let folder = manifest.parent().and_then(|f| f.strip_prefix(root()).ok());
        let dependencies = package["dependencies"].as_array().expect("cargo says them");
        Self {
            name: text("name"),
            folder: folder.expect("members lie below the root").display().to_string(),
            dependencies: dependencies
                .iter()
                .filter_map(|d| d["name"].as_str().map(str::to_owned))
                .collect(),
        }
    }
}

/// All files of the tree below a folder whose name ends so, relative to the root, sorted.
/// What is built or fetched is left out.
#[must_use]
pub fn files(below: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root(), &root().join(below), ending, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, folder: &Path, ending: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let made = ["target", "cache", "corpus", "artifacts"].contains(&name.as_str());
        if name.starts_with('.') || made {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, ending, found);
        } else if name.ends_with(ending) {
            let relative = path.strip_prefix(root).expect("it was found below the root");
            found.push(relative.display().to_string());
        }
    }
}

/// The text of a file of the tree.
///
/// # Panics
/// When it is missing or not UTF-8; the message names it.
#[must_use]
pub fn text(relative: &str) -> String {
    fs::read_to_string(root().join(relative)).unwrap_or_else(|why| panic!("{relative}: {why}"))
}

/// Compares a generated document with the one in the tree, or writes it when
/// `VALET_WRITE_DOCS` is set.
///
/// # Panics
/// When they differ.
pub fn check_document(relative: &str, made: &str) {
    if std::env::var_os("VALET_WRITE_DOCS").is_some() {
        fs::write(root().join(relative), made).expect("the tree is writable");
        return;
    }
    let there = fs::read_to_string(root().join(relative)).unwrap_or_default();
    let line = there.lines().zip(made.lines()).position(|(a, b)| a != b);
    assert!(
        there == made,
        "{relative} is not what its source says (first difference near line {}); run `make docs`",
        line.map_or_else(|| there.lines().count().min(made.lines().count()) + 1, |at| at + 1)
    );
}
