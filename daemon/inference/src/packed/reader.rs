//! Maps a packed model and hands out its sections.
//!
//! The one file of this crate with `unsafe`: a map is sound as long as nobody changes the file under it, so only
//! a regular file that we own and nobody else may write is mapped, and it is only ever replaced by renaming.
#![allow(unsafe_code, reason = "mapping a file; the block says why it is sound")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use memmap2::{Advice, Mmap, MmapMut, UncheckedAdvice};
use twox_hash::XxHash3_128;

use super::{
    ALIGNMENT, CHECKSUM_AT, FIRST_SECTION, Head, Key, MAGIC, MAX_FILE_BYTES, MAX_HEAD_BYTES,
    OPENING_BYTES, Section,
};

/// Why a file is not taken; it is packed again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Doubt(pub String);

impl From<io::Error> for Doubt {
    fn from(error: io::Error) -> Self {
        Doubt(error.to_string())
    }
}

fn doubt<T>(why: impl Into<String>) -> Result<T, Doubt> {
    Err(Doubt(why.into()))
}

/// A packed model in memory, most often mapped from its file.
#[derive(Debug)]
pub(crate) struct PackedModel {
    map: Mmap,
    from_file: bool,
}

impl PackedModel {
    /// Maps a file and checks it whole.
    ///
    /// # Errors
    /// [`Doubt`]: not there, not ours alone, cut, changed, another layout of the file, or not made from
    /// what `key` says.
    pub(crate) fn open(path: &Path, key: &Key) -> Result<(Self, Head), Doubt> {
        let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits())
            .map_err(|_| Doubt("flags do not fit".to_owned()))?;
        let file = OpenOptions::new().read(true).custom_flags(no_link).open(path)?;
        let map = map_own(&file)?;
        let model = PackedModel { map, from_file: true };
        let head = model.head()?;
        if head.key == *key {
            Ok((model, head))
        } else {
            doubt("made from another model or for another processor")
        }
    }

    /// A packed model that no file holds: written to memory, checked the same way.
    ///
    /// # Errors
    /// [`Doubt`]: no memory, or bytes that are no packed model.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<(Self, Head), Doubt> {
        let mut map = MmapMut::map_anon(bytes.len().max(1))?;
        map[..bytes.len()].copy_from_slice(bytes);
        let model = PackedModel { map: map.make_read_only()?, from_file: false };
        let head = model.head()?;
        Ok((model, head))
    }

    /// Bytes that lie mapped from a file: shared, and taken back by the system when it needs room.
    pub(crate) fn mapped_bytes(&self) -> u64 {
        if self.from_file { self.map.len() as u64 } else { 0 }
    }

    /// Bytes that only this process holds.
    pub(crate) fn own_bytes(&self) -> u64 {
        self.map.len() as u64 - self.mapped_bytes()
    }

    /// Lets go of what is mapped from a file: it stays in the system's cache of files, is the first to go where others need
    /// room, and comes back page by page where it is read again.
    pub(crate) fn rest(&self) {
        if self.from_file {
            // SAFETY: the map is of a file and only read, so what is read again is what was there. A system that takes
            // no advice keeps the pages.
            let _ = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
        }
    }

    /// The bytes of a section.
    ///
    /// # Errors
    /// [`Doubt`] when it is not within the file.
    pub(crate) fn bytes(&self, section: Section) -> Result<&[u8], Doubt> {
        let end = section.at.checked_add(section.bytes);
        let range =
            usize::try_from(section.at).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
        range
            .filter(|_| section.at >= FIRST_SECTION && section.at.is_multiple_of(ALIGNMENT))
            .and_then(|(start, end)| self.map.get(start..end))
            .ok_or_else(|| Doubt(format!("the section {section:?} is not within the file")))
    }

    /// A section as numbers of some type.
    ///
    /// # Errors
    /// [`Doubt`] when it is not within the file, or does not hold `count` of them.
    pub(crate) fn numbers<T: bytemuck::AnyBitPattern>(
        &self,
        section: Section,
        count: usize,
    ) -> Result<&[T], Doubt> {
        match bytemuck::try_cast_slice(self.bytes(section)?) {
            Ok(numbers) if numbers.len() == count => Ok(numbers),
            _ => doubt(format!("the section {section:?} does not hold {count} numbers")),
        }
    }

    /// Checks the whole of it and reads the head.
    fn head(&self) -> Result<Head, Doubt> {
        let map = &self.map[..];
        if map.len() < FIRST_SECTION as usize || map[..MAGIC.len()] != *MAGIC {
            return doubt("no packed model of this version");
        }
        let number = |index: usize| {
            let at = MAGIC.len() + index * 8;
            map[at..at + 8].try_into().map(u64::from_le_bytes).unwrap_or(u64::MAX)
        };
        let [total, at, bytes] = [number(0), number(1), number(2)];
        let idle = &map[OPENING_BYTES..FIRST_SECTION as usize];
        if total != map.len() as u64 || bytes > MAX_HEAD_BYTES || idle.iter().any(|byte| *byte != 0)
        {
            return doubt("cut short or changed");
        }
        let mut hash = XxHash3_128::new();
        hash.write(&map[FIRST_SECTION as usize..]);
        hash.write(&map[..CHECKSUM_AT]);
        if map[CHECKSUM_AT..OPENING_BYTES] != hash.finish_128().to_le_bytes() {
            return doubt("changed since it was written");
        }
        let head = self.bytes(Section { at, bytes })?;
        serde_json::from_slice(head).map_err(|error| Doubt(format!("its head: {error}")))
    }
}

/// Maps a file that only we can have written.
fn map_own(file: &File) -> Result<Mmap, Doubt> {
    let meta = file.metadata()?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return doubt("not a regular file of our own");
    }
    if meta.mode() & 0o077 != 0 || meta.nlink() != 1 {
        return doubt("it can be reached by others");
    }
    if !(FIRST_SECTION..=MAX_FILE_BYTES).contains(&meta.len()) {
        return doubt(format!("{} bytes, which no packed model has", meta.len()));
    }
    // SAFETY: the file is ours and closed to others, and this program replaces such a file by renaming
    // another over it, never by writing to it: what is mapped does not change.
    let map = unsafe { Mmap::map(file) }?;
    // The checksum reads all of it at once; a system that takes no advice is only slower.
    let _ = map.advise(Advice::WillNeed);
    Ok(map)
}
