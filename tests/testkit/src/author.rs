//! An author of skills: packs folders, signs packages, and may be trusted on a device.

use crate::KitError;
use minisign::KeyPair;
use std::{
    fs::File,
    io::{Seek as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};
use valet_package::{
    Package, pack,
    signature::{PublicKey, Signature},
};

/// Keys of their own.
pub struct Author {
    pair: KeyPair,
}

/// A package, and how it is named on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of its manifest.
    pub manifest_sha256: [u8; 32],
}

impl Packed {
    /// Of a skill's folder; unsigned.
    ///
    /// # Errors
    /// [`KitError::File`] for a folder that is no skill.
    pub fn of(folder: &Path) -> Result<Self, KitError> {
        let mut bytes = Vec::new();
        let manifest = pack::pack(folder, &mut bytes).map_err(|e| KitError::file(folder, e))?;
        Ok(Self { bytes, manifest_sha256: manifest.sha256() })
    }

    /// As an open file that has no name.
    ///
    /// # Errors
    /// [`KitError::File`].
    pub fn file(&self) -> Result<File, KitError> {
        let open = || {
            let mut file = tempfile::tempfile()?;
            file.write_all(&self.bytes)?;
            file.rewind()?;
            Ok(file)
        };
        open().map_err(|e: std::io::Error| KitError::file(&std::env::temp_dir(), e))
    }
}

impl Author {
    /// A new one.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let pair = KeyPair::generate_unencrypted_keypair();
        Self { pair: pair.unwrap_or_else(|error| panic!("no keys: {error}")) }
    }

    /// The number of their key.
    ///
    /// # Panics
    /// When minisign's key is none of ours.
    #[must_use]
    pub fn key(&self) -> String {
        let key = PublicKey::parse(&self.pair.pk.to_base64());
        key.unwrap_or_else(|error| panic!("{error}")).id().to_string()
    }

    /// Lets a device trust them with ids below a namespace, up to a class; `more` are further lines.
    ///
    /// # Errors
    /// [`KitError::File`].
    pub fn trusted_in(
        &self,
        folder: &Path,
        (namespace, class): (&str, &str),
        more: &str,
    ) -> Result<(), KitError> {
        let text = format!(
            "schema = 1\nname = \"An author\"\nkey = \"{}\"\nnamespaces = [\"{namespace}\"]\n\
             highest-class = \"{class}\"\n{more}",
            self.pair.pk.to_base64()
        );
        write(&folder.join(format!("{}.toml", self.key())), text.as_bytes())
    }

    /// Puts a list of what is revoked beside the keys, signed by them.
    ///
    /// # Errors
    /// [`KitError::File`].
    pub fn revoke_in(&self, folder: &Path, list: &str) -> Result<(), KitError> {
        write(&folder.join("revoked.toml"), list.as_bytes())?;
        let signature = self.signature(list.as_bytes());
        write(&folder.join("revoked.toml.minisig"), signature.text().as_bytes())
    }

    /// A package with their signature.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn sign(&self, packed: &Packed) -> Packed {
        let opened = Package::open(&packed.bytes[..]).unwrap_or_else(|error| panic!("{error}"));
        let signature = self.signature(&opened.manifest.bytes);
        let mut bytes = Vec::new();
        pack::add_signature(&packed.bytes[..], &signature, &mut bytes)
            .unwrap_or_else(|error| panic!("{error}"));
        Packed { bytes, manifest_sha256: packed.manifest_sha256 }
    }

    fn signature(&self, bytes: &[u8]) -> Signature {
        let signed = minisign::sign(Some(&self.pair.pk), &self.pair.sk, bytes, None, None);
        let text = signed.unwrap_or_else(|error| panic!("{error}")).into_string();
        Signature::adopt(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Default for Author {
    fn default() -> Self {
        Self::new()
    }
}

/// Only a file that nobody else may write to counts.
fn write(path: &Path, bytes: &[u8]) -> Result<(), KitError> {
    std::fs::write(path, bytes)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)))
        .map_err(|e| KitError::file(path, e))
}
