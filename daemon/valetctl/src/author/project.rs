//! `valetctl skill new`: a project that builds, passes its tests and can be installed as it is.
//!
//! Must not write over anything.

use crate::{
    CtlError, Verdict,
    screen::{Screen, Style},
};
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The project's own files; marks between @ are replaced.
const TEMPLATE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../template/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("../../template/src/lib.rs.txt")),
    ("skill.toml", include_str!("../../template/skill.toml.txt")),
    ("sentences/en.toml", include_str!("../../template/sentences/en.toml.txt")),
    ("tests.toml", include_str!("../../template/tests.toml.txt")),
    ("README.md", include_str!("../../template/README.md.txt")),
    (".gitignore", include_str!("../../template/gitignore.txt")),
    ("valet/sdk/Cargo.toml", include_str!("../../template/sdk.toml.txt")),
];

/// Words of a new skill, all made from its id.
struct Words {
    id: String,
    /// The last part of the id, as people say it.
    light: String,
    title: String,
}

impl Words {
    /// # Errors
    /// [`CtlError::Usage`] for what is no id.
    fn of(folder: &Path, id: Option<String>) -> Result<Self, CtlError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let id = id.unwrap_or_else(|| format!("org.example.{}", name.trim_matches('-')));
        if let Err(error) = valet_package::source::check_id(&id) {
            let message = format!("{error}; say another one with --id");
            return Err(CtlError::Usage { message });
        }
        let last = id.rsplit('.').next().unwrap_or_default();
        let light = last.replace('-', " ");
        let mut title = light.clone();
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Ok(Self { light, title, id })
    }

    fn fill(&self, text: &str) -> String {
        let name = self.id.rsplit('.').next().unwrap_or_default();
        text.replace("@ID@", &self.id)
            .replace("@CRATE@", &format!("skill-{name}"))
            .replace("@TITLE@", &self.title)
            .replace("@LIGHT@", &self.light)
    }
}

/// Makes a project in a folder that is not there yet, or is empty.
///
/// # Errors
/// [`CtlError::Usage`], [`CtlError::File`].
pub(super) fn make(
    screen: &mut Screen,
    folder: &Path,
    id: Option<String>,
) -> Result<Verdict, CtlError> {
    let words = Words::of(folder, id)?;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is there and not empty; choose another folder", folder.display());
        return Err(CtlError::Usage { message });
    }
    for (name, text) in TEMPLATE {
        write(&folder.join(name), &words.fill(text))?;
    }
    for (name, text) in SDK {
        write(&folder.join("valet").join(name), text)?;
    }
    let place = folder.display();
    screen.line(screen.paint(Style::Good, format!("{place}: the skill {}", words.id)))?;
    screen.line(format!("  next: valetctl skill test {place}"))?;
    screen.document(&json!({ "folder": place.to_string(), "id": words.id }))?;
    Ok(Verdict::Fine)
}

fn write(path: &Path, text: &str) -> Result<(), CtlError> {
    let written = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
    };
    written().map_err(|error: std::io::Error| CtlError::File {
        path: path.display().to_string(),
        verb: "written",
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_of_a_new_project_is_the_one_of_this_repository() {
        let names: Vec<&str> = SDK.iter().map(|(name, _)| *name).collect();
        for expected in ["sdk/src/lib.rs", "sdk/src/signals.rs", "wit/world.wit", "wit/types.wit"] {
            assert!(names.contains(&expected), "{expected} of {names:?}");
        }
        let workspace = include_str!("../../../../Cargo.toml");
        let line =
            |text: &str| text.lines().find(|l| l.starts_with("wit-bindgen")).map(str::to_owned);
        let template =
            TEMPLATE.iter().find(|(name, _)| name.starts_with("valet/")).expect("it is there");
        assert_eq!(line(template.1), line(workspace), "the same version of wit-bindgen");
    }

    #[test]
    fn words_come_from_the_id_and_what_is_no_id_is_refused() {
        let words = Words::of(Path::new("/tmp/Reading Light"), None).expect("an id");
        assert_eq!(
            (words.id.as_str(), words.title.as_str()),
            ("org.example.reading-light", "Reading light")
        );
        assert!(Words::of(Path::new("x"), Some("Nonsense!".into())).is_err());
    }
}
