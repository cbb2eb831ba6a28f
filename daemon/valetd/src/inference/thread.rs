//! The thread itself: what it loads, trains, understands and takes over, one after the other.
//!
//! Must not ask heads of one encoder with the vectors of another.

use super::{
    Asked, EncoderNews, EncoderSettings, EncoderState, Latest, Lesson, Prepared, Work,
    loaded::{Loaded, Trained, Untrained},
    speed::{Measured, Meter},
    standing::Paid,
};
use crate::{happening::Happening, logging::message_id, models::Model};
use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};
use tokio::sync::mpsc::UnboundedSender;
use valet_core::{
    encoder::Encoder,
    understanding::{Request, Understanding},
};
use valet_understanding::Understander;

/// Without anything to do for so long, it gives back what only work needs.
const REST_AFTER: Duration = Duration::from_secs(30);

/// The encoder that serves, with its heads.
struct Serving {
    loaded: Loaded,
    trained: Option<Trained>,
    meter: Meter,
}

/// All that the thread has.
pub(super) struct Thread {
    settings: EncoderSettings,
    happenings: UnboundedSender<Happening>,
    wanted: Latest<Lesson>,
    adopted: Latest<(u64, Prepared)>,
    serving: Option<Serving>,
    generation: u64,
}

impl Thread {
    /// One that has no encoder yet; `wanted` and `adopted` are what the bus thread asks for.
    pub(super) fn new(
        settings: EncoderSettings,
        happenings: UnboundedSender<Happening>,
        wanted: Latest<Lesson>,
        adopted: Latest<(u64, Prepared)>,
    ) -> Self {
        Self { settings, happenings, wanted, adopted, serving: None, generation: 0 }
    }

    /// Runs until the bus thread lets go of the queue. `none` says why there is no model where
    /// `models` is empty.
    pub(super) fn run(
        mut self,
        models: &[Arc<Model>],
        none: String,
        first: &Lesson,
        queue: &mpsc::Receiver<Work>,
    ) {
        self.load(models, none);
        self.train(first);
        while let Some(work) = self.next(queue) {
            // Before the work: what was sent after an encoder was handed over is understood by it.
            self.take_over();
            self.carry_out(work);
            self.take_over();
            if let Some(lesson) = self.wanted.take() {
                self.train(&lesson);
            }
        }
    }

