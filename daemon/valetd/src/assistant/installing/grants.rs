//! What a skill may touch, changed while it runs; holds from its next call into the world on.
//!
//! Must not give what the skill does not ask for.

use super::super::{Assistant, calls::answer, rights::Asker};
use super::{not_kept, plan::read_grants, texts};
use crate::audit::Deed;
use valet_bus::{BusError, Reply, access::Right};
use valet_core::{
    capability::{Capability, CapabilitySet},
    intent::SkillId,
};

impl Assistant {
    pub(in crate::assistant) fn grant_skill(
        &mut self,
        asker: &Asker,
        id: &str,
        grants: &[String],
        reply: Reply,
    ) {
        let read = self.changeable(id).and_then(|id| {
            let more = read_grants(grants, &self.skills.by_id[&id].manifest)?;
            Ok((id, more))
        });
        let (id, more) = match read {
            Ok(read) => read,
            Err(error) => return reply.error(&error),
        };
        let mut needs: Vec<Right> = more.iter().map(|grant| self.right_to_grant(grant)).collect();
        needs.sort();
        needs.dedup();
        let change = move |all: &Self, id: &SkillId| Ok(all.skills.by_id[id].granted.with(more));
        self.change_grants((asker, &needs), id, change, reply);
    }

    pub(in crate::assistant) fn revoke_skill(
        &mut self,
        asker: &Asker,
        id: &str,
        grants: &[String],
        reply: Reply,
    ) {
        let read = self.changeable(id).and_then(|id| {
            let less = grants
                .iter()
                .map(|text| Capability::parse(text).map_err(|e| BusError::invalid(e.to_string())));
            Ok((id, CapabilitySet::new(less.collect::<Result<_, _>>()?)))
        });
        match read {
            Ok((id, less)) => {
                let change = move |all: &Self, id: &SkillId| all.without(id, &less);
                self.change_grants((asker, &[Right::Grant]), id, change, reply);
            }
            Err(error) => reply.error(&error),
        }
    }

    /// Changes what a skill may touch once the rights for it are held, and answers.
    fn change_grants(
        &mut self,
        (asker, needs): (&Asker, &[Right]),
        id: SkillId,
        change: impl FnOnce(&Self, &SkillId) -> Result<CapabilitySet, BusError> + Send + 'static,
        reply: Reply,
    ) {
        let uid = asker.caller.uid;
        self.with_rights(asker, needs, move |all, allowed| {
            let changed = allowed
                // The skill may have gone while a person was asked.
                .and_then(|()| all.changeable(id.as_str()))
                .and_then(|id| Ok((change(all, &id)?, id)))
                .and_then(|(granted, id)| {
                    let deed = Deed::Granted { skill: id.to_string(), grants: texts(&granted) };
                    all.set_grants(&id, granted)?;
                    all.audit.enter(Some(uid), deed);
                    Ok(())
                });
            answer(reply, changed);
        });
    }

    /// A skill's grants without these and all that lie within them.
    fn without(&self, id: &SkillId, less: &CapabilitySet) -> Result<CapabilitySet, BusError> {
        let granted = &self.skills.by_id[id].granted;
        for one in less.iter() {
            let wider = granted.iter().find(|grant| *grant != one && grant.includes(one));
            if let (Some(wider), true) = (wider, granted.iter().all(|grant| !one.includes(grant))) {
                return Err(BusError::invalid(format!(
                    "{one} is granted as a part of {wider}; revoke that, and grant what remains"
                )));
            }
        }
        Ok(granted.only(|grant| !less.includes(grant)))
    }

    /// A skill whose grants may be changed now.
    fn changeable(&self, id: &str) -> Result<SkillId, BusError> {
        let id = self.known_skill(id)?;
        let here = self.installations.under_way.as_ref().and_then(|one| one.skill.as_ref());
        if here == Some(&id) { self.admit_change().map(|()| id) } else { Ok(id) }
    }

    /// Notes what a skill may touch from now on, and holds it to that.
    pub(super) fn set_grants(
        &mut self,
        id: &SkillId,
        granted: CapabilitySet,
    ) -> Result<(), BusError> {
        instant!("grants.begin");
        self.state.set_grants(id, &granted).map_err(|e| not_kept(&e))?;
        instant!("grants.noted");
        // One that is not loaded gets them when it is.
        let _ = self.host.grant(id, granted.clone());
        if let Some(skill) = self.skills.by_id.get_mut(id) {
            skill.granted = granted;
        }
        self.follow_topics();
        self.show_skill(id);
        Ok(())
    }
}
