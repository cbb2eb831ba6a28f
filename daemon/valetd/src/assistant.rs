//! The one task that owns sessions and turns: it takes calls, happenings and time, steps the
//! dialogue, and carries out its effects.
//!
//! Must never wait for a model, a skill or a device: those have threads of their own.

mod agents;
mod alarms;
mod announcements;
mod books;
mod calls;
mod effects;
mod initiators;
mod installing;
mod messages;
mod models;
mod parsing;
mod pipelines;
mod relearning;
mod restore;
mod rights;
mod setup;
mod skills;
mod stats;
mod suggest;
mod trace;
mod vehicle;
mod vocabulary;
mod voice;
mod waiters;

use crate::{
    audit::Audit,
    config::Config,
    happening::Happening,
    history::History,
    inference::{EncoderSettings, EncoderState, Inference, InferenceConfig, Lesson},
    logging::message_id,
    outside,
    paths::Paths,
    skills::Skills,
    state::{Opened, State},
    wall::Monotonic,
    world::World,
    wyoming::Heard,
};
use alarms::Alarms;
use announcements::Held;
use books::Books;
use initiators::Initiators;
use installing::Installations;
pub(crate) use installing::Step as InstallStep;
pub(crate) use messages::Inbox;
use messages::Messages;
use models::Selection;
use pipelines::Pipelines;
use relearning::Relearning;
pub(crate) use rights::Then;
use setup::{
    build_understander, installations, rules, services, start_audit, start_host, tell_of_state,
};
use stats::Stats;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, RwLock},
    time::Duration,
};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};
use trace::Traces;
use valet_bus::{BUS_NAME, Face, Incoming, ROOT, convert::owned, server::BusEvent};
use valet_core::{
    dialogue::{Dialogue, Event, Rules},
    policy::{Policy, Snapshot},
    reply::HostWords,
    session::TurnId,
};
use valet_skill_host::{Outside, SkillHost};
use valet_understanding::{Script, Understander, Vocabulary};
use vocabulary::Vocabularies;
pub(crate) use voice::Guessing;
use voice::Voices;
use waiters::Waiters;

/// The interface of the root object.
pub(crate) const ASSISTANT: &str = "org.valetd.Assistant1";

/// How often a state that cannot be opened after a fault of its disk is tried.
const MENDED_EVERY: Duration = Duration::from_secs(10);
/// Why the daemon is degraded after it crashed too often.
const SAFE_MODE: &str = "safe mode, for the daemon crashed again and again: what was installed does not run, and a chosen model comes last; \
    remove what was installed last (`valetctl skill remove`), then restart (`systemctl restart valetd`)";

/// How utterances are understood.
pub(crate) enum Understanding {
    /// By templates and the encoder.
    Models,
    /// By a script given on the command line.
    Scripted(Box<Script>),
}

impl Understanding {
    fn script(self) -> Option<Box<Script>> {
        match self {
            Self::Models => None,
            Self::Scripted(script) => Some(script),
        }
    }
}

/// Everything the task is made from.
pub(crate) struct Parts {
    /// Where things lie.
    pub paths: Paths,
    /// The configuration.
    pub config: Config,
    /// How utterances are understood.
    pub understanding: Understanding,
    /// The vehicle.
    pub world: World,
    /// The policy.
    pub policy: Policy,
    /// The host's words.
    pub words: HostWords,
    /// The state, and what it is.
    pub opened: Opened,
    /// Whether what people installed is left alone, for the daemon crashed too often.
    pub safe_mode: bool,
}

/// The task.
pub(crate) struct Assistant {
    paths: Paths,
    config: Config,
    script: Option<Box<Script>>,
    clock: Monotonic,
    world: World,
    policy: Arc<Policy>,
    shared_policy: Arc<RwLock<Arc<Policy>>>,
    words: Arc<HostWords>,
    state: Arc<State>,
    /// Why the state, or how the daemon ended before, makes it degraded.
    start_reasons: Vec<String>,
    /// Tries to open the state again after a fault of its disk.
    mending: Option<tokio::task::JoinHandle<()>>,
    safe_mode: bool,
    host: Arc<SkillHost>,
    skills: Skills,
    installations: Installations,
    generation: u64,
    relearning: Relearning,
    understander: Understander,
    vocabularies: Vocabularies,
    outside: Outside,
    messages: Messages,
    inference: Option<Inference>,
    encoder: EncoderState,
    selection: Selection,
    dialogue: Dialogue,
    face: Face,
    waiters: Waiters,
    observers: BTreeMap<String, waiters::Observer>,
    running: HashMap<TurnId, effects::Running>,
    pipelines: Pipelines,
    voices: Voices,
    initiators: Initiators,
    restoring: HashMap<TurnId, restore::Restoring>,
    alarms: Alarms,
    held: Held,
    traces: Traces,
    stats: Stats,
    books: Books,
    audit: Audit,
    history: History,
    happenings: UnboundedSender<Happening>,
    /// Events that wait for the effects of the one before.
    events: VecDeque<Event>,
    stepping: bool,
    next_turn: u64,
    next_session: u64,
    stopping: bool,
}

