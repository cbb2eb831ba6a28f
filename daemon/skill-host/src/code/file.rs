//! A file of the cache: code behind its length and its SHA-256, in a file that only we can write.
//!
//! Must not know what code is; whoever maps it relies on these checks.

use sha2::{Digest, Sha256};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};
use valet_package::carried::MAX_CODE_BYTES;

const MAGIC: &[u8; 8] = b"VALETAOT";
const HEADER_BYTES: usize = 8 + 8 + 32;

fn doubt(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// Reads a file of the cache and checks owner, mode, header, length and hash.
pub(crate) fn read_code(path: &Path) -> io::Result<Vec<u8>> {
    let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits())
        .map_err(|_| doubt("flags do not fit"))?;
    let file = OpenOptions::new().read(true).custom_flags(no_link).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(doubt("is not a regular file of our own"));
    }
    if meta.mode() & 0o077 != 0 || meta.nlink() != 1 {
        return Err(doubt("can be reached by others"));
    }
    unseal(file)
}

/// The code of a sealed file; no more than the header says and [`MAX_CODE_BYTES`] allow is read.
///
/// # Errors
/// What the reader says, or [`io::ErrorKind::InvalidData`] for another header, another length
/// or another hash.
pub(crate) fn unseal(mut file: impl Read) -> io::Result<Vec<u8>> {
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let (magic, rest) = header.split_at(8);
    let (length, hash) = rest.split_at(8);
    let length = u64::from_le_bytes(length.try_into().map_err(|_| doubt("header"))?);
    if magic != MAGIC || length > MAX_CODE_BYTES {
        return Err(doubt("has another header"));
    }
    let mut code = Vec::with_capacity(usize::try_from(length).map_err(|_| doubt("too long"))?);
    file.take(length + 1).read_to_end(&mut code)?;
    if code.len() as u64 != length || Sha256::digest(&code)[..] != *hash {
        return Err(doubt("is cut short or changed"));
    }
    Ok(code)
}

/// Writes a file of the cache so that a cut of the power leaves the old one or the new one.
pub(crate) fn write_code(path: &Path, code: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| doubt("has no folder"))?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let staged = path.with_extension(format!("{}.staged", std::process::id()));
    let result = write_staged(&staged, code).and_then(|()| fs::rename(&staged, path));
    if result.is_err() {
        // Nothing is lost when it cannot be removed; the name is ours alone.
        let _ = fs::remove_file(&staged);
    }
    result?;
    File::open(folder)?.sync_all()
}

fn write_staged(staged: &Path, code: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(staged)?;
    file.write_all(&header(code))?;
    file.write_all(code)?;
    file.sync_all()
}

/// What stands before code in a file: who wrote it, how long it is, its SHA-256.
pub(crate) fn header(code: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, rest) = header.split_at_mut(MAGIC.len());
    let (length, hash) = rest.split_at_mut(8);
    magic.copy_from_slice(MAGIC);
    length.copy_from_slice(&(code.len() as u64).to_le_bytes());
    hash.copy_from_slice(&Sha256::digest(code));
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn code_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("aot/x.code");
        write_code(&path, b"some code").expect("written");
        assert_eq!(read_code(&path).expect("read"), b"some code");
    }

    #[test]
    fn changed_cut_or_shared_code_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.code");
        write_code(&path, b"some code").expect("written");
        let whole = fs::read(&path).expect("bytes");
        for i in 0..whole.len() {
            let mut changed = whole.clone();
            changed[i] ^= 1;
            fs::write(&path, &changed).expect("write");
            assert!(read_code(&path).is_err(), "byte {i} changed");
            fs::write(&path, &whole[..i]).expect("write");
            assert!(read_code(&path).is_err(), "cut at {i}");
        }
        fs::write(&path, &whole).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("mode");
        assert!(read_code(&path).is_err(), "readable by others");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        let link = folder.path().join("link.code");
        std::os::unix::fs::symlink(&path, &link).expect("link");
        assert!(read_code(&link).is_err(), "a link");
    }

    #[test]
    fn no_more_is_read_than_the_header_claims() {
        let mut file = header(b"code").to_vec();
        file.extend_from_slice(b"code");
        assert_eq!(unseal(&*file).expect("whole"), b"code");
        let mut longer = (&*file).chain(io::repeat(b'x'));
        assert!(unseal(&mut longer).is_err(), "it goes on");
        file[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(unseal((&*file).chain(io::repeat(b'x'))).is_err(), "it claims to be endless");
    }
}
