//! From a skill's folder to a package, and from a package to one with a signature more.
//!
//! The same folder gives the same bytes, wherever and whenever it is packed. Must not sign: a signature is made elsewhere.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::archive::{Reader, Writer};
use crate::carried::Kind;
use crate::code;
use crate::error::PackageError;
use crate::folder::{SkillFolder, read_bounded};
use crate::manifest::MAX_MANIFEST_BYTES;
use crate::packed::{
    COMPONENT, MANIFEST, MAX_PACKAGE_BYTES, MAX_SIGNATURES, PackedFile, PackedManifest, limit_of,
    signature_name,
};
use crate::signature::Signature;

/// Packs a skill's folder: `skill.toml`, `skill.wasm`, `sentences/`, `assets/`, `embeddings/`, `code/`; anything else is left
/// out.
///
/// # Errors
/// [`PackageError`]: a folder that is no skill, a name that no file of a package has, or code of another component.
pub fn pack(folder: &Path, to: impl Write) -> Result<PackedManifest, PackageError> {
    let skill = SkillFolder::read(folder)?;
    let sentences = skill.sentences.keys().map(|language| format!("sentences/{language}.toml"));
    let assets = skill.assets.keys().map(|name| format!("assets/{name}"));
    let embeddings = skill.embeddings.keys().map(|key| Kind::Embeddings.path_of(key));
    let code = code_in(folder, &skill)?;
    let mut paths: Vec<String> = sentences.chain(assets).chain(embeddings).chain(code).collect();
    paths.sort();
    paths.insert(0, COMPONENT.to_owned());
    let files = paths.iter().map(|path| hash_file(folder, path)).collect::<Result<Vec<_>, _>>()?;
    let source = read_bounded(&folder.join(MANIFEST), MAX_MANIFEST_BYTES as u64)?;
    // Whatever changed since the folder was read is found here, for all is checked once more.
    let manifest = PackedManifest::parse(with_files(source, &files))?;
    let mut writer = Writer::new(to);
    writer.add(MANIFEST, &manifest.bytes)?;
    for file in &files {
        let content = read_bounded(&folder.join(&file.path), file.bytes)?;
        if Sha256::digest(&content)[..] != file.sha256 {
            return Err(PackageError::Changed { file: file.path.clone(), what: "hash" });
        }
        writer.add(&file.path, &content)?;
    }
    writer.finish()?;
    Ok(manifest)
}

/// Paths of a folder's code, all of it made of its component.
fn code_in(folder: &Path, skill: &SkillFolder) -> Result<Vec<String>, PackageError> {
    let found = Kind::Code.find(folder)?;
    for carried in found.values() {
        code::of_file(&carried.read(folder)?, &skill.wasm_sha256)
            .map_err(|why| PackageError::invalid(&carried.path, why))?;
    }
    Ok(found.into_values().map(|carried| carried.path).collect())
}

fn hash_file(folder: &Path, path: &str) -> Result<PackedFile, PackageError> {
    // The manifest is checked with its list later; a path that no package has is refused there.
    let content = read_bounded(&folder.join(path), limit_of(path).unwrap_or_default())?;
    let (bytes, sha256) = (content.len() as u64, Sha256::digest(&content).into());
    Ok(PackedFile { path: path.to_owned(), bytes, sha256 })
}

/// The manifest's text as it is, and a list of the files after it.
fn with_files(mut manifest: Vec<u8>, files: &[PackedFile]) -> Vec<u8> {
    if manifest.last() != Some(&b'\n') {
        manifest.push(b'\n');
    }
    let mut list = String::new();
    for PackedFile { path, bytes, sha256 } in files {
        let sha256 = HEXLOWER.encode(sha256);
        // Writing to a string does not fail.
        let _ = write!(
            list,
            "\n[[files]]\npath = \"{path}\"\nbytes = {bytes}\nsha256 = \"{sha256}\"\n"
        );
    }
    manifest.extend(list.into_bytes());
    manifest
}

/// Copies a package, with this signature in its place; an older one of the same key gives way.
///
/// # Errors
/// [`PackageError`]: no package, or one with four signatures already.
pub fn add_signature(
    package: impl Read,
    signature: &Signature,
    to: impl Write,
) -> Result<(), PackageError> {
    let (mut reader, mut writer) = (Reader::new(package), Writer::new(to));
    let (own, mut waiting, mut others) = (signature_name(signature), true, 0);
    while let Some(entry) = reader.next_entry()? {
        let content = reader.content(&entry, MAX_PACKAGE_BYTES)?;
        if entry.name == own {
            continue;
        }
        others += usize::from(entry.name.starts_with("signatures/"));
        let comes_before =
            entry.name == MANIFEST || (entry.name.starts_with("signatures/") && entry.name < own);
        if waiting && !comes_before {
            writer.add(&own, signature.text().as_bytes())?;
            waiting = false;
        }
        writer.add(&entry.name, &content)?;
    }
    if waiting || others >= MAX_SIGNATURES {
        let found = format!("{others} signatures of other keys");
        let expected = "a component, and at most three signatures of other keys".to_owned();
        return Err(PackageError::Order { expected, found });
    }
    writer.finish()?;
    Ok(())
}
