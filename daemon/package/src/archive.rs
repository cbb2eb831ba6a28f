//! The container of a package: a tar file of regular files, of which each name and length has one form only.
//!
//! A header is taken when it is byte for byte the one that [`Writer`] writes for that name and length; so there are no
//! links, no extended headers, no owners and no times, and the same content is always the same bytes.
//! Must not know what the files mean, must not write files, and must not read past the bounds.

mod header;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use header::{MAX_NAME_BYTES, check_name};
pub use reader::{Entry, Reader};
pub use writer::Writer;

/// What everything in a tar file is a multiple of, bytes.
const BLOCK: usize = 512;
/// Blocks of zeros at the end.
const END_BLOCKS: usize = 2;

/// Why a container is not taken. `at` is the offset of the header it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes end in the middle of something.
    #[error("the file ends after {at} bytes, within {within}; fetch it again")]
    Truncated {
        /// Bytes that were there.
        at: u64,
        /// What was being read.
        within: String,
    },
    /// No tar header of the form that packages have.
    #[error("no header at byte {at}: expected a ustar header, found {found}")]
    NoHeader {
        /// Where.
        at: u64,
        /// The first bytes.
        found: String,
    },
    /// The header's own sum is wrong.
    #[error(
        "the header at byte {at} is damaged: its sum is not that of its bytes; fetch the file again"
    )]
    Damaged {
        /// Where.
        at: u64,
    },
    /// A link, a folder, a device.
    #[error(
        "{name:?} at byte {at} is {kind}, expected a regular file; pack again with `valetctl skill pack`"
    )]
    NotRegular {
        /// Where.
        at: u64,
        /// Its name, as far as it can be read.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// A PAX or GNU header.
    #[error(
        "an extended header ({kind}) at byte {at}, expected plain ustar; pack again with `valetctl skill pack`"
    )]
    Extended {
        /// Where.
        at: u64,
        /// Which.
        kind: &'static str,
    },
    /// A name that leads elsewhere or that no package has.
    #[error("the name {name:?} at byte {at} is refused: {why}")]
    Name {
        /// Where.
        at: u64,
        /// As found.
        name: String,
        /// Which rule.
        why: &'static str,
    },
    /// A field that is not as packages have it.
    #[error(
        "{name:?} at byte {at}: {field} is not as packages have it; pack again with `valetctl skill pack`"
    )]
    Field {
        /// Where.
        at: u64,
        /// Of which file.
        name: String,
        /// Which field.
        field: &'static str,
    },
    /// A file that is longer than it may be.
    #[error("{name:?} has {bytes} bytes, expected at most {limit}")]
    TooLarge {
        /// Its name.
        name: String,
        /// What it has.
        bytes: u64,
        /// What it may have.
        limit: u64,
    },
    /// Bytes between or after files that must be zero.
    #[error("the bytes from {at} on, {what}, are not zero")]
    NotZero {
        /// The first byte of them.
        at: u64,
        /// What they are.
        what: &'static str,
    },
    /// Bytes after the end.
    #[error(
        "there are bytes after the end of the package, from byte {at} on; a package ends there"
    )]
    Trailing {
        /// Where it ended.
        at: u64,
    },
    /// The system's fault.
    #[error("cannot be read or written: {why}")]
    Io {
        /// Its reason.
        why: String,
    },
}

impl From<std::io::Error> for ArchiveError {
    fn from(error: std::io::Error) -> Self {
        ArchiveError::Io { why: error.to_string() }
    }
}
