//! `--embed DIR`: what an encoder says of a skill's sentences, written into the skill's folder, so that devices need not
//! compute it before the skill is understood.
//!
//! Must not open the state or the bus, and must not leave half a file.

use crate::{
    config::Config,
    exit::{Exit, Fatal},
    inference::{EncoderSettings, Loaded},
    models::{ENCODER, Model, Models},
    paths::Paths,
};
use anyhow::{Context as _, anyhow, ensure};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};
use valet_package::{
    carried::{Kind, MAX_CARRIED, MAX_EMBEDDINGS_BYTES},
    source::Source,
};
use valet_understanding::{
    SkillSource, Understander, UnderstandingError, Vocabulary, heads::carried,
};

/// Reads the skill, asks the encoder, writes the file, and prints what it is.
///
/// # Errors
/// [`Exit::Config`] for a skill or a model that cannot be used, [`Exit::Internal`] for an encoder or a disk that fails.
pub(crate) fn run(folder: &Path, (paths, config): (&Paths, &Config)) -> Result<(), Fatal> {
    let wrong = |error| Fatal::new(Exit::Config, error);
    let failed = |error| Fatal::new(Exit::Internal, error);
    let source = Source::read(folder).map_err(|error| wrong(error.into()))?;
    let texts = texts_of(&source).map_err(wrong)?;
    let model = first_model(paths).map_err(wrong)?;
    let loaded = Loaded::load(&model, &EncoderSettings::of(paths, config));
    let mut loaded =
        loaded.map_err(|why| wrong(anyhow!("{} cannot be used: {why}", model.id())))?;
    let (fingerprint, file) = loaded.embed(&texts).map_err(|why| failed(anyhow!(why)))?;
    check_room(&source, &fingerprint, file.len() as u64).map_err(wrong)?;
    write(folder, &fingerprint, &file).map_err(failed)?;
    print(&model, &fingerprint, (texts.len(), file.len())).map_err(|error| failed(error.into()))
}

/// The sentences that a device would embed of the skill, in all languages that are known here.
fn texts_of(source: &Source) -> anyhow::Result<BTreeSet<String>> {
    let (id, none) = (&source.manifest.id, Vocabulary::default());
    let mut texts = BTreeSet::new();
    for (language, sentences) in &source.sentences {
        let skill = SkillSource { manifest: &source.manifest, sentences };
        match Understander::build(language, &[skill], &none) {
            Ok(understander) => texts.extend(carried::texts(understander.training_set())),
            Err(UnderstandingError::Language { .. }) => {
                log::warn!("{id}: nobody here knows the language {language:?}, it is left out");
            }
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(
        !texts.is_empty(),
        "{id} has no sentences to embed; expected some in sentences/en.toml"
    );
    Ok(texts)
}

/// The model that is tried first where nobody chose one.
fn first_model(paths: &Paths) -> anyhow::Result<Arc<Model>> {
    let models = Models::read(&paths.models);
    models.unreadable.iter().for_each(|why| log::warn!("{why}"));
    let looked: Vec<String> = paths.models.iter().map(|path| path.display().to_string()).collect();
    models.start_order(ENCODER, None).into_iter().next().ok_or_else(|| {
        anyhow!("no encoder model in {}; name their folder with --models", looked.join(" or "))
    })
}

/// Whether a package takes the file beside those of other encoders.
fn check_room(source: &Source, fingerprint: &str, bytes: u64) -> anyhow::Result<()> {
    let others = source.embeddings.keys().filter(|other| *other != fingerprint).count();
    ensure!(
        others < MAX_CARRIED,
        "embeddings/ holds the files of {others} other encoders, expected at most {MAX_CARRIED} files; remove those whose encoder no device has"
    );
    ensure!(
        bytes <= MAX_EMBEDDINGS_BYTES,
        "the embeddings have {bytes} bytes, expected at most {MAX_EMBEDDINGS_BYTES}; give the skill fewer sentences, or let devices compute them"
    );
    Ok(())
}

/// The file takes its name when it is whole; until then it lies where no package looks.
fn write(folder: &Path, fingerprint: &str, content: &[u8]) -> anyhow::Result<()> {
    let place = folder.join(Kind::Embeddings.path_of(fingerprint));
    let beside = folder.join(format!(".{fingerprint}.new"));
    let written = fs::create_dir_all(folder.join(Kind::Embeddings.folder()))
        .and_then(|()| File::create(&beside))
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, &place));
    if written.is_err() {
        // A leftover is of no use to anyone; that it may stay is no reason to fail again.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("{} cannot be written", place.display()))
}

/// What was made, as TOML: `valetctl skill embed` reads it.
fn print(model: &Model, fingerprint: &str, (sentences, bytes): (usize, usize)) -> io::Result<()> {
    let id = model.id();
    let text = format!(
        "encoder = \"{id}\"\nfingerprint = \"{fingerprint}\"\nsentences = {sentences}\nbytes = {bytes}\n"
    );
    io::stdout().lock().write_all(text.as_bytes())
}
