//! The smallest model there can be: its files, and a manifest that vouches for any graph.

use std::{fs, path::PathBuf, sync::LazyLock};
use valet_inference::{FileRole, ModelManifest, hex_sha256};

const VOCABULARY: &str = "[UNK]\n[CLS]\n[SEP]\nfan\n";

/// A graph that the encoder takes: one layer of sixteen values, made by `valet-model quantize` of random weights.
pub const GRAPH: &[u8] = include_bytes!("../seeds/fuzz_graph/tiny.onnx");

/// Holds the vocabulary; the graph is `graph.onnx`, and written by whoever names it in a manifest.
pub static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = crate::scratch_folder();
    fs::write(folder.join("vocab.txt"), VOCABULARY).expect("the folder takes it");
    folder
});

/// A manifest that names the vocabulary and this graph.
#[must_use]
pub fn manifest(graph: &[u8]) -> ModelManifest {
    let mut manifest = ModelManifest::parse(include_str!("../../../models/all-minilm-l6-v2.toml"))
        .expect("the shipped manifest is right");
    manifest.encoder.dimensions = 16;
    manifest.encoder.token_limit = 16;
    manifest.encoder.token_layer = 1;
    for file in &mut manifest.files {
        let (name, bytes) = match file.role {
            FileRole::Vocabulary => ("vocab.txt", VOCABULARY.as_bytes()),
            _ => ("graph.onnx", graph),
        };
        name.clone_into(&mut file.name);
        file.size = bytes.len() as u64;
        file.sha256 = hex_sha256(bytes);
    }
    manifest
}
