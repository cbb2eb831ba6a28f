//! The database that is open, and opening it again: after a fault of its disk it refuses everything, also once the disk is
//! well.
//!
//! Must not write to a copy: a change is on disk, or refused.

use super::{State, failed, open};
use redb::{Database, ReadTransaction, ReadableDatabase as _};
use std::{
    path::PathBuf,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};
use valet_core::ports::StoreError;

/// What is open, and where it lies.
pub(super) struct Held {
    open: RwLock<Open>,
    /// None of a state that is in memory alone.
    file: Option<PathBuf>,
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
        Self { open: RwLock::new(Open::Whole(database)), file }
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
        if !matches!(*self.open(), Open::Whole(_)) {
            self.open_again();
        }
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
        // Let go first: it holds the lock of the file.
        *open = Open::Nothing("it is being opened again".to_owned());
        let why = match State::open_file_again(file) {
            Ok(database) => {
                log::info!("the state is opened again after a fault of its disk");
                *open = Open::Whole(database);
                return;
            }
            Err(error) => format!("{} cannot be opened: {error}", file.display()),
        };
        log::error!("the state is not written after a fault of its disk: {why}");
        *open = match open::copied(file) {
            Ok(database) => Open::Copy(database, why),
            Err(_) => Open::Nothing(why),
        };
    }
}
