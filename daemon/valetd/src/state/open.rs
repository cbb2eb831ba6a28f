//! Opening the state: the file as it is, else what is left of it.
//!
//! Must not delete anything, and must not take what a full or failing disk holds for corrupt: that may be whole.

use super::{Held, State, TABLES};
use redb::{Database, ReadableTable as _, StorageBackend as _, backends::InMemoryBackend};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};
use valet_package::folder::read_bounded;

/// Largest page cache of the database, bytes: it holds a few kilobytes.
const CACHE_BYTES: usize = 256 * 1024;
/// Largest file that is read into memory where it cannot be written, bytes.
const MAX_COPIED_BYTES: u64 = 32 << 20;
/// Most corrupt files that are kept.
const MOST_ASIDE: usize = 99;

/// A state that was opened, and what is wrong with it.
pub(crate) struct Opened {
    /// The state.
    pub state: State,
    /// What it is.
    pub kept: Kept,
    /// Why the daemon is degraded by it, for a person.
    pub reason: Option<String>,
}

/// What a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// What is written is on disk. It may begin anew: [`State::knows_packages`] says whether what is installed is in it.
    OnDisk,
    /// What could be read, else nothing; changes are lost at the end.
    InMemory,
}

/// Every table must be there and readable, also before the first write.
fn check_tables(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    for table in TABLES {
        for row in write.open_table(table)?.iter()? {
            let (key, value) = row?;
            // A key that is no text panics as it is looked at, better here than later.
            let _ = (key.value(), value.value());
        }
    }
    write.commit()?;
    Ok(())
}

/// Whether the bytes of the file are wrong, not the disk below it: what a full or failing disk
/// holds may be whole, and is not set aside.
fn is_corruption(error: &redb::Error) -> bool {
    use std::io::ErrorKind;
    match error {
        redb::Error::Io(error) => {
            matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
        }
        redb::Error::PreviousIo => false,
        _ => true,
    }
}

/// A file's content in memory. A file that cannot be read is no empty one: whoever took it for that would forget what it holds.
fn read_into_memory(file: &Path) -> std::io::Result<InMemoryBackend> {
    let backend = InMemoryBackend::new();
    let bytes = read_bounded(file, MAX_COPIED_BYTES).map_err(std::io::Error::other)?;
    if bytes.is_empty() {
        return Err(std::io::Error::other("it is empty"));
    }
    backend.set_len(bytes.len() as u64)?;
    backend.write(0, &bytes)?;
    Ok(backend)
}

/// A database in memory with a file's content.
pub(super) fn copied(file: &Path) -> Result<Database, redb::Error> {
    let backend = read_into_memory(file)?;
    State::checked(|builder| builder.create_with_backend(backend))
}

