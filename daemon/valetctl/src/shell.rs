//! Completion scripts and man pages, generated from the command line itself.

use crate::{CtlError, Verdict, command, screen::Screen};
use serde_json::json;
use std::path::Path;

/// Prints a completion script.
///
/// # Errors
/// The terminal's.
pub(crate) fn completion(
    shell: clap_complete::Shell,
    screen: &mut Screen,
) -> Result<Verdict, CtlError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "valetctl", &mut script);
    if screen.is_json() {
        let script = String::from_utf8_lossy(&script).into_owned();
        screen.document(&json!({ "shell": shell.to_string(), "script": script }))?;
    } else {
        screen.raw(&script)?;
    }
    Ok(Verdict::Fine)
}

/// Writes `valetctl.1` and a page for each subcommand into a folder.
///
/// # Errors
/// [`CtlError::File`].
pub(crate) fn man(dir: &Path, screen: &mut Screen) -> Result<Verdict, CtlError> {
    let failed = |error: std::io::Error| CtlError::File {
        path: dir.display().to_string(),
        verb: "written",
        why: error.to_string(),
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(command().disable_help_subcommand(true), dir).map_err(failed)?;
    let mut pages: Vec<String> = std::fs::read_dir(dir)
        .map_err(failed)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.starts_with("valetctl") && name.ends_with(".1"))
        .collect();
    pages.sort();
    for page in &pages {
        screen.line(dir.join(page).display().to_string())?;
    }
    screen.document(&json!({ "pages": pages }))?;
    Ok(Verdict::Fine)
}
