//! A package `<id>-<version>.valet`: a container that holds, in this order, the manifest, its signatures, the component, and the
//! other files that the manifest lists, by name.
//!
//! Read once, as a stream: what is signed comes first, so that nobody need look at more before it is verified. Must not
//! decide whom to trust, and must not write files; whoever unpacks says where to.

use std::io::{Read, Write};

use sha2::{Digest, Sha256};

use crate::archive::{self, Entry, Reader};
use crate::carried::{Kind, MAX_CARRIED};
use crate::error::PackageError;
use crate::folder::{MAX_ASSET_BYTES, MAX_ASSETS, MAX_LANGUAGES, MAX_WASM_BYTES};
use crate::manifest::{MAX_PACKED_MANIFEST_BYTES, Manifest, RawFile};
use crate::sentences::MAX_SENTENCES_BYTES;
use crate::signature::{MAX_SIGNATURE_BYTES, Signature};

/// The manifest's name.
pub const MANIFEST: &str = "skill.toml";
/// The component's name.
pub const COMPONENT: &str = "skill.wasm";
/// The folder of the signatures.
pub const SIGNATURES: &str = "signatures";
/// Most signatures: an author's, and those of who passed it on.
pub const MAX_SIGNATURES: usize = 4;
/// Largest package, bytes, its files taken together.
pub const MAX_PACKAGE_BYTES: u64 = 512 << 20;

/// A file that a manifest lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// Within the package: `skill.wasm`, `sentences/<language>.toml`, `assets/<name>`, `embeddings/<fingerprint>.bin`
    /// or `code/<engine id>.bin`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Of its content.
    pub sha256: [u8; 32],
}

/// The manifest of a package.
#[derive(Debug, Clone)]
pub struct PackedManifest {
    /// What the skill is and may.
    pub manifest: Manifest,
    /// The component, and then the others by path.
    pub files: Vec<PackedFile>,
    /// As they stand in the package: what is signed.
    pub bytes: Vec<u8>,
}

impl PackedManifest {
    /// Parses and checks the manifest of a package.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, PackageError> {
        let bad = |what: String| PackageError::invalid(MANIFEST, what);
        let text =
            std::str::from_utf8(&bytes).map_err(|error| bad(format!("no UTF-8: {error}")))?;
        let (manifest, files) = Manifest::parse_packed(MANIFEST, text)?;
        let files = files.into_iter().map(PackedFile::check).collect::<Result<Vec<_>, _>>();
        let files = files.map_err(bad)?;
        check_list(&files).map_err(bad)?;
        Ok(Self { manifest, files, bytes })
    }

    /// Of its bytes: what names a package.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

impl PackedFile {
    fn check(RawFile { path, bytes, sha256 }: RawFile) -> Result<Self, String> {
        archive::check_name(&path).map_err(|why| format!("files: {path:?}: {why}"))?;
        let hash = data_encoding::HEXLOWER.decode(sha256.as_bytes()).ok();
        let Some(hash) = hash.and_then(|hash| hash.try_into().ok()) else {
            return Err(format!(
                "files: {path:?}: sha256 is {sha256:?}, expected 64 digits of 0-9 a-f"
            ));
        };
        let limit = limit_of(&path).ok_or_else(|| {
            format!(
                "files: {path:?} is none of skill.wasm, sentences/<language>.toml, assets/<name>, embeddings/<64 digits of 0-9 a-f>.bin and code/<64 digits of 0-9 a-f>.bin"
            )
        })?;
        if bytes > limit {
            return Err(format!("files: {path:?} has {bytes} bytes, expected at most {limit}"));
        }
        Ok(Self { path, bytes, sha256: hash })
    }
}

/// Most bytes that a file at this path may have; `None` for a path that no file of a package has.
pub(crate) fn limit_of(path: &str) -> Option<u64> {
    match path.split_once('/') {
        None if path == COMPONENT => Some(MAX_WASM_BYTES),
        Some(("sentences", name)) if name.ends_with(".toml") && !name.contains('/') => {
            Some(MAX_SENTENCES_BYTES as u64)
        }
        Some(("assets", name)) if !name.contains('/') => Some(MAX_ASSET_BYTES),
        _ => Kind::of(path).map(|(kind, _)| kind.max_bytes()),
    }
}

