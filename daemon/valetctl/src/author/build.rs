//! `valetctl skill build`: the component of a skill's folder, from Rust by cargo or from whatever its Makefile knows.
//!
//! Must not leave half a component: it takes its name when it is whole.

use crate::{
    CtlError, Verdict,
    screen::{Screen, Style},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The target of skills.
const TARGET: &str = "wasm32-wasip2";

/// Whether Rust can build for [`TARGET`]; `None` where there is no Rust.
pub(crate) fn has_wasm_target() -> Option<bool> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn failed(why: impl Into<String>) -> CtlError {
    CtlError::Build { why: why.into() }
}

/// Builds, and says so.
///
/// # Errors
/// [`CtlError::Build`], [`CtlError::File`].
pub(super) fn run(screen: &mut Screen, folder: &Path) -> Result<Verdict, CtlError> {
    let started = Instant::now();
    let bytes = build(folder)?;
    let took = started.elapsed().as_millis();
    let place = folder.join("skill.wasm");
    let words = format!("{}: {bytes} bytes, in {took} ms", place.display());
    screen.line(screen.paint(Style::Good, words))?;
    screen.document(&json!({
        "file": place.display().to_string(), "bytes": bytes, "took-ms": u64::try_from(took).unwrap_or(u64::MAX),
    }))?;
    Ok(Verdict::Fine)
}

/// Builds `skill.wasm` in a skill's folder and gives its length.
///
/// # Errors
/// [`CtlError::Build`] with what the compiler said and what to do, [`CtlError::File`].
pub(super) fn build(folder: &Path) -> Result<u64, CtlError> {
    if folder.join("Cargo.toml").is_file() {
        place(&cargo(folder)?, &folder.join("skill.wasm"))?;
    } else if folder.join("Makefile").is_file() {
        let status = Command::new("make").arg("skill.wasm").current_dir(folder).status();
        let status = status.map_err(|error| failed(format!("make does not start: {error}")))?;
        if !status.success() {
            return Err(failed(format!("`make skill.wasm` in {} failed", folder.display())));
        }
    } else {
        let why = format!(
            "{} has neither a Cargo.toml nor a Makefile; `valetctl skill new` makes a project",
            folder.display()
        );
        return Err(failed(why));
    }
    let built = folder.join("skill.wasm");
    let meta = built.metadata().map_err(|error| failed(format!("{}: {error}", built.display())))?;
    Ok(meta.len())
}

/// Runs cargo and gives the component that it made.
fn cargo(folder: &Path) -> Result<PathBuf, CtlError> {
    match has_wasm_target() {
        Some(true) => {}
        Some(false) => {
            let why =
                format!("Rust's target {TARGET} is missing; run `rustup target add {TARGET}`");
            return Err(failed(why));
        }
        None => return Err(failed("Rust is not here; install it from https://rustup.rs")),
    }
    let output = Command::new("cargo")
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("cargo does not start: {error}")))?;
    if !output.status.success() {
        return Err(failed("cargo could not build it; what it said stands above"));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let component = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let files = message.get("filenames")?.as_array()?;
        let file = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"));
        file.map(PathBuf::from)
    };
    messages.lines().rev().find_map(component).ok_or_else(|| {
        failed("cargo made no component; is `crate-type = [\"cdylib\"]` in its Cargo.toml?")
    })
}

fn place(from: &Path, to: &Path) -> Result<(), CtlError> {
    let staged = to.with_extension("wasm.part");
    let placed = fs::copy(from, &staged).and_then(|_| fs::rename(&staged, to));
    placed.map_err(|error| CtlError::File {
        path: to.display().to_string(),
        verb: "written",
        why: error.to_string(),
    })
}
