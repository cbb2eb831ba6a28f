//! Puts the sources of the skill SDK and of the contract into the program, so that `skill new` makes a project that builds
//! by itself: a list of names and contents, in `$OUT_DIR/sdk.rs`.
//!
//! Must not take anything but those two folders.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let skills = Path::new(&here).join("../../skills");
    let mut list = String::from("pub(super) const SDK: &[(&str, &str)] = &[\n");
    for (folder, to) in [("sdk/src", "sdk/src"), ("wit", "wit")] {
        let from = skills.join(folder);
        println!("cargo::rerun-if-changed={}", from.display());
        let mut files: Vec<_> = fs::read_dir(&from)
            .unwrap_or_else(|error| panic!("{}: {error}", from.display()))
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let path = fs::canonicalize(&file).unwrap_or(file);
            // Writing to a string does not fail.
            let _ = writeln!(list, "    ({:?}, include_str!({path:?})),", format!("{to}/{name}"));
        }
    }
    list.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("sdk.rs");
    fs::write(&out, list).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}
