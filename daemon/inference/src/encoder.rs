//! The sentence encoder on tract: verified files in, vectors out.
//!
//! Must not parse a file before its size and SHA-256 are right, must not panic on any
//! file or text, and must not start a thread: its owner runs it on the inference thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use prost::Message;
use prost::bytes::Bytes;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{
    DatumType, Framework, InferenceModelExt, IntoRunnable, IntoTensor, RunnableModel, TValue,
    TractResult, TypedFact, TypedOp, tensor1, tvec,
};
use valet_core::encoder::{Encoder, EncoderFault, Encoding};

use crate::error::InferenceError;
use crate::manifest::{EncoderShape, FileRole, ModelManifest};
use crate::verified::{hex_sha256, read_verified};
use crate::wordpiece::Vocabulary;

/// Which of a model's graphs runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats: the reference, four times the memory.
    F32,
    /// int8 weights: what ships.
    Int8,
}

impl Precision {
    fn role(self) -> FileRole {
        match self {
            Precision::F32 => FileRole::GraphF32,
            Precision::Int8 => FileRole::GraphInt8,
        }
    }
}

type Plan = Arc<RunnableModel<TypedFact, Box<dyn TypedOp>>>;

/// A sentence encoder that is loaded and has run once.
pub struct SentenceEncoder {
    vocabulary: Vocabulary,
    shape: EncoderShape,
    fingerprint: String,
    plan: Plan,
}

impl std::fmt::Debug for SentenceEncoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SentenceEncoder")
            .field("shape", &self.shape)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl SentenceEncoder {
    /// Loads the vocabulary and one graph that `manifest` names from `folder`, and runs
    /// one short text through it to see that its shapes are right.
    ///
    /// # Errors
    /// [`InferenceError`]: a file that is missing or has other bytes than the manifest
    /// says, a vocabulary or a graph that cannot be used. Never panics.
    pub fn load(
        manifest: &ModelManifest,
        folder: &Path,
        precision: Precision,
    ) -> Result<Self, InferenceError> {
        let vocabulary_file = manifest.file(FileRole::Vocabulary)?;
        let graph_file = manifest.file(precision.role())?;
        let bytes = read_verified(
            &folder.join(&vocabulary_file.name),
            vocabulary_file.size,
            &vocabulary_file.sha256,
        )?;
        let vocabulary = Vocabulary::parse(&bytes)?;
        let bytes =
            read_verified(&folder.join(&graph_file.name), graph_file.size, &graph_file.sha256)?;
        let fingerprint =
            hex_sha256(format!("{}\n{}\n", vocabulary_file.sha256, graph_file.sha256).as_bytes());
        let plan = guarded(move || plan(bytes)).map_err(|why| InferenceError::Graph { why })?;
        let mut encoder =
            SentenceEncoder { vocabulary, shape: manifest.encoder, fingerprint, plan };
        encoder.run("ready").map_err(|why| InferenceError::Graph { why })?;
        Ok(encoder)
    }

    fn run(&mut self, text: &str) -> Result<Encoding, String> {
        let tokens = self.vocabulary.tokenize(text, self.shape.token_limit);
        let length = tokens.ids.len();
        let ids: Vec<i64> = tokens.ids.iter().map(|id| i64::from(*id)).collect();
        let outputs = guarded(|| self.plan.run(tvec!(tensor1(&ids).into_tensor().into())))?;
        let [sentence, rows] = outputs.as_slice() else {
            return Err(format!("{} outputs where 2 are expected", outputs.len()));
        };
        let width = self.shape.dimensions;
        let sentence = normalised(values(sentence, &[width])?)?;
        let rows = values(rows, &[length, width])?;
        // The rows of [CLS] and [SEP] belong to no word.
        let token_vectors = rows[width..(length - 1) * width].to_vec();
        Ok(Encoding { sentence, tokens: tokens.spans, token_vectors })
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
        self.run(text).map_err(|why| EncoderFault { why })
    }
}

fn plan(bytes: Vec<u8>) -> TractResult<Plan> {
    // `Bytes` and this order keep what stays resident small: decoding from a slice makes
    // and frees a copy of each tensor, after which the C library puts the tensors into
    // its heap between others and never gives their room back.
    let proto = ModelProto::decode(Bytes::from(bytes))?;
    let model = tract_onnx::onnx().model_for_proto_model(&proto)?;
    drop(proto);
    model.into_optimized()?.into_runnable()
}

/// Runs `work` and turns an error or a panic into words.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("without a word");
            Err(format!("the runtime panicked: {said}"))
        }
    }
}

fn values<'a>(output: &'a TValue, shape: &[usize]) -> Result<&'a [f32], String> {
    if output.datum_type() != DatumType::F32 || output.shape() != shape {
        return Err(format!(
            "an output is {:?} {:?} where F32 {shape:?} is expected",
            output.datum_type(),
            output.shape()
        ));
    }
    output
        .try_as_plain_ram()
        .and_then(|plain| plain.as_slice::<f32>())
        .map_err(|error| format!("{error:#}"))
}

fn normalised(vector: &[f32]) -> Result<Vec<f32>, String> {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 && norm.is_finite() {
        Ok(vector.iter().map(|value| value / norm).collect())
    } else {
        Err(format!("the sentence vector has length {norm}"))
    }
}
