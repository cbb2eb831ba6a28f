//! An encoder that was loaded, and the heads trained on it. The one place that opens an encoder.
//!
//! Must not decide which model serves, and must not outlive a wish to give up by more than a
//! few sentences.

use super::{
    EncoderState, Lesson,
    standing::{Paid, Standing},
};
use crate::{config::Config, models::Model, paths::Paths};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use valet_core::encoder::{Encoder, EncoderFault, Encoding};
use valet_inference::{EncoderOptions, Kernels, Packing, SentenceEncoder};
use valet_understanding::heads::{Earlier, Heads, carried};

/// Below the cache, the folder with one folder of heads a model.
const HEADS_FOLDER: &str = "understanding";
/// Below the cache, the folder of packed models, their names beginning with the model's id.
const PACKED_FOLDER: &str = "models";
/// Texts that are encoded between two looks at whether somebody still wants them: enough to be
/// run together.
const TEXTS_AT_ONCE: usize = 16;

/// How encoders are opened.
#[derive(Debug, Clone)]
pub(crate) struct EncoderSettings {
    /// Folder for trained heads and packed models.
    pub cache: PathBuf,
    /// Name of the kernels that run an encoder, or `auto`.
    pub kernels: String,
    /// Threads that share its products, the inference thread among them.
    pub threads: usize,
    /// Most memory that one may take besides what is mapped, bytes.
    pub memory_limit: Option<u64>,
}

impl EncoderSettings {
    /// As the configuration says.
    #[must_use]
    pub(crate) fn of(paths: &Paths, config: &Config) -> Self {
        Self {
            cache: paths.cache.clone(),
            kernels: config.kernels.clone(),
            threads: config.model_threads,
            memory_limit: config.model_memory_bytes,
        }
    }
}

/// An encoder that can be asked.
pub(crate) struct Loaded {
    encoder: SentenceEncoder,
    model: String,
    load_ms: u64,
    standing: Standing,
}

/// From where the embeddings of a training came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sentences {
    /// Computed before the heads were there.
    pub(crate) computed: usize,
    /// Lent by packages.
    pub(crate) lent: usize,
}

/// Heads on an encoder.
#[derive(Debug, Clone)]
pub(crate) struct Trained {
    /// Fingerprint of the understander they belong to.
    pub(crate) of: [u8; 32],
    /// The heads.
    pub(crate) heads: Arc<Heads>,
    /// Time to get them, ms: from the cache or trained.
    pub(crate) heads_ms: u64,
    /// From where the embeddings came.
    pub(crate) sentences: Sentences,
}

/// Why there are no heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Untrained {
    /// Nobody wants them any more.
    GivenUp,
    /// The encoder failed.
    Fault(String),
}

impl Loaded {
    /// Loads a model; its files are checked before anything of them is parsed.
    ///
    /// # Errors
    /// Why it cannot be used, for a person.
    pub(crate) fn load(model: &Model, settings: &EncoderSettings) -> Result<Self, String> {
        let started = Instant::now();
        let encoder = load_from(model, settings)?;
        let (model, load_ms) = (model.id().to_owned(), ms_since(started));
        Ok(Self { encoder, model, load_ms, standing: Standing::default() })
    }

    /// Time to load it, ms.
    #[must_use]
    pub(crate) fn load_ms(&self) -> u64 {
        self.load_ms
    }

    pub(super) fn encoder(&mut self) -> &mut SentenceEncoder {
        &mut self.encoder
    }

    /// What it says of sentences, as the file that a skill carries, and the fingerprint by which that is named.
    ///
    /// # Errors
    /// The encoder's fault.
    pub(crate) fn embed(&mut self, texts: &BTreeSet<String>) -> Result<(String, Vec<u8>), String> {
        let file = carried::make(texts, &mut self.encoder).map_err(|fault| fault.to_string())?;
        Ok((self.encoder.fingerprint().to_owned(), file))
    }

    /// What is said of it once heads are there.
    #[must_use]
    pub(crate) fn ready(&self, trained: &Trained) -> EncoderState {
        EncoderState::Ready {
            model: self.model.clone(),
            load_ms: self.load_ms,
            heads_ms: trained.heads_ms,
            memory_bytes: self.encoder.memory_bytes(),
        }
    }

