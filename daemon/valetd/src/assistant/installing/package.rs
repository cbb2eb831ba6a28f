//! `Inspect` and `Install`: a package on its way from a descriptor to a skill that runs.
//!
//! Must not read a package nor compile, and must not let a version run whose row is not on disk.

use super::super::{Assistant, calls::zbus_path, effects::REQUEST, rights::Asker, waiters::Waiter};
use super::{
    Installations, MAX_INSPECTING, Step, given_up_error, not_kept, panicked, plan::Plan, texts,
};
use crate::{
    audit::Deed,
    happening::Happening,
    installation::{self, Contents, Copied, Ready},
    logging::message_id,
    skills::{Origin, SkillStatus},
    state::rows::Installed,
};
use data_encoding::HEXLOWER;
use std::{
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
};
use valet_bus::{
    BusError, Dict, ErrorName, Reply, access::Right, call::InstallTerms, convert::owned, path,
};

impl Assistant {
    pub(in crate::assistant) fn inspect_package(&mut self, package: OwnedFd, reply: Reply) {
        if self.installations.inspecting >= MAX_INSPECTING {
            let why =
                format!("{MAX_INSPECTING} packages are inspected already; try again in a moment");
            return reply.error(&BusError::new(ErrorName::Busy, why));
        }
        self.installations.inspecting += 1;
        let (trust, state) = (self.installations.trust.clone(), self.state.clone());
        let happenings = self.happenings.clone();
        tokio::task::spawn_blocking(move || {
            let look = || installation::inspect(package, &trust, &state).map(Box::new);
            let contents = catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| Err(panicked()));
            // The daemon is stopping when nobody listens; the reply says so as it is dropped.
            let _ = happenings.send(Happening::Contents { contents, reply });
        });
    }

    pub(in crate::assistant) fn package_inspected(
        &mut self,
        contents: Result<Box<Contents>, BusError>,
        reply: Reply,
    ) {
        self.installations.inspecting = self.installations.inspecting.saturating_sub(1);
        match contents {
            Ok(contents) => reply.ok(&self.show_contents(&contents)),
            Err(error) => reply.error(&error),
        }
    }

    /// Nobody without a right to install anything has a package copied, or keeps others waiting.
    pub(in crate::assistant) fn install_skill(
        &mut self,
        asker: Asker,
        package: OwnedFd,
        terms: InstallTerms,
        reply: Reply,
    ) {
        let first = Right::InstallTrusted;
        let needs = if asker.rights.hold(Right::InstallUntrusted) { vec![] } else { vec![first] };
        let asked = !asker.rights.hold(first) && !needs.is_empty();
        let admitted = if asked { asker.with(first) } else { asker.clone() };
        self.with_rights(&asker, &needs, move |all, allowed| match allowed {
            Ok(()) => all.begin_installation(admitted, package, terms, reply),
            Err(error) => reply.error(&error),
        });
    }

    fn begin_installation(
        &mut self,
        asker: Asker,
        package: OwnedFd,
        terms: InstallTerms,
        reply: Reply,
    ) {
        let client = asker.caller.name.clone();
        let admitted = self.admit_installed().and_then(|()| self.admit_change());
        let path = match admitted.and_then(|()| self.request_path(&client, &terms)) {
            Ok(path) => path,
            Err(error) => return reply.error(&error),
        };
        let object = match zbus_path(&path) {
            Ok(object) => object,
            Err(error) => return reply.error(&error),
        };
        let properties = Dict::from([("State".to_owned(), owned("queued"))]);
        self.face.add_object_of(&client, &path, vec![(REQUEST, properties)]);
        reply.ok(&object);
        let uid = asker.caller.uid;
        self.begin_change(None, Some(Waiter::Request { path, client }), Some(uid));
        self.show_change("verify", Dict::new());
        let agreed = terms.manifest_sha256;
        if let Some(under_way) = &mut self.installations.under_way {
            under_way.plan = Some(Box::new(Plan::new(asker, terms)));
        }
        let Installations { folders, trust, .. } = &self.installations;
        let (folders, trust, state) = (folders.clone(), trust.clone(), self.state.clone());
        self.in_background(move || {
            let copied = installation::copy(package, &agreed, &folders, (&trust, &state))?;
            Ok(Step::Copied(Box::new(copied)))
        });
    }

    fn request_path(&mut self, client: &str, terms: &InstallTerms) -> Result<String, BusError> {
        let number = self.installations.next_request;
        let token = terms.handle_token.clone().unwrap_or_else(|| format!("i{number}"));
        let path = path::request(client, &token);
        if self.is_open_request(&path) {
            let why = format!("a request with the token {token:?} is open; use another token");
            return Err(BusError::new(ErrorName::AlreadyExists, why));
        }
        self.installations.next_request += 1;
        Ok(path)
    }

    /// A version was copied and is trusted: who may install it, and with which grants?
    pub(super) fn plan_installation(&mut self, copied: Copied) {
        let Some(mut plan) = self.installations.under_way.as_mut().and_then(|one| one.plan.take())
        else {
            return;
        };
        let id = copied.manifest.manifest.id.clone();
        if let Some(under_way) = &mut self.installations.under_way {
            under_way.skill = Some(id);
        }
        let planned = self.plan(&mut plan, &copied);
        let needs = match planned {
            Ok(needs) => needs,
            Err(error) => return self.end_change(Err(error)),
        };
        self.show_change("authorise", Dict::new());
        let asker = plan.asker.clone();
        self.with_rights(&asker, &needs, move |all, allowed| match allowed {
            Ok(()) => all.go_on_installing(plan, copied),
            Err(error) => all.end_change(Err(error)),
        });
    }

    fn go_on_installing(&mut self, plan: Box<Plan>, copied: Copied) {
        if self.installations.under_way.as_ref().is_none_or(|one| one.given_up) {
            return self.end_change(Err(given_up_error()));
        }
        if plan.unchanged {
            return self.keep_as_it_is(&plan, &copied);
        }
        let (version, granted) = (plan.version_of(&copied), plan.granted.clone());
        if let Some(under_way) = &mut self.installations.under_way {
            under_way.plan = Some(plan);
        }
        self.show_change("prepare", Dict::new());
        let workshop = self.workshop();
        self.in_background(move || {
            Ok(Step::Ready(Box::new(workshop.make_ready(copied, version, granted)?)))
        });
    }

    /// This very package is installed already: at most it may touch more from now on.
    fn keep_as_it_is(&mut self, plan: &Plan, copied: &Copied) {
        let id = copied.manifest.manifest.id.clone();
        if let Err(error) = self.set_grants(&id, plan.granted.clone()) {
            return self.end_change(Err(error));
        }
        let mut outcome = self.outcome_of(&id);
        outcome.insert("unchanged".to_owned(), owned(true));
        self.end_change(Ok(outcome));
    }

    /// The new version lies where it belongs: its row makes it count, then it runs.
    pub(super) fn put_in_place(&mut self, ready: Ready) {
        let plan = self.installations.under_way.as_mut().and_then(|one| one.plan.take());
        let Some(Plan { granted, .. }) = plan.map(|plan| *plan) else { return };
        let Ready { found, version, prepared } = ready;
        let id = found.read.manifest.id.clone();
        let before = self.skills.by_id.get(&id);
        let previous = before.and_then(|skill| skill.version()).cloned().map(|mut version| {
            version.on_trial = false;
            version
        });
        let mut installed = Installed { current: version, previous };
        // Without a way back there is nothing to try it against.
        installed.current.on_trial = before.is_some();
        instant!("commit.begin");
        if let Err(error) = self.state.set_installed(&id, &installed, Some(&granted)) {
            self.sweep_skill(&id);
            return self.end_change(Err(not_kept(&error)));
        }
        instant!("commit.noted");
        let origin = Origin::Installed { versions: installed.clone(), instead: None };
        let trusted = self.installations.trust.read(&self.state);
        let skill = self.sources(&trusted).skill(&found, origin);
        let (version, counter) = (skill.manifest.version.clone(), installed.current.counter);
        if skill.status == SkillStatus::Ready {
            self.host.adopt(prepared);
        }
        instant!("commit.adopted");
        self.put_skill(skill);
        self.installations.folders.sweep_skill(&id, Some(&installed));
        instant!("commit.swept");
        self.forget_code();
        instant!("commit.done");
        log::info!(
            MESSAGE_ID = message_id::SKILL, VALET_SKILL = id.as_str();
            "installed version {version} with counter {counter}, vouched for by {}",
            installed.current.signer.as_deref().unwrap_or("nobody")
        );
        self.audit_change(Deed::Installed {
            skill: id.to_string(),
            version,
            counter,
            sha256: HEXLOWER.encode(&installed.current.manifest_sha256),
            signer: installed.current.signer,
            grants: texts(&granted),
        });
        self.skills_changed_unasked();
        self.learn(&id);
    }
}