impl Assistant {
    /// Makes the task: loads the skills, builds the understanding, serves the objects. The
    /// encoder begins to load in its own thread.
    ///
    /// # Errors
    /// An engine or thread that cannot be made. A skill or model that is broken is no error.
    pub(crate) fn new(
        parts: Parts,
        face: Face,
        happenings: UnboundedSender<Happening>,
    ) -> anyhow::Result<Self> {
        let Parts { paths, config, understanding, world, policy, words, opened, safe_mode } = parts;
        let Opened { state, kept, reason } = opened;
        let (policy, state, words) = (Arc::new(policy), Arc::new(state), Arc::new(words));
        let shared_policy = Arc::new(RwLock::new(policy.clone()));
        tell_of_state(&state, &happenings);
        let inbox = Inbox::default();
        let outside = outside::open(&config.outside, &happenings, &inbox)?;
        let services = services(&world, &state, &shared_policy, &happenings, outside.clone());
        let host = start_host(&paths, &config, services)?;
        let (installations, found) = installations(&paths, &config, (&state, kept));
        let (audit, no_audit) = start_audit(&paths, safe_mode);
        let safe = safe_mode.then(|| SAFE_MODE.to_owned());
        let skills = Skills::default();
        let dialogue = Dialogue::new(rules(&skills, &policy, &words, &world, &config));
        let mut assistant = Self {
            clock: Monotonic::start(),
            history: History::start(&state, config.history),
            understander: Understander::build(&config.language, &[], &Vocabulary::default())?,
            selection: Selection::read(&paths.models, &state),
            paths,
            config,
            script: understanding.script(),
            world,
            policy,
            shared_policy,
            words,
            state,
            start_reasons: [reason, found, safe, no_audit].into_iter().flatten().collect(),
            mending: None,
            safe_mode,
            host,
            skills,
            installations,
            generation: 1,
            relearning: Relearning::default(),
            vocabularies: Vocabularies::default(),
            outside,
            messages: Messages::from(inbox),
            inference: None,
            encoder: EncoderState::Unloaded("not wanted by the configuration".into()),
            dialogue,
            face,
            waiters: Waiters::default(),
            observers: BTreeMap::new(),
            running: HashMap::new(),
            pipelines: Pipelines::default(),
            voices: Voices::default(),
            initiators: Initiators::default(),
            restoring: HashMap::new(),
            alarms: Alarms::default(),
            held: Held::default(),
            traces: Traces::default(),
            stats: Stats::default(),
            books: Books::default(),
            audit,
            happenings,
            events: VecDeque::new(),
            stepping: false,
            next_turn: 1,
            next_session: 1,
            stopping: false,
        };
        assistant.wake()?;
        Ok(assistant)
    }

    /// Reads what there is and serves it.
    fn wake(&mut self) -> anyhow::Result<()> {
        instant!("start.swept");
        self.load_skills();
        instant!("start.loaded");
        let none = Vocabulary::default();
        self.understander = build_understander(&self.config, &mut self.skills, &none)?;
        let rules = self.rules();
        self.dialogue.replace_rules(rules);
        self.start_inference()?;
        self.serve_objects();
        instant!("start.served");
        self.schedule_alarms();
        self.follow_topics();
        Ok(())
    }

    fn start_inference(&mut self) -> anyhow::Result<()> {
        if self.script.is_some() || !self.config.encoder {
            return Ok(());
        }
        let looked: Vec<String> =
            self.paths.models.iter().map(|folder| folder.display().to_string()).collect();
        let looked = looked.join(" or ");
        let config = InferenceConfig {
            models: self.selection.start_order(self.safe_mode),
            none: format!("no encoder model in {looked}; fetch it with `make models`"),
            settings: self.encoder_settings(),
        };
        self.encoder = EncoderState::Loading { model: String::new() };
        let first = Lesson::of(self.understander.clone(), &self.skills);
        self.inference = Some(Inference::start(config, first, self.happenings.clone())?);
        Ok(())
    }

    /// The rules of the dialogue as skills, policy and configuration stand now.
    fn rules(&self) -> Rules {
        rules(&self.skills, &self.policy, &self.words, &self.world, &self.config)
    }

    /// How encoders are opened.
    fn encoder_settings(&self) -> EncoderSettings {
        EncoderSettings::of(&self.paths, &self.config)
    }

    /// Says that the daemon is ready: the bus and the templates answer.
    pub(crate) fn announce_ready(&mut self) {
        self.show_state();
        for reason in self.skills.reasons() {
            log::error!(MESSAGE_ID = message_id::SKILL; "{reason}");
        }
        let skills = self.skills.ready().count();
        log::info!(MESSAGE_ID = message_id::STATE; "ready on {BUS_NAME} with {skills} skills");
    }

