//! Takes numbers and texts off the front of bytes, within bounds.
//!
//! Must not know what they mean.

use super::IndexError;

/// The rest of some bytes.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], IndexError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(IndexError::Corrupt)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], IndexError> {
        self.take(N)?.try_into().map_err(|_| IndexError::Corrupt)
    }

    pub(super) fn u8(&mut self) -> Result<u8, IndexError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, IndexError> {
        self.array().map(u16::from_le_bytes)
    }

    /// A number of three bytes.
    pub(super) fn u24(&mut self) -> Result<u32, IndexError> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, IndexError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, IndexError> {
        self.array().map(i32::from_le_bytes)
    }

    /// Bytes behind their length in one byte.
    pub(super) fn short(&mut self) -> Result<&'a [u8], IndexError> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// A text behind its length in one byte.
    pub(super) fn text(&mut self) -> Result<String, IndexError> {
        String::from_utf8(self.short()?.to_vec()).map_err(|_| IndexError::Corrupt)
    }
}
