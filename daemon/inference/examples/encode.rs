//! Encodes one text some times: for profilers and counters of instructions, which want a program that does
//! nothing else.
//!
//!     encode MANIFEST FOLDER TOKENS RUNS [KERNELS]
//!
//! Must not measure anything itself.
#![expect(clippy::print_stderr, reason = "a command-line tool speaks on its standard streams")]

use std::path::Path;
use std::process::ExitCode;

use valet_core::encoder::Encoder as _;
use valet_inference::{EncoderOptions, Kernels, ModelManifest, SentenceEncoder};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("encode: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [manifest, folder, tokens, runs, rest @ ..] = arguments else {
        return Err("usage: encode MANIFEST FOLDER TOKENS RUNS [KERNELS]".into());
    };
    let manifest = ModelManifest::read(Path::new(manifest))?;
    let kernels = Kernels::named(rest.first().map_or(Kernels::AUTO, String::as_str))?;
    let cache = std::env::temp_dir().join("valet-encode");
    let options = EncoderOptions { cache: Some(&cache), kernels, ..EncoderOptions::default() };
    let mut encoder = SentenceEncoder::open(&manifest, Path::new(folder), &options)?;
    // Each word is one piece; [CLS] and [SEP] come on top.
    let text = vec!["warm"; tokens.parse::<usize>()?.saturating_sub(2)].join(" ");
    for _ in 0..runs.parse::<usize>()? {
        encoder.encode(&text)?;
    }
    Ok(())
}
