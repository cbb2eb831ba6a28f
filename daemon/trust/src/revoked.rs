//! The list of what is revoked: keys, packages by the hash of their manifest, and skills up to a counter.
//!
//! ```toml
//! schema = 1
//! serial = 12                           # larger with each list; an older one is refused
//! keys = ["0123456789ABCDEF"]
//! manifests = ["<sha-256, 64 digits>"]
//! [[skills]]
//! id = "org.example.lamp"
//! up-to-counter = 16
//! ```
//!
//! Must not be believed without a signature of a key that may revoke; `store` sees to that.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde::Deserialize;
use valet_core::intent::SkillId;
use valet_package::error::PackageError;
use valet_package::signature::KeyId;
use valet_package::strict;

/// Largest list, bytes.
pub const MAX_LIST_BYTES: usize = 1 << 20;

/// What is revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Number of the list; 0 where there is none.
    pub serial: u64,
    /// Keys that sign nothing any more.
    pub keys: BTreeSet<KeyId>,
    /// Packages, by the SHA-256 of their manifests.
    pub manifests: BTreeSet<[u8; 32]>,
    /// Skills: this counter and all below.
    pub skills: BTreeMap<SkillId, u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    schema: u32,
    serial: u64,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    manifests: Vec<String>,
    #[serde(default)]
    skills: Vec<RawSkill>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSkill {
    id: String,
    up_to_counter: u64,
}

impl Revoked {
    /// Of a list's text; `file` is how errors name it.
    ///
    /// # Errors
    /// [`PackageError`] with what was expected.
    pub fn parse(file: &str, text: &str) -> Result<Self, PackageError> {
        let raw: Raw = strict::parse(file, text, MAX_LIST_BYTES)?;
        let bad = |what: String| PackageError::Invalid { file: file.to_owned(), what };
        if raw.schema != 1 || raw.serial == 0 {
            let (schema, serial) = (raw.schema, raw.serial);
            return Err(bad(format!(
                "schema is {schema}, expected 1; serial {serial}, at least 1"
            )));
        }
        let keys =
            raw.keys.iter().map(|key| key.parse().map_err(|error| bad(format!("keys: {error}"))));
        let manifests = raw.manifests.iter().map(|hash| {
            let bytes =
                HEXLOWER.decode(hash.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| bad(format!("manifests: {hash:?}, expected 64 digits of 0-9 a-f")))
        });
        let mut skills = BTreeMap::new();
        for RawSkill { id, up_to_counter } in raw.skills {
            let id = SkillId::parse(&id).map_err(|error| bad(format!("skills: {error}")))?;
            let counter = skills.entry(id).or_insert(up_to_counter);
            *counter = (*counter).max(up_to_counter);
        }
        Ok(Self {
            serial: raw.serial,
            keys: keys.collect::<Result<_, _>>()?,
            manifests: manifests.collect::<Result<_, _>>()?,
            skills,
        })
    }
}
