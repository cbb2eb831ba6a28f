//! A model's manifest of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../daemon/inference/src"]
mod inference {
    pub mod error;
    pub mod manifest;
}
use inference::{error, manifest::ModelManifest};

fuzz_target!(|text: &str| {
    if let Ok(manifest) = ModelManifest::parse(text) {
        for file in &manifest.files {
            assert!(!file.name.contains('/') && file.name != ".." && file.sha256.len() == 64);
        }
    }
});