    /// The next piece of work. While there is none, what is owed to packages is paid: whoever speaks waits for one
    /// sentence at most.
    fn next(&mut self, queue: &mpsc::Receiver<Work>) -> Option<Work> {
        while self.serving.as_ref().is_some_and(|serving| serving.loaded.owes()) {
            match queue.try_recv() {
                Ok(work) => return Some(work),
                Err(mpsc::TryRecvError::Disconnected) => return None,
                Err(mpsc::TryRecvError::Empty) => self.pay(),
            }
        }
        match queue.recv_timeout(REST_AFTER) {
            Ok(work) => return Some(work),
            Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if let Some(serving) = &self.serving {
            serving.loaded.rest();
        }
        queue.recv().ok()
    }

    /// Computes one of the sentences that packages lent.
    fn pay(&mut self) {
        let Some(serving) = &mut self.serving else { return };
        match serving.loaded.pay() {
            Paid::One => {}
            Paid::Lie(skill) => log::warn!(
                MESSAGE_ID = message_id::SKILL, VALET_SKILL = skill.as_str();
                "the embeddings that {skill} carries say other numbers than the encoder: what was learned from them is learned again; do not trust who made it"
            ),
            Paid::All { lent, intents } => {
                // Whoever reads the lines finds it counted.
                self.tell(EncoderNews::LoanPaid);
                if lent > 0 {
                    log::info!("what packages lent to the heads was computed here and is the same");
                }
                log::info!("what was learned of {intents} intents is kept for the next start");
            }
            Paid::Again(lesson) => {
                serving.trained = None;
                self.train(&lesson);
            }
            Paid::Fault(why) => log::warn!(
                "what packages lent to the heads cannot be computed here, they are trained again at the next start: {why}"
            ),
        }
    }

    fn carry_out(&mut self, work: Work) {
        match work {
            Work::Look => {}
            Work::Understand { turn, asked, until, generation } => {
                // Whoever asked has given up already: its time-out answers.
                if Instant::now() < until {
                    let Asked { request, understander, template_time } = *asked;
                    let understander = self.paired(understander, generation);
                    let understanding =
                        self.understand(understander.as_ref(), &request, template_time);
                    let understanding = Box::new(understanding);
                    self.tell_all(Happening::Understood { turn, understanding });
                    self.tell_speed();
                }
            }
            Work::Parse { requests, understander, generation, reply } => {
                let understander = self.paired(understander, generation);
                let mut all = Vec::with_capacity(requests.len());
                for request in &requests {
                    if reply.is_closed() {
                        break;
                    }
                    all.push(self.understand(understander.as_ref(), request, Duration::ZERO));
                }
                // The client may have left.
                let _ = reply.send(all);
                self.tell_speed();
            }
        }
    }

    fn tell_all(&self, happening: Happening) {
        // The daemon is stopping when nobody listens.
        let _ = self.happenings.send(happening);
    }

    fn tell(&self, news: EncoderNews) {
        self.tell_all(Happening::Encoder { generation: self.generation, news });
    }

    fn tell_speed(&self) {
        if let Some(speed) = self.serving.as_ref().and_then(|serving| serving.meter.speed()) {
            self.tell(EncoderNews::Speed(speed));
        }
    }

    /// An understander whose heads are of the encoder that serves, and how it may be used: heads
    /// of one encoder make nonsense of the vectors of another. A request that was sent before an
    /// encoder was handed over gets that one's heads, where they are for the same skills.
    fn paired(&self, understander: Understander, generation: u64) -> Paired {
        if generation == self.generation {
            return Paired::Fits(understander);
        }
        let trained = self.serving.as_ref().and_then(|serving| serving.trained.as_ref());
        match trained.filter(|trained| trained.of == understander.fingerprint()) {
            Some(trained) => Paired::Fits(understander.with_heads(trained.heads.clone())),
            None => Paired::Strange(understander),
        }
    }

    fn understand(
        &mut self,
        (understander, fits): (&Understander, bool),
        request: &Request,
        template_time: Duration,
    ) -> Understanding {
        let mut measured = self.serving.as_mut().filter(|_| fits).map(|serving| Measured {
            encoder: serving.loaded.encoder(),
            meter: &mut serving.meter,
        });
        let encoder = measured.as_mut().map(|encoder| encoder as &mut dyn Encoder);
        understander.understand_freely(request, template_time, encoder)
    }

    /// Takes over what was handed over, where something was; what served before is dropped.
    fn take_over(&mut self) {
        let Some((generation, prepared)) = self.adopted.take() else { return };
        let (loaded, trained) = prepared.into_parts();
        self.serving = Some(Serving { loaded, trained: Some(trained), meter: Meter::default() });
        self.generation = generation;
    }

    /// Loads the first model that can be used.
    fn load(&mut self, models: &[Arc<Model>], none: String) {
        let mut first_fault = None;
        for model in models {
            if self.adopted.is_there() {
                return;
            }
            let id = model.id().to_owned();
            self.tell(EncoderNews::State(EncoderState::Loading { model: id.clone() }));
            match Loaded::load(model, &self.settings) {
                Ok(loaded) => {
                    self.serving = Some(Serving { loaded, trained: None, meter: Meter::default() });
                    return;
                }
                Err(why) => {
                    first_fault.get_or_insert_with(|| why.clone());
                    self.tell(EncoderNews::Refused { model: id, why });
                }
            }
        }
        self.tell(EncoderNews::State(match first_fault {
            Some(why) => EncoderState::Failed(why),
            None => EncoderState::Unloaded(none),
        }));
    }

    fn train(&mut self, lesson: &Lesson) {
        let Some(serving) = &mut self.serving else { return };
        let wanted = lesson.understander().fingerprint();
        if let Some(trained) = serving.trained.as_ref().filter(|trained| trained.of == wanted) {
            // They were asked for again: an understander that came back lacks what it had.
            let news = heads_of(trained);
            return self.tell(news);
        }
        let mut said = Instant::now();
        let mut progress = |done: usize, all: usize| {
            if said.elapsed() > Duration::from_secs(2) {
                said = Instant::now();
                log::info!("training: {done} of {all} sentences");
            }
        };
        let adopted = &self.adopted;
        let given_up = || adopted.is_there();
        match serving.loaded.train(lesson, &self.settings.cache, &given_up, &mut progress) {
            Ok(trained) => {
                let news = heads_of(&trained);
                let state = serving.loaded.ready(&trained);
                serving.trained = Some(trained);
                self.tell(news);
                self.tell(EncoderNews::State(state));
            }
            Err(Untrained::GivenUp) => {}
            Err(Untrained::Fault(why)) => self.tell(EncoderNews::State(EncoderState::Failed(why))),
        }
    }
}

/// Heads as they are told.
fn heads_of(trained: &Trained) -> EncoderNews {
    let Trained { of, heads, sentences, .. } = trained;
    EncoderNews::Heads { of: *of, heads: heads.clone(), sentences: *sentences }
}

/// An understander, and whether its heads are those of the encoder that serves.
enum Paired {
    Fits(Understander),
    Strange(Understander),
}

impl Paired {
    fn as_ref(&self) -> (&Understander, bool) {
        match self {
            Self::Fits(understander) => (understander, true),
            Self::Strange(understander) => (understander, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_understanding::Vocabulary;

    #[test]
    fn heads_of_another_encoder_are_not_asked() {
        let (happenings, _heard) = tokio::sync::mpsc::unbounded_channel();
        let settings = EncoderSettings {
            cache: "".into(),
            kernels: "auto".into(),
            threads: 1,
            memory_limit: None,
        };
        let mut thread = Thread::new(settings, happenings, Latest::none(), Latest::none());
        thread.generation = 3;
        let understander = Understander::build("en", &[], &Vocabulary::new()).expect("builds");
        assert!(thread.paired(understander.clone(), 3).as_ref().1);
        assert!(!thread.paired(understander, 2).as_ref().1, "sent before, no heads of ours for it");
    }
}
