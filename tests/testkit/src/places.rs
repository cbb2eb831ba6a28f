//! Where built things lie: beside the test or bench that runs.

use crate::KitError;
use std::path::PathBuf;

/// The folder with the built programs: a bench runs from it, tests from its `deps`.
fn programs() -> Result<PathBuf, KitError> {
    let us = std::env::current_exe().map_err(|e| KitError::file("the test itself".as_ref(), e))?;
    let here = us.parent().map(PathBuf::from);
    let found = here.and_then(|here| {
        if here.ends_with("deps") { here.parent().map(PathBuf::from) } else { Some(here) }
    });
    found.ok_or(KitError::Missing {
        what: "the target folder",
        path: us.display().to_string(),
        how: "run it with cargo",
    })
}

/// The target folder itself.
pub(crate) fn target() -> Result<PathBuf, KitError> {
    let programs = programs()?;
    Ok(programs.parent().map_or(programs.clone(), PathBuf::from))
}

fn there(what: &'static str, path: PathBuf, how: &'static str) -> Result<PathBuf, KitError> {
    if path.exists() {
        return Ok(path);
    }
    Err(KitError::Missing { what, path: path.display().to_string(), how })
}

/// A built program of ours.
///
/// # Errors
/// [`KitError::Missing`].
pub fn built(program: &'static str) -> Result<PathBuf, KitError> {
    there(program, programs()?.join(program), "build it first: `cargo build -p valetd -p valetctl`")
}

/// The compiler of skills.
pub(crate) fn skillc() -> Result<PathBuf, KitError> {
    there("valet-skillc", programs()?.join("valet-skillc"), "build it first: `make skills`")
}

/// The shipped skills, as they are installed.
///
/// # Errors
/// [`KitError::Missing`].
pub fn shipped_skills() -> Result<PathBuf, KitError> {
    there(
        "the folder of the shipped skills",
        target()?.join("skills"),
        "build them first: `make skills`",
    )
}

/// The guests of the tests, a folder each.
///
/// # Errors
/// [`KitError::Missing`].
pub fn guests() -> Result<PathBuf, KitError> {
    there(
        "the folder of the tests' guests",
        target()?.join("guests"),
        "build them first: `make skills`",
    )
}

/// The models.
///
/// # Errors
/// [`KitError::Missing`].
pub fn models() -> Result<PathBuf, KitError> {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/cache");
    there("the folder of the models", repository, "fetch them first: `make models`")
}

/// The bus policy that is shipped.
pub(crate) fn bus_policy() -> Result<PathBuf, KitError> {
    let policy = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../systemd/dbus/org.valetd.Assistant1.conf");
    there("the shipped bus policy", policy, "it belongs to the repository")
}

/// The polkit actions that are shipped.
///
/// # Errors
/// [`KitError::Missing`].
pub fn polkit_actions() -> Result<PathBuf, KitError> {
    let file = "../../systemd/polkit-1/actions/org.valetd.skills.policy";
    there(
        "the file of the polkit actions",
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file),
        "it is part of the sources",
    )
}
