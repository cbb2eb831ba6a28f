//! `Skills1`: what is installed changes, one skill at a time. A package is copied, judged and got ready on a thread of its
//! own; here it is decided who may, and the row that makes it count is written before the skill takes a turn.
//!
//! Must not read a package, compile or hash, and must not let a version run whose row is not on disk.

mod grants;
mod plan;
mod shown;
mod way_back;

use super::{
    Assistant,
    calls::zbus_path,
    effects::REQUEST,
    rights::Asker,
    waiters::{STOPPING, Waiter},
};
use crate::{
    happening::Happening,
    installation::{self, Contents, Copied, Folders, Ready, Workshop},
    logging::message_id,
    skills::{Origin, SkillStatus, Skills, Sources},
    state::rows::Installed,
    trust::Trust,
};
use plan::Plan;
pub(super) use shown::{effective, texts};
use std::{
    collections::{BTreeSet, VecDeque},
    os::fd::OwnedFd,
    path::PathBuf,
    time::Instant,
};
use valet_bus::{BusError, Dict, ErrorName, Reply, call::InstallTerms, convert::owned, path};
use valet_core::{intent::SkillId, ports::StoreError};
use valet_package::SkillFolder;

/// Most packages that are looked into at once.
const MAX_INSPECTING: usize = 2;

/// How far an installation is.
pub(crate) enum Step {
    /// The package was copied and somebody vouches for it.
    Copied(Result<Box<Copied>, BusError>),
    /// The skill can run.
    Ready(Result<Box<Ready>, BusError>),
    /// A version that was here before can run again, or the skill may go.
    Back(Result<Box<way_back::Back>, BusError>),
}

/// What is installed, and what is under way.
pub(crate) struct Installations {
    folders: Folders,
    trust: Trust,
    under_way: Option<UnderWay>,
    /// Skills that are to go back once nothing else is under way, and why.
    to_go_back: VecDeque<(SkillId, String)>,
    inspecting: usize,
    next_request: u64,
}

/// A change of what is installed.
struct UnderWay {
    /// Which skill, once that is known.
    skill: Option<SkillId>,
    /// `None` when nobody waits any more.
    waiter: Option<Waiter>,
    /// What follows, once it is known.
    plan: Option<Box<Plan>>,
    given_up: bool,
    began: Instant,
    /// How it ended, while the understanding learns; then it cannot be given up any more.
    outcome: Option<Dict>,
}

impl Installations {
    pub(crate) fn new(folders: Folders, trust: Trust) -> Self {
        Self {
            folders,
            trust,
            under_way: None,
            to_go_back: VecDeque::new(),
            inspecting: 0,
            next_request: 1,
        }
    }

    fn request(&self) -> Option<(&str, &str)> {
        match self.under_way.as_ref()?.waiter.as_ref()? {
            Waiter::Request { path, client } => Some((path, client)),
            Waiter::Call(_) => None,
        }
    }

    /// Whether a path is that of the request under way.
    #[must_use]
    pub(crate) fn is_request(&self, wanted: &str) -> bool {
        self.request().is_some_and(|(path, _)| path == wanted)
    }

    /// Whose request it is.
    #[must_use]
    pub(crate) fn client_of(&self, wanted: &str) -> Option<&str> {
        self.request().filter(|(path, _)| *path == wanted).map(|(_, client)| client)
    }

    /// Nobody is there any more to hear of an installation, which goes on.
    pub(crate) fn client_left(&mut self, name: &str) {
        let theirs = self.request().is_some_and(|(_, client)| client == name);
        if let (true, Some(under_way)) = (theirs, &mut self.under_way) {
            under_way.waiter = None;
        }
    }
}

pub(super) fn conflict(why: impl Into<String>) -> BusError {
    BusError::new(ErrorName::Conflict, why)
}

pub(super) fn not_kept(error: &StoreError) -> BusError {
    BusError::new(ErrorName::Failed, format!("it cannot be noted: {error}"))
}

impl Assistant {
    /// Reads all skills as they stand now and loads them.
    pub(super) fn load_skills(&mut self) {
        let trusted = self.installations.trust.read(&self.state);
        self.skills = Skills::load(&self.sources(&trusted), Some(&self.host));
    }

