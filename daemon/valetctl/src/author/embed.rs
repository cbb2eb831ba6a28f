//! `valetctl skill embed`: lets the daemon's program beside this one embed a skill's sentences, and says what came of it.
//!
//! Must not know what embeddings are: the daemon's program makes the file, as devices would compute it.

use super::private::{beside_us, cache, nest, usual_models};
use crate::{
    CtlError, Verdict,
    screen::{Screen, Style},
};
use serde_json::json;
use std::{path::Path, process::Command};
use valet_package::carried::Kind;

/// Lines of what the program said that are shown where it failed.
const LAST_LINES: usize = 4;

/// What the program says of the file that it wrote.
#[derive(Debug, serde::Deserialize)]
struct Made {
    encoder: String,
    fingerprint: String,
    sentences: u64,
    bytes: u64,
}

fn failed(why: impl Into<String>) -> CtlError {
    CtlError::Build { why: why.into() }
}

/// Embeds, and says so.
///
/// # Errors
/// [`CtlError::Build`] with what the program said.
pub(super) fn run(
    screen: &mut Screen,
    folder: &Path,
    models: Option<&Path>,
) -> Result<Verdict, CtlError> {
    let models = models.map(Path::to_owned).or_else(usual_models);
    let models = models.ok_or_else(|| {
        failed("there are no models here; name the folder of the encoder's with --models DIR")
    })?;
    let Made { encoder, fingerprint, sentences, bytes } = embed(folder, &models)?;
    let file = folder.join(Kind::Embeddings.path_of(&fingerprint)).display().to_string();
    let words = format!("{file}: {sentences} sentences, {bytes} bytes, as {encoder} says them");
    screen.line(screen.paint(Style::Good, words))?;
    screen.document(&json!({
        "file": file, "sentences": sentences, "bytes": bytes, "encoder": encoder, "fingerprint": fingerprint,
    }))?;
    Ok(Verdict::Fine)
}

fn embed(folder: &Path, models: &Path) -> Result<Made, CtlError> {
    // Neither this user's configuration nor that of the system changes what is made.
    let nest = nest()?;
    let output = Command::new(beside_us("valetd"))
        .arg("--session")
        .args([Path::new("--embed"), folder, Path::new("--models"), models])
        .arg("--cache")
        .arg(cache(nest.path()))
        .env("XDG_CONFIG_HOME", nest.path())
        .env("XDG_DATA_HOME", nest.path())
        .output()
        .map_err(|error| failed(format!("valetd does not start: {error}; is it installed?")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut lines: Vec<&str> = said.lines().rev().take(LAST_LINES).collect();
        lines.reverse();
        let why = format!("{} cannot be embedded:\n{}", folder.display(), lines.join("\n"));
        return Err(failed(why));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    toml::from_str(&said).map_err(|error| {
        let error = error.message();
        failed(format!("the valetd beside this program is another version, update both: {error}"))
    })
}
