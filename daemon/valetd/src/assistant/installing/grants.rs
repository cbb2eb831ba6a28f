//! What a skill may touch, changed while it runs; holds from its next call into the world on.
//!
//! Must not give what the skill does not ask for.

use super::super::{Assistant, rights::Asker};
use super::{not_kept, plan::read_grants};
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
            let skill = &self.skills.by_id[&id];
            let more = read_grants(grants, &skill.manifest)?;
            Ok((id, more))
        });
        let (id, more) = match read {
            Ok(read) => read,
            Err(error) => return reply.error(&error),
        };
        let mut needs: Vec<Right> = more.iter().map(|grant| self.right_to_grant(grant)).collect();
        needs.sort();
        needs.dedup();
        self.with_rights(asker, &needs, move |all, allowed| {
            let granted = allowed.and_then(|()| all.changeable(id.as_str())).and_then(|id| {
                let granted = all.skills.by_id[&id].granted.with(more);
                all.set_grants(&id, granted)
            });
            answer(reply, granted);
        });
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
        let (id, less) = match read {
            Ok(read) => read,
            Err(error) => return reply.error(&error),
        };
        self.with_rights(asker, &[Right::Grant], move |all, allowed| {
            let revoked = allowed
                .and_then(|()| all.changeable(id.as_str()))
                .and_then(|id| all.without(&id, &less))
                .and_then(|granted| all.set_grants(&id, granted));
            answer(reply, revoked);
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

fn answer(reply: Reply, result: Result<(), BusError>) {
    match result {
        Ok(()) => reply.ok(&()),
        Err(error) => reply.error(&error),
    }
}
