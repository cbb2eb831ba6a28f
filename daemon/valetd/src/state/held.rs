//! The database that is open, and opening it again: after a fault of its disk it refuses everything, also once the disk is
//! well.
//!
//! Must not write to a copy: a change is on disk, or refused.

use super::{State, Told, failed, open};
use redb::{Database, ReadTransaction, ReadableDatabase as _};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard},
};
use valet_core::ports::StoreError;

/// What is open, and where it lies.
pub(super) struct Held {
    open: RwLock<Open>,
    /// None of a state that is in memory alone.
    file: Option<PathBuf>,
    /// Why the file is not open. Beside it, for whoever asks must not wait for a disk.
    fault: Mutex<Option<String>>,
    turned: OnceLock<Told>,
}

/// What there is of the file.
enum Open {
    /// All of it.
    Whole(Database),
    /// What can be read of it, and why no more.
    Copy(Database, String),
    /// Nothing, and why.
    Nothing(String),
}

impl Open {
    fn database(&self) -> Result<&Database, redb::Error> {
        match self {
            Self::Whole(database) | Self::Copy(database, _) => Ok(database),
            Self::Nothing(why) => Err(redb::Error::Io(std::io::Error::other(why.clone()))),
        }
    }

    /// What there is of a file that was open before.
    fn again(file: &Path) -> Self {
        let why = match State::open_file_again(file) {
            Ok(database) => {
                log::info!("the state is opened again after a fault of its disk");
                return Self::Whole(database);
            }
            Err(error) => format!("{} cannot be opened: {error}", file.display()),
        };
        match open::copied(file) {
            Ok(database) => Self::Copy(database, why),
            Err(_) => Self::Nothing(why),
        }
    }

    fn fault(&self) -> Option<String> {
        match self {
            Self::Whole(_) => None,
            Self::Copy(_, why) | Self::Nothing(why) => Some(format!(
                "changes of the state are refused until its disk is well again: {why}"
            )),
        }
    }

    fn is_in_order(&self) -> bool {
        // Refused at once after a fault, and given back at once otherwise.
        matches!(self, Self::Whole(database) if database.begin_write().is_ok())
    }
}

fn is_of_the_disk(error: &redb::Error) -> bool {
    matches!(error, redb::Error::PreviousIo | redb::Error::Io(_))
}

impl Held {
    pub(super) fn of(database: Database, file: Option<PathBuf>) -> Self {
        let (open, fault) = (RwLock::new(Open::Whole(database)), Mutex::default());
        Self { open, file, fault, turned: OnceLock::new() }
    }

    pub(super) fn on_turned(&self, turned: Told) {
        let _ = self.turned.set(turned);
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the file again where it is not open.
    pub(super) fn mend(&self) {
        if !matches!(*self.open(), Open::Whole(_)) {
            self.open_again();
        }
    }

    fn open(&self) -> RwLockReadGuard<'_, Open> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads, once more where the file had to be opened again.
    pub(super) fn read<T>(
        &self,
        read: impl Fn(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let once = || read(&self.open().database()?.begin_read()?);
        let mut found = once();
        if found.as_ref().is_err_and(is_of_the_disk) {
            self.open_again();
            found = once();
        }
        found.map_err(failed)
    }

    /// Gives the database to whoever changes it, and sees afterwards whether it can go on.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&Database) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.mend();
        let changed = match &*self.open() {
            Open::Whole(database) => change(database),
            Open::Copy(_, why) | Open::Nothing(why) => {
                Err(StoreError::Failed { why: format!("the state cannot be written: {why}") })
            }
        };
        // What is in it is read on, whatever becomes of the disk.
        if matches!(changed, Err(StoreError::Failed { .. })) {
            self.open_again();
        }
        changed
    }

    /// Opens the file again, or a copy of it where it cannot be written; nothing where all is in order.
    fn open_again(&self) {
        let Some(file) = &self.file else { return };
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.is_in_order() {
            return;
        }
        let was_whole = matches!(*open, Open::Whole(_));
        // Let go first: it holds the lock of the file.
        *open = Open::Nothing("it is being opened again".to_owned());
        *open = Open::again(file);
        let fault = open.fault();
        let turned = was_whole != fault.is_none();
        let before = std::mem::replace(
            &mut *self.fault.lock().unwrap_or_else(PoisonError::into_inner),
            fault.clone(),
        );
        drop(open);
        // It is tried again and again, which the journal need not hold.
        if let Some(why) = fault.filter(|why| before.as_ref() != Some(why)) {
            log::error!("after a fault of the disk {why}");
        }
        if let (true, Some(told)) = (turned, self.turned.get()) {
            told();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DISABLED;
    use redb::{StorageBackend, backends::InMemoryBackend};
    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
    };

    /// A disk that takes nothing any more once it `fails`.
    #[derive(Debug)]
    struct Disk {
        memory: InMemoryBackend,
        fails: Arc<AtomicBool>,
    }

    impl Disk {
        fn takes(&self) -> io::Result<()> {
            match self.fails.load(Ordering::Relaxed) {
                true => Err(io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.memory.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.memory.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.takes()?;
            self.memory.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.takes()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.takes()?;
            self.memory.write(offset, data)
        }
    }

    fn put(database: &Database) -> Result<(), StoreError> {
        let write = database.begin_write().map_err(failed)?;
        write.open_table(DISABLED).map_err(failed)?.insert("a", &[1][..]).map_err(failed)?;
        write.commit().map_err(failed)
    }

    #[test]
    fn a_disk_that_takes_nothing_is_said_and_so_is_that_it_takes_changes_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("state.redb");
        let fails = Arc::new(AtomicBool::new(false));
        let disk = Disk { memory: InMemoryBackend::new(), fails: fails.clone() };
        let database = redb::Builder::new().create_with_backend(disk).expect("made");
        let held = Held::of(database, Some(file.clone()));
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = turns.clone();
        held.on_turned(Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        held.change(put).expect("written");
        assert_eq!((held.fault(), turns.load(Ordering::Relaxed)), (None, 0));

        // What lies there instead cannot be opened either.
        std::fs::write(&file, b"").expect("written");
        fails.store(true, Ordering::Relaxed);
        for _ in 0..2 {
            assert!(matches!(held.change(put), Err(StoreError::Failed { .. })));
            let fault = held.fault().expect("said");
            assert!(fault.contains("it is empty"), "{fault}");
            let read = held.read(|read| Ok(read.open_table(DISABLED)?.get("a")?.is_some()));
            assert!(read.is_err(), "an empty file is no empty state: {read:?}");
            assert_eq!(turns.load(Ordering::Relaxed), 1, "said once");
        }

        std::fs::remove_file(&file).expect("removed");
        drop(State::open(folder.path()).expect("a file that is well"));
        held.mend();
        assert_eq!(held.fault(), None);
        held.change(put).expect("written again");
        assert_eq!((held.fault(), turns.load(Ordering::Relaxed)), (None, 2));
    }
}
