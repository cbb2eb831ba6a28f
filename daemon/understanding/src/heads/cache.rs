//! Files of the cache directory: sealed with a key, a length and a SHA-256, written in one
//! piece, read with bounds. Any doubt = no file, and what it held is made again.
//!
//! Must not know what the numbers mean.

use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

/// Opens every file; changes with the layout of what is behind it.
const MAGIC: &[u8; 8] = b"VALETH01";
/// Magic, key, length, hash.
const HEADER_BYTES: usize = 8 + 32 + 8 + 32;
/// Largest payload, bytes.
pub const MAX_PAYLOAD_BYTES: usize = 96 << 20;

/// What a file was made from.
pub type Key = [u8; 32];

/// SHA-256 over parts, each with its length before it.
#[must_use]
pub fn key_of(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A sealed file that was read and is whole.
#[derive(Debug)]
pub(crate) struct Sealed(Vec<u8>);

impl Sealed {
    /// What is in it.
    pub(crate) fn payload(&self) -> &[u8] {
        self.0.get(HEADER_BYTES..).unwrap_or_default()
    }
}

/// Reads a sealed file; `None` when it is missing, foreign, cut short or changed. Of a foreign one only the header is read.
pub(crate) fn read(path: &Path, key: &Key) -> Option<Sealed> {
    let mut file = File::open(path).ok()?;
    let mut bytes = vec![0; HEADER_BYTES];
    file.read_exact(&mut bytes).ok()?;
    let (_, length) = opened(&bytes, key)?;
    if file.metadata().ok()?.len() != (HEADER_BYTES + length) as u64 {
        return None;
    }
    bytes.reserve_exact(length);
    file.take(length as u64 + 1).read_to_end(&mut bytes).ok()?;
    unseal(&bytes, key)?;
    Some(Sealed(bytes))
}

/// The hash and the length of the payload, as the header of a file with this key says them.
fn opened<'a>(header: &'a [u8], key: &Key) -> Option<(&'a [u8], usize)> {
    let (magic, rest) = header.split_at_checked(MAGIC.len())?;
    let (sealed_key, rest) = rest.split_at_checked(32)?;
    let (length, hash) = rest.split_at_checked(8)?;
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let right = magic == MAGIC && sealed_key == key && length <= MAX_PAYLOAD_BYTES;
    right.then_some((hash, length))
}

/// The payload of a sealed file; `None` at any doubt.
#[must_use]
pub fn unseal<'a>(bytes: &'a [u8], key: &Key) -> Option<&'a [u8]> {
    let (header, payload) = bytes.split_at_checked(HEADER_BYTES)?;
    let (hash, length) = opened(header, key)?;
    let right = length == payload.len() && hash == Sha256::digest(payload).as_slice();
    right.then_some(payload)
}

/// A payload with its seal.
#[must_use]
pub fn seal(key: &Key, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(payload));
    bytes.extend_from_slice(payload);
    bytes
}

/// Writes a sealed file next to its place and renames it there, so that a reader never sees
/// half of it.
///
/// # Errors
/// What the file system says, or a payload past its bound.
pub(crate) fn write(path: &Path, key: &Key, payload: &[u8]) -> std::io::Result<()> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(std::io::Error::other(format!(
            "{} bytes for the cache, expected at most {MAX_PAYLOAD_BYTES}",
            payload.len()
        )));
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let result = File::create(&beside)
        .and_then(|mut file| file.write_all(&seal(key, payload)).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if result.is_err() {
        // A leftover is of no use to anyone; that it may stay is no reason to fail again.
        let _ = fs::remove_file(&beside);
    }
    result
}

/// Puts numbers one behind another, little-endian.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A count; longer than 2³² it cannot be, for payloads are bounded far below.
    pub(crate) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64s(&mut self, values: &[u64]) {
        self.count(values.len());
        values.iter().for_each(|v| self.bytes.extend_from_slice(&v.to_le_bytes()));
    }

    pub(crate) fn f32(&mut self, value: f32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f32s(&mut self, values: &[f32]) {
        self.count(values.len());
        values.iter().for_each(|v| self.f32(*v));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }
}

/// Takes them back; every read may find that there is nothing more.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    pub(crate) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(crate) fn u64s(&mut self) -> Option<Vec<u64>> {
        let count = self.count()?;
        let bytes = self.take(count.checked_mul(8)?)?;
        Some(bytes.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect())
    }

    /// A finite number: no other was ever written.
    pub(crate) fn f32(&mut self) -> Option<f32> {
        let value = f32::from_le_bytes(self.take(4)?.try_into().ok()?);
        value.is_finite().then_some(value)
    }

    /// Finite numbers, exactly `expected` of them.
    pub(crate) fn f32s(&mut self, expected: usize) -> Option<Vec<f32>> {
        if self.count()? != expected {
            return None;
        }
        let bytes = self.take(expected.checked_mul(4)?)?;
        let values: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        values.iter().all(|v| v.is_finite()).then_some(values)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.count()?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let key = key_of(&[b"encoder", b"samples"]);
        let sealed = seal(&key, b"payload");
        assert_eq!(unseal(&sealed, &key), Some(&b"payload"[..]));
        assert_eq!(unseal(&sealed, &key_of(&[b"encoder", b"others"])), None);
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert_eq!(unseal(&broken, &key), None, "byte {at} changed");
            assert_eq!(unseal(&sealed[..at], &key), None, "cut at {at}");
        }
    }

    #[test]
    fn a_file_is_read_whole_and_with_its_key_or_not_at_all() {
        let path = std::env::temp_dir().join(format!("valet-sealed-{}", std::process::id()));
        let (key, other) = (key_of(&[b"ours"]), key_of(&[b"others"]));
        let sealed = seal(&key, b"payload");
        let read_of = |bytes: &[u8], key: &Key| {
            fs::write(&path, bytes).expect("written");
            read(&path, key).map(|sealed| sealed.payload().to_vec())
        };
        assert_eq!(read_of(&sealed, &key).as_deref(), Some(&b"payload"[..]));
        assert_eq!(read_of(&sealed, &other), None);
        assert_eq!(read_of(&[&sealed[..], &[0]].concat(), &key), None, "a byte too many");
        for length in [0, HEADER_BYTES - 1, HEADER_BYTES, sealed.len() - 1] {
            assert_eq!(read_of(&sealed[..length], &key), None, "{length} bytes");
        }
        let mut lies = sealed.clone();
        lies[HEADER_BYTES - 40..HEADER_BYTES - 32].copy_from_slice(&(90u64 << 20).to_le_bytes());
        assert_eq!(read_of(&lies, &key), None, "a length that it has not");
        fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn keys_do_not_run_into_each_other() {
        assert_ne!(key_of(&[b"ab", b"c"]), key_of(&[b"a", b"bc"]));
    }

    #[test]
    fn a_count_past_the_end_is_refused() {
        let mut writer = Writer::default();
        writer.count(usize::MAX);
        let bytes = writer.into_bytes();
        assert_eq!(Reader::new(&bytes).u64s(), None);
        assert_eq!(Reader::new(&bytes).bytes(), None);
        assert_eq!(Reader::new(&bytes).f32s(u32::MAX as usize), None);
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        let mut writer = Writer::default();
        writer.f32s(&[1.0, f32::NAN]);
        assert_eq!(Reader::new(&writer.into_bytes()).f32s(2), None);
    }
}
