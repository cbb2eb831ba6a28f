//! A graph of any bytes behind a manifest that vouches for it: the encoder is loaded or refused,
//! and no panic of the runtime gets out. The bytes come as they are, and as changes of a graph
//! that is right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{fs, path::PathBuf, sync::LazyLock};
use valet_core::encoder::Encoder as _;
use valet_fuzz::{Changes, hear_panics_when_asked, scratch_folder};
use valet_inference::{EncoderOptions, ModelManifest, SentenceEncoder, hex_sha256};

const VOCABULARY: &str = "[UNK]\n[CLS]\n[SEP]\nfan\n";

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = scratch_folder();
    fs::write(folder.join("vocab.txt"), VOCABULARY).expect("the folder takes it");
    folder
});

/// A manifest that names the vocabulary and this graph.
fn manifest(graph: &[u8]) -> Option<ModelManifest> {
    let mut manifest = ModelManifest::parse(include_str!("../../../models/all-minilm-l6-v2.toml"))
        .expect("the shipped manifest is right");
    manifest.encoder.dimensions = 2;
    for file in &mut manifest.files {
        let (name, bytes) = match file.role {
            valet_inference::FileRole::Vocabulary => ("vocab.txt", VOCABULARY.as_bytes()),
            _ => ("graph.onnx", graph),
        };
        name.clone_into(&mut file.name);
        file.size = bytes.len() as u64;
        file.sha256 = hex_sha256(bytes);
    }
    (!graph.is_empty()).then_some(manifest)
}

/// A graph that the encoder takes: the tokens as numbers, twice, and their mean.
const TINY: &[u8] = include_bytes!("../seeds/fuzz_graph/tiny.onnx");

/// Loads an encoder with this graph and encodes a text; whether both could be done.
fn encodes(graph: &[u8]) -> bool {
    let Some(manifest) = manifest(graph) else { return false };
    fs::write(FOLDER.join("graph.onnx"), graph).expect("the folder takes it");
    let encoder = SentenceEncoder::open(&manifest, &FOLDER, &EncoderOptions::default());
    encoder.is_ok_and(|mut encoder| encoder.encode("fan fan").is_ok())
}

fuzz_target!(
    // What the runtime panics with is caught by the encoder and becomes a refusal.
    init: hear_panics_when_asked(),
    |parts: (Changes, &[u8])| {
        let (changes, bytes) = parts;
        encodes(bytes);
        assert!(encodes(&changes.applied_to(TINY)) || !changes.is_empty());
    }
);
