//! Reads a container once, from its beginning to its end.

use std::io::{Read, Write};

use super::header::{Header, parse};
use super::{ArchiveError, BLOCK, END_BLOCKS};

/// A file of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Where its header begins.
    pub at: u64,
}

/// A container that is being read.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    at: u64,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    pub fn new(from: R) -> Self {
        Self { from, at: 0 }
    }

    /// The next file, whose content must be read next; `None` at the end, after which there was nothing more.
    ///
    /// # Errors
    /// [`ArchiveError`]: anything but a header of a package or its end.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        let at = self.at;
        let header = self.block("a header")?;
        if header.iter().any(|byte| *byte != 0) {
            let (name, bytes) = parse(&header, at)?;
            return Ok(Some(Entry { name, bytes, at }));
        }
        for _ in 1..END_BLOCKS {
            let (at, rest) = (self.at, self.block("its end")?);
            if rest.iter().any(|byte| *byte != 0) {
                return Err(ArchiveError::NotZero { at, what: "the end of the package" });
            }
        }
        match self.from.read(&mut [0])? {
            0 => Ok(None),
            _ => Err(ArchiveError::Trailing { at: self.at }),
        }
    }

    /// The content of the file that was named last.
    ///
    /// # Errors
    /// [`ArchiveError::TooLarge`] before anything is read, and as [`Self::copy`].
    pub fn content(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let Entry { name, bytes, .. } = entry;
        if *bytes > limit {
            return Err(ArchiveError::TooLarge { name: name.clone(), bytes: *bytes, limit });
        }
        // As much as comes, not as much as the header says.
        let mut content = Vec::new();
        self.copy(entry, &mut content)?;
        Ok(content)
    }

    /// Copies the content of the file that was named last.
    ///
    /// # Errors
    /// [`ArchiveError`]: cut short, padding that is not zero, a place that takes no more.
    pub fn copy(&mut self, entry: &Entry, to: &mut impl Write) -> Result<(), ArchiveError> {
        let copied = std::io::copy(&mut self.from.by_ref().take(entry.bytes), to)?;
        self.at += copied;
        if copied < entry.bytes {
            return Err(ArchiveError::Truncated {
                at: self.at,
                within: format!("{:?}", entry.name),
            });
        }
        let padding = self.at.next_multiple_of(BLOCK as u64) - self.at;
        let (at, mut rest) = (self.at, [0; BLOCK]);
        let rest = &mut rest[..usize::try_from(padding).unwrap_or(0)];
        self.fill(rest, "padding")?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::NotZero { at, what: "the padding of a file" });
        }
        Ok(())
    }

    fn block(&mut self, what: &str) -> Result<Header, ArchiveError> {
        let mut block = [0; BLOCK];
        self.fill(&mut block, what)?;
        Ok(block)
    }

    fn fill(&mut self, to: &mut [u8], what: &str) -> Result<(), ArchiveError> {
        let mut filled = 0;
        while filled < to.len() {
            match self.from.read(&mut to[filled..]) {
                Ok(0) => {
                    let at = self.at + filled as u64;
                    return Err(ArchiveError::Truncated { at, within: what.to_owned() });
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.at += to.len() as u64;
        Ok(())
    }
}
