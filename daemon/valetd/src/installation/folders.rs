//! The folders of installed skills: `skills/<id>/<counter>-<hash>/` below the state, a folder a version.
//!
//! A version is put together in a folder beside and takes its name once all of it is on disk; which one counts says a
//! row of the state alone. Whatever no row names is swept away. Must not look into what it keeps.

use crate::state::rows::{Installed, Version};
use data_encoding::HEXLOWER;
use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use valet_core::intent::SkillId;

/// Below the state.
const FOLDER: &str = "skills";
/// Where a version is put together; no id begins with a dot.
const STAGING: &str = ".staging";
/// Bytes of a manifest's hash that stand in a folder's name; the whole is checked when it is read.
const HASH_BYTES: usize = 8;

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    root: PathBuf,
}

/// A version that is put together. What was not kept is removed when this goes.
#[derive(Debug)]
pub(crate) struct Staged {
    folder: PathBuf,
    kept: bool,
}

impl Folders {
    /// Those below a state's folder.
    #[must_use]
    pub(crate) fn below(state: &Path) -> Self {
        Self { root: state.join(FOLDER) }
    }

    /// Where a version lies.
    #[must_use]
    pub(crate) fn of(&self, skill: &SkillId, version: &Version) -> PathBuf {
        self.root.join(skill.as_str()).join(name(version))
    }

    /// Begins to put a version together; whatever was begun before is dropped.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn stage(&self) -> io::Result<Staged> {
        make(&self.root)?;
        let folder = self.root.join(STAGING);
        remove(&folder)?;
        instant!("staging.swept");
        DirBuilder::new().mode(0o700).create(&folder)?;
        instant!("staging.made");
        Ok(Staged { folder, kept: false })
    }

    /// Gives what was put together the name of its version. It is on disk when this returns.
    ///
    /// # Errors
    /// What the disk says; then nothing has the name.
    pub(crate) fn keep(
        &self,
        mut staged: Staged,
        skill: &SkillId,
        version: &Version,
    ) -> io::Result<PathBuf> {
        sync_folders(&staged.folder)?;
        instant!("keep.synced");
        let parent = self.root.join(skill.as_str());
        make(&parent)?;
        sync(&self.root)?;
        instant!("keep.parent-made");
        let folder = self.of(skill, version);
        instant!("keep.beside");
        if folder.exists() {
            // The row may name it, as one that the disk spoilt, or as the one before: at no instant is there none.
            exchange(&staged.folder, &folder)?;
            remove(&staged.folder)?;
        } else {
            std::fs::rename(&staged.folder, &folder)?;
        }
        staged.kept = true;
        instant!("keep.renamed");
        sync(&parent)?;
        sync(&self.root)?;
        instant!("keep.done");
        Ok(folder)
    }

    /// The folders of all versions, by skill.
    pub(crate) fn all(&self) -> Vec<(SkillId, Vec<PathBuf>)> {
        let of_skill = |folder: PathBuf| {
            let id = SkillId::parse(folder.file_name()?.to_str()?).ok()?;
            Some((id, entries(&folder)))
        };
        let mut all: Vec<_> = entries(&self.root).into_iter().filter_map(of_skill).collect();
        all.sort();
        all
    }

    /// Removes what no row names, and what was not put together to the end.
    pub(crate) fn sweep(&self, installed: &BTreeMap<SkillId, Installed>) {
        for folder in entries(&self.root) {
            let id = folder.file_name().and_then(|name| SkillId::parse(name.to_str()?).ok());
            match id.and_then(|id| Some((installed.get(&id)?, id))) {
                Some((known, id)) => self.sweep_skill(&id, Some(known)),
                None => say_if_left(&folder),
            }
            instant!("sweep.next");
        }
    }

    /// Removes the versions of a skill that no row names.
    pub(crate) fn sweep_skill(&self, skill: &SkillId, installed: Option<&Installed>) {
        let parent = self.root.join(skill.as_str());
        let Some(installed) = installed else {
            instant!("sweep.skill");
            return say_if_left(&parent);
        };
        let kept: Vec<String> = [Some(&installed.current), installed.previous.as_ref()]
            .into_iter()
            .flatten()
            .map(name)
            .collect();
        for folder in entries(&parent) {
            if !folder.file_name().is_some_and(|n| kept.iter().any(|kept| n == kept.as_str())) {
                instant!("sweep.version");
                say_if_left(&folder);
            }
        }
    }
}

