//! Makes the files of a manifest, and manifests of models that were made here.
//!
//! Must not leave a file in place that is not byte for byte the one of its manifest.

use std::path::Path;

use valet_inference::{
    EncoderShape, FileRole, ModelFile, ModelManifest, ModelRecipe, RecipeName, SourceMember,
    hex_sha256, read_verified,
};

use crate::bert::{self, Model, Storage};
use crate::config::BertConfig;
use crate::cut::Published;
use crate::error::{RecipeError, weights_fault};
use crate::files;
use crate::safetensors::Weights;

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const VOCABULARY: &str = "vocab.txt";
/// How the name of a file with the pieces to keep ends.
const PIECES: &str = "pieces.txt";

/// Holds each file of `folder` against the manifest.
#[expect(clippy::print_stdout, reason = "a command-line tool speaks on its standard streams")]
pub(crate) fn verify(manifest: &Path, folder: &Path) -> Result<(), RecipeError> {
    let manifest = ModelManifest::read(manifest)?;
    for file in &manifest.files {
        read_verified(&folder.join(&file.name), file.size, &file.sha256)?;
        println!("{}: as the manifest says", file.name);
    }
    Ok(())
}

/// Writes the files that the manifest names into `out`.
pub(crate) fn export(manifest: &Path, source: &Path, out: &Path) -> Result<(), RecipeError> {
    let beside = manifest.parent().unwrap_or(Path::new(""));
    let manifest = ModelManifest::read(manifest)?;
    let published = published(&manifest, source, beside)?;
    let mut outcome = Ok(());
    for file in &manifest.files {
        let bytes = bytes_of(&manifest, &published, file.role)?;
        // All files are tried, so that one run shows every difference.
        outcome = outcome.and(place(&bytes, file, out));
    }
    outcome
}

/// What the manifest's recipe reads, cut where it cuts.
fn published(
    manifest: &ModelManifest,
    source: &Path,
    beside: &Path,
) -> Result<Published, RecipeError> {
    let inputs = manifest.recipe.as_ref().map_or(&[][..], |recipe| &recipe.inputs);
    let input = |ending: &str| inputs.iter().find(|input| input.path.ends_with(ending));
    let verified = |folder: &Path, member: &SourceMember| {
        read_verified(&folder.join(&member.path), member.size, &member.sha256)
    };
    let read = |ending: &'static str| -> Result<Vec<u8>, RecipeError> {
        if let Some(own) = input(ending) {
            return Ok(verified(beside, own)?);
        }
        let members = &manifest.source.members;
        let member = members.iter().find(|member| member.path.ends_with(ending));
        Ok(verified(source, member.ok_or(RecipeError::Missing { what: ending })?)?)
    };
    let whole =
        Published { weights: read(WEIGHTS)?, config: read(CONFIG)?, vocabulary: read(VOCABULARY)? };
    match input(PIECES) {
        Some(pieces) => whole.cut(&verified(beside, pieces)?),
        None => Ok(whole),
    }
}

fn bytes_of(
    manifest: &ModelManifest,
    published: &Published,
    role: FileRole,
) -> Result<Vec<u8>, RecipeError> {
    let storage = match role {
        FileRole::Vocabulary => return Ok(published.vocabulary.clone()),
        FileRole::GraphF32 => Storage::F32,
        FileRole::GraphInt8 => Storage::Int8,
    };
    let config = BertConfig::parse(&published.config)?;
    let EncoderShape { dimensions, token_limit, token_layer } = manifest.encoder;
    if config.hidden != dimensions {
        return Err(weights_fault(format!(
            "config.json has rows of {} where the manifest says {dimensions}",
            config.hidden
        )));
    }
    let channels = manifest.recipe.as_ref().map_or(&[][..], |recipe| &recipe.loud_channels);
    let loud: Vec<(usize, f32)> =
        channels.iter().map(|loud| (loud.channel, loud.divide_by as f32)).collect();
    let weights = Weights::parse(&published.weights)?;
    let model = Model {
        weights: &weights,
        config: &config,
        id: &manifest.id,
        token_limit,
        token_layer,
        loud: &loud,
    };
    bert::export(model, storage)
}

#[expect(clippy::print_stderr, reason = "a command-line tool speaks on its standard streams")]
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
    files::write(&out.join(&file.name), bytes)
}

/// Writes the base model's weights with the rows of `pieces` only, as a folder of
/// `model.safetensors`, `config.json` and `vocab.txt`.
pub(crate) fn cut(
    base: &Path,
    source: &Path,
    pieces: &Path,
    out: &Path,
) -> Result<(), RecipeError> {
    let beside = base.parent().unwrap_or(Path::new(""));
    let cut = published(&ModelManifest::read(base)?, source, beside)?.cut(&files::read(pieces)?)?;
    files::write(&out.join(WEIGHTS), &cut.weights)?;
    files::write(&out.join(CONFIG), &cut.config)?;
    files::write(&out.join(VOCABULARY), &cut.vocabulary)
}

