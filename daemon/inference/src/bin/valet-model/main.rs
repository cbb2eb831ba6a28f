//! `valet-model`: turns the published weights of a model into the files its manifest
//! names, checks them, and makes smaller models of them. A tool for the desk and the image,
//! never for the board.
//!
//! Must not fetch anything (see `models/fetch`), and must not leave a file in place
//! that is not byte for byte the one of the manifest.

mod bert;
mod config;
mod cut;
mod error;
mod files;
mod functions;
mod graph;
mod inline;
mod int8;
mod make;
mod pieces;
mod safetensors;
mod texts;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use valet_inference::{RecipeName, Vocabulary};

use crate::error::{RecipeError, USAGE, weights_fault};
use crate::make::Derived;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    if words.len() == arguments.len() && ["--help", "-h", "help"].contains(&first(&words)) {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    let outcome =
        if words.len() == arguments.len() { run(&words) } else { Err(RecipeError::NotText) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn first<'a>(words: &[&'a str]) -> &'a str {
    words.first().copied().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "a command-line tool speaks on its standard streams")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a command-line tool speaks on its standard streams")]
fn complain(error: &RecipeError) {
    eprintln!("valet-model: {error}");
}

fn run(words: &[&str]) -> Result<(), RecipeError> {
    let derived =
        |recipe, base, id, out| Derived { base: Path::new(base), recipe, id, out: Path::new(out) };
    match words {
        ["export", manifest, source, out] => {
            make::export(Path::new(manifest), Path::new(source), Path::new(out))
        }
        ["verify", manifest, folder] => make::verify(Path::new(manifest), Path::new(folder)),
        ["pieces", vocabulary, count, out, texts @ ..] if !texts.is_empty() => {
            choose(Path::new(vocabulary), count, Path::new(out), texts)
        }
        ["prune", base, source, pieces, id, out] => {
            let derived = derived(RecipeName::Prune, base, id, out);
            derived.prune(Path::new(source), Path::new(pieces))
        }
        ["quantize", base, weights, id, out] => {
            derived(RecipeName::Quantize, base, id, out).adopt(Path::new(weights))
        }
        ["distil", base, weights, id, out] => {
            derived(RecipeName::Distil, base, id, out).adopt(Path::new(weights))
        }
        ["cut", base, source, pieces, out] => {
            make::cut(Path::new(base), Path::new(source), Path::new(pieces), Path::new(out))
        }
        ["inline", graph, out] => {
            files::write(Path::new(out), &inline::inline(&files::read(Path::new(graph))?)?)
        }
        _ => Err(RecipeError::Usage),
    }
}

/// Writes the word pieces to keep, one a line.
fn choose(vocabulary: &Path, count: &str, out: &Path, texts: &[&str]) -> Result<(), RecipeError> {
    let count: usize = count
        .parse()
        .map_err(|_| weights_fault(format!("expected a number of pieces, found {count:?}")))?;
    let bytes = files::read(vocabulary)?;
    let vocabulary = Vocabulary::parse(&bytes)?;
    let end = texts.iter().position(|text| *text == "--").unwrap_or(texts.len());
    let kept: Vec<&Path> = texts[..end].iter().map(Path::new).collect();
    let counted: Vec<&Path> = texts[end..].iter().skip(1).map(Path::new).collect();
    let (kept, counted) = (texts::count(&vocabulary, &kept)?, texts::count(&vocabulary, &counted)?);
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
    let need = pieces::Need { kept: &kept, counted: &counted };
    let chosen = pieces::choose(&all, &need, count)?;
    let lines: String = chosen.iter().flat_map(|place| [all[*place], "\n"]).collect();
    files::write(out, lines.as_bytes())
}
