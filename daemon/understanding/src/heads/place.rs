//! Where what is learned is kept from one start to the next.
//!
//! Must not know what is in the files, only which of them still count.

use super::{
    Heads, cache,
    embeddings::{self, Embeddings},
};
use crate::training::TrainingSet;
use std::path::{Path, PathBuf};

/// Changes whenever training would give other heads from the same samples.
const RECIPE: &[u8] = b"heads-14";
/// Where a training is kept, and what seals it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) texts_file: PathBuf,
    pub(super) of_encoder: cache::Key,
    pub(super) heads_file: PathBuf,
    pub(super) of_heads: cache::Key,
}

impl Place {
    pub(super) fn of(folder: &Path, set: &TrainingSet, fingerprint: &str) -> Self {
        let of_encoder = embeddings::own_key(fingerprint);
        Self {
            texts_file: folder.join("embeddings.bin"),
            heads_file: folder.join("heads.bin"),
            of_heads: cache::key_of(&[RECIPE, &of_encoder, &set.fingerprint]),
            of_encoder,
        }
    }

    /// Writes embeddings, and heads where there are some.
    pub(super) fn keep(&self, embeddings: &Embeddings, heads: Option<&Heads>) {
        let written = embeddings.write(&self.texts_file, &self.of_encoder).and_then(|()| {
            heads.map_or(Ok(()), |heads| {
                cache::write(&self.heads_file, &self.of_heads, &heads.to_bytes())
            })
        });
        if let Err(why) = written {
            log::warn!("the trained heads cannot be kept, the next start trains again: {why}");
        }
    }
}
