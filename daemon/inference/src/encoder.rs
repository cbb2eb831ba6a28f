//! The sentence encoder: verified files in, vectors out.
//!
//! int8 runs on the kernels of this house, from a packed model; the f32 graph runs on tract as it
//! comes, and is what int8 is measured against. Must not panic on any file or text, and must not
//! start a thread unless its options say so: its owner runs it on the inference thread.

mod f32_graph;
mod options;
mod vectors;

use std::path::Path;

use valet_core::encoder::{Encoder, EncoderFault, Encoding};
use valet_kernels::Pool;

use crate::error::InferenceError;
use crate::guard::guarded;
use crate::manifest::{EncoderShape, FileRole, ModelManifest};
use crate::pack::{Packing, Source};
use crate::packed::Doubt;
use crate::runtime::{Runtime, Scratch};
use crate::verified::read_verified;
use crate::wordpiece::{Tokenization, Vocabulary};
use f32_graph::F32Graph;
pub use options::EncoderOptions;

/// Most tokens that are run together: enough to read each weight once for many rows, few enough for
/// the rows to stay in a small cache.
const BATCH_TOKENS: usize = 128;

#[derive(Debug)]
enum Engine {
    Packed(Runtime),
    F32(F32Graph),
}

/// A sentence encoder that is loaded and has run once.
#[derive(Debug)]
pub struct SentenceEncoder {
    vocabulary: Vocabulary,
    shape: EncoderShape,
    fingerprint: String,
    engine: Engine,
    packing: Packing,
}

impl SentenceEncoder {
    /// Opens the int8 model that `manifest` names in `folder`, from the cache where its packed form is,
    /// and runs one short text through it.
    ///
    /// # Errors
    /// [`InferenceError`]: a file that is missing or has other bytes than the manifest says, a vocabulary or
    /// a graph that cannot be used, more memory than is allowed. Never panics.
    pub fn open(
        manifest: &ModelManifest,
        folder: &Path,
        options: &EncoderOptions<'_>,
    ) -> Result<Self, InferenceError> {
        let source = Source { manifest, folder, kernels: options.kernels };
        let unusable = |why: String| InferenceError::Graph { why };
        let fingerprint = source.fingerprint()?;
        let (model, head, packing) = source.open(options.cache)?;
        let (program, [pieces, sorted]) = head.into_parts();
        let doubted = |Doubt(why): Doubt| unusable(why);
        let order = model.numbers::<u32>(sorted, sorted.bytes as usize / 4).map_err(doubted)?;
        let vocabulary = Vocabulary::with_order(model.bytes(pieces).map_err(doubted)?, order)?;
        let shape = manifest.encoder;
        let pool = Pool::new(options.threads).map_err(|why| unusable(why.to_string()))?;
        let scratch = Scratch::new(options.kernels, pool);
        let runtime = Runtime::new(model, program, shape.dimensions, scratch);
        let runtime = runtime.map_err(unusable)?;
        let (pieces, known) = (vocabulary.piece_count(), runtime.pieces());
        if pieces != known {
            return Err(unusable(format!(
                "it has rows for {known} pieces, the vocabulary has {pieces}"
            )));
        }
        if shape.token_limit > runtime.positions() {
            return Err(unusable(format!(
                "it has rows for {} positions where the manifest allows {} tokens",
                runtime.positions(),
                shape.token_limit
            )));
        }
        let engine = Engine::Packed(runtime);
        let mut encoder = SentenceEncoder { vocabulary, shape, fingerprint, engine, packing };
        options.allow(encoder.memory_bytes())?;
        encoder.encode("ready").map_err(|fault| unusable(fault.why))?;
        Ok(encoder)
    }

