//! Making a model ready beside the one that serves, on a thread of its own: verify, load, train.
//! What comes of it goes to the bus thread, which alone decides whether it serves.
//!
//! Must not touch the encoder that serves, and must always come to an end that is told.

use super::{
    Lesson,
    loaded::{EncoderSettings, Loaded, Trained, Untrained},
};
use crate::{happening::Happening, models::Model};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc::UnboundedSender;

/// Shortest time between two reports of a training.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// How far it is.
pub(crate) enum Step {
    /// Its files are compared with the manifest.
    Verifying,
    /// It is loaded and runs once.
    Loading,
    /// Heads are trained.
    Training {
        /// Sentences that were embedded.
        done: usize,
        /// Sentences in all; 0 before that is known.
        all: usize,
    },
    /// It can serve. The last step.
    Ready(Box<Prepared>),
    /// It cannot be used. The last step.
    Failed(String),
    /// It was given up. The last step.
    GivenUp,
}

/// A model that can serve: loaded, with heads.
pub(crate) struct Prepared {
    loaded: Loaded,
    trained: Trained,
}

impl Prepared {
    /// What is loaded.
    #[must_use]
    pub(crate) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Its heads.
    #[must_use]
    pub(crate) fn trained(&self) -> &Trained {
        &self.trained
    }

    pub(super) fn into_parts(self) -> (Loaded, Trained) {
        (self.loaded, self.trained)
    }
}

/// One preparation: what its thread and the bus thread share.
#[derive(Clone)]
pub(crate) struct Preparation {
    given_up: Arc<AtomicBool>,
    settings: EncoderSettings,
    happenings: UnboundedSender<Happening>,
}

/// Where a preparation begins.
enum Begin {
    Model(Arc<Model>),
    Again(Box<Prepared>),
}

impl Preparation {
    /// One that has not begun; its steps are told through `happenings`.
    #[must_use]
    pub(crate) fn new(settings: EncoderSettings, happenings: UnboundedSender<Happening>) -> Self {
        Self { given_up: Arc::default(), settings, happenings }
    }

    /// Begins with a model's files.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub(crate) fn begin(&self, model: Arc<Model>, wanted: Lesson) -> std::io::Result<()> {
        self.spawn(Begin::Model(model), wanted)
    }

    /// Goes on with a model that was ready for skills that have changed meanwhile.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub(crate) fn train_again(&self, prepared: Prepared, wanted: Lesson) -> std::io::Result<()> {
        self.spawn(Begin::Again(Box::new(prepared)), wanted)
    }

    /// Ends it at the next step or sentence. [`Step::GivenUp`] follows, unless its end was told
    /// already.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    fn spawn(&self, from: Begin, wanted: Lesson) -> std::io::Result<()> {
        let us = self.clone();
        std::thread::Builder::new().name("model".into()).spawn(move || us.run(from, &wanted))?;
        Ok(())
    }

    fn run(&self, from: Begin, wanted: &Lesson) {
        // Whoever waits for the end must hear of it, whatever a model makes the runtime do.
        let end = catch_unwind(AssertUnwindSafe(|| self.prepare(from, wanted)));
        self.tell(match end {
            Ok(Ok(prepared)) => Step::Ready(Box::new(prepared)),
            Ok(Err(Untrained::GivenUp)) => Step::GivenUp,
            Ok(Err(Untrained::Fault(why))) => Step::Failed(why),
            Err(_) => Step::Failed("making it ready panicked; the log says where".into()),
        });
    }

    fn prepare(&self, from: Begin, wanted: &Lesson) -> Result<Prepared, Untrained> {
        let mut loaded = match from {
            Begin::Again(prepared) => prepared.loaded,
            Begin::Model(model) => {
                self.say(Step::Verifying)?;
                model.check().map_err(Untrained::Fault)?;
                self.say(Step::Loading)?;
                Loaded::load(&model, &self.settings).map_err(Untrained::Fault)?
            }
        };
        self.say(Step::Training { done: 0, all: 0 })?;
        let mut said = Instant::now();
        let mut progress = |done: usize, all: usize| {
            if said.elapsed() > REPORT_EVERY {
                said = Instant::now();
                self.tell(Step::Training { done, all });
            }
        };
        let given_up = || self.is_given_up();
        let trained = loaded.train(wanted, &self.settings.cache, &given_up, &mut progress)?;
        Ok(Prepared { loaded, trained })
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    fn say(&self, step: Step) -> Result<(), Untrained> {
        if self.is_given_up() {
            return Err(Untrained::GivenUp);
        }
        self.tell(step);
        Ok(())
    }

    fn tell(&self, step: Step) {
        // The daemon is stopping when nobody listens.
        let _ = self.happenings.send(Happening::Preparing(step));
    }
}
