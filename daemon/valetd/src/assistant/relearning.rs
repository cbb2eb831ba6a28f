//! The skills changed, and what is understood changes with them: templates and lists are built anew, then heads are trained.
//!
//! Must not keep people waiting for it where nobody asked for the change: building takes tens of milliseconds and has a thread
//! of its own then.

use super::{Assistant, build_understander};
use crate::{
    happening::Happening,
    inference::{Lesson, Sentences},
    logging::message_id,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};
use valet_bus::ROOT;
use valet_core::intent::SkillId;
use valet_understanding::{SkillSource, Understander, heads::Heads};

/// How much less its thread asks of the processor than those that serve.
const NICE: i32 = 10;

/// Skills that fall out are often several in a moment, and nobody waits for it: one building is enough for them.
const SETTLING: Duration = Duration::from_millis(200);

/// Where the building is.
#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is to be built.
    #[default]
    Built,
    /// More may change.
    Settling,
    /// One at a time; `again`: the skills changed meanwhile.
    Building { again: bool },
}

/// What is under way until the skills are understood as they stand.
#[derive(Debug, Default)]
pub(crate) struct Relearning {
    /// Counts the buildings that were wanted; a result of an older one is not used.
    builds: u64,
    stage: Stage,
    /// Of the understander whose heads are being trained.
    training: Option<[u8; 32]>,
}

impl Relearning {
    /// What is being built is not waited for any more; whether something was.
    fn supersede(&mut self) -> bool {
        self.builds += 1;
        std::mem::take(&mut self.stage) != Stage::Built
    }

    /// Whether all is understood as well as it will be.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Built && self.training.is_none()
    }
}

impl Assistant {
    /// The skills changed, and whoever asked for it waits: templates know it when this returns.
    pub(super) fn skills_changed(&mut self) {
        self.show_changed_skills();
        self.build_now();
    }

    fn build_now(&mut self) {
        self.relearning.supersede();
        let vocabulary = self.vocabularies.together();
        match build_understander(&self.config, &mut self.skills, &vocabulary) {
            Ok(understander) => self.use_understander(understander),
            Err(error) => {
                // The old one goes on; a skill whose sentences cannot be compiled is not in it.
                log::error!(MESSAGE_ID = message_id::SKILL; "the sentences cannot be compiled: {error:#}");
            }
        }
        // A skill may have failed by its sentences.
        self.show_changed_skills();
        self.train_or_say();
    }

    /// The skills changed while people speak. Until it is built the old understanding goes on; a skill that is gone is said
    /// to be.
    pub(super) fn skills_changed_unasked(&mut self) {
        self.show_changed_skills();
        self.build_beside();
    }

    /// A skill takes no more turns, and nobody waits for the others to be understood without it.
    pub(super) fn skill_fell_out(&mut self, id: &SkillId) {
        self.know_changed_skills();
        self.show_skill(id);
        self.show_state();
        match &mut self.relearning.stage {
            Stage::Settling => {}
            Stage::Building { again } => *again = true,
            Stage::Built => self.settle(),
        }
    }

    fn settle(&mut self) {
        self.relearning.builds += 1;
        self.relearning.stage = Stage::Settling;
        let (build, happenings) = (self.relearning.builds, self.happenings.clone());
        tokio::spawn(async move {
            tokio::time::sleep(SETTLING).await;
            // The daemon is stopping when nobody listens.
            let _ = happenings.send(Happening::Settled { build });
        });
    }

    /// Enough time went by since the first of some changes.
    pub(super) fn settled(&mut self, build: u64) {
        if build == self.relearning.builds && self.relearning.stage == Stage::Settling {
            self.build_beside();
        }
    }

