//! A packed model: one file in the cache with the program, the vocabulary and all weights as the
//! kernels want them, mapped and never copied.
//!
//! Layout: a page with magic, length, place and length of the head, and a checksum; sections, each aligned
//! to 64 bytes; the head, JSON. All numbers are little-endian. Any doubt is a reason to pack again: the file is
//! ours, the checksum is against accidents. Must not read the model's own files.

mod reader;
mod writer;

use serde::{Deserialize, Serialize};

use crate::program::Program;

pub(crate) use reader::{Doubt, PackedModel};
pub(crate) use writer::{Staged, Writer};

/// Opens every file; changes with the layout.
const MAGIC: &[u8; 8] = b"VALETPM1";
/// Bytes before the first section: a page, so that weights begin on one.
const FIRST_SECTION: u64 = 4096;
/// Magic, total length, place of the head, length of the head, checksum.
const OPENING_BYTES: usize = 8 + 3 * 8 + 16;
/// Where the checksum lies.
const CHECKSUM_AT: usize = 8 + 3 * 8;
/// What each section is aligned to: the largest vector register, and a line of the cache.
const ALIGNMENT: u64 = 64;
/// Longest head, bytes.
const MAX_HEAD_BYTES: u64 = 1 << 20;
/// Largest file, bytes.
const MAX_FILE_BYTES: u64 = 1 << 31;

/// A run of bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Section {
    /// Its first byte.
    pub at: u64,
    /// How many.
    pub bytes: u64,
}

/// What a packed model was made from: another value, another file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The model's fingerprint: hash of the hashes of its files.
    pub fingerprint: String,
    /// How matrices are laid out.
    pub layout: String,
    /// The model's files as they lay there when they were verified.
    pub sources: Vec<Stamp>,
}

/// How a file looked when its hash was found right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, nanoseconds since 1970.
    pub modified_ns: i128,
}

/// The head of a packed model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// What it was made from.
    pub key: Key,
    /// The program over sections of the file.
    pub program: Program<Section>,
    /// The vocabulary's text: a piece a line.
    pub pieces: Section,
    /// u32: the numbers of the pieces in the order of their bytes.
    pub sorted_pieces: Section,
}

#[cfg(test)]
mod tests;
