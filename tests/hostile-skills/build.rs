//! Finds the hostile guests and makes a test of each name, which calls the verdict of that name: a guest without a verdict
//! does not build. In `$OUT_DIR/all.rs`.
//!
//! Must not know what a guest does.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path};

fn main() {
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let mut names = BTreeSet::new();
    for (folder, end) in [("../guests/hostile/examples", "rs"), ("modules", "wat")] {
        let folder = Path::new(&here).join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_some_and(|extension| extension == end) {
                names.insert(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
    }
    let mut tests = format!("const GUESTS: [&str; {}] = {names:?};\n", names.len())
        .replace('{', "[")
        .replace('}', "]");
    for name in &names {
        let word = name.replace('-', "_");
        // Writing to a string does not fail.
        let _ = writeln!(
            tests,
            "#[tokio::test]\nasync fn {word}() {{\n    verdicts::{word}(Attack::by({name:?}).await).await;\n}}"
        );
    }
    let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("all.rs");
    fs::write(&out, tests).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}