    fn build_beside(&mut self) {
        if let Stage::Building { again } = &mut self.relearning.stage {
            *again = true;
            return;
        }
        self.relearning.builds += 1;
        self.relearning.stage = Stage::Building { again: false };
        let build = self.relearning.builds;
        let ready = self.skills.ready();
        let skills: Vec<_> = ready
            .map(|(_, skill, sentences)| (skill.manifest.clone(), sentences.clone()))
            .collect();
        let (language, vocabulary) = (self.config.language.clone(), self.vocabularies.together());
        let (yielding, happenings) = (self.skills.installed(), self.happenings.clone());
        let wake_words = self.config.wake_words.clone();
        let build = move || {
            // Whoever speaks comes first. Where it is refused both are equals.
            let _ = rustix::process::nice(NICE);
            let sources: Vec<SkillSource<'_>> = skills
                .iter()
                .map(|(manifest, sentences)| SkillSource { manifest, sentences })
                .collect();
            let built = || Understander::build(&language, &sources, &vocabulary).ok();
            let built = catch_unwind(AssertUnwindSafe(built)).ok().flatten();
            let understander =
                built.map(|understander| understander.yielding(yielding).woken_by(wake_words));
            // The daemon is stopping when nobody listens.
            let _ = happenings.send(Happening::Rebuilt { build, understander });
        };
        let thread = std::thread::Builder::new().name("building".into()).spawn(build);
        if let Err(error) = thread {
            log::warn!("there is no thread to build the understanding on: {error}");
            self.build_now();
        }
    }

    /// Takes what was built, unless the skills changed again meanwhile.
    pub(super) fn rebuilt(&mut self, build: u64, understander: Option<Understander>) {
        if build != self.relearning.builds {
            return;
        }
        if std::mem::take(&mut self.relearning.stage) == (Stage::Building { again: true }) {
            return self.build_beside();
        }
        match understander {
            Some(understander) => {
                self.use_understander(understander);
                self.train_or_say();
            }
            // Which skill it is has to be found out, and is shown.
            None => self.build_now(),
        }
    }

    /// Understands by what was just built of all there is now; a building that was begun before knows less and is not used.
    pub(super) fn use_built(&mut self, understander: Understander) {
        let owed = self.relearning.supersede();
        self.use_understander(understander);
        if owed {
            self.train_or_say();
        }
    }

    /// What is seen of the skills, and what the dialogue knows of them.
    fn show_changed_skills(&mut self) {
        self.know_changed_skills();
        self.skills.by_id.keys().for_each(|id| self.show_skill(id));
        self.show_state();
    }

    fn know_changed_skills(&mut self) {
        self.forget_names();
        self.follow_topics();
        let rules = self.rules();
        self.dialogue.replace_rules(rules);
    }

    fn train_or_say(&mut self) {
        self.generation += 1;
        let fingerprint = self.understander.fingerprint();
        let waits = !self.understander.is_trained() && self.encoder.may_train();
        self.relearning.training = (self.inference.is_some() && waits).then_some(fingerprint);
        if self.relearning.is_over() {
            self.say_skills_ready();
        }
    }

    /// The skills are ready, and understood as well as they will be.
    fn say_skills_ready(&mut self) {
        self.relearning.training = None;
        let ready: Vec<String> = self.skills.ready().map(|(id, ..)| id.to_string()).collect();
        self.face.emit_all(ROOT, "org.valetd.Skills1", "SkillsReady", &(self.generation, ready));
        self.learned();
    }

    /// No heads will come: the skills are understood as well as they will be.
    pub(super) fn learn_no_more(&mut self) {
        if self.relearning.training.is_some() && self.relearning.stage == Stage::Built {
            self.say_skills_ready();
        }
    }

    /// Understands by these sentences from now on; heads are trained for them where they are
    /// others than before.
    fn use_understander(&mut self, understander: Understander) {
        if understander.fingerprint() == self.understander.fingerprint() {
            return;
        }
        if let Some(inference) = &self.inference {
            inference.train(Lesson::of(understander.clone(), &self.skills));
        }
        let understander = understander.leaning_on(&self.understander);
        let before = std::mem::replace(&mut self.understander, understander);
        // To take it apart lasts a millisecond or two, in which somebody may speak.
        tokio::task::spawn_blocking(move || drop(before));
        if self.relearning.training.is_some() {
            self.relearning.training = Some(self.understander.fingerprint());
        }
    }

    /// Heads came; they count only for the understander they were trained for.
    pub(super) fn take_heads(&mut self, of: [u8; 32], heads: Arc<Heads>, sentences: Sentences) {
        self.stats.learned_from(sentences);
        if self.understander.fingerprint() == of {
            self.understander = self.understander.with_heads(heads);
        }
        if self.relearning.training == Some(of) && self.relearning.stage == Stage::Built {
            self.say_skills_ready();
        }
    }
}