    /// Heads for a lesson, from the cache or trained; what earlier ones know of the same skills is not learned again. Ends within a few sentences once
    /// `given_up` says so; `progress` is told sentences embedded and sentences in all.
    ///
    /// # Errors
    /// [`Untrained`]. A cache that cannot be used is no error.
    pub(crate) fn train(
        &mut self,
        lesson: &Lesson,
        cache: &Path,
        given_up: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Trained, Untrained> {
        let started = Instant::now();
        let cache = heads_folder(cache, &self.model);
        if let Err(error) = std::fs::create_dir_all(&cache) {
            log::warn!(
                "{} cannot be made, heads are trained at every start: {error}",
                cache.display()
            );
        }
        self.standing.begin_anew();
        let mut encoder = Interruptible { encoder: &mut self.encoder, given_up };
        let (understander, mut packages) = (lesson.understander(), lesson.packages());
        let earlier = Earlier { cache: Some(&cache), heads: self.standing.proved() };
        let training = Heads::train_on_loan(
            understander.training_set(),
            understander.entities(),
            &mut encoder,
            (earlier, Some(&mut packages)),
            progress,
        );
        self.rest();
        match training {
            _ if given_up() => Err(Untrained::GivenUp),
            Ok(training) => Ok(self.standing.take(training, lesson, ms_since(started))),
            Err(fault) => Err(Untrained::Fault(fault.to_string())),
        }
    }

    /// Whether the heads stand on packages' words, or are not written yet.
    pub(super) fn owes(&self) -> bool {
        self.standing.owes()
    }

    /// Computes one sentence that is owed, where there is one.
    pub(super) fn pay(&mut self) -> Paid {
        let paid = self.standing.pay(&mut self.encoder);
        if !self.standing.owes() {
            self.rest();
        }
        paid
    }

    /// Gives back what only work needs, for it may be long until there is some.
    pub(super) fn rest(&self) {
        self.encoder.rest();
        crate::allocator::give_back();
    }
}

/// The folder of a model's heads. Each model has its own, so that a switch back trains nothing.
fn heads_folder(cache: &Path, model: &str) -> PathBuf {
    cache.join(HEADS_FOLDER).join(model)
}

/// Removes the heads and packed files of all models but these; whatever else lies there stays.
pub(crate) fn forget_others(cache: &Path, kept: &[&str]) {
    for folder in entries(&cache.join(HEADS_FOLDER)) {
        let known = folder.file_name().is_some_and(|name| kept.iter().any(|id| name == *id));
        if !known && folder.is_dir() {
            say_if_left(&folder, std::fs::remove_dir_all(&folder));
        }
    }
    for file in entries(&cache.join(PACKED_FOLDER)) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let known =
            kept.iter().any(|id| name.strip_prefix(id).is_some_and(|rest| rest.starts_with('.')));
        if !known && name.ends_with(".packed") {
            say_if_left(&file, std::fs::remove_file(&file));
        }
    }
}

/// What lies in a folder; nothing where it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

fn say_if_left(path: &Path, removed: std::io::Result<()>) {
    if let Err(error) = removed {
        log::warn!("{} is not needed and cannot be removed: {error}", path.display());
    }
}

fn load_from(model: &Model, settings: &EncoderSettings) -> Result<SentenceEncoder, String> {
    let cache = settings.cache.join(PACKED_FOLDER);
    let options = EncoderOptions {
        cache: Some(&cache),
        kernels: Kernels::named(&settings.kernels).map_err(|e| e.to_string())?,
        threads: settings.threads,
        memory_limit: settings.memory_limit,
    };
    let encoder = SentenceEncoder::open(&model.manifest, &model.folder, &options)
        .map_err(|e| e.to_string())?;
    match encoder.packing() {
        Packing::Cached => {}
        Packing::Packed => {
            log::info!("{} is packed for the {} kernels", model.id(), options.kernels.name())
        }
        Packing::InMemory { why } => log::warn!(
            "{} takes {} MiB of memory that a packed file would share, and is packed at every start: {why}",
            model.id(),
            encoder.memory_bytes() >> 20
        ),
    }
    Ok(encoder)
}

fn ms_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// An encoder that reads no further text once nobody wants it.
struct Interruptible<'a> {
    encoder: &'a mut SentenceEncoder,
    given_up: &'a dyn Fn() -> bool,
}

impl Interruptible<'_> {
    fn go_on(&self) -> Result<(), EncoderFault> {
        if (self.given_up)() {
            return Err(EncoderFault { why: "nobody wants it any more".into() });
        }
        Ok(())
    }
}

impl Encoder for Interruptible<'_> {
    fn fingerprint(&self) -> &str {
        self.encoder.fingerprint()
    }

    fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
        self.go_on()?;
        self.encoder.encode(text)
    }

    fn encode_all(&mut self, texts: &[&str]) -> Result<Vec<Encoding>, EncoderFault> {
        let mut all = Vec::with_capacity(texts.len());
        for some in texts.chunks(TEXTS_AT_ONCE) {
            self.go_on()?;
            all.extend(self.encoder.encode_all(some)?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_of_models_that_are_neither_active_nor_the_one_before_is_removed() {
        let cache = tempfile::tempdir().expect("a folder");
        let packed = |name: &str| cache.path().join(PACKED_FOLDER).join(name);
        std::fs::create_dir_all(packed("")).expect("made");
        for model in ["a", "b", "c-1.0"] {
            let folder = heads_folder(cache.path(), model);
            std::fs::create_dir_all(&folder).expect("made");
            std::fs::write(folder.join("heads.bin"), b"x").expect("written");
            std::fs::write(packed(&format!("{model}.avx2.packed")), b"x").expect("written");
        }
        std::fs::write(packed("note.txt"), b"x").expect("written");
        forget_others(cache.path(), &["a", "c-1.0"]);
        for (model, stays) in [("a", true), ("b", false), ("c-1.0", true)] {
            let heads = heads_folder(cache.path(), model).join("heads.bin");
            assert_eq!(heads.exists(), stays, "{model}");
            assert_eq!(packed(&format!("{model}.avx2.packed")).exists(), stays, "{model}");
        }
        assert!(packed("note.txt").exists(), "what is not ours stays");
    }
}
