//! The manifest of a model: what it is, whose it is, and the exact bytes of each file.
//!
//! Must refuse what it does not know: an unknown key, a name that is a path, a size
//! past the bounds. Must not read the files it names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::InferenceError;

mod recipe;

pub use recipe::{LoudChannel, ModelRecipe, RecipeName};

/// The schema this build reads.
const SCHEMA: u32 = 1;
/// Longest manifest that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 64 * 1024;
/// Largest file a manifest may name, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 31;
const MAX_FILES: usize = 16;
const MAX_WORD_BYTES: usize = 128;
const MAX_DIMENSIONS: usize = 4096;
const MAX_TOKENS: usize = 8192;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// A sentence encoder.
    Encoder,
}

/// What a file is to its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileRole {
    /// The word pieces, one a line.
    Vocabulary,
    /// The ONNX graph with 32-bit floats.
    GraphF32,
    /// The ONNX graph with int8 weights.
    GraphInt8,
}

/// One file of a model, as it lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// What it is to the model.
    pub role: FileRole,
    /// Its name in the model's folder; never a path.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, 64 lower-case hex digits.
    pub sha256: String,
}

/// One file inside the published package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceMember {
    /// Its path in the package, relative, without `..`.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, 64 lower-case hex digits.
    pub sha256: String,
}

/// Where the weights were published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSource {
    /// Name of the Python package that carries them.
    pub package: String,
    /// Version of that package.
    pub version: String,
    /// Licence of the package around the weights.
    pub licence: String,
    /// Name of its file.
    pub file: String,
    /// Length of that file in bytes.
    pub size: u64,
    /// SHA-256 of that file, 64 lower-case hex digits.
    pub sha256: String,
    /// The files inside that the recipe reads.
    #[serde(rename = "member")]
    pub members: Vec<SourceMember>,
}

/// The shape of a sentence encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EncoderShape {
    /// Length of a vector.
    pub dimensions: usize,
    /// Most tokens of a text, the two special ones included.
    pub token_limit: usize,
    /// The layer whose rows are the token vectors, counted from 1.
    pub token_layer: usize,
}

/// A model and its files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    /// Version of this format; always 1.
    pub schema: u32,
    /// Short name: lower-case letters, digits, `-` and `.`; also the name of its folder.
    pub id: String,
    /// The name its makers gave it.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// SPDX licence of the weights.
    pub licence: String,
    /// Languages it understands, as language tags.
    pub languages: Vec<String>,
    /// Where it comes from.
    pub source: ModelSource,
    /// The files, at most one of each role.
    #[serde(rename = "file")]
    pub files: Vec<ModelFile>,
    /// Its shape.
    pub encoder: EncoderShape,
    /// How its files are made; none where nobody but its makers can make them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<ModelRecipe>,
}

impl ModelManifest {
    /// Reads and parses a manifest file.
    ///
    /// # Errors
    /// [`InferenceError::Unreadable`], or [`InferenceError::Manifest`] for what it says
    /// or for more than 64 KiB.
    pub fn read(path: &Path) -> Result<Self, InferenceError> {
        let unreadable = |error: std::io::Error| InferenceError::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        };
        let mut text = String::new();
        File::open(path)
            .map_err(unreadable)?
            .take(MAX_MANIFEST_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        Self::parse(&text)
    }

