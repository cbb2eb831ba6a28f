//! Whom this device trusts, as it stands now: the keys and the list on disk, the time, and what was seen of both before.
//!
//! Must not remember keys: each question reads them anew, for whoever runs the device may change them at any time.

use crate::{state::State, wall::SystemClock};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use valet_bus::{BusError, ErrorName};
use valet_core::{
    intent::SkillId,
    ports::{Clock as _, StoreError},
    signal::Class,
};
use valet_package::{packed::PackedManifest, signature::Signature};
use valet_trust::{Clock, Refusal, TrustStore};

/// The highest class of a skill that nobody vouches for.
const HIGHEST_UNTRUSTED: Class = Class::Comfort;

/// Where keys lie, and whether skills may run that none of them vouches for.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    /// Folders of key files, the image's first.
    pub folders: Vec<PathBuf>,
    /// Users whose files count.
    pub owners: Vec<u32>,
    /// Whether developer mode is on.
    pub developer_mode: bool,
}

/// Whom, and when.
pub(crate) struct Trusted {
    store: TrustStore,
    clock: Clock,
    developer_mode: bool,
}

/// Who vouches for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Vouched {
    /// Keys.
    By {
        /// Their numbers; at least one.
        keys: Vec<String>,
        /// Whether code counts that the package carries.
        code_counts: bool,
    },
    /// Nobody, for this reason; developer mode lets it in.
    Nobody(String),
}

impl Vouched {
    /// The first key.
    #[must_use]
    pub(crate) fn signer(&self) -> Option<&str> {
        match self {
            Self::By { keys, .. } => keys.first().map(String::as_str),
            Self::Nobody(_) => None,
        }
    }

    /// Whether code counts that the package carries.
    #[must_use]
    pub(crate) fn code_counts(&self) -> bool {
        matches!(self, Self::By { code_counts: true, .. })
    }
}

impl Trust {
    /// Reads keys, list and clock. A newer list and a later time that somebody vouches for are noted, so that neither can be
    /// taken back.
    ///
    /// # Errors
    /// The state cannot be read or written: then nobody can say what was seen before.
    pub(crate) fn read(&self, state: &State) -> Result<Trusted, StoreError> {
        let (latest_ms, serial) = state.seen()?;
        let folders: Vec<&Path> = self.folders.iter().map(PathBuf::as_path).collect();
        let (store, faults) = TrustStore::read(&folders, &self.owners, serial);
        for fault in faults {
            log::warn!("{} is not used: {}", fault.file.display(), fault.why);
        }
        let wall = SystemClock.now();
        let now_ms = u64::try_from(wall.utc_ms).unwrap_or(0);
        instant!("trust.read");
        state.see(if wall.trusted { now_ms } else { 0 }, store.revoked().serial)?;
        let clock =
            Clock { now: time(now_ms), trusted: wall.trusted, latest_seen: time(latest_ms) };
        Ok(Trusted { store, clock, developer_mode: self.developer_mode })
    }
}

fn time(utc_ms: u64) -> Timestamp {
    let ms = i64::try_from(utc_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

impl Trusted {
    /// Who vouches for a package that is to be installed.
    ///
    /// # Errors
    /// [`Refusal`]; in developer mode only what is surely wrong.
    pub(crate) fn judge(
        &self,
        package: &PackedManifest,
        signatures: &[Signature],
    ) -> Result<Vouched, Refusal> {
        self.lenient(package, self.store.judge(package, signatures, &self.clock))
    }

    /// Who vouches for one that is installed.
    ///
    /// # Errors
    /// [`Refusal`]; in developer mode only what is surely wrong.
    pub(crate) fn judge_installed(
        &self,
        package: &PackedManifest,
        signatures: &[Signature],
    ) -> Result<Vouched, Refusal> {
        self.lenient(package, self.store.judge_installed(package, signatures))
    }

    /// In developer mode a package may be one of nobody's, up to a class.
    fn lenient(
        &self,
        package: &PackedManifest,
        verdict: Result<valet_trust::Verdict, Refusal>,
    ) -> Result<Vouched, Refusal> {
        match verdict {
            Ok(verdict) => Ok(Vouched::By {
                keys: verdict.signers.iter().map(|signer| signer.id.to_string()).collect(),
                code_counts: verdict.code_counts,
            }),
            Err(refusal @ (Refusal::Unsigned | Refusal::UnknownKeys { .. }))
                if self.developer_mode && valet_trust::class_of(package) <= HIGHEST_UNTRUSTED =>
            {
                Ok(Vouched::Nobody(refusal.to_string()))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// A refusal as an answer on the bus.
pub(crate) fn refused(skill: &SkillId, refusal: &Refusal) -> BusError {
    BusError::new(ErrorName::BadSignature, format!("{skill}: {refusal}"))
}
