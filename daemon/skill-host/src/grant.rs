//! Grants: what a skill may touch, as types that only the [`Granter`] can make.
//! Every call of a skill into the world needs one (see `world.rs`), made anew for that call,
//! so a permission taken back at run time holds from the next call on.
//!
//! Must not know what the grants are used for.

mod outside;

pub(crate) use outside::{
    EntityGrant, FetchGrant, FilterGrant, MethodGrant, NamesGrant, PropertyGrant, PublishGrant,
    TopicGrant,
};

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};
use valet_core::{
    capability::{CapabilityKind, CapabilitySet},
    intent::SkillId,
    signal::SignalPath,
};

/// Leave to read one signal.
#[derive(Debug)]
pub(crate) struct ReadGrant {
    path: SignalPath,
}

/// Leave to ask what one signal is.
#[derive(Debug)]
pub(crate) struct DescribeGrant {
    path: SignalPath,
}

/// Leave to request a value of one signal; the policy still has its say.
#[derive(Debug)]
pub(crate) struct ActuateGrant {
    path: SignalPath,
}

/// Leave to use the skill's own store.
#[derive(Debug)]
pub(crate) struct StoreGrant {
    skill: SkillId,
    limit_bytes: u64,
}

/// Leave to set alarms.
#[derive(Debug)]
pub(crate) struct AlarmsGrant {
    skill: SkillId,
    most: u32,
}

/// Leave to speak first.
#[derive(Debug)]
pub(crate) struct AnnounceGrant {
    skill: SkillId,
}

/// Leave to know where the vehicle is.
#[derive(Debug)]
pub(crate) struct LocationGrant {
    _made_here: (),
}

/// Leave to see the utterance.
#[derive(Debug)]
pub(crate) struct TextGrant {
    _made_here: (),
}

macro_rules! path_of {
    ($($grant:ident),*) => {
        $(impl $grant {
            pub(crate) fn path(&self) -> &SignalPath {
                &self.path
            }
        })*
    };
}

path_of!(ReadGrant, DescribeGrant, ActuateGrant);

impl ActuateGrant {
    /// Leave to write what the policy says must go with this actuation.
    pub(crate) fn companion(&self, path: SignalPath) -> Self {
        Self { path }
    }
}

impl StoreGrant {
    pub(crate) fn skill(&self) -> &SkillId {
        &self.skill
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }
}

impl AlarmsGrant {
    pub(crate) fn skill(&self) -> &SkillId {
        &self.skill
    }

    pub(crate) fn most(&self) -> u32 {
        self.most
    }
}

impl AnnounceGrant {
    pub(crate) fn skill(&self) -> &SkillId {
        &self.skill
    }
}

/// Makes the grants of one skill: effective = declared ∩ granted.
#[derive(Debug)]
pub(crate) struct Granter {
    skill: SkillId,
    declared: CapabilitySet,
    granted: RwLock<CapabilitySet>,
    entities: BTreeSet<String>,
}

impl Granter {
    pub(crate) fn new(skill: SkillId, declared: CapabilitySet, granted: CapabilitySet) -> Self {
        Self { skill, declared, granted: RwLock::new(granted), entities: BTreeSet::new() }
    }

    /// The same with the listed entities of the skill's sentences.
    pub(crate) fn with_entities(self, entities: BTreeSet<String>) -> Self {
        Self { entities, ..self }
    }

    fn granted(&self) -> RwLockReadGuard<'_, CapabilitySet> {
        self.granted.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what is granted; what is not declared stays without effect.
    pub(crate) fn grant(&self, granted: CapabilitySet) {
        *self.granted.write().unwrap_or_else(PoisonError::into_inner) = granted;
    }

    fn covers(&self, kind: CapabilityKind, path: &SignalPath) -> bool {
        let granted = self.granted();
        self.declared.covers(kind, path.as_str()) && granted.covers(kind, path.as_str())
    }

    /// The smaller of the declared and the granted amount.
    fn amount(&self, kind: CapabilityKind) -> Option<u32> {
        let granted = self.granted();
        let declared = self.declared.first(kind)?.amount()?;
        Some(declared.min(granted.first(kind)?.amount()?))
    }

    fn has(&self, kind: CapabilityKind) -> Option<()> {
        let granted = self.granted();
        self.declared.first(kind).and(granted.first(kind)).map(|_| ())
    }

    pub(crate) fn read(&self, path: SignalPath) -> Option<ReadGrant> {
        self.covers(CapabilityKind::VehicleRead, &path).then_some(ReadGrant { path })
    }

    pub(crate) fn describe(&self, path: SignalPath) -> Option<DescribeGrant> {
        (self.covers(CapabilityKind::VehicleRead, &path)
            || self.covers(CapabilityKind::VehicleActuate, &path))
        .then_some(DescribeGrant { path })
    }

    pub(crate) fn actuate(&self, path: SignalPath) -> Option<ActuateGrant> {
        self.covers(CapabilityKind::VehicleActuate, &path).then_some(ActuateGrant { path })
    }

    pub(crate) fn store(&self) -> Option<StoreGrant> {
        let limit_bytes = self.amount(CapabilityKind::Store)?.into();
        Some(StoreGrant { skill: self.skill.clone(), limit_bytes })
    }

    pub(crate) fn alarms(&self) -> Option<AlarmsGrant> {
        let most = self.amount(CapabilityKind::Alarms)?;
        Some(AlarmsGrant { skill: self.skill.clone(), most })
    }

    pub(crate) fn announce(&self) -> Option<AnnounceGrant> {
        self.has(CapabilityKind::Announce)?;
        Some(AnnounceGrant { skill: self.skill.clone() })
    }

    pub(crate) fn location(&self) -> Option<LocationGrant> {
        self.has(CapabilityKind::Location).map(|_made_here| LocationGrant { _made_here })
    }

    pub(crate) fn utterance_text(&self) -> Option<TextGrant> {
        self.has(CapabilityKind::UtteranceText).map(|_made_here| TextGrant { _made_here })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_core::capability::Capability;

    fn set(all: &[&str]) -> CapabilitySet {
        CapabilitySet::new(all.iter().map(|c| Capability::parse(c).expect("valid")).collect())
    }

    fn path(text: &str) -> SignalPath {
        SignalPath::parse(text).expect("a path")
    }

    #[test]
    fn only_what_is_both_declared_and_granted_is_effective() {
        let declared = set(&["vehicle-read:Vehicle.Speed", "store:4096", "announce:*"]);
        let id = SkillId::parse("org.example.x").expect("an id");
        let granter = Granter::new(id, declared.clone(), declared);
        assert!(granter.read(path("Vehicle.Speed")).is_some());
        assert!(granter.read(path("Vehicle.Cabin")).is_none());
        assert!(granter.actuate(path("Vehicle.Speed")).is_none());
        assert!(granter.describe(path("Vehicle.Speed")).is_some());
        assert!(granter.location().is_none());
        granter.grant(set(&["store:9999", "vehicle-read:Vehicle.Cabin.**"]));
        assert!(granter.read(path("Vehicle.Speed")).is_none(), "taken back");
        assert!(granter.read(path("Vehicle.Cabin")).is_none(), "never declared");
        assert!(granter.announce().is_none(), "taken back");
        assert_eq!(granter.store().map(|g| g.limit_bytes()), Some(4096), "the smaller amount");
    }
}