    fn sources<'a>(
        &'a self,
        trusted: &'a Result<crate::trust::Trusted, StoreError>,
    ) -> Sources<'a> {
        Sources {
            image: &self.paths.skills,
            installed: &self.installations.folders,
            trusted,
            state: &self.state,
            language: &self.config.language,
        }
    }

    /// Reads a skill from where it lies and loads it; blocks while it compiles.
    ///
    /// # Errors
    /// Why it cannot run.
    pub(super) fn read_and_load(&self, id: &SkillId) -> Result<(), String> {
        let Some(skill) = self.skills.by_id.get(id) else { return Err("it is gone".to_owned()) };
        let read = match skill.version() {
            None => SkillFolder::read(&skill.folder).map_err(|e| e.to_string())?,
            Some(version) => {
                let trusted = self.installations.trust.read(&self.state);
                self.sources(&trusted).read_version(id, version)?.read
            }
        };
        let prepared = self.host.prepare(read, skill.granted.clone());
        self.host.adopt(prepared.map_err(|e| e.to_string())?);
        Ok(())
    }

    fn workshop(&self) -> Workshop {
        Workshop {
            host: self.host.clone(),
            folders: self.installations.folders.clone(),
            language: self.config.language.clone(),
            vocabulary: self.vocabularies.together(),
        }
    }

    pub(super) fn inspect_package(&mut self, package: OwnedFd, reply: Reply) {
        if self.installations.inspecting >= MAX_INSPECTING {
            let why =
                format!("{MAX_INSPECTING} packages are inspected already; try again in a moment");
            return reply.error(&BusError::new(ErrorName::Busy, why));
        }
        self.installations.inspecting += 1;
        let (trust, state) = (self.installations.trust.clone(), self.state.clone());
        let happenings = self.happenings.clone();
        tokio::task::spawn_blocking(move || {
            let contents = installation::inspect(package, &trust, &state).map(Box::new);
            // The daemon is stopping when nobody listens; the reply says so as it is dropped.
            let _ = happenings.send(Happening::Contents { contents, reply });
        });
    }

    pub(super) fn package_inspected(
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

    /// Whether a change may begin.
    pub(super) fn admit_change(&self) -> Result<(), BusError> {
        if self.stopping {
            return Err(BusError::new(ErrorName::NotReady, STOPPING));
        }
        match &self.installations.under_way {
            None => Ok(()),
            Some(UnderWay { skill, .. }) => {
                let what = skill.as_ref().map_or("another package".to_owned(), SkillId::to_string);
                let why = format!("{what} is under way; try again when it is through");
                Err(BusError::new(ErrorName::Busy, why))
            }
        }
    }

    pub(super) fn install_skill(
        &mut self,
        asker: Asker,
        package: OwnedFd,
        terms: InstallTerms,
        reply: Reply,
    ) {
        let client = asker.caller.name.clone();
        let path = match self.admit_change().and_then(|()| self.request_path(&client, &terms)) {
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
        self.begin_change(None, Some(Waiter::Request { path, client }));
        self.show_change("verify", Dict::new());
        let agreed = terms.manifest_sha256;
        if let Some(under_way) = &mut self.installations.under_way {
            under_way.plan = Some(Box::new(Plan::new(asker, terms)));
        }
        let (folders, trust) =
            (self.installations.folders.clone(), self.installations.trust.clone());
        let (state, happenings) = (self.state.clone(), self.happenings.clone());
        tokio::task::spawn_blocking(move || {
            let copied = installation::copy(package, &agreed, &folders, (&trust, &state));
            let _ = happenings.send(Happening::Installing(Step::Copied(copied.map(Box::new))));
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

    fn begin_change(&mut self, skill: Option<SkillId>, waiter: Option<Waiter>) {
        self.installations.under_way = Some(UnderWay {
            skill,
            waiter,
            plan: None,
            given_up: false,
            began: Instant::now(),
            outcome: None,
        });
    }

    fn show_change(&self, state: &'static str, details: Dict) {
        if let Some((path, client)) = self.installations.request() {
            self.face.set_property(path, REQUEST, "State", owned(state));
            self.face.emit_to(client, path, (REQUEST, "Progress"), &(state, details));
        }
    }

    /// Takes how far the change under way is.
    pub(super) fn take_install_step(&mut self, step: Step) {
        let given_up = self.installations.under_way.as_ref().is_none_or(|one| one.given_up);
        if given_up {
            self.drop_step(step);
            let gone = BusError::new(ErrorName::Canceled, "it was given up");
            return self.end_change(Err(gone));
        }
        match step {
            Step::Copied(Ok(copied)) => self.plan_installation(*copied),
            Step::Ready(Ok(ready)) => self.put_in_place(*ready),
            Step::Back(Ok(back)) => self.put_back(*back),
            Step::Copied(Err(error)) | Step::Ready(Err(error)) | Step::Back(Err(error)) => {
                self.end_change(Err(error));
            }
        }
    }

    /// What came too late for anybody to want it leaves nothing behind.
    fn drop_step(&mut self, step: Step) {
        if let Step::Ready(Ok(ready)) = step {
            let id = ready.found.read.manifest.id.clone();
            self.sweep_skill(&id);
        }
    }

    fn sweep_skill(&self, id: &SkillId) {
        match self.state.installed() {
            Ok(installed) => self.installations.folders.sweep_skill(id, installed.get(id)),
            Err(error) => log::warn!("what is left of {id} is removed at the next start: {error}"),
        }
    }

    /// A version was copied and is trusted: who may install it, and with which grants?
    fn plan_installation(&mut self, copied: Copied) {
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
        if plan.unchanged {
            return self.keep_as_it_is(&plan, &copied);
        }
        let Some(version) = plan.version.clone() else { return };
        let granted = plan.granted.clone();
        match &mut self.installations.under_way {
            Some(under_way) if !under_way.given_up => under_way.plan = Some(plan),
            _ => {
                return self.end_change(Err(BusError::new(ErrorName::Canceled, "it was given up")));
            }
        }
        self.show_change("prepare", Dict::new());
        let (workshop, happenings) = (self.workshop(), self.happenings.clone());
        tokio::task::spawn_blocking(move || {
            let ready = workshop.make_ready(copied, &version, granted);
            let _ = happenings.send(Happening::Installing(Step::Ready(ready.map(Box::new))));
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
    fn put_in_place(&mut self, ready: Ready) {
        let plan = self.installations.under_way.as_mut().and_then(|one| one.plan.take());
        let Some(Plan { version: Some(version), granted, .. }) = plan.map(|plan| *plan) else {
            return;
        };
        let Ready { found, prepared } = ready;
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
        self.skills_changed();
        self.learn(&id);
    }

    /// A skill stands where it does from now on; its object is new, or shows what changed.
    fn put_skill(&mut self, skill: crate::skills::Skill) {
        let id = skill.manifest.id.clone();
        let known = self.skills.by_id.insert(id.clone(), skill).is_some();
        if !known {
            self.serve_skill(&self.skills.by_id[&id]);
        }
    }

    /// The change is made; it is through once the understanding knows it.
    fn learn(&mut self, id: &SkillId) {
        let outcome = self.outcome_of(id);
        if let Some(under_way) = &mut self.installations.under_way {
            under_way.outcome = Some(outcome);
        }
        if self.learning.is_none() {
            self.learned();
        } else {
            self.show_change("learn", Dict::new());
        }
    }

    /// The understanding knows all skills as they stand.
    pub(super) fn learned(&mut self) {
        let outcome = self.installations.under_way.as_mut().and_then(|one| one.outcome.take());
        if let Some(outcome) = outcome {
            instant!("learn.done");
            self.end_change(Ok(outcome));
        }
    }

    /// The change under way is over.
    fn end_change(&mut self, outcome: Result<Dict, BusError>) {
        let Some(under_way) = self.installations.under_way.take() else { return };
        if let Err(error) = &outcome {
            let skill = under_way.skill.as_ref().map_or("a package", SkillId::as_str);
            log::warn!(MESSAGE_ID = message_id::SKILL, VALET_SKILL = skill; "{skill}: {}", error.message);
        }
        let took = u64::try_from(under_way.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match (under_way.waiter, outcome) {
            (Some(Waiter::Call(reply)), Ok(_)) => reply.ok(&()),
            (Some(Waiter::Call(reply)), Err(error)) => reply.error(&error),
            (Some(Waiter::Request { path, client }), Ok(mut result)) => {
                result.insert("took-ms".to_owned(), owned(took));
                self.end_request(&client, &path, 0, result);
            }
            (Some(Waiter::Request { path, client }), Err(error)) => {
                let fault = Dict::from([
                    ("error".to_owned(), owned(error.name.as_str())),
                    ("message".to_owned(), owned(error.message)),
                ]);
                self.end_request(&client, &path, 2, fault);
            }
            (None, _) => {}
        }
        self.next_way_back();
    }

    /// Cancels the installation under way, as its client wishes; one that is in place already stays.
    pub(super) fn cancel_installation(&mut self) {
        let Some(under_way) = &mut self.installations.under_way else { return };
        if under_way.outcome.is_some() {
            return;
        }
        under_way.given_up = true;
        if let Some(Waiter::Request { path, client }) = under_way.waiter.take() {
            self.end_request(&client, &path, 1, Dict::new());
        }
    }

    /// The daemon stops: what is not in place yet is swept away at the next start.
    pub(super) fn stop_installation(&mut self) {
        match self.installations.under_way.as_mut().and_then(|one| one.waiter.take()) {
            Some(Waiter::Request { path, client }) => self.say_stopping(&client, &path),
            Some(Waiter::Call(reply)) => {
                reply.error(&BusError::new(ErrorName::Canceled, STOPPING));
            }
            None => {}
        }
    }

    /// The cache keeps the code of the skills that are here, of the versions before them, and of the image's that they
    /// stand before.
    fn forget_code(&self) {
        let mut kept: BTreeSet<[u8; 32]> =
            self.skills.by_id.values().map(|skill| skill.wasm_sha256).collect();
        let installed = self.state.installed().unwrap_or_default();
        let previous = installed.iter().filter_map(|(id, versions)| {
            Some(self.installations.folders.of(id, versions.previous.as_ref()?))
        });
        let previous: Vec<PathBuf> = previous.collect();
        let (image, host) = (self.paths.skills.clone(), self.host.clone());
        tokio::task::spawn_blocking(move || {
            let of_image = installed.keys().filter_map(|id| Skills::of_image(&image, id));
            kept.extend(of_image.map(|found| found.read.wasm_sha256));
            kept.extend(previous.iter().filter_map(|folder| installation::component_hash(folder)));
            host.forget_code(&kept);
        });
    }
}
