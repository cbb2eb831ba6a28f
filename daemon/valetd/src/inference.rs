//! The inference thread: it alone owns the encoder that serves. It loads the first one that can
//! be used, trains heads for the installed skills, understands what no template knows, and
//! takes over another encoder that was made ready beside it.
//!
//! Must not touch a skill or a device, and must not hold up the bus: the bus thread sends it
//! work and hears back through an event.

mod lesson;
mod loaded;
mod preparation;
mod speed;
mod standing;
mod thread;

pub(crate) use lesson::Lesson;
pub(crate) use loaded::{EncoderSettings, Loaded, Sentences, forget_others};
pub(crate) use preparation::{Preparation, Prepared, Step};
pub(crate) use speed::Speed;

use crate::{happening::Happening, models::Model};
use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};
use thread::Thread;
use tokio::sync::{mpsc::UnboundedSender, oneshot};
use valet_core::{
    session::TurnId,
    understanding::{Request, Understanding},
};
use valet_understanding::{Understander, heads::Heads};

/// Requests that may wait for the encoder; more are answered without it.
const MAX_WAITING: usize = 32;

/// Where the encoder stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EncoderState {
    /// Not wanted, or no model there.
    Unloaded(String),
    /// Being read, or heads being trained.
    Loading {
        /// The model's id; empty before the first is tried.
        model: String,
    },
    /// It serves.
    Ready {
        /// The model's id.
        model: String,
        /// Time to load it, ms.
        load_ms: u64,
        /// Time to get the heads, ms: from the cache or trained.
        heads_ms: u64,
        /// Memory of its own, bytes.
        memory_bytes: u64,
    },
    /// It cannot be used.
    Failed(String),
}

impl EncoderState {
    /// Whether heads may still come from it.
    #[must_use]
    pub(crate) fn may_train(&self) -> bool {
        matches!(self, Self::Loading { .. } | Self::Ready { .. })
    }

    /// The word on the bus.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unloaded(_) => "unloaded",
            Self::Loading { .. } => "loading",
            Self::Ready { .. } => "ready",
            Self::Failed(_) => "failed",
        }
    }
}

/// What the thread tells of the encoder it has.
pub(crate) enum EncoderNews {
    /// Where it stands.
    State(EncoderState),
    /// A model that was tried and cannot be used; another one is tried now, where there is one.
    Refused {
        /// The model's id.
        model: String,
        /// Why.
        why: String,
    },
    /// Heads are trained.
    Heads {
        /// Fingerprint of the understander they belong to.
        of: [u8; 32],
        /// The heads.
        heads: Arc<Heads>,
        /// From where their sentences' embeddings came.
        sentences: Sentences,
    },
    /// What packages lent to the heads that serve was computed here since, and is the same.
    LoanPaid,
    /// How fast it reads.
    Speed(Speed),
}

/// A request that no template matches.
pub(crate) struct Asked {
    /// What was said.
    pub request: Request,
    /// Who is to understand it.
    pub understander: Understander,
    /// How long it took to find that no template matches.
    pub template_time: Duration,
}

/// Work for the thread.
enum Work {
    /// Look for what is wanted: another encoder, other heads.
    Look,
    /// Understand for a turn.
    Understand { turn: TurnId, asked: Box<Asked>, until: Instant, generation: u64 },
    /// Understand for `Parse`.
    Parse {
        requests: Vec<Request>,
        understander: Understander,
        generation: u64,
        reply: oneshot::Sender<Vec<Understanding>>,
    },
}

/// The bus thread's end of the inference thread.
pub(crate) struct Inference {
    work: mpsc::SyncSender<Work>,
    wanted: Latest<Lesson>,
    adopted: Latest<(u64, Prepared)>,
    generation: u64,
}

/// What the thread is to take up next. Only the last one counts: a client that changes its
/// vocabulary again and again neither keeps others from the encoder nor leaves it untrained.
struct Latest<T>(Arc<Mutex<Option<T>>>);

impl<T> Latest<T> {
    fn none() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn shared(&self) -> Self {
        Self(self.0.clone())
    }

    fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_there(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// What the thread needs.
pub(crate) struct InferenceConfig {
    /// The encoders there are, in the order in which they are tried.
    pub models: Vec<Arc<Model>>,
    /// Why there is none, for a person.
    pub none: String,
    /// How they are opened.
    pub settings: EncoderSettings,
}

impl Inference {
    /// Starts the thread; it loads the encoder at once and says so through `happenings`.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub(crate) fn start(
        config: InferenceConfig,
        first: Lesson,
        happenings: UnboundedSender<Happening>,
    ) -> std::io::Result<Self> {
        let (work, queue) = mpsc::sync_channel(MAX_WAITING);
        let us = Self { work, wanted: Latest::none(), adopted: Latest::none(), generation: 0 };
        let (wanted, adopted) = (us.wanted.shared(), us.adopted.shared());
        let thread = Thread::new(config.settings, happenings, wanted, adopted);
        let (models, none) = (config.models, config.none);
        std::thread::Builder::new()
            .name("inference".into())
            .spawn(move || thread.run(&models, none, &first, &queue))?;
        Ok(us)
    }

    /// Counts the encoders that were taken over; what the thread says of an older one is stale.
    #[must_use]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Trains heads for another set of skills.
    pub(crate) fn train(&self, lesson: Lesson) {
        self.wanted.put(lesson);
        self.look();
    }

    /// Hands over an encoder that was made ready: it serves every request that is sent from now
    /// on. The thread leaves a training that it is at.
    pub(crate) fn adopt(&mut self, prepared: Prepared) {
        self.generation += 1;
        self.adopted.put((self.generation, prepared));
        self.look();
    }

    fn look(&self) {
        // A full queue needs no call: the thread looks around each piece of work.
        if let Err(mpsc::TrySendError::Disconnected(_)) = self.work.try_send(Work::Look) {
            log::error!("the inference thread is gone: what is wanted of it is not done");
        }
    }

    /// Hands a turn's request over; whether it was taken.
    #[must_use]
    pub(crate) fn understand(&self, turn: TurnId, asked: Box<Asked>, left: Duration) -> bool {
        let (until, generation) = (Instant::now() + left, self.generation);
        self.work.try_send(Work::Understand { turn, asked, until, generation }).is_ok()
    }

    /// Understands texts that no template matches, for `Parse`; `None` when there is too much to do.
    #[must_use]
    pub(crate) fn parse(
        &self,
        requests: Vec<Request>,
        understander: Understander,
    ) -> Option<oneshot::Receiver<Vec<Understanding>>> {
        let (reply, answer) = oneshot::channel();
        let generation = self.generation;
        self.work.try_send(Work::Parse { requests, understander, generation, reply }).ok()?;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_understanding::Vocabulary;

    #[test]
    fn of_many_trainings_the_last_is_kept_even_where_the_queue_is_full() {
        let (work, queue) = mpsc::sync_channel(2);
        let inference =
            Inference { work, wanted: Latest::none(), adopted: Latest::none(), generation: 0 };
        let understander = Understander::build("en", &[], &Vocabulary::new()).expect("builds");
        for _ in 0..40 {
            inference.train(Lesson::alone(understander.clone()));
        }
        assert_eq!(queue.try_iter().count(), 2);
        assert!(inference.wanted.take().is_some(), "the last one waits");
        assert!(inference.wanted.take().is_none(), "and is trained once");
    }
}
