//! The verdict on a package: which key vouches for it, or why none does.

use jiff::Timestamp;
use valet_core::intent::SkillId;
use valet_core::signal::Class;
use valet_package::carried::Kind;
use valet_package::packed::PackedManifest;
use valet_package::signature::{KeyId, Signature, SignatureError};

use crate::clock::{Clock, Standing};
use crate::key_file::TrustedKey;
use crate::store::TrustStore;

/// A package that may be installed as far as signatures go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The keys that vouch for it, at least one.
    pub signers: Vec<Signer>,
    /// Most that its intents may do: the highest class of the keys that vouch.
    pub highest_class: Class,
    /// Whether one of the keys that vouch may sign code, so that the code that it carries counts.
    pub code_counts: bool,
}

/// A key that vouches for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Its number.
    pub id: KeyId,
    /// Its owner.
    pub name: String,
    /// What the owner said with the signature.
    pub comment: String,
}

/// Why a package is not trusted. Where several keys signed, the reason of the one that came nearest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature at all.
    #[error("nobody signed it; ask its author for a signed package")]
    Unsigned,
    /// Only keys that are not trusted here.
    #[error("it is signed by {} only, which this device does not trust; whom it trusts is in its folders trust.d", list(.keys))]
    UnknownKeys {
        /// The keys.
        keys: Vec<KeyId>,
    },
    /// The key may not sign this id.
    #[error("the key {key} of {name:?} may not sign {id}; its namespaces are others")]
    Namespace {
        /// The key.
        key: KeyId,
        /// Its owner.
        name: String,
        /// The skill.
        id: SkillId,
    },
    /// The skill does more than the key may let it.
    #[error("it has intents of the class {}, and the key {key} of {name:?} may sign up to {}", .class.name(), .highest.name())]
    Class {
        /// The key.
        key: KeyId,
        /// Its owner.
        name: String,
        /// Of the package.
        class: Class,
        /// Of the key.
        highest: Class,
    },
    /// The key has an end, and nobody vouches for the clock.
    #[error(
        "the key {key} of {name:?} ends, and this device does not know the time yet; try again when its clock is set"
    )]
    UnknownTime {
        /// The key.
        key: KeyId,
        /// Its owner.
        name: String,
    },
    /// The key's last day is over.
    #[error(
        "the key {key} of {name:?} ended with {day}; ask for a package signed with a newer one"
    )]
    Expired {
        /// The key.
        key: KeyId,
        /// Its owner.
        name: String,
        /// Its last day.
        day: jiff::civil::Date,
    },
    /// The key was revoked.
    #[error("the key {key} was revoked (list {serial})")]
    KeyRevoked {
        /// The key.
        key: KeyId,
        /// The list.
        serial: u64,
    },
    /// This package, or this skill up to its counter.
    #[error("{id} with counter {counter} was revoked (list {serial}); ask for a newer one")]
    Revoked {
        /// The skill.
        id: SkillId,
        /// Its counter.
        counter: u64,
        /// The list.
        serial: u64,
    },
    /// A signature in the name of a trusted key that is not its own.
    #[error("its signature of the key {key}: {why}")]
    Signature {
        /// The key.
        key: KeyId,
        /// What is wrong.
        why: SignatureError,
    },
    /// What is revoked cannot be known.
    #[error("the list of what is revoked cannot be used, so nothing can be trusted: {why}")]
    NoList {
        /// Why not.
        why: String,
    },
}

fn list(keys: &[KeyId]) -> String {
    keys.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ")
}

impl Refusal {
    /// How near a key came that was refused so.
    fn nearness(&self) -> u8 {
        match self {
            Self::Namespace { .. } => 0,
            Self::Class { .. } => 1,
            Self::Expired { .. } => 2,
            Self::UnknownTime { .. } => 3,
            _ => 4,
        }
    }
}

