//! A package that lies unpacked in a folder of its own, as that of an installed skill does: its manifest, its signatures
//! and its files under the names that they have in the package.
//!
//! Must not take a file for right because it was once: the manifest is held against the hash that the caller has, and the
//! component and the sentences against the manifest, at each reading. Assets, embeddings and code, which may be large, are held
//! against their length; embeddings and code against their hash too, by whoever reads them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::carried::{Carried, Kind};
use crate::error::PackageError;
use crate::folder::{Asset, SkillFolder, file_names, open_regular, read_bounded};
use crate::manifest::MAX_PACKED_MANIFEST_BYTES;
use crate::packed::{
    COMPONENT, MANIFEST, MAX_SIGNATURES, PackedFile, PackedManifest, SIGNATURES, signature_name,
};
use crate::sentences::Sentences;
use crate::signature::{MAX_SIGNATURE_BYTES, Signature};

/// What lies in the folder.
#[derive(Debug, Clone)]
pub struct Unpacked {
    /// What was signed.
    pub manifest: PackedManifest,
    /// In the order of their keys' numbers; whoever reads them again asks whom to trust again.
    pub signatures: Vec<Signature>,
    /// As the host loads it, without code.
    pub skill: SkillFolder,
    /// Code that it carries, by the id of the engine that it is for.
    pub code: BTreeMap<String, Carried>,
}

impl Unpacked {
    /// Reads a folder whose manifest has this hash.
    ///
    /// # Errors
    /// [`PackageError`]: a file that is missing or is another one than was unpacked there.
    pub fn read(folder: &Path, manifest_sha256: &[u8; 32]) -> Result<Self, PackageError> {
        let manifest = read_bounded(&folder.join(MANIFEST), MAX_PACKED_MANIFEST_BYTES as u64)?;
        let manifest = PackedManifest::parse(manifest)?;
        if manifest.sha256() != *manifest_sha256 {
            return Err(changed(&folder.join(MANIFEST), "hash"));
        }
        Self::with(manifest, folder)
    }

    /// Reads a folder whose manifest is the one that lies there: of the image, where nobody else writes.
    ///
    /// # Errors
    /// As [`Unpacked::read`].
    pub fn read_as_it_is(folder: &Path) -> Result<Self, PackageError> {
        let manifest = read_bounded(&folder.join(MANIFEST), MAX_PACKED_MANIFEST_BYTES as u64)?;
        Self::with(PackedManifest::parse(manifest)?, folder)
    }

    /// Whether a package lies in a folder, rather than what its author works in.
    #[must_use]
    pub fn lies_in(folder: &Path) -> bool {
        folder.join(SIGNATURES).is_dir()
    }

    fn with(manifest: PackedManifest, folder: &Path) -> Result<Self, PackageError> {
        let (skill, code) = read_files(folder, &manifest)?;
        Ok(Self { signatures: read_signatures(folder)?, skill, code, manifest })
    }
}

pub(crate) fn changed(path: &Path, what: &'static str) -> PackageError {
    PackageError::Changed { file: path.display().to_string(), what }
}

fn read_signatures(folder: &Path) -> Result<Vec<Signature>, PackageError> {
    let mut signatures = Vec::new();
    for name in file_names(&folder.join(SIGNATURES), MAX_SIGNATURES)? {
        let path = folder.join(SIGNATURES).join(name);
        let bytes = read_bounded(&path, MAX_SIGNATURE_BYTES)?;
        let file = || path.display().to_string();
        let signature = Signature::parse(&bytes)
            .map_err(|why| PackageError::Signature { file: file(), why })?;
        if path != folder.join(signature_name(&signature)) {
            return Err(PackageError::invalid(&file(), "is the signature of another key"));
        }
        signatures.push(signature);
    }
    Ok(signatures)
}

/// Files by their keys.
type ByKey = BTreeMap<String, Carried>;

/// The skill, and the code that it carries.
fn read_files(
    folder: &Path,
    packed: &PackedManifest,
) -> Result<(SkillFolder, ByKey), PackageError> {
    let (mut wasm, mut wasm_sha256) = (Vec::new(), [0; 32]);
    let (mut sentences, mut assets) = (BTreeMap::new(), BTreeMap::new());
    let (mut embeddings, mut code) = (ByKey::new(), ByKey::new());
    for file in &packed.files {
        let path = folder.join(&file.path);
        match file.path.split_once('/') {
            None if file.path == COMPONENT => {
                (wasm, wasm_sha256) = (read_same(&path, file)?, file.sha256);
            }
            Some(("assets", name)) => {
                let (opened, bytes) = open_regular(&path, file.bytes)?;
                if bytes != file.bytes {
                    return Err(changed(&path, "length"));
                }
                assets.insert(name.to_owned(), Asset { file: Arc::new(opened), bytes });
            }
            _ if let Some((kind, key)) = Kind::of(&file.path) => {
                let all = match kind {
                    Kind::Embeddings => &mut embeddings,
                    Kind::Code => &mut code,
                };
                all.insert(key.to_owned(), carried(&path, file)?);
            }
            _ => {
                let label = path.display().to_string();
                let text = String::from_utf8(read_same(&path, file)?).map_err(|error| {
                    PackageError::invalid(&label, format!("is not UTF-8: {error}"))
                })?;
                let language = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                sentences.insert(language, Sentences::parse(&label, &text, &packed.manifest)?);
            }
        }
    }
    let (manifest, manifest_sha256) = (packed.manifest.clone(), packed.sha256());
    let skill = SkillFolder {
        manifest,
        manifest_sha256,
        sentences,
        wasm,
        wasm_sha256,
        assets,
        embeddings,
        code: None,
    };
    Ok((skill, code))
}

/// A file that is as long as the manifest lists it, and is read when it is needed.
fn carried(path: &Path, file: &PackedFile) -> Result<Carried, PackageError> {
    let (_, bytes) = open_regular(path, file.bytes)?;
    if bytes != file.bytes {
        return Err(changed(path, "length"));
    }
    Ok(Carried { path: file.path.clone(), bytes, sha256: Some(file.sha256) })
}

/// A file that is as the manifest lists it.
fn read_same(path: &Path, file: &PackedFile) -> Result<Vec<u8>, PackageError> {
    let content = read_bounded(path, file.bytes)?;
    if Sha256::digest(&content)[..] != file.sha256 {
        return Err(changed(path, "hash"));
    }
    Ok(content)
}
