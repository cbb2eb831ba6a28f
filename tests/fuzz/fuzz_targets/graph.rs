//! A graph of any bytes behind a manifest that vouches for it: the encoder is loaded or refused,
//! and no panic of the runtime gets out. The bytes come as they are, and as changes of a graph
//! that is right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use valet_core::encoder::Encoder as _;
use valet_fuzz::{Changes, hear_panics_when_asked, tiny};
use valet_inference::{EncoderOptions, SentenceEncoder};

/// Loads an encoder with this graph and encodes a text; whether both could be done.
fn encodes(graph: &[u8]) -> bool {
    if graph.is_empty() {
        return false;
    }
    fs::write(tiny::FOLDER.join("graph.onnx"), graph).expect("the folder takes it");
    let manifest = tiny::manifest(graph);
    let encoder = SentenceEncoder::open(&manifest, &tiny::FOLDER, &EncoderOptions::default());
    encoder.is_ok_and(|mut encoder| encoder.encode("fan fan").is_ok())
}

fuzz_target!(
    // What the runtime panics with is caught by the encoder and becomes a refusal.
    init: hear_panics_when_asked(),
    |parts: (Changes, &[u8])| {
        let (changes, bytes) = parts;
        encodes(bytes);
        assert!(encodes(&changes.applied_to(tiny::GRAPH)) || !changes.is_empty());
    }
);
