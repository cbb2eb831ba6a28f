//! No file, no TCP, no socket of another process, no signal to one: Landlock.
//!
//! Must not grant a path: what a compiler reads and writes is open already.

use super::Wall;
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetError, RulesetStatus, Scope,
};

const NAME: &str = "files";
/// The newest that this program knows; an older kernel takes what it has of it.
const NEWEST: ABI = ABI::V10;

/// Denies this thread whatever Landlock of this kernel can deny.
#[must_use]
pub fn files() -> Wall {
    match restrict() {
        Ok(RestrictionStatus {
            ruleset: RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            landlock: LandlockStatus::Available { effective_abi, .. },
            ..
        }) => Wall::stands(NAME, denied(effective_abi)),
        Ok(RestrictionStatus { landlock: LandlockStatus::NotEnabled, .. }) => {
            Wall::missing(NAME, "this kernel has Landlock and does not use it (see its lsm=)")
        }
        // The library takes a call that a filter forbids for one that is not there.
        Ok(_) => Wall::missing(
            NAME,
            "no Landlock: this kernel lacks it (Linux 5.13 has it), or the service may not call it",
        ),
        Err(error) => Wall::missing(NAME, format!("Landlock fails: {error}")),
    }
}

fn restrict() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .restrict_self()
}

/// What that version of Landlock denies.
fn denied(abi: ABI) -> String {
    let since = [
        (ABI::V1, "files"),
        (ABI::V4, "tcp"),
        (ABI::V6, "abstract-sockets signals"),
        (ABI::V9, "named-sockets"),
        (ABI::V10, "udp"),
    ];
    let denied: Vec<&str> =
        since.into_iter().filter(|(since, _)| abi >= *since).map(|(_, what)| what).collect();
    format!("landlock-abi={abi} denies {}", denied.join(" "))
}
