//! Writes a container: the same files in the same order are the same bytes.

use std::io::{Read, Write};

use super::header::header;
use super::{ArchiveError, BLOCK, END_BLOCKS};

/// A container that is being written.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// Begins to write.
    pub fn new(to: W) -> Self {
        Self { to }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`ArchiveError`]: a name that no file of a package has, a place that takes no more.
    pub fn add(&mut self, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
        self.add_from(name, content.len() as u64, &mut &*content)
    }

    /// Adds a file of so many bytes.
    ///
    /// # Errors
    /// As [`Self::add`], and [`ArchiveError::Truncated`] when fewer came.
    pub fn add_from(
        &mut self,
        name: &str,
        bytes: u64,
        content: &mut impl Read,
    ) -> Result<(), ArchiveError> {
        self.to.write_all(&header(name, bytes)?)?;
        let copied = std::io::copy(&mut content.take(bytes), &mut self.to)?;
        if copied < bytes {
            return Err(ArchiveError::Truncated { at: copied, within: format!("{name:?}") });
        }
        let padding = bytes.next_multiple_of(BLOCK as u64) - bytes;
        let zeros = [0; BLOCK];
        self.to.write_all(&zeros[..usize::try_from(padding).unwrap_or(0)])?;
        Ok(())
    }

    /// Writes the end and gives back what was written to.
    ///
    /// # Errors
    /// [`ArchiveError::Io`].
    pub fn finish(mut self) -> Result<W, ArchiveError> {
        self.to.write_all(&[0; BLOCK * END_BLOCKS])?;
        self.to.flush()?;
        Ok(self.to)
    }
}