    /// Opens the f32 graph that `manifest` names in `folder`, on tract's own kernels: the reference,
    /// several times the memory and the time. For the desk.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_f32(manifest: &ModelManifest, folder: &Path) -> Result<Self, InferenceError> {
        let [vocabulary, graph] =
            [manifest.file(FileRole::Vocabulary)?, manifest.file(FileRole::GraphF32)?];
        let read = |file: &crate::manifest::ModelFile| {
            read_verified(&folder.join(&file.name), file.size, &file.sha256)
        };
        let fingerprint = crate::verified::fingerprint(vocabulary, graph);
        let vocabulary = Vocabulary::parse(&read(vocabulary)?)?;
        let graph = F32Graph::load(read(graph)?).map_err(|why| InferenceError::Graph { why })?;
        let engine = Engine::F32(graph);
        let packing = Packing::InMemory { why: "the f32 graph is not packed".to_owned() };
        let shape = manifest.encoder;
        let mut encoder = SentenceEncoder { vocabulary, shape, fingerprint, engine, packing };
        encoder.encode("ready").map_err(|fault| InferenceError::Graph { why: fault.why })?;
        Ok(encoder)
    }

    /// How the weights came into memory.
    #[must_use]
    pub fn packing(&self) -> &Packing {
        &self.packing
    }

    /// Bytes that lie mapped from the packed file, shared with the system's cache of files.
    #[must_use]
    pub fn mapped_bytes(&self) -> u64 {
        match &self.engine {
            Engine::Packed(runtime) => runtime.model().mapped_bytes(),
            Engine::F32(_) => 0,
        }
    }

    /// Bytes of its own besides what is mapped: vocabulary, weights where they could not be mapped,
    /// and the room that a full batch works in. Of the f32 graph, the weights.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let own = match &self.engine {
            Engine::Packed(runtime) => {
                runtime.model().own_bytes()
                    + runtime.room_bytes(BATCH_TOKENS.max(self.shape.token_limit))
            }
            Engine::F32(graph) => graph.bytes(),
        };
        own + self.vocabulary.memory_bytes()
    }

    /// Lets go of the memory that only work needs: the room that a batch took, and the mapped pages, which stay in the
    /// system's cache of files. The next text is slower by what it takes to map and make again what it touches.
    pub fn rest(&self) {
        if let Engine::Packed(runtime) = &self.engine {
            runtime.rest();
        }
    }

    fn tokenize(&self, text: &str) -> Tokenization {
        self.vocabulary.tokenize(text, self.shape.token_limit)
    }

    /// Encodes tokenized texts together.
    fn run(&self, texts: Vec<Tokenization>) -> Result<Vec<Encoding>, String> {
        let Engine::Packed(runtime) = &self.engine else {
            return texts.into_iter().map(|text| self.run_f32(text)).collect();
        };
        let ids: Vec<i64> =
            texts.iter().flat_map(|text| &text.ids).map(|id| i64::from(*id)).collect();
        let lengths: Vec<i64> = texts.iter().map(|text| text.ids.len() as i64).collect();
        let rows = guarded(|| runtime.run(&ids, &lengths))?;
        let width = self.shape.dimensions;
        let sentences = vectors::values(&rows.sentences, &[texts.len(), width])?;
        let mut tokens = vectors::values(&rows.tokens, &[ids.len(), width])?;
        let mut encodings = Vec::with_capacity(texts.len());
        for (text, sentence) in texts.into_iter().zip(sentences.chunks_exact(width)) {
            let (own, rest) = tokens.split_at(text.ids.len() * width);
            tokens = rest;
            encodings.push(vectors::encoding(text, sentence, own)?);
        }
        Ok(encodings)
    }

    fn run_f32(&self, text: Tokenization) -> Result<Encoding, String> {
        let Engine::F32(graph) = &self.engine else {
            return Err("there is no f32 graph".to_owned());
        };
        let (length, width) = (text.ids.len(), self.shape.dimensions);
        let [sentence, tokens] = guarded(|| graph.run(&text.ids))?;
        let sentence = vectors::values(&sentence, &[width])?;
        vectors::encoding(text, sentence, vectors::values(&tokens, &[length, width])?)
    }
}

impl Encoder for SentenceEncoder {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn dimensions(&self) -> usize {
        self.shape.dimensions
    }

    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
        let mut one = self.encode_all(&[text])?;
        one.pop().ok_or_else(|| EncoderFault { why: "nothing came of a text".to_owned() })
    }

    fn encode_all(&mut self, texts: &[&str]) -> Result<Vec<Encoding>, EncoderFault> {
        let mut encodings = Vec::with_capacity(texts.len());
        let (mut batch, mut tokens) = (Vec::new(), 0);
        for text in texts {
            let text = self.tokenize(text);
            if tokens + text.ids.len() > BATCH_TOKENS && !batch.is_empty() {
                let full = std::mem::take(&mut batch);
                encodings.extend(self.run(full).map_err(|why| EncoderFault { why })?);
                tokens = 0;
            }
            tokens += text.ids.len();
            batch.push(text);
        }
        if !batch.is_empty() {
            encodings.extend(self.run(batch).map_err(|why| EncoderFault { why })?);
        }
        Ok(encodings)
    }
}