/// The component first and once, then the others by path, none twice, and not too much of anything.
fn check_list(files: &[PackedFile]) -> Result<(), String> {
    let Some((component, others)) = files.split_first() else {
        return Err("lists no files, so it is no manifest of a package".to_owned());
    };
    if component.path != COMPONENT {
        return Err(format!("files: begins with {:?}, expected {COMPONENT}", component.path));
    }
    if let Some(pair) = others.windows(2).find(|pair| pair[0].path >= pair[1].path) {
        let [before, after] = [&pair[0].path, &pair[1].path];
        return Err(format!(
            "files: {after:?} comes after {before:?}, expected them by path, once each"
        ));
    }
    if others.iter().any(|file| file.path == COMPONENT) {
        return Err(format!("files: {COMPONENT} is listed twice"));
    }
    let bounds = [
        ("sentences/", MAX_LANGUAGES),
        ("assets/", MAX_ASSETS),
        ("embeddings/", MAX_CARRIED),
        ("code/", MAX_CARRIED),
    ];
    for (folder, most) in bounds {
        let count = others.iter().filter(|file| file.path.starts_with(folder)).count();
        if count > most {
            return Err(format!("files: {count} in {folder}, expected at most {most}"));
        }
    }
    let all: u64 = files.iter().map(|file| file.bytes).sum();
    if all > MAX_PACKAGE_BYTES {
        return Err(format!("files: {all} bytes, expected at most {MAX_PACKAGE_BYTES}"));
    }
    Ok(())
}

/// A package that is being read: its manifest and signatures are there, its files come next.
#[derive(Debug)]
pub struct Package<R> {
    /// What the signatures are over.
    pub manifest: PackedManifest,
    /// In the order of their keys' numbers; none need be right.
    pub signatures: Vec<Signature>,
    reader: Reader<R>,
    next: Option<Entry>,
}

impl<R: Read> Package<R> {
    /// Reads the manifest and the signatures.
    ///
    /// # Errors
    /// [`PackageError`]: whatever is not in the one form and order of a package.
    pub fn open(from: R) -> Result<Self, PackageError> {
        let mut reader = Reader::new(from);
        let first = reader.next_entry()?;
        let manifest = match first {
            Some(entry) if entry.name == MANIFEST => {
                reader.content(&entry, MAX_PACKED_MANIFEST_BYTES as u64)?
            }
            other => return Err(order(MANIFEST, other.as_ref())),
        };
        let manifest = PackedManifest::parse(manifest)?;
        let (signatures, next) = read_signatures(&mut reader)?;
        Ok(Self { manifest, signatures, reader, next })
    }

    /// Reads all files, each to where `place` says, and the end.
    ///
    /// What was written is to be used only after this gave no error.
    ///
    /// # Errors
    /// [`PackageError`]: a file that is missing, another, or not the one that the manifest lists.
    pub fn unpack<W: Write>(
        mut self,
        mut place: impl FnMut(&PackedFile) -> std::io::Result<W>,
    ) -> Result<PackedManifest, PackageError> {
        let mut next = self.next.take();
        for file in &self.manifest.files {
            let entry = match next.take() {
                Some(entry) if entry.name == file.path => entry,
                other => return Err(order(&file.path, other.as_ref())),
            };
            let changed = |what| PackageError::Changed { file: file.path.clone(), what };
            if entry.bytes != file.bytes {
                return Err(changed("length"));
            }
            let refused = |error: std::io::Error| PackageError::Unreadable {
                file: file.path.clone(),
                why: format!("no place to unpack it to: {error}"),
            };
            let mut to = Hashing { to: place(file).map_err(refused)?, hash: Sha256::new() };
            self.reader.copy(&entry, &mut to)?;
            to.to.flush().map_err(refused)?;
            if to.hash.finalize()[..] != file.sha256 {
                return Err(changed("hash"));
            }
            next = self.reader.next_entry()?;
        }
        match next {
            None => Ok(self.manifest),
            Some(more) => Err(order("the end", Some(&more))),
        }
    }
}

fn order(expected: &str, found: Option<&Entry>) -> PackageError {
    let found = found.map_or("the end".to_owned(), |entry| format!("{:?}", entry.name));
    PackageError::Order { expected: expected.to_owned(), found }
}

/// The signatures, and the entry after them.
fn read_signatures<R: Read>(
    reader: &mut Reader<R>,
) -> Result<(Vec<Signature>, Option<Entry>), PackageError> {
    let mut signatures: Vec<Signature> = Vec::new();
    loop {
        let entry = match reader.next_entry()? {
            Some(entry) if entry.name.starts_with("signatures/") => entry,
            other => return Ok((signatures, other)),
        };
        if signatures.len() == MAX_SIGNATURES {
            return Err(order("no more than four signatures", Some(&entry)));
        }
        let bytes = reader.content(&entry, MAX_SIGNATURE_BYTES)?;
        let signature = Signature::parse(&bytes)
            .map_err(|why| PackageError::Signature { file: entry.name.clone(), why })?;
        if entry.name != signature_name(&signature) {
            return Err(order(&signature_name(&signature), Some(&entry)));
        }
        if signatures.last().is_some_and(|last| last.id() >= signature.id()) {
            return Err(order("signatures by the numbers of their keys, once each", Some(&entry)));
        }
        signatures.push(signature);
    }
}

/// The name of a signature within a package.
#[must_use]
pub fn signature_name(signature: &Signature) -> String {
    format!("{SIGNATURES}/{}.minisig", signature.id())
}

/// Writes on, and hashes what it writes.
struct Hashing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