impl Staged {
    /// Where it is put together.
    #[must_use]
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new file of it, which only this user can read.
    ///
    /// # Errors
    /// What the disk says, and a name that was there already.
    pub(crate) fn create(&self, path: &str) -> io::Result<Durable> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            make(parent)?;
        }
        instant!("staging.folder-made");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        instant!("staging.file-made");
        Ok(Durable(file))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.kept {
            say_if_left(&self.folder);
        }
    }
}

/// A file that is on disk once it is flushed.
pub(crate) struct Durable(File);

impl io::Write for Durable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        instant!("staging.write");
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        instant!("staging.sync");
        self.0.sync_all()?;
        instant!("staging.synced");
        Ok(())
    }
}

fn name(version: &Version) -> String {
    let hash = HEXLOWER.encode(&version.manifest_sha256[..HASH_BYTES]);
    format!("{}-{hash}", version.counter)
}

/// Two folders take each other's names at once.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder and those in it: their files are on disk already, under names that may not be.
fn sync_folders(folder: &Path) -> io::Result<()> {
    for inner in entries(folder).into_iter().filter(|path| path.is_dir()) {
        sync(&inner)?;
    }
    sync(folder)
}

/// What lies in a folder; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    removed.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

fn say_if_left(path: &Path) {
    if let Err(error) = remove(path) {
        log::warn!("{} is not needed and cannot be removed: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn version(counter: u64) -> Version {
        let manifest_sha256 = [u8::try_from(counter).expect("small"); 32];
        Version { counter, manifest_sha256, signer: None, on_trial: false }
    }

    fn put(folders: &Folders, id: &SkillId, counter: u64) -> PathBuf {
        let staged = folders.stage().expect("staged");
        for file in ["skill.toml", "sentences/en.toml"] {
            let mut to = staged.create(file).expect("made");
            to.write_all(file.as_bytes()).and_then(|()| to.flush()).expect("written");
        }
        folders.keep(staged, id, &version(counter)).expect("kept")
    }

    #[test]
    fn versions_lie_beside_each_other_and_only_those_of_the_row_stay() {
        let state = tempfile::tempdir().expect("a folder");
        let folders = Folders::below(state.path());
        let id = SkillId::parse("org.example.lamp").expect("an id");
        let all: Vec<PathBuf> = (1..4).map(|counter| put(&folders, &id, counter)).collect();
        assert!(all.iter().all(|folder| folder.join("sentences/en.toml").exists()));
        assert_eq!(all[2], folders.of(&id, &version(3)));
        let installed = Installed { current: version(3), previous: Some(version(2)) };
        folders.sweep_skill(&id, Some(&installed));
        assert_eq!(there(&all), [false, true, true]);
        let other = put(&folders, &SkillId::parse("org.example.gone").expect("an id"), 1);
        drop(folders.stage().expect("staged").create("left").expect("made"));
        std::fs::create_dir(state.path().join("skills/.staging"))
            .expect("as after a cut of the power");
        folders.sweep(&[(id, installed)].into());
        assert_eq!(there(&all), [false, true, true]);
        assert!(!other.exists() && !state.path().join("skills/.staging").exists());
    }

    fn there(folders: &[PathBuf]) -> Vec<bool> {
        folders.iter().map(|folder| folder.exists()).collect()
    }

    #[test]
    fn what_is_not_kept_leaves_nothing() {
        let state = tempfile::tempdir().expect("a folder");
        let folders = Folders::below(state.path());
        let staged = folders.stage().expect("staged");
        let folder = staged.folder().to_owned();
        assert!(folder.exists());
        drop(staged);
        assert!(!folder.exists());
    }
}
