//! Hands the crate what its engine id is made of: the exact version of wasmtime in the
//! lock file (the crate's own check of compiled code would let a patch release through,
//! and a patch release may be the cure of a miscompile).

use std::{env, fs, path::Path};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let lock = Path::new(&root).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).expect("the workspace has a Cargo.lock");
    let version = text
        .split("[[package]]")
        .find(|package| package.lines().any(|line| line == "name = \"wasmtime\""))
        .and_then(|package| package.lines().find_map(|line| line.strip_prefix("version = \"")))
        .map(|version| version.trim_end_matches('"'))
        .expect("Cargo.lock names wasmtime");
    println!("cargo::rustc-env=VALET_WASMTIME_VERSION={version}");
}