    /// Runs until the bus goes away or `stop` says so.
    pub(crate) async fn run(
        &mut self,
        inputs: &mut Inputs<'_>,
        happenings: &mut UnboundedReceiver<Happening>,
        control: &mut UnboundedReceiver<Control>,
    ) -> Ended {
        loop {
            if !self.books.are_kept() {
                // The answer leaves first.
                tokio::task::yield_now().await;
                self.keep_books();
            }
            let tick = self.dialogue.next_tick().map(|at| self.clock.to_tokio(at));
            let ring = self.alarms.next_at();
            let names = self.vocabularies.next_at();
            let message = self.messages.next_at();
            tokio::select! {
                biased;
                control = control.recv() => match control {
                    Some(Control::Reload(done)) => {
                        // Nobody waits for the answer of a reload that was asked by a signal twice.
                        let _ = done.send(self.reload());
                    }
                    Some(Control::Stop) | None => return Ended::Asked,
                },
                Some(happening) = happenings.recv() => self.take(happening),
                event = inputs.events.recv() => match event {
                    Some(BusEvent::NameLost(name)) => self.client_left(&name),
                    Some(BusEvent::NotAuthorized { uid, member }) => self.not_authorized(uid, member),
                    Some(BusEvent::Closed) | None => return Ended::BusLost,
                },
                Some(incoming) = inputs.calls.recv() => self.take_call(incoming),
                Some(heard) = inputs.heard.recv() => self.take_heard(heard),
                () = sleep_until(tick) => self.step(Event::Tick),
                () = sleep_until(ring) => self.ring_due(),
                () = sleep_until(names) => self.learn_names(),
                () = sleep_until(message) => self.wake_due(),
            }
        }
    }

    /// Refuses what is new and ends what runs; nothing unconfirmed is done.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.keep_books();
        self.pipelines.close();
        self.show_state();
        for running in self.running.values() {
            running.handle.cancel();
        }
        for (client, path) in self.waiters.drop_all() {
            self.say_stopping(&client, &path);
        }
        self.stop_activation();
        self.stop_installation();
        self.host.stop();
    }

    fn client_left(&mut self, name: &str) {
        self.observers.remove(name);
        self.waiters.client_left(name);
        self.initiators.client_left(name);
        self.selection.client_left(name);
        self.installations.client_left(name);
        self.drop_vocabularies_of(name);
        self.step(Event::NameLost(name.to_owned()));
    }

    fn snapshot(&self) -> Snapshot {
        self.world.snapshot(&self.policy)
    }

    /// Reasons for `degraded`, empty when all is well.
    fn reasons(&self) -> Vec<String> {
        let mut reasons = self.start_reasons.clone();
        reasons.extend(self.state.fault());
        reasons.extend(self.skills.reasons());
        reasons.extend(self.model_reasons());
        reasons.extend(self.pipelines.reasons().iter().cloned());
        reasons
    }

    /// The state cannot be opened again after a fault of its disk, or is open again. It is tried until it is.
    fn state_turned(&mut self) {
        self.show_state();
        let is_tried = self.mending.as_ref().is_some_and(|mending| !mending.is_finished());
        if self.state.fault().is_none() || is_tried {
            return;
        }
        let state = self.state.clone();
        self.mending = Some(tokio::spawn(async move {
            while state.fault().is_some() {
                tokio::time::sleep(MENDED_EVERY).await;
                let state = state.clone();
                // It may wait for the disk. Where it panics the next one tries.
                let _ = tokio::task::spawn_blocking(move || state.mend()).await;
            }
        }));
    }

    /// Writes the properties that follow from where the daemon stands.
    fn show_state(&self) {
        let reasons = self.reasons();
        let state = match (self.stopping, reasons.is_empty()) {
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "degraded",
        };
        self.face.set_property(ROOT, ASSISTANT, "StateReasons", owned(reasons));
        self.face.set_property(ROOT, ASSISTANT, "State", owned(state));
        self.face.set_property(ROOT, ASSISTANT, "Tainted", owned(self.skills.tainted()));
        self.face.set_property(ROOT, ASSISTANT, "Models", self.models_property());
    }
}

/// Where clients are heard.
pub(crate) struct Inputs<'a> {
    /// Their calls.
    pub calls: &'a mut Receiver<Incoming>,
    /// What the bus tells of them.
    pub events: &'a mut UnboundedReceiver<BusEvent>,
    /// What voice pipelines say.
    pub heard: &'a mut Receiver<Heard>,
}

/// What is asked of the task from outside of the bus.
pub(crate) enum Control {
    /// Read configuration, policy and skills again.
    Reload(tokio::sync::oneshot::Sender<anyhow::Result<()>>),
    /// End.
    Stop,
}

/// Why the task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was asked to.
    Asked,
    /// The bus went away.
    BusLost,
}

/// Waits for an instant; for ever where there is none, so that an idle daemon never wakes.
async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
