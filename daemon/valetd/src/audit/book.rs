//! The audit log on disk: two files of bounded size, and a chain of hashes through their lines.
//!
//! Must not rewrite a line. One that a cut of the power left half written is cut off.

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use valet_package::folder::read_bounded;

/// The file that is written.
const CURRENT: &str = "audit.jsonl";
/// The one before it.
const BEFORE: &str = "audit.1.jsonl";
/// Largest file, bytes; two of them are kept.
const MAX_BYTES: u64 = 512 * 1024;
/// Who may read it: us, and the group of the folder.
const MODE: u32 = 0o640;

/// The log.
pub(super) struct Book {
    folder: PathBuf,
    file: File,
    bytes: u64,
    next: u64,
    before: String,
}

/// A line as it stands there.
#[derive(Serialize)]
struct Line<'a, T> {
    number: u64,
    time: String,
    #[serde(flatten)]
    entry: &'a T,
    /// SHA-256 of the line before, without its end; empty for the first.
    before: &'a str,
}

impl Book {
    /// Opens the log in a folder, making both.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        let path = folder.join(CURRENT);
        let last = match last_line(&path)? {
            Some(last) => Some(last),
            None => last_line(&folder.join(BEFORE))?,
        };
        let (next, before) =
            last.map_or((1, String::new()), |line| (number_of(&line) + 1, hash(&line)));
        let file = open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file, bytes, next, before })
    }

    /// Writes a line; it is on disk when this returns, if `sync` says so.
    ///
    /// # Errors
    /// What the disk says; then the line is not there, or will be cut off.
    pub(super) fn write(&mut self, entry: &impl Serialize, sync: bool) -> io::Result<()> {
        let (number, before) = (self.next, self.before.as_str());
        let time = jiff::Timestamp::now().to_string();
        let mut line = serde_json::to_vec(&Line { number, time, entry, before })?;
        let after = hash(&line);
        line.push(b'\n');
        if self.bytes > 0 && self.bytes + line.len() as u64 > MAX_BYTES {
            std::fs::rename(self.folder.join(CURRENT), self.folder.join(BEFORE))?;
            self.file = open(&self.folder.join(CURRENT))?;
            self.bytes = 0;
        }
        if let Err(error) = self.file.write_all(&line) {
            // The next line begins where this one would have.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += line.len() as u64;
        (self.next, self.before) = (number + 1, after);
        if sync { self.file.sync_data() } else { Ok(()) }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    // The mask of the daemon takes the group's right away.
    file.set_permissions(Permissions::from_mode(MODE))?;
    Ok(file)
}

/// The last whole line of a file; what stands behind it is cut off.
fn last_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let bytes = match read_bounded(path, 2 * MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(_) if !path.exists() => return Ok(None),
        Err(error) => return Err(io::Error::other(error.to_string())),
    };
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if end < bytes.len() {
        OpenOptions::new().write(true).open(path)?.set_len(end as u64)?;
    }
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    Ok(lines.rfind(|line| !line.is_empty()).map(<[u8]>::to_vec))
}

fn number_of(line: &[u8]) -> u64 {
    let line: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    line.and_then(|line| line["number"].as_u64()).unwrap_or(0)
}

fn hash(line: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn lines(folder: &Path, file: &str) -> Vec<Vec<u8>> {
        let bytes = std::fs::read(folder.join(file)).unwrap_or_default();
        bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect()
    }

    /// Each line names the one before it, over both files.
    fn check_chain(folder: &Path) -> usize {
        let all: Vec<Vec<u8>> =
            [BEFORE, CURRENT].iter().flat_map(|file| lines(folder, file)).collect();
        for pair in all.windows(2) {
            let (one, two): (Value, Value) = (
                serde_json::from_slice(&pair[0]).expect("json"),
                serde_json::from_slice(&pair[1]).expect("json"),
            );
            assert_eq!(two["before"], hash(&pair[0]), "{two}");
            assert_eq!(two["number"].as_u64(), one["number"].as_u64().map(|n| n + 1));
        }
        all.len()
    }

    #[test]
    fn lines_are_chained_over_restarts_and_a_torn_one_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |n: u64| {
            let mut book = Book::open(folder.path()).expect("opens");
            book.write(&json!({ "n": n }), true).expect("written");
        };
        write(1);
        write(2);
        let path = folder.path().join(CURRENT);
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(b"{\"number\":3,\"ti").expect("torn");
        write(3);
        assert_eq!(check_chain(folder.path()), 3);
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, MODE);
    }

    #[test]
    fn two_files_of_bounded_size_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut book = Book::open(folder.path()).expect("opens");
        let long = "x".repeat(40_000);
        for n in 0..40 {
            book.write(&json!({ "n": n, "long": long }), false).expect("written");
        }
        assert!((13..=26).contains(&check_chain(folder.path())), "the oldest went");
        for file in [CURRENT, BEFORE] {
            assert!(std::fs::metadata(folder.path().join(file)).expect("there").len() <= MAX_BYTES);
        }
        drop(book);
        std::fs::remove_file(folder.path().join(CURRENT)).expect("gone");
        Book::open(folder.path()).expect("opens").write(&json!({}), false).expect("written");
        check_chain(folder.path());
    }
}
