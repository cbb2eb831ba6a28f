//! Read-only files of the skill's package, read in pages.
//!
//! Must not be read as a whole when large: a guest's memory is small.

use crate::bindings::valet::skill::assets as raw;

pub use raw::AssetError;

/// Most bytes of one read.
pub const MAX_READ_BYTES: u32 = 64 * 1024;

/// Bytes of an asset, named by its file name.
///
/// # Errors
/// [`AssetError`].
pub fn size(name: &str) -> Result<u64, AssetError> {
    raw::size(name)
}

/// At most `length` bytes (at most [`MAX_READ_BYTES`]) from `offset`; shorter at the end.
///
/// # Errors
/// [`AssetError`].
pub fn read_at(name: &str, offset: u64, length: u32) -> Result<Vec<u8>, AssetError> {
    raw::read_at(name, offset, length)
}
