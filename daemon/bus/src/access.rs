//! Who may do what: rights of a caller by user and group, as the configuration says.
//!
//! No caller, no right. A rule that cannot be read gives nothing.

use std::collections::{BTreeMap, BTreeSet};

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// Ask, parse, open sessions, stop, undo.
    Ask,
    /// Change the simulated vehicle, skills' states and settings, run-time vocabulary; inspect packages.
    Control,
    /// See all turns, read vehicle signals, traces and statistics.
    Observe,
    /// Verify, activate and roll back models.
    ManageModels,
    /// Install or update a skill that a trusted key vouches for.
    InstallTrusted,
    /// Install a skill that nobody trusted vouches for; only where developer mode is on.
    InstallUntrusted,
    /// Go back to an older version of a skill.
    Downgrade,
    /// Change what a skill may touch, below the class `security`.
    Grant,
    /// Let a skill touch what is of the class `security`.
    GrantSecurity,
    /// Remove an installed skill with its data.
    Remove,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Ask,
        Self::Control,
        Self::Observe,
        Self::ManageModels,
        Self::InstallTrusted,
        Self::InstallUntrusted,
        Self::Downgrade,
        Self::Grant,
        Self::GrantSecurity,
        Self::Remove,
    ];

    /// The word for it, as the configuration writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Control => "control",
            Self::Observe => "observe",
            Self::ManageModels => "manage-models",
            Self::InstallTrusted => "install-trusted",
            Self::InstallUntrusted => "install-untrusted",
            Self::Downgrade => "downgrade",
            Self::Grant => "grant",
            Self::GrantSecurity => "grant-security",
            Self::Remove => "remove",
        }
    }

    /// The polkit action that may give it to whom no rule does, where polkit runs.
    #[must_use]
    pub fn polkit_action(self) -> Option<&'static str> {
        match self {
            Self::Ask | Self::Control | Self::Observe | Self::ManageModels => None,
            Self::InstallTrusted => Some("org.valetd.skills.install-trusted"),
            Self::InstallUntrusted => Some("org.valetd.skills.install-untrusted"),
            Self::Downgrade => Some("org.valetd.skills.downgrade"),
            Self::Grant => Some("org.valetd.skills.grant"),
            Self::GrantSecurity => Some("org.valetd.skills.grant-security"),
            Self::Remove => Some("org.valetd.skills.remove"),
        }
    }
}

/// Rights that a caller holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights(BTreeSet<Right>);

impl Rights {
    /// Whether this one is among them.
    #[must_use]
    pub fn hold(&self, right: Right) -> bool {
        self.0.contains(&right)
    }

    /// These and one more.
    #[must_use]
    pub fn with(&self, right: Right) -> Self {
        let mut rights = self.clone();
        rights.0.insert(right);
        rights
    }
}

/// Users and groups that hold a right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holders {
    /// Unix users.
    pub uids: BTreeSet<u32>,
    /// Unix groups.
    pub gids: BTreeSet<u32>,
    /// Everybody who reaches the bus.
    pub everybody: bool,
}

impl Holders {
    /// Exactly one user.
    #[must_use]
    pub fn user(uid: u32) -> Self {
        Self { uids: BTreeSet::from([uid]), ..Self::default() }
    }

    fn holds(&self, uid: u32, gids: &[u32]) -> bool {
        self.everybody || self.uids.contains(&uid) || gids.iter().any(|gid| self.gids.contains(gid))
    }
}

/// The rules of a daemon: who holds which right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessRules(BTreeMap<Right, Holders>);

impl AccessRules {
    /// Only one user, with every right: the rule on a session bus.
    #[must_use]
    pub fn only(uid: u32) -> Self {
        Self(Right::ALL.into_iter().map(|right| (right, Holders::user(uid))).collect())
    }

    /// Says who holds a right; who held it before does not any more.
    pub fn give(&mut self, right: Right, holders: Holders) {
        self.0.insert(right, holders);
    }

    /// What a user with these groups may do. The superuser may do all.
    #[must_use]
    pub fn rights_of(&self, uid: u32, gids: &[u32]) -> Rights {
        let held = |right: &Right| {
            uid == 0 || self.0.get(right).is_some_and(|holders| holders.holds(uid, gids))
        };
        Rights(Right::ALL.into_iter().filter(held).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_a_right_that_no_rule_gives() {
        let mut rules = AccessRules::default();
        assert_eq!(rules.rights_of(1000, &[1000, 27]), Rights::default());
        rules.give(Right::Ask, Holders { gids: [27].into(), ..Holders::default() });
        let rights = rules.rights_of(1000, &[1000, 27]);
        for right in Right::ALL {
            assert_eq!(rights.hold(right), right == Right::Ask, "{}", right.name());
        }
        assert!(Right::ALL.into_iter().all(|right| rules.rights_of(0, &[]).hold(right)));
    }
}
