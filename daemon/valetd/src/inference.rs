//! The inference thread: it alone owns the encoder. It loads it, trains heads for the
//! installed skills, and understands what no template knows.
//!
//! Must not touch a skill or a device, and must not hold up the bus: the bus thread sends it
//! work and hears back through an event.

use crate::happening::Happening;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc::UnboundedSender, oneshot};
use valet_core::{
    encoder::Encoder,
    session::TurnId,
    understanding::{Request, Understanding},
};
use valet_inference::{EncoderOptions, Kernels, ModelManifest, Packing, SentenceEncoder};
use valet_understanding::{Understander, heads::Heads};

/// Requests that may wait for the encoder; more are answered without it.
const MAX_WAITING: usize = 32;

/// Where the encoder stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EncoderState {
    /// Not wanted, or no model there.
    Unloaded(String),
    /// Being read, or heads being trained.
    Loading,
    /// It serves.
    Ready {
        /// The model's id.
        model: String,
        /// Time to load it, ms.
        load_ms: u64,
        /// Time to get the heads, ms: from the cache or trained.
        heads_ms: u64,
    },
    /// It cannot be used.
    Failed(String),
}

impl EncoderState {
    /// The word on the bus.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unloaded(_) => "unloaded",
            Self::Loading => "loading",
            Self::Ready { .. } => "ready",
            Self::Failed(_) => "failed",
        }
    }
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
    /// Look for whom heads are wanted.
    Train,
    /// Understand for a turn.
    Understand { turn: TurnId, asked: Box<Asked>, until: Instant },
    /// Understand for `Parse`.
    Parse {
        requests: Vec<Request>,
        understander: Understander,
        reply: oneshot::Sender<Vec<Understanding>>,
    },
}

/// The bus thread's end of the inference thread.
pub(crate) struct Inference {
    work: mpsc::SyncSender<Work>,
    wanted: Wanted,
}

/// For whom heads are to be trained. Only the last one counts: a client that changes its
/// vocabulary again and again neither keeps others from the encoder nor leaves it untrained.
#[derive(Clone, Default)]
struct Wanted(Arc<Mutex<Option<Understander>>>);

impl Wanted {
    fn put(&self, understander: Understander) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(understander);
    }

    fn take(&self) -> Option<Understander> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the thread needs.
pub(crate) struct InferenceConfig {
    /// Folders with models; the first manifest of an encoder wins.
    pub models: Vec<PathBuf>,
    /// Folder for trained heads and packed models.
    pub cache: PathBuf,
    /// Name of the kernels that run the encoder, or `auto`.
    pub kernels: String,
    /// Most memory that the encoder may take besides what is mapped, bytes.
    pub memory_limit: Option<u64>,
}

impl Inference {
    /// Starts the thread; it loads the encoder at once and says so through `happenings`.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub(crate) fn start(
        config: InferenceConfig,
        first: Understander,
        happenings: UnboundedSender<Happening>,
    ) -> std::io::Result<Self> {
        let (work, queue) = mpsc::sync_channel(MAX_WAITING);
        let wanted = Wanted::default();
        let theirs = wanted.clone();
        std::thread::Builder::new().name("inference".into()).spawn(move || {
            Thread { config, happenings, wanted: theirs, encoder: None }.run(first, &queue)
        })?;
        Ok(Self { work, wanted })
    }

    /// Trains heads for another set of skills.
    pub(crate) fn train(&self, understander: Understander) {
        self.wanted.put(understander);
        // A full queue needs no call: the thread looks after each piece of work.
        if let Err(mpsc::TrySendError::Disconnected(_)) = self.work.try_send(Work::Train) {
            log::error!("the inference thread is gone: the heads are not trained");
        }
    }

    /// Hands a turn's request over; whether it was taken.
    #[must_use]
    pub(crate) fn understand(&self, turn: TurnId, asked: Box<Asked>, left: Duration) -> bool {
        let until = Instant::now() + left;
        self.work.try_send(Work::Understand { turn, asked, until }).is_ok()
    }

    /// Understands texts that no template matches, for `Parse`; `None` when there is too much to do.
    #[must_use]
    pub(crate) fn parse(
        &self,
        requests: Vec<Request>,
        understander: Understander,
    ) -> Option<oneshot::Receiver<Vec<Understanding>>> {
        let (reply, answer) = oneshot::channel();
        self.work.try_send(Work::Parse { requests, understander, reply }).ok()?;
        Some(answer)
    }
}

struct Thread {
    config: InferenceConfig,
    happenings: UnboundedSender<Happening>,
    wanted: Wanted,
    encoder: Option<(SentenceEncoder, String, u64)>,
}

impl Thread {
    fn run(mut self, first: Understander, queue: &mpsc::Receiver<Work>) {
        self.load();
        self.train(&first);
        while let Ok(work) = queue.recv() {
            match work {
                Work::Train => {}
                Work::Understand { turn, asked, until } => {
                    // Whoever asked has given up already: its time-out answers.
                    if Instant::now() < until {
                        let Asked { request, understander, template_time } = &*asked;
                        let understanding = self.understand(understander, request, *template_time);
                        self.tell(Happening::Understood {
                            turn,
                            understanding: Box::new(understanding),
                        });
                    }
                }
                Work::Parse { requests, understander, reply } => {
                    let mut all = Vec::with_capacity(requests.len());
                    for request in &requests {
                        if reply.is_closed() {
                            break;
                        }
                        all.push(self.understand(&understander, request, Duration::ZERO));
                    }
                    // The client may have left.
                    let _ = reply.send(all);
                }
            }
            if let Some(understander) = self.wanted.take() {
                self.train(&understander);
            }
        }
    }