impl State {
    /// Opens `state.redb` in a folder, making both. A corrupt file is renamed to `state.redb.corrupt-<n>`; of
    /// one that can be read and not written there is a copy in memory.
    ///
    /// # Errors
    /// When another process has the database open.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Opened> {
        let file = folder.join("state.redb");
        if let Err(error) = std::fs::create_dir_all(folder) {
            return Self::copy(&file, &format!("{} cannot be made: {error}", folder.display()));
        }
        match Self::open_file(&file) {
            Ok(database) => Ok(Self::of(database, Some(&file)).opened(Kept::OnDisk, None)),
            Err(redb::Error::DatabaseAlreadyOpen) => {
                anyhow::bail!(
                    "{} is open in another process; stop the other valetd",
                    file.display()
                )
            }
            Err(error) if is_corruption(&error) => Self::set_aside(&file, &error),
            Err(error) => {
                Self::copy(&file, &format!("{} cannot be opened: {error}", file.display()))
            }
        }
    }

    fn open_file(file: &Path) -> Result<Database, redb::Error> {
        Self::checked(|builder| builder.create(file))
    }

    /// Opens a file that was open before; one that is gone or empty is a fault, not a new beginning.
    pub(super) fn open_file_again(file: &Path) -> Result<Database, redb::Error> {
        if std::fs::metadata(file)?.len() == 0 {
            return Err(redb::Error::Io(std::io::Error::other("it is empty")));
        }
        Self::checked(|builder| builder.open(file))
    }

    /// redb asserts some of its invariants; a corrupt file must not end the daemon by one, now or at a later call:
    /// all of its few kilobytes are checked here.
    fn checked(
        open: impl FnOnce(&mut redb::Builder) -> Result<Database, redb::DatabaseError>,
    ) -> Result<Database, redb::Error> {
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut builder = redb::Builder::new();
            builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
            let database = open(&mut builder)?;
            check_tables(&database)?;
            Ok(database)
        }));
        opened.unwrap_or_else(|_| Err(redb::Error::Corrupted("it breaks redb's own checks".into())))
    }

    /// Of a database that lies in a file, or in memory alone.
    fn of(database: Database, file: Option<&Path>) -> Self {
        let database = Held::of(database, file.map(Path::to_owned));
        Self { database, alarms_changed: std::sync::OnceLock::new() }
    }

    fn opened(self, kept: Kept, reason: Option<String>) -> Opened {
        Opened { state: self, kept, reason }
    }

    /// An empty state in memory, for checks that must leave nothing behind.
    ///
    /// # Errors
    /// [`redb::Error`].
    pub(crate) fn in_memory_only() -> anyhow::Result<Self> {
        let backend = InMemoryBackend::new();
        Ok(Self::of(Self::checked(|builder| builder.create_with_backend(backend))?, None))
    }

    /// What can be read of a file that cannot be written, in memory.
    fn copy(file: &Path, why: &str) -> anyhow::Result<Opened> {
        let reason = Some(format!(
            "changes of the state are kept in memory only and lost at the end: {why}"
        ));
        let state = match copied(file) {
            Ok(database) => Self::of(database, None),
            Err(_) => Self::in_memory_only()?,
        };
        Ok(state.opened(Kept::InMemory, reason))
    }

    fn set_aside(file: &Path, error: &redb::Error) -> anyhow::Result<Opened> {
        let in_memory = |why: String| {
            let reason = format!("the state is kept in memory only and lost at the end: {why}");
            Ok(Self::in_memory_only()?.opened(Kept::InMemory, Some(reason)))
        };
        let aside = (1..=MOST_ASIDE)
            .map(|n| PathBuf::from(format!("{}.corrupt-{n}", file.display())))
            .find(|path| !path.exists());
        let Some(aside) = aside else {
            return in_memory(format!(
                "{MOST_ASIDE} corrupt state files lie there already; look at them and remove them"
            ));
        };
        if let Err(rename) = std::fs::rename(file, &aside) {
            let file = file.display();
            return in_memory(format!("{file} is corrupt and cannot be set aside: {rename}"));
        }
        let reason = format!(
            "the state file was corrupt ({error}) and was set aside as {}; timers, settings and grants begin anew",
            aside.display()
        );
        match Self::open_file(file) {
            Ok(database) => Ok(Self::of(database, Some(file)).opened(Kept::OnDisk, Some(reason))),
            Err(error) => in_memory(format!("{} cannot be made anew: {error}", file.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::key;
    use valet_core::{
        intent::SkillId,
        ports::{Alarm, Alarms as _},
    };

    fn skill() -> SkillId {
        SkillId::parse("org.example.a").expect("an id")
    }

    #[test]
    fn a_corrupt_file_is_set_aside_and_said() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(State::open(folder.path()).expect("opens"));
        let file = folder.path().join("state.redb");
        std::fs::write(&file, vec![0x5a; 70_000]).expect("written");
        let opened = State::open(folder.path()).expect("opens all the same");
        assert!(opened.reason.expect("a reason").contains("set aside"));
        assert!(folder.path().join("state.redb.corrupt-1").exists());
        opened.state.set_disabled(&skill(), true).expect("works");
    }

    #[test]
    fn a_file_with_broken_or_missing_bytes_is_set_aside_or_whole_but_never_left_in_the_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = State::open(folder.path()).expect("opens");
        let alarm = Alarm { name: "pasta".into(), at_utc_ms: 5, payload: vec![7; 600] };
        opened.state.set(&skill(), alarm, 1).expect("one fits");
        drop(opened);
        let file = folder.path().join("state.redb");
        let whole = std::fs::read(&file).expect("reads");
        let broken = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        };
        let flips = (0..512).step_by(7).chain((512..whole.len()).step_by(whole.len() / 96));
        let cuts = [1, 64, 320, 4096, whole.len() / 2, whole.len() - 1];
        for bytes in flips.map(broken).chain(cuts.map(|len| whole[..len].to_vec())) {
            std::fs::write(&file, &bytes).expect("written");
            let opened = State::open(folder.path()).expect("opens all the same");
            let reason = opened.reason.unwrap_or_default();
            assert!(reason.is_empty() || reason.contains("set aside"), "{reason}");
            opened.state.set_disabled(&skill(), true).expect("works");
            drop(opened.state);
            let _ = std::fs::remove_file(folder.path().join("state.redb.corrupt-1"));
        }
    }

    #[test]
    fn a_key_that_is_no_text_any_more_is_seen_when_the_file_is_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = State::open(folder.path()).expect("opens");
        let alarm = Alarm { name: "pasta".into(), at_utc_ms: 5, payload: Vec::new() };
        opened.state.set(&skill(), alarm, 1).expect("one fits");
        drop(opened);
        let file = folder.path().join("state.redb");
        let mut bytes = std::fs::read(&file).expect("reads");
        let name = key(&skill(), "pasta").into_bytes();
        let places: Vec<usize> =
            (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(&name)).collect();
        assert!(!places.is_empty(), "the key stands in the file");
        places.iter().for_each(|at| bytes[at + name.len() - 1] = 0xff);
        std::fs::write(&file, &bytes).expect("written");
        let opened = State::open(folder.path()).expect("opens all the same");
        assert!(opened.reason.expect("a reason").contains("set aside"));
        assert!(opened.state.all_alarms().expect("reads").is_empty());
    }

    #[test]
    fn what_the_disk_refuses_is_no_corruption() {
        let io = |kind: std::io::ErrorKind| redb::Error::Io(kind.into());
        assert!(is_corruption(&io(std::io::ErrorKind::UnexpectedEof)));
        assert!(!is_corruption(&io(std::io::ErrorKind::StorageFull)));
        assert!(!is_corruption(&io(std::io::ErrorKind::PermissionDenied)));
    }

    #[test]
    fn what_cannot_be_written_is_read_and_changed_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let alarm = |name: &str| Alarm { name: name.into(), at_utc_ms: 5, payload: Vec::new() };
        let opened = State::open(folder.path()).expect("opens");
        opened.state.set(&skill(), alarm("pasta"), 9).expect("kept");
        drop(opened);
        let file = folder.path().join("state.redb");
        let before = std::fs::read(&file).expect("reads");
        let copied = State::copy(&file, "the disk is full").expect("opens");
        assert_eq!(copied.kept, Kept::InMemory);
        assert!(copied.reason.expect("a reason").contains("the disk is full"));
        assert_eq!(copied.state.list(&skill()).expect("reads"), [alarm("pasta")]);
        copied.state.set(&skill(), alarm("tea"), 9).expect("works");
        assert_eq!(std::fs::read(&file).expect("reads"), before, "the file is as it was");
        let nothing = State::copy(&folder.path().join("none"), "it is gone").expect("opens");
        assert_eq!(nothing.state.list(&skill()).expect("reads"), []);
    }
}
