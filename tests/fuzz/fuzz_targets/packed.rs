//! A packed model with changes, its length and checksum made right again: it is mapped or packed anew, and
//! an encoder that opens encodes or says why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{fs, path::PathBuf, sync::LazyLock};
use twox_hash::XxHash3_128;
use valet_core::encoder::Encoder as _;
use valet_fuzz::{Changes, hear_panics_when_asked, tiny};
use valet_inference::{EncoderOptions, ModelManifest, SentenceEncoder};

/// Where the opening of a packed file holds its length, and its checksum; where what is summed begins.
const LENGTH_AT: usize = 8;
const CHECKSUM_AT: usize = 32;
const FIRST_SECTION: usize = 4096;

struct Packed {
    manifest: ModelManifest,
    cache: PathBuf,
    place: PathBuf,
    bytes: Vec<u8>,
}

static PACKED: LazyLock<Packed> = LazyLock::new(|| {
    fs::write(tiny::FOLDER.join("graph.onnx"), tiny::GRAPH).expect("the folder takes it");
    let (manifest, cache) = (tiny::manifest(tiny::GRAPH), tiny::FOLDER.join("cache"));
    fs::create_dir_all(&cache).expect("the folder takes a folder");
    assert!(encodes(&manifest, &cache), "the tiny model encodes");
    let files = fs::read_dir(&cache).expect("a folder").filter_map(Result::ok);
    let place = files.map(|file| file.path()).next().expect("it was packed");
    let bytes = fs::read(&place).expect("it is there");
    Packed { manifest, cache, place, bytes }
});

fn encodes(manifest: &ModelManifest, cache: &std::path::Path) -> bool {
    let options = EncoderOptions { cache: Some(cache), ..EncoderOptions::default() };
    let encoder = SentenceEncoder::open(manifest, &tiny::FOLDER, &options);
    encoder.is_ok_and(|mut encoder| encoder.encode("fan fan").is_ok())
}

/// Makes length and checksum those of the rest.
fn seal(bytes: &mut [u8]) {
    if bytes.len() < FIRST_SECTION {
        return;
    }
    let length = (bytes.len() as u64).to_le_bytes();
    bytes[LENGTH_AT..][..8].copy_from_slice(&length);
    let mut hash = XxHash3_128::new();
    hash.write(&bytes[FIRST_SECTION..]);
    hash.write(&bytes[..CHECKSUM_AT]);
    bytes[CHECKSUM_AT..][..16].copy_from_slice(&hash.finish_128().to_le_bytes());
}

fuzz_target!(
    // What the runtime panics with is caught by the encoder and becomes a refusal.
    init: hear_panics_when_asked(),
    |changes: Changes| {
        let Packed { manifest, cache, place, bytes } = &*PACKED;
        let mut bytes = changes.applied_to(bytes);
        seal(&mut bytes);
        fs::write(place, &bytes).expect("the cache takes it");
        assert!(encodes(manifest, cache) || !changes.is_empty());
    }
);
