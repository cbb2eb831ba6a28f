//! The skill's own key-value store (capability `store`): what is written is on disk.
//!
//! Must not be used for secrets or for the words of people.

use crate::bindings::valet::skill::store as raw;

pub use raw::StoreError;

/// The bytes of a key.
///
/// # Errors
/// [`StoreError`].
pub fn read(key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    raw::read(key)
}

/// The value of a key as text; `None` also when it is not UTF-8.
///
/// # Errors
/// [`StoreError`].
pub fn read_text(key: &str) -> Result<Option<String>, StoreError> {
    Ok(raw::read(key)?.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Writes a key: 1 to 64 bytes of `[a-z0-9._:-]`; all keys and values together are
/// bounded by what the manifest asked for.
///
/// # Errors
/// [`StoreError`]; on an error nothing was changed.
pub fn write(key: &str, value: impl AsRef<[u8]>) -> Result<(), StoreError> {
    raw::write(key, value.as_ref())
}

/// Removes a key; no error when there was none.
///
/// # Errors
/// [`StoreError`].
pub fn remove(key: &str) -> Result<(), StoreError> {
    raw::remove(key)
}

/// The keys that start with `prefix`, sorted, at most 256.
///
/// # Errors
/// [`StoreError`].
pub fn keys(prefix: &str) -> Result<Vec<String>, StoreError> {
    raw::keys(prefix)
}