    /// Parses a manifest. Unknown keys, values out of bounds and text over 64 KiB are refused.
    ///
    /// # Errors
    /// [`InferenceError::Manifest`] naming the key.
    pub fn parse(text: &str) -> Result<Self, InferenceError> {
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(invalid(format!("it is longer than {MAX_MANIFEST_BYTES} bytes")));
        }
        let manifest: ModelManifest =
            toml::from_str(text).map_err(|error| invalid(error.to_string().trim().to_owned()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The file with this role.
    ///
    /// # Errors
    /// [`InferenceError::Manifest`] where there is none.
    pub fn file(&self, role: FileRole) -> Result<&ModelFile, InferenceError> {
        self.files
            .iter()
            .find(|file| file.role == role)
            .ok_or_else(|| invalid(format!("it names no file with the role {role:?}")))
    }

    /// The manifest as TOML, which [`Self::parse`] reads back.
    ///
    /// # Errors
    /// [`InferenceError::Manifest`] where it would not be read back.
    pub fn to_text(&self) -> Result<String, InferenceError> {
        self.check()?;
        toml::to_string(self).map_err(|error| invalid(error.to_string()))
    }

    fn check(&self) -> Result<(), InferenceError> {
        if self.schema != SCHEMA {
            return Err(invalid(format!(
                "schema is {} where this build reads {SCHEMA}",
                self.schema
            )));
        }
        check_name("id", &self.id)?;
        let words = [
            ("name", &self.name),
            ("licence", &self.licence),
            ("source.package", &self.source.package),
            ("source.version", &self.source.version),
            ("source.licence", &self.source.licence),
        ];
        for (key, word) in words {
            check_word(key, word)?;
        }
        check_count("languages", self.languages.len())?;
        for language in &self.languages {
            check_word("languages", language)?;
        }
        check_name("source.file", &self.source.file)?;
        check_bytes("source", self.source.size, &self.source.sha256)?;
        check_count("source.member", self.source.members.len())?;
        check_members("source.member.path", &self.source.members)?;
        self.check_files()?;
        let EncoderShape { dimensions, token_limit, token_layer } = self.encoder;
        check_range("encoder.dimensions", dimensions, 1, MAX_DIMENSIONS)?;
        check_range("encoder.token-limit", token_limit, 3, MAX_TOKENS)?;
        check_range("encoder.token-layer", token_layer, 1, 64)?;
        self.recipe.as_ref().map_or(Ok(()), |recipe| recipe.check(dimensions))
    }

    fn check_files(&self) -> Result<(), InferenceError> {
        check_count("file", self.files.len())?;
        for (index, file) in self.files.iter().enumerate() {
            check_name("file.name", &file.name)?;
            check_bytes(&file.name, file.size, &file.sha256)?;
            let twice = self.files[..index]
                .iter()
                .any(|other| other.role == file.role || other.name == file.name);
            if twice {
                return Err(invalid(format!(
                    "{} repeats a role or a name of an earlier file",
                    file.name
                )));
            }
        }
        Ok(())
    }
}

fn invalid(why: String) -> InferenceError {
    InferenceError::Manifest { why }
}

fn check_word(key: &str, word: &str) -> Result<(), InferenceError> {
    let plain = !word.is_empty()
        && word.len() <= MAX_WORD_BYTES
        && word.chars().all(|letter| !letter.is_control());
    if plain {
        Ok(())
    } else {
        Err(invalid(format!(
            "{key} must have 1 to {MAX_WORD_BYTES} bytes and no control characters"
        )))
    }
}

/// A name that is safe as one step of a path.
fn check_name(key: &str, name: &str) -> Result<(), InferenceError> {
    check_word(key, name)?;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.starts_with('.') || !name.chars().all(allowed) {
        return Err(invalid(format!(
            "{key} {name:?} may hold ASCII letters, digits, `-`, `_` and `.` and not begin with a dot"
        )));
    }
    Ok(())
}

fn check_members(key: &str, members: &[SourceMember]) -> Result<(), InferenceError> {
    for member in members {
        for step in member.path.split('/') {
            check_name(key, step)?;
        }
        check_bytes(&member.path, member.size, &member.sha256)?;
    }
    Ok(())
}

fn check_bytes(key: &str, size: u64, sha256: &str) -> Result<(), InferenceError> {
    if !(1..=MAX_FILE_BYTES).contains(&size) {
        return Err(invalid(format!("{key}: size {size} is not within 1..={MAX_FILE_BYTES}")));
    }
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if sha256.len() != 64 || !sha256.bytes().all(digit) {
        return Err(invalid(format!("{key}: sha256 must be 64 lower-case hex digits")));
    }
    Ok(())
}

fn check_count(key: &str, count: usize) -> Result<(), InferenceError> {
    check_range(&format!("the number of {key} entries"), count, 1, MAX_FILES)
}

fn check_range(key: &str, value: usize, low: usize, high: usize) -> Result<(), InferenceError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(invalid(format!("{key} is {value}, not within {low}..={high}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHIPPED: &str = include_str!("../../../models/all-minilm-l6-v2.toml");

    fn why(text: &str) -> String {
        ModelManifest::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_manifest_is_valid_and_complete() {
        let manifest = ModelManifest::parse(SHIPPED).unwrap();
        assert_eq!(manifest.id, "all-minilm-l6-v2");
        assert_eq!(manifest.encoder.dimensions, 384);
        for role in [FileRole::Vocabulary, FileRole::GraphF32, FileRole::GraphInt8] {
            manifest.file(role).unwrap();
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        for section in ["schema = 1", "[source]", "[encoder]", "role = \"graph-int8\""] {
            let text = SHIPPED.replacen(section, &format!("{section}\ncolour = 1"), 1);
            assert!(why(&text).contains("colour"), "{section}");
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused_by_key() {
        for (from, to, key) in [
            ("schema = 1", "schema = 2", "schema"),
            ("dimensions = 384", "dimensions = 0", "dimensions"),
            ("token-limit = 256", "token-limit = 2", "token-limit"),
            ("token-layer = 4", "token-layer = 99", "token-layer"),
            ("kind = \"encoder\"", "kind = \"oven\"", "oven"),
            ("size = 83506384", "size = 0", "size"),
            ("size = 83506384", "size = 9999999999", "size"),
            ("sha256 = \"b9a0", "sha256 = \"B9a0", "sha256"),
            ("\"encoder-int8.onnx\"", "\"../int8.onnx\"", "file.name"),
            ("\"encoder-int8.onnx\"", "\".int8\"", "file.name"),
            ("\"encoder-int8.onnx\"", "\"encoder-f32.onnx\"", "repeats"),
            ("role = \"graph-int8\"", "role = \"graph-f32\"", "repeats"),
            ("model/vocab.txt", "model/../../vocab.txt", "member.path"),
            ("languages = [\"en\"]", "languages = []", "languages"),
            ("licence = \"Apache-2.0\"", "licence = \"\"", "licence"),
        ] {
            assert!(SHIPPED.contains(from), "{from}");
            let said = why(&SHIPPED.replacen(from, to, 1));
            assert!(said.contains(key), "{to}: {said}");
        }
    }

    #[test]
    fn a_role_that_is_missing_is_named() {
        let text = SHIPPED.replace("role = \"graph-int8\"", "role = \"vocabulary\"");
        assert!(ModelManifest::parse(&text).is_err());
        let mut manifest = ModelManifest::parse(SHIPPED).unwrap();
        manifest.files.retain(|file| file.role != FileRole::GraphInt8);
        let said = manifest.file(FileRole::GraphInt8).unwrap_err().to_string();
        assert!(said.contains("GraphInt8"), "{said}");
    }

    #[test]
    fn a_manifest_over_64_kib_is_refused() {
        assert!(why(&"#".repeat(64 * 1024 + 1)).contains("longer"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), cut in 0usize..2000) {
            let _ = ModelManifest::parse(&text);
            let end = SHIPPED.floor_char_boundary(cut);
            let _ = ModelManifest::parse(&format!("{}{text}", &SHIPPED[..end]));
        }
    }
}
