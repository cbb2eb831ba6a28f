//! `valetctl skill compile`: lets the compiler beside this program make code of a skill's component for boards that have none.
//!
//! Must not compile anything itself, and must not leave code of another component behind.

use super::private::beside_us;
use crate::{
    CtlError, Verdict,
    package::{file, refused, replace},
    screen::{Screen, Style},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};
use valet_package::{
    SkillFolder,
    carried::{Kind, MAX_CARRIED, MAX_CODE_BYTES},
    code,
};

fn failed(why: impl Into<String>) -> CtlError {
    CtlError::Build { why: why.into() }
}

/// Compiles, and says so.
///
/// # Errors
/// [`CtlError::Build`] with what the compiler said; [`CtlError::Package`], [`CtlError::File`].
pub(super) fn run(
    screen: &mut Screen,
    folder: &Path,
    targets: &[String],
) -> Result<Verdict, CtlError> {
    let skill = SkillFolder::read(folder).map_err(|error| refused(folder, &error))?;
    let mut engines = BTreeMap::new();
    for target in targets {
        let id = skillc(&["--engine-id", "--target", target], &[])?;
        engines.insert(String::from_utf8_lossy(&id).trim().to_owned(), target);
    }
    if engines.len() > MAX_CARRIED {
        return Err(failed(format!("{} engines, expected at most {MAX_CARRIED}", engines.len())));
    }
    forget_others(folder, &engines)?;
    let kinds = skill.manifest.capabilities.kinds();
    let declared: Vec<&str> = kinds.into_iter().map(|kind| kind.name()).collect();
    let mut made = Vec::new();
    for (engine, target) in engines {
        let place = folder.join(Kind::Code.path_of(&engine));
        let arguments = ["--declares", &declared.join(","), "--target", target];
        let code = skillc(&arguments, &skill.wasm)?;
        if code.len() as u64 + 64 > MAX_CODE_BYTES {
            let bytes = code.len();
            return Err(failed(format!(
                "the code has {bytes} bytes, expected at most {MAX_CODE_BYTES}"
            )));
        }
        replace(&place, &code::to_file(&skill.wasm, &code))?;
        let words = format!("{}: {} bytes, for {target}", place.display(), code.len());
        screen.line(screen.paint(Style::Good, words))?;
        made.push(json!({
            "file": place.display().to_string(), "bytes": code.len(), "target": target, "engine": engine,
        }));
    }
    screen.document(&json!({ "code": made }))?;
    Ok(Verdict::Fine)
}

/// Code of other engines may be of an older component, and nobody would know for which boards it still is.
fn forget_others(folder: &Path, engines: &BTreeMap<String, &String>) -> Result<(), CtlError> {
    let place = folder.join(Kind::Code.folder());
    fs::create_dir_all(&place).map_err(|error| file(&place, "made", &error))?;
    let entries = fs::read_dir(&place).map_err(|error| file(&place, "read", &error))?;
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let kept =
            path.file_stem().and_then(OsStr::to_str).is_some_and(|stem| engines.contains_key(stem));
        if !kept && path.extension() == Some(OsStr::new("bin")) {
            fs::remove_file(&path).map_err(|error| file(&path, "removed", &error))?;
        }
    }
    Ok(())
}

/// What the compiler writes, from these bytes: a file could be another one by the time that it is read again.
fn skillc(arguments: &[&str], component: &[u8]) -> Result<Vec<u8>, CtlError> {
    let mut child = Command::new(beside_us("valet-skillc"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            failed(format!(
                "valet-skillc does not start: {error}; is it installed beside valetctl?"
            ))
        })?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // One that stops reading says why on its stderr.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(component)));
        child.wait_with_output()
    });
    let output =
        output.map_err(|error| failed(format!("valet-skillc cannot be waited for: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).replace(char::is_control, " ");
        return Err(failed(format!("{}: {}", output.status, said.trim())));
    }
    Ok(output.stdout)
}
