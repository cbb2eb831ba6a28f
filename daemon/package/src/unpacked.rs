//! A package that lies unpacked in a folder of its own, as that of an installed skill does: its manifest, its signatures
//! and its files under the names that they have in the package.
//!
//! Must not take a file for right because it was once: the manifest is held against the hash that the caller has, and the
//! component and the sentences against the manifest, at each reading. Assets and embeddings, which may be large, are held
//! against their length; embeddings against their hash too, by whoever reads them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::embeddings::{self, Carried};
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
    /// As the host loads it.
    pub skill: SkillFolder,
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
        Ok(Self {
            signatures: read_signatures(folder)?,
            skill: read_files(folder, &manifest)?,
            manifest,
        })
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

fn read_files(folder: &Path, packed: &PackedManifest) -> Result<SkillFolder, PackageError> {
    let (mut wasm, mut wasm_sha256) = (Vec::new(), [0; 32]);
    let (mut sentences, mut assets, mut carried) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
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
            Some((embeddings::FOLDER, name)) => {
                let (_, bytes) = open_regular(&path, file.bytes)?;
                if bytes != file.bytes {
                    return Err(changed(&path, "length"));
                }
                let fingerprint = embeddings::fingerprint_of(name).unwrap_or_default().to_owned();
                let sha256 = Some(file.sha256);
                carried.insert(fingerprint, Carried { path: file.path.clone(), bytes, sha256 });
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
    Ok(SkillFolder {
        manifest,
        manifest_sha256,
        sentences,
        wasm,
        wasm_sha256,
        assets,
        embeddings: carried,
    })
}

/// A file that is as the manifest lists it.
fn read_same(path: &Path, file: &PackedFile) -> Result<Vec<u8>, PackageError> {
    let content = read_bounded(path, file.bytes)?;
    if Sha256::digest(&content)[..] != file.sha256 {
        return Err(changed(path, "hash"));
    }
    Ok(content)
}
