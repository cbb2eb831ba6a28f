//! `Skills1`: what is installed changes, one skill at a time. A package is copied, judged and got ready on a thread of its
//! own; here it is decided who may, and the row that makes it count is written before the skill takes a turn.
//!
//! Must not read a package, compile or hash, and must not let a version run whose row is not on disk.

mod grants;
mod package;
mod plan;
mod shown;
mod way_back;

use super::{
    Assistant,
    effects::REQUEST,
    waiters::{STOPPING, Waiter},
};
use crate::{
    audit::Deed,
    happening::Happening,
    installation::{self, Copied, Folders, Ready, Workshop},
    logging::message_id,
    skills::{Skills, Sources, Which, unfit},
    trust::Trust,
};
use plan::Plan;
pub(super) use shown::{effective, texts};
use std::{
    collections::{BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    time::Instant,
};
use valet_bus::{BusError, Dict, ErrorName, convert::owned};
use valet_core::{intent::SkillId, ports::StoreError};

/// Most packages that are looked into at once.
const MAX_INSPECTING: usize = 2;

/// How far an installation is.
pub(crate) enum Step {
    /// The package was copied and somebody vouches for it.
    Copied(Box<Copied>),
    /// The skill can run.
    Ready(Box<Ready>),
    /// A version that was here before can run again, or the skill may go.
    Back(Box<way_back::Back>),
    /// It goes no further.
    Failed(BusError),
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
    /// Who asked; none = nobody had to.
    uid: Option<u32>,
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

    /// Says whether skills may run that nobody vouches for.
    pub(crate) fn in_developer_mode(&mut self, on: bool) {
        self.trust.developer_mode = on;
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

fn given_up_error() -> BusError {
    BusError::new(ErrorName::Canceled, "it was given up")
}

fn panicked() -> BusError {
    BusError::new(ErrorName::Failed, "the daemon failed at it; its log says how")
}

impl Assistant {
    /// Reads all skills as they stand now and loads them.
    pub(super) fn load_skills(&mut self) {
        let trusted = self.installations.trust.read(&self.state);
        let which = if self.safe_mode { Which::OfTheImage } else { Which::All };
        self.skills = Skills::load(&self.sources(&trusted), Some(&self.host), which);
    }

    /// Whether something that people installed may begin to run.
    pub(super) fn admit_installed(&self) -> Result<(), BusError> {
        if self.safe_mode {
            return Err(BusError::new(ErrorName::NotReady, super::SAFE_MODE));
        }
        Ok(())
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
        let trusted = self.installations.trust.read(&self.state);
        let sources = self.sources(&trusted);
        let found = match skill.version() {
            None => sources.read_of_image(&skill.folder)?,
            Some(version) => sources.read_version(id, version)?,
        };
        let prepared = self.host.prepare(found.read, skill.granted.clone());
        self.host.adopt(prepared.map_err(|e| unfit(&e, found.damage.as_deref()))?);
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

    fn begin_change(&mut self, skill: Option<SkillId>, waiter: Option<Waiter>, uid: Option<u32>) {
        self.installations.under_way = Some(UnderWay {
            skill,
            waiter,
            plan: None,
            given_up: false,
            began: Instant::now(),
            outcome: None,
            uid,
        });
    }

    /// Enters what the change under way has done.
    fn audit_change(&mut self, deed: Deed) {
        let uid = self.installations.under_way.as_ref().and_then(|one| one.uid);
        self.audit.enter(uid, deed);
    }

    /// Does what takes time on a thread of its own. Every way it can end is told, so that the next change can begin.
    fn in_background(&self, work: impl FnOnce() -> Result<Step, BusError> + Send + 'static) {
        let happenings = self.happenings.clone();
        tokio::task::spawn_blocking(move || {
            let step = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()));
            // The daemon is stopping when nobody listens.
            let _ = happenings.send(Happening::Installing(step.unwrap_or_else(Step::Failed)));
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
            return self.end_change(Err(given_up_error()));
        }
        match step {
            Step::Copied(copied) => self.plan_installation(*copied),
            Step::Ready(ready) => self.put_in_place(*ready),
            Step::Back(back) => self.put_back(*back),
            Step::Failed(error) => self.end_change(Err(error)),
        }
    }

    /// What came too late for anybody to want it leaves nothing behind.
    fn drop_step(&mut self, step: Step) {
        if let Step::Ready(ready) = step {
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
        if self.relearning.is_over() {
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
        let outcome = outcome.map(|mut result| {
            result.insert("took-ms".to_owned(), owned(took));
            result
        });
        if let Some(waiter) = under_way.waiter {
            self.tell_end(waiter, outcome);
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
        kept.extend(self.skills.of_image.values().map(|image| image.wasm_sha256));
        let host = self.host.clone();
        tokio::task::spawn_blocking(move || {
            kept.extend(previous.iter().filter_map(|folder| installation::component_hash(folder)));
            host.forget_code(&kept);
        });
    }
}
