//! Reads a file only if it is byte for byte the one a manifest names.
//!
//! Must not parse what it reads, and must not read more than the manifest allows.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::InferenceError;
use crate::manifest::ModelFile;

/// Hex SHA-256 of some bytes, lower case.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Identity of an encoder: hash of the hashes of its vocabulary and its graph.
pub(crate) fn fingerprint(vocabulary: &ModelFile, graph: &ModelFile) -> String {
    hex_sha256(format!("{}\n{}\n", vocabulary.sha256, graph.sha256).as_bytes())
}

/// Reads `path` once and gives its bytes back if they have `size` and `sha256`.
/// Never reads more than `size + 1` bytes, whatever the file is.
///
/// # Errors
/// [`InferenceError::Unreadable`], [`InferenceError::WrongSize`] or [`InferenceError::WrongHash`].
pub fn read_verified(path: &Path, size: u64, sha256: &str) -> Result<Vec<u8>, InferenceError> {
    let unreadable = |error: std::io::Error| InferenceError::Unreadable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let wrong_size =
        |found: u64| InferenceError::WrongSize { path: path.to_owned(), expected: size, found };
    let file = File::open(path).map_err(unreadable)?;
    let listed = file.metadata().map_err(unreadable)?;
    if listed.is_file() && listed.len() != size {
        return Err(wrong_size(listed.len()));
    }
    let capacity = usize::try_from(size).map_err(|_| wrong_size(listed.len()))?;
    // One byte more than expected, so that a file that grew is seen without growing the buffer.
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(capacity.saturating_add(1))
        .map_err(|error| unreadable(std::io::Error::other(error)))?;
    file.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() != capacity {
        return Err(wrong_size(bytes.len() as u64));
    }
    let found = hex_sha256(&bytes);
    if found != sha256 {
        return Err(InferenceError::WrongHash {
            path: path.to_owned(),
            expected: sha256.to_owned(),
            found,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_named_file_is_read_whole() {
        let file = written(b"abc");
        assert_eq!(read_verified(file.path(), 3, ABC).unwrap(), b"abc");
    }

    #[test]
    fn a_file_cut_short_or_grown_is_refused() {
        for bytes in [&b"ab"[..], b"abcd", b""] {
            let file = written(bytes);
            let error = read_verified(file.path(), 3, ABC).unwrap_err();
            assert!(
                matches!(error, InferenceError::WrongSize { expected: 3, found, .. } if found == bytes.len() as u64),
                "{error}"
            );
        }
    }

    #[test]
    fn other_content_of_the_same_length_is_refused() {
        let file = written(b"abd");
        let error = read_verified(file.path(), 3, ABC).unwrap_err();
        assert!(matches!(error, InferenceError::WrongHash { .. }), "{error}");
    }

    #[test]
    fn an_endless_device_is_refused_after_the_expected_bytes() {
        let error = read_verified(Path::new("/dev/zero"), 3, ABC).unwrap_err();
        assert!(matches!(error, InferenceError::WrongSize { found: 4, .. }), "{error}");
    }

    #[test]
    fn a_missing_file_and_a_folder_are_unreadable() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("nothing"), folder.path().to_owned()] {
            let error = read_verified(&path, 3, ABC).unwrap_err();
            assert!(matches!(error, InferenceError::Unreadable { .. }), "{error}");
        }
    }
}
