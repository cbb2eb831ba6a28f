//! The encoder that the benches run, from the manifest and the files of the recipe.
//!
//! Must not fetch anything.

use crate::memo::Memo;
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use valet_core::encoder::Encoder;
use valet_inference::{EncoderOptions, Kernels, ModelManifest, SentenceEncoder};

/// Where the models are and which one runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArguments {
    /// The folder of the manifests; the files lie in its `cache/<id>/`.
    #[arg(long, default_value = "models")]
    pub(crate) models: PathBuf,
    /// Which model.
    #[arg(long, default_value = "all-minilm-l6-v2")]
    pub(crate) model: String,
    /// Run the 32-bit graph instead of the int8 one.
    #[arg(long)]
    pub(crate) f32: bool,
    /// The kernels that run the int8 graph.
    #[arg(long, default_value = "auto")]
    pub(crate) kernels: String,
    /// Threads that share its products.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Folder for packed models; without one the weights are packed into memory.
    #[arg(long)]
    pub(crate) packed: Option<PathBuf>,
    /// Keep encodings in this file and take them from there: for work on the heads, never for
    /// figures of the encoder.
    #[arg(long)]
    pub(crate) memo: Option<PathBuf>,
}

impl ModelArguments {
    /// Loads the bare encoder.
    pub(crate) fn load(&self) -> anyhow::Result<SentenceEncoder> {
        let (manifest, folder) = self.manifest()?;
        let options = EncoderOptions {
            cache: self.packed.as_deref(),
            kernels: Kernels::named(&self.kernels)?,
            threads: self.threads,
            memory_limit: None,
        };
        let encoder = if self.f32 {
            SentenceEncoder::open_f32(&manifest, &folder)
        } else {
            SentenceEncoder::open(&manifest, &folder, &options)
        };
        encoder.with_context(|| format!("the encoder in {}", folder.display()))
    }

    /// The manifest, and the folder of the files.
    pub(crate) fn manifest(&self) -> anyhow::Result<(ModelManifest, PathBuf)> {
        let file = self.models.join(format!("{}.toml", self.model));
        Ok((ModelManifest::read(&file)?, self.models.join("cache").join(&self.model)))
    }

    /// Loads the encoder, behind the memory of earlier runs where that is asked for.
    pub(crate) fn encoder(&self) -> anyhow::Result<Box<dyn Encoder>> {
        let encoder = self.load()?;
        Ok(match &self.memo {
            Some(file) => Box::new(Memo::open(file, encoder)?),
            None => Box::new(encoder),
        })
    }
}
