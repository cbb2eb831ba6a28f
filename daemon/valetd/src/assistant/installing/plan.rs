//! What an installation takes: which rights, which grants, and which version it would be.
//!
//! Must not change anything.

use super::super::{Assistant, rights::Asker};
use super::conflict;
use crate::{installation::Copied, skills::MAX_SKILLS, state::rows::Version, trust::Vouched};
use valet_bus::{BusError, ErrorName, access::Right, call::InstallTerms};
use valet_core::capability::{Capability, CapabilitySet};
use valet_package::Manifest;

/// An installation that was asked for.
pub(super) struct Plan {
    /// Who asked.
    pub(super) asker: Asker,
    terms: InstallTerms,
    /// What the skill may touch then.
    pub(super) granted: CapabilitySet,
    /// Whether this very package is installed already.
    pub(super) unchanged: bool,
}

impl Plan {
    pub(super) fn new(asker: Asker, terms: InstallTerms) -> Self {
        let granted = CapabilitySet::default();
        Self { asker, terms, granted, unchanged: false }
    }

    /// The row of what was copied.
    pub(super) fn version_of(&self, copied: &Copied) -> Version {
        Version {
            counter: copied.manifest.manifest.counter,
            manifest_sha256: copied.manifest.sha256(),
            signer: copied.vouched.signer().map(str::to_owned),
            on_trial: false,
        }
    }
}

/// Grants as a caller wrote them, each within what the skill asks for.
///
/// # Errors
/// `InvalidArguments` naming the first that is not.
pub(super) fn read_grants(
    grants: &[String],
    manifest: &Manifest,
) -> Result<Vec<Capability>, BusError> {
    let asked = &manifest.capabilities;
    let read = |text: &String| {
        let grant = Capability::parse(text).map_err(|e| BusError::invalid(e.to_string()))?;
        if asked.includes(&grant) {
            return Ok(grant);
        }
        let all: Vec<String> = asked.iter().map(ToString::to_string).collect();
        let all = if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
        Err(BusError::invalid(format!(
            "{} does not ask for {grant}; it asks for {all}",
            manifest.id
        )))
    };
    grants.iter().map(read).collect()
}

impl Assistant {
    /// Fills in a plan for what was copied, and says which rights it takes.
    ///
    /// # Errors
    /// `Conflict`, `LimitExceeded`, `InvalidArguments`, `Failed`.
    pub(super) fn plan(&self, plan: &mut Plan, copied: &Copied) -> Result<Vec<Right>, BusError> {
        let (manifest, sha256) = (&copied.manifest.manifest, copied.manifest.sha256());
        let (id, counter) = (&manifest.id, manifest.counter);
        let mut needs = vec![match &copied.vouched {
            Vouched::By { .. } => Right::InstallTrusted,
            Vouched::Nobody(_) => Right::InstallUntrusted,
        }];
        let here = self.skills.by_id.get(id);
        if here.is_none() && self.skills.by_id.len() >= MAX_SKILLS {
            let why = format!("{MAX_SKILLS} skills are here already; remove one first");
            return Err(BusError::new(ErrorName::LimitExceeded, why));
        }
        let installed = self.state.installed().map_err(|e| super::not_kept(&e))?;
        let current = installed.get(id).map(|installed| &installed.current);
        let runs = here.is_some_and(|skill| skill.version() == current);
        plan.unchanged = runs && current.is_some_and(|current| current.manifest_sha256 == sha256);
        if !plan.unchanged && current.is_some_and(|current| current.counter == counter) {
            let why = format!(
                "another package of {id} with the counter {counter} is installed; a new release has a higher one"
            );
            // The same one again mends a version that cannot be read any more.
            if current.is_some_and(|current| current.manifest_sha256 != sha256) {
                return Err(conflict(why));
            }
        }
        if self.is_older(manifest)? {
            needs.push(Right::Downgrade);
            if !plan.terms.allow_downgrade {
                return Err(conflict(format!(
                    "{id} was here with a higher counter than {counter}; the option allow-downgrade lets an older one in"
                )));
            }
        }
        let before = here.map(|skill| skill.granted.clone()).unwrap_or_default();
        let more = read_grants(&plan.terms.grants, manifest)?;
        needs.extend(more.iter().filter(|g| !before.includes(g)).map(|g| self.right_to_grant(g)));
        needs.sort();
        needs.dedup();
        plan.granted = before.with(more);
        Ok(needs)
    }

    /// Whether a newer version of a skill was ever here.
    ///
    /// # Errors
    /// `Failed`.
    pub(super) fn is_older(&self, manifest: &Manifest) -> Result<bool, BusError> {
        let floor = self.state.floor(&manifest.id).map_err(|e| super::not_kept(&e))?;
        let of_image = self.skills.of_image.get(&manifest.id).map_or(0, |image| image.counter);
        Ok(manifest.counter < floor.max(of_image))
    }
}