    fn tell(&self, happening: Happening) {
        // The daemon is stopping when nobody listens.
        let _ = self.happenings.send(happening);
    }

    fn understand(
        &mut self,
        understander: &Understander,
        request: &Request,
        template_time: Duration,
    ) -> Understanding {
        let encoder = self.encoder.as_mut().map(|(encoder, ..)| encoder as &mut dyn Encoder);
        understander.understand_freely(request, template_time, encoder)
    }

    fn load(&mut self) {
        let started = Instant::now();
        let manifests: Vec<PathBuf> =
            self.config.models.iter().flat_map(|folder| encoder_manifests(folder)).collect();
        let Some(path) = manifests.first() else {
            let looked: Vec<String> =
                self.config.models.iter().map(|f| f.display().to_string()).collect();
            let why =
                format!("no encoder model in {}; fetch it with `make models`", looked.join(" or "));
            return self.tell(Happening::Encoder(EncoderState::Unloaded(why)));
        };
        self.tell(Happening::Encoder(EncoderState::Loading));
        match load_from(path, &self.config) {
            Ok((encoder, id)) => {
                let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.encoder = Some((encoder, id, ms));
            }
            Err(why) => self.tell(Happening::Encoder(EncoderState::Failed(why))),
        }
    }

    fn train(&mut self, understander: &Understander) {
        let Some((encoder, model, load_ms)) = &mut self.encoder else { return };
        let started = Instant::now();
        let mut said = Instant::now();
        let mut progress = |done: usize, all: usize| {
            if said.elapsed() > Duration::from_secs(2) {
                said = Instant::now();
                log::info!("training: {done} of {all} sentences");
            }
        };
        let cache = self.config.cache.join("understanding");
        if let Err(error) = std::fs::create_dir_all(&cache) {
            log::warn!(
                "{} cannot be made, heads are trained at every start: {error}",
                cache.display()
            );
        }
        let trained = Heads::train(
            understander.training_set(),
            understander.entities(),
            encoder,
            Some(&cache),
            &mut progress,
        );
        let (model, load_ms) = (model.clone(), *load_ms);
        match trained {
            Ok(heads) => {
                let heads_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.tell(Happening::Heads {
                    of: understander.fingerprint(),
                    heads: Arc::new(heads),
                });
                self.tell(Happening::Encoder(EncoderState::Ready { model, load_ms, heads_ms }));
            }
            Err(fault) => self.tell(Happening::Encoder(EncoderState::Failed(fault.to_string()))),
        }
    }
}

/// Manifests of models in a folder: `<folder>/<id>.toml` with the files in `<folder>/<id>/`,
/// or `<folder>/<id>/<id>.toml` beside them.
fn encoder_manifests(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter_map(|path| {
            if path.extension().is_some_and(|e| e == "toml") {
                return Some(path);
            }
            let inside = path.join(path.file_name()?).with_extension("toml");
            inside.is_file().then_some(inside)
        })
        .collect();
    found.sort();
    found
}

fn load_from(path: &Path, config: &InferenceConfig) -> Result<(SentenceEncoder, String), String> {
    let manifest = ModelManifest::read(path).map_err(|e| e.to_string())?;
    let beside = path.parent().unwrap_or(Path::new(".")).to_owned();
    let inside = beside.join(&manifest.id);
    let folder = if inside.is_dir() { inside } else { beside };
    let cache = config.cache.join("models");
    let options = EncoderOptions {
        cache: Some(&cache),
        kernels: Kernels::named(&config.kernels).map_err(|e| e.to_string())?,
        memory_limit: config.memory_limit,
    };
    let encoder = SentenceEncoder::open(&manifest, &folder, &options).map_err(|e| e.to_string())?;
    match encoder.packing() {
        Packing::Cached => {}
        Packing::Packed => {
            log::info!("{} is packed for the {} kernels", manifest.id, options.kernels.name())
        }
        Packing::InMemory { why } => log::warn!(
            "{} takes {} MiB of memory that a packed file would share, and is packed at every start: {why}",
            manifest.id,
            encoder.memory_bytes() >> 20
        ),
    }
    Ok((encoder, manifest.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_understanding::Vocabulary;

    #[test]
    fn of_many_trainings_the_last_is_kept_even_where_the_queue_is_full() {
        let (work, queue) = mpsc::sync_channel(2);
        let inference = Inference { work, wanted: Wanted::default() };
        let understander = Understander::build("en", &[], &Vocabulary::new()).expect("builds");
        for _ in 0..40 {
            inference.train(understander.clone());
        }
        assert_eq!(queue.try_iter().count(), 2);
        assert!(inference.wanted.take().is_some(), "the last one waits");
        assert!(inference.wanted.take().is_none(), "and is trained once");
    }
}
