//! A skill as a folder of its author or of the image: `skill.toml`, `skill.wasm`, `sentences/<lang>.toml`, `assets/*`,
//! `embeddings/*.bin`. Code that lies there is for packing only: nobody vouches for it.
//!
//! Must not follow a link out of the folder, and must not read more than the bounds say.

use crate::{
    carried::{Carried, Kind},
    error::PackageError,
    manifest::MAX_MANIFEST_BYTES,
    manifest::Manifest,
    sentences::MAX_SENTENCES_BYTES,
    sentences::Sentences,
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs::File, io::Read, path::Path, sync::Arc};

/// Largest component, bytes.
pub const MAX_WASM_BYTES: u64 = valet_core::contract::MAX_COMPONENT_BYTES;
/// Largest asset, bytes.
pub const MAX_ASSET_BYTES: u64 = 256 << 20;
/// Most assets of a skill.
pub const MAX_ASSETS: usize = 64;
/// Most languages of a skill.
pub const MAX_LANGUAGES: usize = 64;

/// An open asset, read at offsets only.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The file.
    pub file: Arc<File>,
    /// Its length when it was opened.
    pub bytes: u64,
}

/// A skill's folder, read and checked.
#[derive(Debug, Clone)]
pub struct SkillFolder {
    /// What it is and may.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's bytes.
    pub manifest_sha256: [u8; 32],
    /// What people say, by language.
    pub sentences: BTreeMap<String, Sentences>,
    /// The component's bytes.
    pub wasm: Vec<u8>,
    /// SHA-256 of the component.
    pub wasm_sha256: [u8; 32],
    /// Assets by file name.
    pub assets: BTreeMap<String, Asset>,
    /// Embeddings of its sentences, by the fingerprint of the encoder that they are of. Not read here.
    pub embeddings: BTreeMap<String, Carried>,
    /// Code of the component for the engine that is to run it. `None` as a folder is read: whoever has the word of a key that
    /// may sign code puts it in.
    pub code: Option<Vec<u8>>,
}

impl SkillFolder {
    /// Reads a folder. Its name need not be the id.
    ///
    /// # Errors
    /// [`PackageError`] naming the file within the folder.
    pub fn read(folder: &Path) -> Result<Self, PackageError> {
        let (manifest, manifest_bytes) = read_manifest(&folder.join("skill.toml"))?;
        let wasm = read_bounded(&folder.join("skill.wasm"), MAX_WASM_BYTES)?;
        Ok(Self {
            manifest_sha256: Sha256::digest(&manifest_bytes).into(),
            sentences: read_sentences(&folder.join("sentences"), &manifest)?,
            wasm_sha256: Sha256::digest(&wasm).into(),
            wasm,
            assets: open_assets(&folder.join("assets"))?,
            embeddings: Kind::Embeddings.find(folder)?,
            code: None,
            manifest,
        })
    }
}

/// A manifest, and its bytes.
pub(crate) fn read_manifest(path: &Path) -> Result<(Manifest, Vec<u8>), PackageError> {
    let (label, bytes) =
        (path.display().to_string(), read_bounded(path, MAX_MANIFEST_BYTES as u64)?);
    Ok((Manifest::parse(&label, &utf8(&label, &bytes)?)?, bytes))
}

/// A text of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, PackageError> {
    utf8(&path.display().to_string(), &read_bounded(path, limit)?)
}

/// The names of a folder's assets; no folder = none.
pub(crate) fn read_asset_names(folder: &Path) -> Result<Vec<String>, PackageError> {
    file_names(folder, MAX_ASSETS)
}

pub(crate) fn unreadable(path: &Path, why: impl ToString) -> PackageError {
    PackageError::Unreadable { file: path.display().to_string(), why: why.to_string() }
}

fn utf8(file: &str, bytes: &[u8]) -> Result<String, PackageError> {
    String::from_utf8(bytes.to_vec())
        .map_err(|e| PackageError::invalid(file, format!("is not UTF-8: {e}")))
}

/// Opens a regular file, refusing links, and returns its length.
pub(crate) fn open_regular(path: &Path, limit: u64) -> Result<(File, u64), PackageError> {
    let meta = path.symlink_metadata().map_err(|e| unreadable(path, e))?;
    if !meta.is_file() {
        return Err(unreadable(path, "is not a regular file"));
    }
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    let bytes = file.metadata().map_err(|e| unreadable(path, e))?.len();
    if bytes > limit {
        return Err(PackageError::TooLarge { file: path.display().to_string(), bytes, limit });
    }
    Ok((file, bytes))
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// [`PackageError::Unreadable`], [`PackageError::TooLarge`].
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, PackageError> {
    let (file, bytes) = open_regular(path, limit)?;
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    // The file may grow while it is read: one byte past the limit is enough to know.
    file.take(limit + 1).read_to_end(&mut content).map_err(|e| unreadable(path, e))?;
    if content.len() as u64 > limit {
        return Err(PackageError::TooLarge {
            file: path.display().to_string(),
            bytes: content.len() as u64,
            limit,
        });
    }
    Ok(content)
}

/// File names of a folder, sorted, at most `most`; no folder = none.
pub(crate) fn file_names(folder: &Path, most: usize) -> Result<Vec<String>, PackageError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(|e| unreadable(folder, e))? {
        let name = entry.map_err(|e| unreadable(folder, e))?.file_name();
        let Some(name) = name.to_str() else {
            return Err(unreadable(folder, format!("file name {name:?} is not UTF-8")));
        };
        if names.len() == most {
            return Err(unreadable(folder, format!("has more than {most} files")));
        }
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

pub(crate) fn read_sentences(
    folder: &Path,
    manifest: &Manifest,
) -> Result<BTreeMap<String, Sentences>, PackageError> {
    let mut all = BTreeMap::new();
    for name in file_names(folder, MAX_LANGUAGES)? {
        let Some(language) = name.strip_suffix(".toml") else {
            return Err(unreadable(&folder.join(&name), "is not named <language>.toml"));
        };
        let path = folder.join(&name);
        let text = read_text(&path, MAX_SENTENCES_BYTES as u64)?;
        let sentences = Sentences::parse(&path.display().to_string(), &text, manifest)?;
        all.insert(language.to_owned(), sentences);
    }
    Ok(all)
}

fn open_assets(folder: &Path) -> Result<BTreeMap<String, Asset>, PackageError> {
    let mut assets = BTreeMap::new();
    for name in read_asset_names(folder)? {
        let (file, bytes) = open_regular(&folder.join(&name), MAX_ASSET_BYTES)?;
        assets.insert(name, Asset { file: Arc::new(file), bytes });
    }
    Ok(assets)
}