impl TrustStore {
    /// Whether a package may be installed, going by its signatures.
    ///
    /// One key must vouch: trusted, not revoked, not past its end, with the skill's id among its namespaces and all
    /// intents within its class. Signatures of keys unknown here count for nothing; a wrong one in the name of a
    /// known key, or one of a revoked key, refuses the whole, and so does, where the package carries code, one of a key that
    /// may sign code and does not vouch.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn judge(
        &self,
        package: &PackedManifest,
        signatures: &[Signature],
        clock: &Clock,
    ) -> Result<Verdict, Refusal> {
        self.check_revoked(package)?;
        let (mut signers, mut highest, mut nearest) = (Vec::new(), Class::Info, None);
        let mut code_counts = false;
        for signature in signatures {
            let key = signature.id();
            if self.revoked().keys.contains(&key) {
                return Err(Refusal::KeyRevoked { key, serial: self.revoked().serial });
            }
            let Some(trusted) = self.key(key) else { continue };
            let verified = trusted.key.verify(&package.bytes, signature);
            verified.map_err(|why| Refusal::Signature { key, why })?;
            match vouches(trusted, package, clock) {
                Ok(()) => {
                    highest = highest.max(trusted.highest_class);
                    code_counts |= trusted.may_sign_code;
                    let (name, comment) = (trusted.name.clone(), signature.comment().to_owned());
                    signers.push(Signer { id: key, name, comment });
                }
                // Code must not come to count later by a key that does not vouch now.
                Err(refusal) if trusted.may_sign_code && carries_code(package) => {
                    return Err(refusal);
                }
                Err(refusal) => {
                    nearest =
                        Some(refusal).into_iter().chain(nearest).max_by_key(Refusal::nearness);
                }
            }
        }
        match (signers.is_empty(), nearest) {
            (false, _) => Ok(Verdict { signers, highest_class: highest, code_counts }),
            (true, Some(refusal)) => Err(refusal),
            (true, None) if signatures.is_empty() => Err(Refusal::Unsigned),
            (true, None) => {
                Err(Refusal::UnknownKeys { keys: signatures.iter().map(Signature::id).collect() })
            }
        }
    }

    /// Whether what is installed may still run: neither it nor a key that signed it was revoked, and one key
    /// that vouched for it is still trusted with its id and its class. The end of a key is no matter any more: it is the
    /// last day for installing.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn judge_installed(
        &self,
        package: &PackedManifest,
        signatures: &[Signature],
    ) -> Result<Verdict, Refusal> {
        let endless = Clock { now: Timestamp::MIN, trusted: true, latest_seen: Timestamp::MIN };
        self.judge(package, signatures, &endless)
    }

    /// Whether a package was revoked, whoever signed it; for what is installed already, too.
    ///
    /// # Errors
    /// [`Refusal::Revoked`], and [`Refusal::NoList`] where that cannot be known.
    pub fn check_revoked(&self, package: &PackedManifest) -> Result<(), Refusal> {
        if let Some(why) = self.without_list() {
            return Err(Refusal::NoList { why: why.to_owned() });
        }
        let (revoked, manifest) = (self.revoked(), &package.manifest);
        let up_to = revoked.skills.get(&manifest.id);
        if revoked.manifests.contains(&package.sha256())
            || up_to.is_some_and(|up_to| manifest.counter <= *up_to)
        {
            let (id, counter) = (manifest.id.clone(), manifest.counter);
            return Err(Refusal::Revoked { id, counter, serial: revoked.serial });
        }
        Ok(())
    }
}

fn carries_code(package: &PackedManifest) -> bool {
    package.files.iter().any(|file| matches!(Kind::of(&file.path), Some((Kind::Code, _))))
}

/// The highest class among a package's intents.
#[must_use]
pub fn class_of(package: &PackedManifest) -> Class {
    let classes = package.manifest.intents.values().map(|intent| intent.class);
    classes.max().unwrap_or(Class::Info)
}

fn vouches(key: &TrustedKey, package: &PackedManifest, clock: &Clock) -> Result<(), Refusal> {
    let (number, name, id) = (key.id(), key.name.clone(), &package.manifest.id);
    if !key.namespaces.iter().any(|namespace| namespace.holds(id)) {
        return Err(Refusal::Namespace { key: number, name, id: id.clone() });
    }
    let (class, highest) = (class_of(package), key.highest_class);
    if class > highest {
        return Err(Refusal::Class { key: number, name, class, highest });
    }
    match key.not_after.map(|day| (day, clock.standing(day))) {
        None | Some((_, Standing::Ahead)) => Ok(()),
        Some((day, Standing::Over)) => Err(Refusal::Expired { key: number, name, day }),
        Some((_, Standing::Unknown)) => Err(Refusal::UnknownTime { key: number, name }),
    }
}
