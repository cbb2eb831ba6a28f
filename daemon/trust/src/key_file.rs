//! A key file: a public key, and what it may sign.
//!
//! ```toml
//! schema = 1
//! name = "Example skills"               # for people
//! key = "RWR…"                          # the second line of minisign's .pub file
//! namespaces = ["org.example.**"]       # ids it may sign: `**` at the end for all below
//! highest-class = "comfort"             # info, comfort, body or security
//! not-after = "2028-12-31"              # last day, UTC; leave it out for a key without an end
//! may-revoke = true                     # whether it signs lists of what is revoked; else false
//! may-sign-code = true                  # whether machine code that a package carries runs; else false
//! ```
//!
//! Must not read files; `store` does.

use std::fmt;

use jiff::civil::Date;
use serde::Deserialize;
use valet_core::intent::SkillId;
use valet_core::signal::Class;
use valet_package::error::PackageError;
use valet_package::signature::{KeyId, PublicKey};
use valet_package::strict;

/// Largest key file, bytes.
pub(crate) const MAX_KEY_FILE_BYTES: usize = 16 * 1024;
/// Most namespaces of a key.
const MAX_NAMESPACES: usize = 64;
/// Longest name, bytes.
const MAX_NAME_BYTES: usize = 128;

/// A key, and what it may sign.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedKey {
    /// The key itself.
    pub key: PublicKey,
    /// Its owner, for people.
    pub name: String,
    /// Skills that it may sign.
    pub namespaces: Vec<Namespace>,
    /// Most that an intent of them may do.
    pub highest_class: Class,
    /// Its last day, UTC.
    pub not_after: Option<Date>,
    /// Whether it may sign lists of what is revoked.
    pub may_revoke: bool,
    /// Whether code that was made ahead of time counts by its word. Nothing can look through such code: it may do all that
    /// the daemon may, whatever its skill was granted.
    pub may_sign_code: bool,
}

/// Ids of skills: one, or all below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespace {
    /// Every skill.
    All,
    /// `org.example.**`: every skill whose id begins with `org.example.`
    Below(String),
    /// This one.
    One(SkillId),
}

impl fmt::Display for Namespace {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => to.write_str("**"),
            Self::Below(above) => write!(to, "{above}**"),
            Self::One(one) => write!(to, "{one}"),
        }
    }
}

impl Namespace {
    /// Of a pattern.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        if pattern == "**" {
            return Ok(Self::All);
        }
        let expected = |why: String| {
            format!(
                "namespace {pattern:?}: expected \"org.example.lamp\", \"org.example.**\" or \"**\": {why}"
            )
        };
        match pattern.strip_suffix(".**") {
            // What stands before the stars must itself be the beginning of an id.
            Some(above) => SkillId::parse(&format!("{above}.x"))
                .map(|_| Self::Below(format!("{above}.")))
                .map_err(|error| expected(error.to_string())),
            None => {
                SkillId::parse(pattern).map(Self::One).map_err(|error| expected(error.to_string()))
            }
        }
    }

    /// Whether it holds this id.
    #[must_use]
    pub fn holds(&self, id: &SkillId) -> bool {
        match self {
            Self::All => true,
            Self::Below(above) => id.as_str().starts_with(above),
            Self::One(one) => one == id,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    schema: u32,
    name: String,
    key: String,
    namespaces: Vec<String>,
    highest_class: Class,
    not_after: Option<String>,
    #[serde(default)]
    may_revoke: bool,
    #[serde(default)]
    may_sign_code: bool,
}

impl TrustedKey {
    /// Of a file's text; `file` is how errors name it.
    ///
    /// # Errors
    /// [`PackageError`] with what was expected.
    pub fn parse(file: &str, text: &str) -> Result<Self, PackageError> {
        let raw: Raw = strict::parse(file, text, MAX_KEY_FILE_BYTES)?;
        let bad = |what: String| PackageError::Invalid { file: file.to_owned(), what };
        if raw.schema != 1 {
            return Err(bad(format!("schema is {}, expected 1", raw.schema)));
        }
        let name = raw.name;
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(bad(format!("name is {name:?}, expected 1 to {MAX_NAME_BYTES} bytes")));
        }
        if raw.namespaces.is_empty() || raw.namespaces.len() > MAX_NAMESPACES {
            let count = raw.namespaces.len();
            return Err(bad(format!("{count} namespaces, expected 1 to {MAX_NAMESPACES}")));
        }
        if raw.highest_class == Class::Driving {
            let why = "highest-class is driving, expected info, comfort, body or security";
            return Err(bad(why.to_owned()));
        }
        let not_after = raw.not_after.map(|day| {
            day.parse()
                .map_err(|_| bad(format!("not-after is {day:?}, expected a day as 2028-12-31")))
        });
        let namespaces = raw.namespaces.iter().map(|pattern| Namespace::parse(pattern));
        Ok(Self {
            key: PublicKey::parse(&raw.key).map_err(|error| bad(format!("key: {error}")))?,
            name,
            namespaces: namespaces.collect::<Result<_, _>>().map_err(bad)?,
            highest_class: raw.highest_class,
            not_after: not_after.transpose()?,
            may_revoke: raw.may_revoke,
            may_sign_code: raw.may_sign_code,
        })
    }

    /// The key's number.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.key.id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_holds_what_is_below_it_and_nothing_beside() {
        let id = |text: &str| SkillId::parse(text).expect("an id");
        let below = Namespace::parse("org.example.**").expect("a pattern");
        assert!(below.holds(&id("org.example.lamp")) && below.holds(&id("org.example.a.b")));
        assert!(!below.holds(&id("org.example")) && !below.holds(&id("org.examples.lamp")));
        let one = Namespace::parse("org.example.lamp").expect("a pattern");
        assert!(one.holds(&id("org.example.lamp")) && !one.holds(&id("org.example.lamp.x")));
        for wrong in ["", "*", "org.*", "org.**.lamp", ".**", "Org.Example.**", "org.example.***"] {
            assert!(Namespace::parse(wrong).is_err(), "{wrong}");
        }
    }
}
