//! The embeddings that a skill carries: `embeddings/<fingerprint>.bin`, a file an encoder, named by that encoder's
//! fingerprint.
//!
//! Must not know what is in them: whoever uses them looks into them, and does not believe them.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::PackageError;
use crate::folder::{file_names, open_regular, read_bounded, unreadable};
use crate::unpacked::changed;

/// The folder within a skill's folder and within its package.
pub const FOLDER: &str = "embeddings";
/// Largest file, bytes.
pub const MAX_EMBEDDINGS_BYTES: u64 = 16 << 20;
/// Most files of a skill: as many encoders may have theirs.
pub const MAX_EMBEDDINGS: usize = 4;
/// Digits of a fingerprint.
const DIGITS: usize = 64;
/// What follows them in a name.
const ENDING: &str = ".bin";

/// One file, which is read when its encoder needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Where it lies within the skill's folder, wherever that lies.
    pub path: String,
    /// Its length when it was found.
    pub bytes: u64,
    /// Of its content, as the manifest of a package has it; `None` in a folder that is no package's.
    pub sha256: Option<[u8; 32]>,
}

impl Carried {
    /// Reads it whole, of the skill in this folder.
    ///
    /// # Errors
    /// [`PackageError`]: it cannot be read, is another length than it had, or has another hash than the manifest's.
    pub fn read(&self, folder: &Path) -> Result<Vec<u8>, PackageError> {
        let path = folder.join(&self.path);
        let content = read_bounded(&path, self.bytes.min(MAX_EMBEDDINGS_BYTES))?;
        if content.len() as u64 != self.bytes {
            return Err(changed(&path, "length"));
        }
        if self.sha256.is_some_and(|sha256| Sha256::digest(&content)[..] != sha256) {
            return Err(changed(&path, "hash"));
        }
        Ok(content)
    }
}

/// The path of an encoder's file within a skill's folder and within its package.
#[must_use]
pub fn path_of(fingerprint: &str) -> String {
    format!("{FOLDER}/{fingerprint}{ENDING}")
}

/// The fingerprint in a file's name; `None` for a name of another form.
#[must_use]
pub fn fingerprint_of(name: &str) -> Option<&str> {
    let fingerprint = name.strip_suffix(ENDING)?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (fingerprint.len() == DIGITS && fingerprint.bytes().all(is_digit)).then_some(fingerprint)
}

/// The files of a skill's folder, by fingerprint; no folder = none.
pub(crate) fn find_embeddings(folder: &Path) -> Result<BTreeMap<String, Carried>, PackageError> {
    let folder = folder.join(FOLDER);
    let mut all = BTreeMap::new();
    for name in file_names(&folder, MAX_EMBEDDINGS)? {
        let path = folder.join(&name);
        let Some(fingerprint) = fingerprint_of(&name) else {
            let why = "is not named <64 digits of 0-9 a-f>.bin, as `valetctl skill embed` names it";
            return Err(unreadable(&path, why));
        };
        let (_, bytes) = open_regular(&path, MAX_EMBEDDINGS_BYTES)?;
        let found = Carried { path: path_of(fingerprint), bytes, sha256: None };
        all.insert(fingerprint.to_owned(), found);
    }
    Ok(all)
}
