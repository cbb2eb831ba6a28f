//! `valet-model`: turns the published weights of a model into the files its manifest
//! names, and checks them. A tool for the desk and the image, never for the board.
//!
//! Must not fetch anything (see `models/fetch`), and must not leave a file in place
//! that is not byte for byte the one of the manifest.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on its standard streams"
)]

mod bert;
mod config;
mod error;
mod functions;
mod graph;
mod inline;
mod int8;
mod safetensors;

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use valet_inference::{
    FileRole, InferenceError, ModelFile, ModelManifest, hex_sha256, read_verified,
};

use crate::bert::{Model, Storage};
use crate::config::BertConfig;
use crate::error::RecipeError;
use crate::safetensors::Weights;

/// Largest ONNX file that is read without a manifest, in bytes.
const MAX_GRAPH_BYTES: u64 = 1 << 30;
/// The loud channels of all-MiniLM-L6-v2, found by evaluating it on a dozen sentences.
const LOUD_CHANNELS: [(usize, f32); 4] = [(63, 2.0), (99, 4.0), (127, 2.0), (223, 2.0)];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let arguments: Vec<&Path> = arguments.iter().map(Path::new).collect();
    let outcome = match arguments.as_slice() {
        [verb, manifest, source, out] if verb.as_os_str() == "export" => {
            export(manifest, source, out)
        }
        [verb, manifest, folder] if verb.as_os_str() == "verify" => verify(manifest, folder),
        [verb, graph, out] if verb.as_os_str() == "inline" => inline(graph, out),
        _ => Err(RecipeError::Usage),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("valet-model: {error}");
            ExitCode::FAILURE
        }
    }
}

fn verify(manifest: &Path, folder: &Path) -> Result<(), RecipeError> {
    let manifest = ModelManifest::read(manifest)?;
    for file in &manifest.files {
        read_verified(&folder.join(&file.name), file.size, &file.sha256)?;
        println!("{}: as the manifest says", file.name);
    }
    Ok(())
}

fn export(manifest: &Path, source: &Path, out: &Path) -> Result<(), RecipeError> {
    let manifest = ModelManifest::read(manifest)?;
    let member = |ending: &'static str| {
        manifest
            .source
            .members
            .iter()
            .find(|member| member.path.ends_with(ending))
            .ok_or(RecipeError::Missing { what: ending })
            .and_then(|member| {
                let path = source.join(&member.path);
                Ok(read_verified(&path, member.size, &member.sha256)?)
            })
    };
    let vocabulary = member("vocab.txt")?;
    let weights = member("model.safetensors")?;
    let weights = Weights::parse(&weights)?;
    let config = BertConfig::parse(&member("config.json")?)?;
    let model = Model {
        weights: &weights,
        config: &config,
        id: &manifest.id,
        token_limit: manifest.encoder.token_limit,
        token_layer: manifest.encoder.token_layer,
        loud: &LOUD_CHANNELS,
    };
    let mut outcome = Ok(());
    for file in &manifest.files {
        let bytes = match file.role {
            FileRole::Vocabulary => vocabulary.clone(),
            FileRole::GraphF32 => bert::export(model, Storage::F32)?,
            FileRole::GraphInt8 => bert::export(model, Storage::Int8)?,
        };
        // All files are tried, so that one run shows every difference.
        outcome = outcome.and(place(&bytes, file, out));
    }
    outcome
}

fn place(bytes: &[u8], file: &ModelFile, out: &Path) -> Result<(), RecipeError> {
    let found = hex_sha256(bytes);
    if found != file.sha256 || bytes.len() as u64 != file.size {
        let fault = RecipeError::NotReproduced {
            name: file.name.clone(),
            expected_size: file.size,
            expected: file.sha256.clone(),
            found_size: bytes.len() as u64,
            found,
        };
        eprintln!("valet-model: {fault}");
        return Err(fault);
    }
    write(&out.join(&file.name), bytes)
}

/// Writes a file and its folder, and says its size and hash as a manifest wants them.
fn write(path: &Path, bytes: &[u8]) -> Result<(), RecipeError> {
    let unwritable = |error: std::io::Error| RecipeError::Unwritable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    // Renamed when complete: an interrupted run leaves no half file under the real name.
    let partial = path.with_added_extension("part");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    fs::write(&partial, bytes).map_err(unwritable)?;
    fs::rename(&partial, path).map_err(unwritable)?;
    let name = path.file_name().unwrap_or_default();
    println!("{}: {} bytes, sha-256 {}", name.display(), bytes.len(), hex_sha256(bytes));
    Ok(())
}

/// Writes `graph` without functions, for runtimes that know none.
fn inline(graph: &Path, out: &Path) -> Result<(), RecipeError> {
    let unreadable = |error: std::io::Error| InferenceError::Unreadable {
        path: graph.to_owned(),
        why: error.to_string(),
    };
    let mut bytes = Vec::new();
    fs::File::open(graph)
        .map_err(unreadable)?
        .take(MAX_GRAPH_BYTES)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    write(out, &inline::inline(&bytes)?)
}
