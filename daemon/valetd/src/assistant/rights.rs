//! What a caller may do where that depends on more than the name of the call: by the rules, else polkit is asked.
//!
//! Must not do anything before the last right is held.

use super::Assistant;
use crate::{audit::Deed, happening::Happening};
use std::sync::Arc;
use valet_bus::{
    BusError,
    access::{Right, Rights},
};
use valet_core::{
    capability::{Capability, CapabilityKind},
    session::Caller,
    signal::Class,
};

/// Whoever asks for something.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// Who, as the bus says.
    pub(super) caller: Caller,
    /// By the rules.
    pub(super) rights: Arc<Rights>,
    /// Whether a person may be asked on the way.
    pub(super) interactive: bool,
}

impl Asker {
    /// The same with a right that was asked for on its way.
    pub(super) fn with(&self, right: Right) -> Self {
        Self { rights: Arc::new(self.rights.with(right)), ..self.clone() }
    }
}

/// What is done once it is known whether it may be.
pub(crate) type Then = Box<dyn FnOnce(&mut Assistant, Result<(), BusError>) + Send>;

impl Assistant {
    /// Goes on with `then` once it is known whether the caller holds these rights.
    pub(super) fn with_rights(
        &mut self,
        asker: &Asker,
        needs: &[Right],
        then: impl FnOnce(&mut Self, Result<(), BusError>) + Send + 'static,
    ) {
        let missing: Vec<Right> =
            needs.iter().copied().filter(|right| !asker.rights.hold(*right)).collect();
        if missing.is_empty() {
            return then(self, Ok(()));
        }
        let (face, happenings) = (self.face.clone(), self.happenings.clone());
        let Asker { caller, interactive, .. } = asker.clone();
        let then: Then = Box::new(then);
        tokio::spawn(async move {
            let (mut result, mut refused) = (Ok(()), None);
            for right in missing {
                result = face.ask_polkit(&caller.name, right, interactive).await;
                if result.is_err() {
                    refused = Some((caller.uid, right));
                    break;
                }
            }
            // The daemon is stopping when nobody listens.
            let _ = happenings.send(Happening::Decided { result, refused, then });
        });
    }

    /// Somebody asked for what they may not.
    pub(super) fn not_authorized(&mut self, uid: u32, wanted: &str) {
        self.audit.enter(Some(uid), Deed::NotAuthorized { wanted: wanted.to_owned() });
    }

    /// The right that giving a skill this takes. A pattern that matches no signal of this vehicle counts as one of
    /// the class `security`: nobody knows what it will match.
    pub(super) fn right_to_grant(&self, grant: &Capability) -> Right {
        if grant.kind() != CapabilityKind::VehicleActuate {
            return Right::Grant;
        }
        let literal = grant.pattern().split('*').next().unwrap_or_default();
        let literal = literal.trim_end_matches('.');
        let only = valet_core::capability::CapabilitySet::new(vec![grant.clone()]);
        let paths = self.world.vehicle.paths(literal);
        let mut classes = paths
            .iter()
            .filter(|path| only.covers(CapabilityKind::VehicleActuate, path.as_str()))
            .filter_map(|path| self.policy.class_of(path))
            .peekable();
        let known = classes.peek().is_some();
        if known && classes.all(|class| class < Class::Security) {
            Right::Grant
        } else {
            Right::GrantSecurity
        }
    }
}
