//! Files in and out: bounded reading, and writing that leaves no half file.
//!
//! Must not know what is in them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use valet_inference::{InferenceError, hex_sha256};

use crate::error::RecipeError;

/// Largest file that is read without a manifest, in bytes.
const MAX_BYTES: u64 = 1 << 30;

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> RecipeError {
    InferenceError::Unreadable { path: path.to_owned(), why: error.to_string() }.into()
}

/// Reads a file that no manifest vouches for.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, RecipeError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        let error = std::io::Error::other(format!("it is longer than {MAX_BYTES} bytes"));
        return Err(unreadable(path, &error));
    }
    Ok(bytes)
}

/// Writes a file and its folder, and says its size and hash as a manifest wants them.
#[expect(clippy::print_stdout, reason = "a command-line tool speaks on its standard streams")]
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), RecipeError> {
    let unwritable = |error: std::io::Error| RecipeError::Unwritable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    // Renamed when complete: an interrupted run leaves no half file under the real name.
    let partial = path.with_added_extension("part");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    fs::write(&partial, bytes).map_err(unwritable)?;
    fs::rename(&partial, path).map_err(unwritable)?;
    let name = path.file_name().unwrap_or_default();
    println!("{}: {} bytes, sha-256 {}", name.display(), bytes.len(), hex_sha256(bytes));
    Ok(())
}

/// Every file below `path` whose name ends in one of `endings`, or `path` itself, in the order
/// of their names.
pub(crate) fn below(
    path: &Path,
    endings: &[&str],
    found: &mut Vec<PathBuf>,
) -> Result<(), RecipeError> {
    /// Folders inside folders, and files in all.
    const MAX_DEPTH: usize = 8;
    const MAX_FILES: usize = 4096;
    let mut waiting = vec![(path.to_owned(), 0)];
    while let Some((path, depth)) = waiting.pop() {
        let fault = |error: std::io::Error| unreadable(&path, &error);
        let is_folder = fs::metadata(&path).map_err(fault)?.is_dir();
        let wanted = |name: &Path| {
            name.extension().is_some_and(|end| endings.iter().any(|wanted| end == *wanted))
        };
        if !is_folder {
            if depth == 0 || wanted(&path) {
                found.push(path);
            }
        } else if depth < MAX_DEPTH {
            let entries = fs::read_dir(&path).map_err(fault)?;
            for entry in entries.take(MAX_FILES) {
                waiting.push((entry.map_err(fault)?.path(), depth + 1));
            }
        }
        if found.len() > MAX_FILES {
            let error = std::io::Error::other(format!("more than {MAX_FILES} files"));
            return Err(unreadable(path_of(found), &error));
        }
    }
    found.sort();
    Ok(())
}

fn path_of(found: &[PathBuf]) -> &Path {
    found.last().map_or(Path::new(""), PathBuf::as_path)
}
