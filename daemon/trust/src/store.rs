//! The keys and the list of a device, read from folders that only their owner may write to.
//!
//! Must not write, and must not follow a link.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use valet_package::signature::{KeyId, MAX_SIGNATURE_BYTES, Signature};

use crate::key_file::{MAX_KEY_FILE_BYTES, TrustedKey};
use crate::revoked::{MAX_LIST_BYTES, Revoked};

/// Most files of a folder that are looked at.
const MAX_FILES: usize = 256;
/// The list, beside the keys.
pub const LIST: &str = "revoked.toml";
/// Its signature, beside it.
pub const LIST_SIGNATURE: &str = "revoked.toml.minisig";
/// The signature of the list that is just being put in place of another: two files cannot change at once, so that of the list
/// counts which fits it.
pub const NEXT_LIST_SIGNATURE: &str = "revoked.toml.minisig.new";

/// A file that is not used, and why: its key is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub file: PathBuf,
    /// What was expected and what came.
    pub why: String,
}

/// Whom a device trusts.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    keys: BTreeMap<KeyId, TrustedKey>,
    revoked: Revoked,
    without_list: Option<String>,
}

impl TrustStore {
    /// Reads folders; a folder that is not there has no keys. `owners` are the users whose files are believed: root, and in a
    /// session the user. `serial` is that of the newest list that was ever seen here.
    ///
    /// Of several lists the newest counts. A list that is there and cannot be used, or the lack of one where one was seen
    /// before, makes every verdict a refusal.
    #[must_use]
    pub fn read(folders: &[&Path], owners: &[u32], serial: u64) -> (Self, Vec<Fault>) {
        let (mut store, mut faults) = (Self::default(), Vec::new());
        for folder in folders {
            for file in files_of(folder, owners, &mut faults) {
                match store.read_key(&file, owners) {
                    Ok(()) => {}
                    Err(why) => faults.push(Fault { file, why }),
                }
            }
        }
        for folder in folders {
            let file = folder.join(LIST);
            // Only what is surely not there is passed over: a list that cannot be seen is one that cannot be used.
            let absent = file.symlink_metadata().is_err_and(|error| {
                matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
            });
            if absent {
                continue;
            }
            match store.read_list(&file, owners) {
                Ok(list) if list.serial > store.revoked.serial => store.revoked = list,
                Ok(_) => {}
                Err(why) => {
                    store.without_list = Some(format!("{}: {why}", file.display()));
                    faults.push(Fault { file, why });
                }
            }
        }
        if store.revoked.serial < serial && store.without_list.is_none() {
            let found = store.revoked.serial;
            store.without_list = Some(match found {
                0 => format!("the list {serial} was here, and there is none now"),
                _ => format!("the list {serial} was here, and an older one is now: {found}"),
            });
        }
        (store, faults)
    }

    /// All keys, by number.
    pub fn keys(&self) -> impl Iterator<Item = &TrustedKey> {
        self.keys.values()
    }

    /// A key.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&TrustedKey> {
        self.keys.get(&id)
    }

    /// What is revoked.
    #[must_use]
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// Why it is not known what is revoked, where it is not.
    #[must_use]
    pub fn without_list(&self) -> Option<&str> {
        self.without_list.as_deref()
    }

    fn read_key(&mut self, file: &Path, owners: &[u32]) -> Result<(), String> {
        let text = read_own(file, MAX_KEY_FILE_BYTES as u64, owners)?;
        let name = file.display().to_string();
        let key = TrustedKey::parse(&name, &text).map_err(|error| error.to_string())?;
        // The image's folder comes first; whoever comes later cannot widen what its key may.
        let id = key.id();
        if self.keys.contains_key(&id) {
            return Err(format!(
                "the key {id} is there already, in a file that counts before this one"
            ));
        }
        self.keys.insert(id, key);
        Ok(())
    }

    fn read_list(&self, file: &Path, owners: &[u32]) -> Result<Revoked, String> {
        let text = read_own(file, MAX_LIST_BYTES as u64, owners)?;
        self.check_list(&text, &file.with_file_name(LIST_SIGNATURE), owners).or_else(|why| {
            let next = file.with_file_name(NEXT_LIST_SIGNATURE);
            self.check_list(&text, &next, owners).map_err(|_| why)
        })?;
        Revoked::parse(&file.display().to_string(), &text).map_err(|error| error.to_string())
    }

    /// Whether a key that may revoke signed the list.
    fn check_list(&self, text: &str, beside: &Path, owners: &[u32]) -> Result<(), String> {
        let signature = read_own(beside, MAX_SIGNATURE_BYTES, owners)
            .map_err(|why| format!("its signature {}: {why}", beside.display()))?;
        let signature =
            Signature::adopt(signature.as_bytes()).map_err(|error| error.to_string())?;
        let key = self.key(signature.id()).filter(|key| key.may_revoke);
        let Some(key) = key else {
            return Err(format!(
                "signed by {}, which is no key here that may revoke",
                signature.id()
            ));
        };
        key.key.verify(text.as_bytes(), &signature).map_err(|error| error.to_string())
    }
}

/// Key files of a folder, by name.
fn files_of(folder: &Path, owners: &[u32], faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let mut fault = |why: String| faults.push(Fault { file: folder.to_owned(), why });
    let meta = match folder.symlink_metadata() {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            fault(error.to_string());
            return Vec::new();
        }
    };
    if let Err(why) = check_owner(&meta, owners)
        .and_then(|()| if meta.is_dir() { Ok(()) } else { Err("expected a folder".to_owned()) })
    {
        fault(why);
        return Vec::new();
    }
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) => {
            fault(error.to_string());
            return Vec::new();
        }
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let is_key =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "toml") && !path.ends_with(LIST);
    let mut files: Vec<PathBuf> = paths.filter(is_key).collect();
    files.sort();
    if files.len() > MAX_FILES {
        fault(format!("{} key files, of which the first {MAX_FILES} count", files.len()));
        files.truncate(MAX_FILES);
    }
    files
}

fn check_owner(meta: &std::fs::Metadata, owners: &[u32]) -> Result<(), String> {
    if !owners.contains(&meta.uid()) {
        return Err(format!(
            "it belongs to the user {}, expected {owners:?}; chown it",
            meta.uid()
        ));
    }
    if meta.mode() & 0o022 != 0 {
        let mode = meta.mode() & 0o777;
        return Err(format!(
            "others may write to it (mode {mode:o}), expected 644 or less; chmod it"
        ));
    }
    Ok(())
}

/// The text of a regular file of one of these users that nobody else may write to.
fn read_own(path: &Path, limit: u64, owners: &[u32]) -> Result<String, String> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(|error| error.to_string())?;
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| error.to_string())?;
    let meta = file.metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("expected a regular file".to_owned());
    }
    check_owner(&meta, owners)?;
    let mut text = String::new();
    let read = file.take(limit + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if read as u64 > limit {
        return Err(format!("it has more than {limit} bytes"));
    }
    Ok(text)
}