/// A model that is to be made from another one.
pub(crate) struct Derived<'a> {
    /// The manifest of the model it comes from.
    pub(crate) base: &'a Path,
    /// What is done.
    pub(crate) recipe: RecipeName,
    /// Its id.
    pub(crate) id: &'a str,
    /// Where its manifest goes; its files go to `cache/<id>/` there.
    pub(crate) out: &'a Path,
}

impl Derived<'_> {
    /// The base's published weights from `source`, cut to `pieces`.
    pub(crate) fn prune(&self, source: &Path, pieces: &Path) -> Result<(), RecipeError> {
        let beside = self.base.parent().unwrap_or(Path::new(""));
        let base = ModelManifest::read(self.base)?;
        let whole = published(&base, source, beside)?;
        let bytes = files::read(pieces)?;
        let cut = whole.cut(&bytes)?;
        let input = self.keep(&format!("{}.{PIECES}", self.id), &bytes)?;
        self.make(base, vec![input], &cut)
    }

    /// Weights of one's own: a folder of `model.safetensors`, `config.json` and `vocab.txt`.
    pub(crate) fn adopt(&self, weights: &Path) -> Result<(), RecipeError> {
        let base = ModelManifest::read(self.base)?;
        let [tensors, config, vocabulary] =
            [WEIGHTS, CONFIG, VOCABULARY].map(|name| files::read(&weights.join(name)));
        let own = Published { weights: tensors?, config: config?, vocabulary: vocabulary? };
        let inputs =
            [(WEIGHTS, &own.weights), (CONFIG, &own.config), (VOCABULARY, &own.vocabulary)]
                .map(|(name, bytes)| self.keep(&format!("{}.weights/{name}", self.id), bytes));
        let inputs = inputs.into_iter().collect::<Result<_, _>>()?;
        self.make(base, inputs, &own)
    }

    /// Puts what the recipe reads beside the manifest.
    fn keep(&self, path: &str, bytes: &[u8]) -> Result<SourceMember, RecipeError> {
        files::write(&self.out.join(path), bytes)?;
        let (size, sha256) = (bytes.len() as u64, hex_sha256(bytes));
        Ok(SourceMember { path: path.to_owned(), size, sha256 })
    }

    fn make(
        &self,
        base: ModelManifest,
        inputs: Vec<SourceMember>,
        published: &Published,
    ) -> Result<(), RecipeError> {
        let config = BertConfig::parse(&published.config)?;
        let loud_channels = match &base.recipe {
            // Only rows of the same width have the same channels.
            Some(recipe) if base.encoder.dimensions == config.hidden => {
                recipe.loud_channels.clone()
            }
            _ => Vec::new(),
        };
        let what = match self.recipe {
            RecipeName::Quantize => "quantized".to_owned(),
            RecipeName::Prune => format!("cut to {} pieces", config.pieces),
            RecipeName::Distil => format!("distilled to {} layers", config.layers),
        };
        let mut manifest = ModelManifest {
            id: self.id.to_owned(),
            name: format!("{}, {what}", base.name),
            files: Vec::new(),
            encoder: EncoderShape {
                dimensions: config.hidden,
                token_limit: base.encoder.token_limit.min(config.positions),
                token_layer: config.token_layer.unwrap_or(base.encoder.token_layer),
            },
            recipe: Some(ModelRecipe {
                name: self.recipe,
                base: Some(base.id.clone()),
                loud_channels,
                inputs,
            }),
            ..base
        };
        let folder = self.out.join("cache").join(self.id);
        for (role, name) in [
            (FileRole::Vocabulary, VOCABULARY),
            (FileRole::GraphF32, "encoder-f32.onnx"),
            (FileRole::GraphInt8, "encoder-int8.onnx"),
        ] {
            let bytes = bytes_of(&manifest, published, role)?;
            files::write(&folder.join(name), &bytes)?;
            manifest.files.push(ModelFile {
                role,
                name: name.to_owned(),
                size: bytes.len() as u64,
                sha256: hex_sha256(&bytes),
            });
        }
        let text = format!("# Made by valet-model from {}.\n{}", base.id, manifest.to_text()?);
        let name = format!("{}.toml", self.id);
        files::write(&folder.join(&name), text.as_bytes())?;
        files::write(&self.out.join(&name), text.as_bytes())
    }
}
