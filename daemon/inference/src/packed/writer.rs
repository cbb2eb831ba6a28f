//! Writes a packed model, section after section, without holding it.
//!
//! Must not leave a half file under the real name: it is renamed when it is whole and on disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_128;

use super::{
    ALIGNMENT, FIRST_SECTION, Head, MAGIC, MAX_FILE_BYTES, MAX_HEAD_BYTES, OPENING_BYTES, Section,
};

/// A packed model that is being written.
pub(crate) struct Writer<W: Write + Seek> {
    to: W,
    at: u64,
    hash: XxHash3_128,
}

impl<W: Write + Seek> Writer<W> {
    /// Leaves the first page free.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new(mut to: W) -> io::Result<Self> {
        to.write_all(&[0; FIRST_SECTION as usize])?;
        Ok(Writer { to, at: FIRST_SECTION, hash: XxHash3_128::new() })
    }

    /// Appends a section.
    ///
    /// # Errors
    /// What the system says, or a file past its bound.
    pub(crate) fn section(&mut self, bytes: &[u8]) -> io::Result<Section> {
        let gap = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.append(&[0; ALIGNMENT as usize][..gap as usize])?;
        let section = Section { at: self.at, bytes: bytes.len() as u64 };
        self.append(bytes)?;
        if self.at > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("a packed model over {MAX_FILE_BYTES} bytes")));
        }
        Ok(section)
    }

    /// Writes the head and the first page; gives the file back, whole but not yet on disk.
    ///
    /// # Errors
    /// What the system says, or a head past its bound.
    pub(crate) fn finish(mut self, head: &Head) -> io::Result<W> {
        let head = serde_json::to_vec(head)?;
        if head.len() as u64 > MAX_HEAD_BYTES {
            return Err(io::Error::other(format!("a head of {} bytes", head.len())));
        }
        let section = self.section(&head)?;
        let mut opening = Vec::with_capacity(OPENING_BYTES);
        opening.extend_from_slice(MAGIC);
        for number in [self.at, section.at, section.bytes] {
            opening.extend_from_slice(&number.to_le_bytes());
        }
        self.hash.write(&opening);
        opening.extend_from_slice(&self.hash.finish_128().to_le_bytes());
        self.to.seek(SeekFrom::Start(0))?;
        self.to.write_all(&opening)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.hash.write(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// A file beside its place, which it takes when it is whole; else it is removed.
pub(crate) struct Staged {
    staged: PathBuf,
    place: PathBuf,
    placed: bool,
}

impl Staged {
    /// Begins the file for `place`, readable by us alone, in a folder that is made where it is missing.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn begin(place: &Path) -> io::Result<(Self, BufWriter<File>)> {
        let folder = place.parent().ok_or_else(|| io::Error::other("a file without a folder"))?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        clear_left_over(folder, place);
        let staged = place.with_extension(format!("{}.staged", std::process::id()));
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        let staged = Staged { staged, place: place.to_owned(), placed: false };
        Ok((staged, BufWriter::with_capacity(1 << 16, file)))
    }

    /// Puts the file, written whole, in its place; a cut of the power leaves the old one or the new one.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn place(mut self, file: BufWriter<File>) -> io::Result<()> {
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&self.staged, &self.place)?;
        self.placed = true;
        File::open(self.place.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Removes what packings of this file left that were killed. One that runs is not disturbed by more than having to
/// begin again.
fn clear_left_over(folder: &Path, place: &Path) {
    let Some(stem) = place.file_stem().and_then(|stem| stem.to_str()) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(".staged"));
        let theirs = number.is_some_and(|number| number != std::process::id().to_string());
        if theirs {
            // It takes room and nothing else; the next packing tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // The name is ours alone; that it may stay is no reason to fail again.
            let _ = fs::remove_file(&self.staged);
        }
    }
}
