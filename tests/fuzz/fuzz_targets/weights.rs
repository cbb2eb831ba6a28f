//! Published weights of any bytes are read or refused, and so is each tensor in them.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The recipe names this crate; here only its error is needed, without the model runtime.
extern crate self as valet_inference;
#[allow(dead_code)]
#[path = "../../../daemon/inference/src"]
mod inference {
    pub mod error;
}
#[allow(dead_code)]
#[path = "../../../daemon/inference/src/bin/valet-model"]
mod valet_model {
    pub mod error;
    pub mod safetensors;
}
use inference::error::InferenceError;
use valet_model::{error, safetensors::Weights};

fuzz_target!(|bytes: &[u8]| {
    let Ok(weights) = Weights::parse(bytes) else { return };
    for shape in [&[1][..], &[2, 3], &[0], &[]] {
        if let Ok(tensor) = weights.tensor("a", shape) {
            assert_eq!(tensor.values.len(), shape.iter().product::<usize>());
        }
    }
});
