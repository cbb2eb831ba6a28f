//! Compares a file with what a manifest says of it, without holding it in memory.
//!
//! Must not parse what it reads, and must not read more than the manifest allows.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::InferenceError;

/// What is read at once, bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// Reads `path` once and says whether it has `size` bytes and this SHA-256 (lower-case hex).
/// Never reads more than `size + 1` bytes, and holds 64 KiB of them at a time.
///
/// # Errors
/// [`InferenceError::Unreadable`], [`InferenceError::WrongSize`] or [`InferenceError::WrongHash`].
pub fn inspect_file(path: &Path, size: u64, sha256: &str) -> Result<(), InferenceError> {
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
    let mut rest = file.take(size.saturating_add(1));
    let mut piece = vec![0; PIECE_BYTES];
    let (mut hash, mut found_bytes) = (Sha256::new(), 0_u64);
    loop {
        let count = match rest.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        hash.update(&piece[..count]);
        found_bytes += count as u64;
    }
    if found_bytes != size {
        return Err(wrong_size(found_bytes));
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found != sha256 {
        let (path, expected) = (path.to_owned(), sha256.to_owned());
        return Err(InferenceError::WrongHash { path, expected, found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verified::{hex_sha256, read_verified};

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn it_says_of_every_file_what_reading_it_whole_says() {
        let right = vec![0x5a; 3 * PIECE_BYTES + 7];
        let (size, sha256) = (right.len() as u64, hex_sha256(&right));
        let mut changed = right.clone();
        changed[2 * PIECE_BYTES] ^= 1;
        let longer = [&right[..], b"x"].concat();
        for bytes in [&right[..], &changed, &longer, &right[..PIECE_BYTES], b""] {
            let file = written(bytes);
            let whole = read_verified(file.path(), size, &sha256).map(|_| ());
            assert_eq!(inspect_file(file.path(), size, &sha256), whole, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn an_endless_device_a_folder_and_a_missing_file_are_refused() {
        let sha256 = hex_sha256(b"abc");
        let endless = inspect_file(Path::new("/dev/zero"), 3, &sha256).unwrap_err();
        assert!(matches!(endless, InferenceError::WrongSize { found: 4, .. }), "{endless}");
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("nothing"), folder.path().to_owned()] {
            let error = inspect_file(&path, 3, &sha256).unwrap_err();
            assert!(matches!(error, InferenceError::Unreadable { .. }), "{error}");
        }
    }
}
