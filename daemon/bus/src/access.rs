//! Who may do what: rights of a caller by user and group, as the configuration says.
//!
//! No caller, no right. A rule that cannot be read gives nothing.

use std::collections::BTreeSet;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// Ask, parse, open sessions, stop, undo.
    Ask,
    /// Change the simulated vehicle, skills' states and settings, run-time vocabulary.
    Control,
    /// See all turns, read vehicle signals, traces and statistics.
    Observe,
    /// Verify, activate and roll back models.
    ManageModels,
}

impl Right {
    /// The word for it, as the configuration writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Control => "control",
            Self::Observe => "observe",
            Self::ManageModels => "manage-models",
        }
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

/// The rules of a daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessRules {
    /// Who may ask.
    pub ask: Holders,
    /// Who may control.
    pub control: Holders,
    /// Who may observe.
    pub observe: Holders,
    /// Who may manage models.
    pub manage_models: Holders,
}

impl AccessRules {
    /// Only one user, with every right: the rule on a session bus.
    #[must_use]
    pub fn only(uid: u32) -> Self {
        Self {
            ask: Holders::user(uid),
            control: Holders::user(uid),
            observe: Holders::user(uid),
            manage_models: Holders::user(uid),
        }
    }

    /// Whether a user with these groups holds a right. The superuser holds all.
    #[must_use]
    pub fn allow(&self, right: Right, uid: u32, gids: &[u32]) -> bool {
        let holders = match right {
            Right::Ask => &self.ask,
            Right::Control => &self.control,
            Right::Observe => &self.observe,
            Right::ManageModels => &self.manage_models,
        };
        uid == 0 || holders.holds(uid, gids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_a_right_that_no_rule_gives() {
        let rules = AccessRules::default();
        assert!(!rules.allow(Right::Ask, 1000, &[1000, 27]));
        let rules =
            AccessRules { ask: Holders { gids: [27].into(), ..Holders::default() }, ..rules };
        assert!(rules.allow(Right::Ask, 1000, &[1000, 27]));
        for other in [Right::Control, Right::Observe, Right::ManageModels] {
            assert!(!rules.allow(other, 1000, &[1000, 27]), "{}", other.name());
        }
    }
}
