//! What a skill carries so that a device need not make it: `embeddings/<fingerprint>.bin` of its sentences, a file an encoder,
//! and `code/<engine id>.bin` of its component, a file an engine.
//!
//! Must not know what is in them: whoever uses them looks into them. Embeddings are not believed; code cannot be looked
//! through, so it counts only where a key vouches that may sign code.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::PackageError;
use crate::folder::{file_names, open_regular, read_bounded, unreadable};
use crate::unpacked::changed;

/// Most files of a kind: as many encoders and engines may have theirs.
pub const MAX_CARRIED: usize = 4;
/// Largest code of a component, bytes.
pub const MAX_CODE_BYTES: u64 = 64 << 20;
/// Largest file of embeddings, bytes.
pub const MAX_EMBEDDINGS_BYTES: u64 = 16 << 20;
/// Digits of a key.
const DIGITS: usize = 64;
/// What follows them in a name.
const ENDING: &str = ".bin";

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Embeddings of its sentences; the key is the fingerprint of their encoder.
    Embeddings,
    /// Its component as code; the key is the id of the engine that it is for.
    Code,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Embeddings, Self::Code];

    /// The folder within a skill's folder and within its package.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Code => "code",
        }
    }

    /// Largest file, bytes.
    #[must_use]
    pub fn max_bytes(self) -> u64 {
        match self {
            Self::Embeddings => MAX_EMBEDDINGS_BYTES,
            Self::Code => MAX_CODE_BYTES,
        }
    }

    /// Where the file with this key lies within a skill's folder and within its package.
    #[must_use]
    pub fn path_of(self, key: &str) -> String {
        format!("{}/{key}{ENDING}", self.folder())
    }

    /// The kind of the file at this path, and its key; `None` for a path of another form.
    #[must_use]
    pub fn of(path: &str) -> Option<(Self, &str)> {
        let (folder, name) = path.split_once('/')?;
        let kind = Self::ALL.into_iter().find(|kind| kind.folder() == folder)?;
        Some((kind, key_of(name)?))
    }

    /// The files of a skill's folder, by key; no folder = none.
    pub(crate) fn find(self, skill: &Path) -> Result<BTreeMap<String, Carried>, PackageError> {
        let folder = skill.join(self.folder());
        let mut all = BTreeMap::new();
        for name in file_names(&folder, MAX_CARRIED)? {
            let path = folder.join(&name);
            let Some(key) = key_of(&name) else {
                let why = "is not named <64 digits of 0-9 a-f>.bin, as `valetctl skill embed` and `compile` name it";
                return Err(unreadable(&path, why));
            };
            let (_, bytes) = open_regular(&path, self.max_bytes())?;
            let found = Carried { path: self.path_of(key), bytes, sha256: None };
            all.insert(key.to_owned(), found);
        }
        Ok(all)
    }
}

fn key_of(name: &str) -> Option<&str> {
    let key = name.strip_suffix(ENDING)?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (key.len() == DIGITS && key.bytes().all(is_digit)).then_some(key)
}

/// One file, which is read when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Where it lies within the skill's folder, wherever that lies.
    pub path: String,
    /// Its length when it was found, within the bounds of its kind.
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
        let content = read_bounded(&path, self.bytes)?;
        if content.len() as u64 != self.bytes {
            return Err(changed(&path, "length"));
        }
        if self.sha256.is_some_and(|sha256| Sha256::digest(&content)[..] != sha256) {
            return Err(changed(&path, "hash"));
        }
        Ok(content)
    }
}
