//! The encoder and its tokenizer against outputs of other implementations of the same
//! model: pieces from the Python `tokenizers` package, vectors from a 64-bit
//! evaluation of the published weights (see `models/README.md`).
//!
//! One span of `data/tokens.json` is ours: a stripped mark keeps its bytes with its letter
//! also at the end of a piece, where the reference leaves them out.
//!
//! Must read the real files in `models/cache/`, and fail where they are missing.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use valet_core::encoder::Encoder;
use valet_inference::{EncoderOptions, FileRole, ModelManifest, SentenceEncoder, Vocabulary};

#[derive(Deserialize)]
struct Cut {
    text: String,
    ids: Vec<u32>,
    spans: Vec<(u32, u32)>,
}

#[derive(Deserialize)]
struct Reference {
    text: String,
    pieces: usize,
    sentence: Vec<f32>,
    first_token: Vec<f32>,
    last_token: Vec<f32>,
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn manifest() -> ModelManifest {
    ModelManifest::read(&models().join("all-minilm-l6-v2.toml")).expect("the manifest reads")
}

fn folder() -> PathBuf {
    let folder = models().join("cache/all-minilm-l6-v2");
    assert!(
        folder.join("vocab.txt").is_file(),
        "{} is missing: run models/fetch",
        folder.display()
    );
    folder
}

fn int8_encoder() -> SentenceEncoder {
    SentenceEncoder::open(&manifest(), &folder(), &EncoderOptions::default())
        .unwrap_or_else(|error| panic!("{error}: run models/fetch"))
}

fn f32_encoder() -> SentenceEncoder {
    SentenceEncoder::open_f32(&manifest(), &folder())
        .unwrap_or_else(|error| panic!("{error}: run models/fetch"))
}

fn data<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    serde_json::from_slice(&std::fs::read(path).expect("the vectors are there"))
        .expect("the vectors are JSON")
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn pieces_and_spans_are_those_of_the_reference_tokenizer() {
    let bytes = std::fs::read(folder().join("vocab.txt")).unwrap();
    let vocabulary = Vocabulary::parse(&bytes).unwrap();
    assert_eq!(vocabulary.piece_count(), 30522);
    let cuts: Vec<Cut> = data("tokens.json");
    assert!(cuts.len() >= 30);
    for cut in cuts {
        let tokens = vocabulary.tokenize(&cut.text, 256);
        assert_eq!(tokens.ids, cut.ids, "{:?}", cut.text);
        let spans: Vec<(u32, u32)> =
            tokens.spans.iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(spans, cut.spans, "{:?}", cut.text);
    }
}

#[test]
fn the_f32_graph_agrees_with_the_reference_to_four_digits() {
    let mut encoder = f32_encoder();
    assert_eq!(encoder.dimensions(), 384);
    for reference in data::<Reference>("vectors.json") {
        let encoding = encoder.encode(&reference.text).unwrap();
        assert_eq!(encoding.tokens.len() + 2, reference.pieces);
        assert_eq!(encoding.token_vectors.len(), encoding.tokens.len() * 384);
        let off = largest_difference(&encoding.sentence, &reference.sentence);
        assert!(off < 1e-4, "{:?}: {off}", reference.text);
        let first = &encoding.token_vectors[..64];
        let last = encoding.token_vectors.rchunks(384).next().unwrap();
        assert!(largest_difference(first, &reference.first_token) < 1e-3, "{:?}", reference.text);
        assert!(
            largest_difference(&last[..64], &reference.last_token) < 1e-3,
            "{:?}",
            reference.text
        );
    }
}

#[test]
fn the_int8_graph_keeps_a_cosine_of_99_hundredths() {
    let mut encoder = int8_encoder();
    let references: Vec<Reference> = data("vectors.json");
    let encodings: Vec<_> =
        references.iter().map(|reference| encoder.encode(&reference.text).unwrap()).collect();
    for (encoding, reference) in encodings.iter().zip(&references) {
        let sentence = cosine(&encoding.sentence, &reference.sentence);
        assert!(sentence > 0.99, "{:?}: {sentence}", reference.text);
        let token = cosine(&encoding.token_vectors[..64], &reference.first_token);
        assert!(token > 0.98, "{:?}: {token}", reference.text);
    }
    for (a, b) in (1..references.len()).map(|index| (index - 1, index)) {
        let found = cosine(&encodings[a].sentence, &encodings[b].sentence);
        let expected = cosine(&references[a].sentence, &references[b].sentence);
        assert!((found - expected).abs() < 0.03, "{found} where {expected} is expected");
    }
}

#[test]
fn the_same_text_gives_the_same_vectors_and_each_graph_its_own_fingerprint() {
    let (mut f32_graph, mut int8_graph) = (f32_encoder(), int8_encoder());
    assert_ne!(f32_graph.fingerprint(), int8_graph.fingerprint());
    assert_eq!(int8_graph.fingerprint().len(), 64);
    for graph in [&mut f32_graph, &mut int8_graph] {
        let first = graph.encode("lock all doors").unwrap();
        graph.encode("something longer in between, of another length").unwrap();
        assert_eq!(graph.encode("lock all doors").unwrap(), first);
    }
}

#[test]
fn an_empty_text_and_a_very_long_one_are_encoded() {
    let mut encoder = int8_encoder();
    for (text, tokens) in [(String::new(), 0), ("open ".repeat(5000), 254), ("\0".repeat(9), 0)] {
        let encoding = encoder.encode(&text).unwrap();
        assert_eq!(encoding.tokens.len(), tokens);
        let norm: f32 = encoding.sentence.iter().map(|value| value * value).sum();
        assert!((norm - 1.0).abs() < 1e-4);
    }
}

#[test]
fn a_file_missing_cut_short_or_changed_is_refused_before_it_is_parsed() {
    let manifest = manifest();
    let copy = tempfile::tempdir().unwrap();
    let load = || {
        SentenceEncoder::open(&manifest, copy.path(), &EncoderOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert!(load().contains("vocab.txt"), "{}", load());
    std::fs::copy(folder().join("vocab.txt"), copy.path().join("vocab.txt")).unwrap();
    assert!(load().contains("encoder-int8.onnx"), "{}", load());
    let mut graph = std::fs::read(folder().join("encoder-int8.onnx")).unwrap();
    let place = copy.path().join("encoder-int8.onnx");
    std::fs::write(&place, &graph[..graph.len() - 1]).unwrap();
    assert!(load().contains("bytes where the manifest says"), "{}", load());
    let middle = graph.len() / 2;
    graph[middle] ^= 1;
    std::fs::write(&place, &graph).unwrap();
    assert!(load().contains("sha-256"), "{}", load());
}

/// A manifest that vouches for `bytes`, to see what the runtime makes of them.
fn vouched(bytes: &[u8], dimensions: usize) -> Result<SentenceEncoder, String> {
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder().join("vocab.txt"), copy.path().join("vocab.txt")).expect("copied");
    std::fs::write(copy.path().join("encoder-int8.onnx"), bytes).expect("written");
    let mut manifest = manifest();
    manifest.encoder.dimensions = dimensions;
    for file in &mut manifest.files {
        if file.role == FileRole::GraphInt8 {
            file.size = bytes.len() as u64;
            file.sha256 = valet_inference::hex_sha256(bytes);
        }
    }
    SentenceEncoder::open(&manifest, copy.path(), &EncoderOptions::default())
        .map_err(|error| error.to_string())
}

#[test]
fn vouched_bytes_that_are_no_such_graph_are_an_error_and_no_panic() {
    let graph = std::fs::read(folder().join("encoder-int8.onnx")).unwrap();
    for bytes in
        [&b"not a graph at all"[..], &[0xff; 64], &graph[..1000], &graph[..graph.len() / 2]]
    {
        let said = vouched(bytes, 384).unwrap_err();
        assert!(said.starts_with("the graph is not usable"), "{said}");
    }
    // A graph with one output, `x`, that no node makes.
    let said = vouched(b"\x3a\x05\x62\x03\x0a\x01x", 384).unwrap_err();
    assert!(said.contains("0 inputs where one is expected"), "{said}");
    let said = vouched(&graph, 512).unwrap_err();
    assert!(said.contains("Texts(384)") && said.contains("[512]"), "{said}");
    assert!(vouched(&graph, 384).is_ok());
}
