//! The models there are: manifests in the folders, in which order they are tried at the start,
//! and whether the files of one are what its manifest says.
//!
//! Must not load a model, and must not trust a manifest for being there: one that cannot be
//! read is reported with its reason, and the others go on.

use crate::state::rows::ModelChoice;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use valet_inference::{
    FileRole, InferenceError, ModelFile, ModelKind, ModelManifest, inspect_file,
};

/// Most models that are looked at.
pub(crate) const MAX_MODELS: usize = 32;

/// The kinds a client may name; a word is here before the first model of its kind is.
pub(crate) const KINDS: [&str; 2] = ["encoder", "llm"];
/// The kind of a sentence encoder.
pub(crate) const ENCODER: &str = "encoder";

/// One model: what its manifest says, and where its files lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// Its manifest.
    pub manifest: ModelManifest,
    /// The folder of its files.
    pub folder: PathBuf,
}

/// The models of all folders, in the order in which they are tried where nothing was chosen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Models {
    /// Those whose manifest can be read, each id once.
    pub all: Vec<Arc<Model>>,
    /// Manifests that count for nothing, with the reason.
    pub unreadable: Vec<String>,
}

/// One file of a model, compared with its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inspected {
    /// The file as the manifest names it.
    pub file: ModelFile,
    /// Whether the daemon reads it.
    pub needed: bool,
    /// What was found.
    pub found: Found,
}

/// What a file of a model is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// As the manifest says.
    Right,
    /// Not there.
    Missing,
    /// There, and otherwise.
    Wrong(InferenceError),
}

impl Inspected {
    /// Why the model cannot be used by this file; `None` where it can.
    #[must_use]
    pub(crate) fn fault(&self) -> Option<String> {
        match &self.found {
            Found::Right => None,
            Found::Missing if !self.needed => None,
            Found::Missing => Some(format!("{} is missing", self.file.name)),
            Found::Wrong(error) => Some(error.to_string()),
        }
    }
}

/// The word of a kind.
#[must_use]
pub(crate) fn kind_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Encoder => ENCODER,
    }
}

/// Whether the daemon reads the file of this role; the others are for tests and benches.
fn is_needed(role: FileRole) -> bool {
    role != FileRole::GraphF32
}

impl Model {
    /// Reads a manifest. The files lie in a folder named as the model beside it, or beside it.
    fn read(path: &Path) -> Result<Self, String> {
        let manifest = ModelManifest::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let beside = path.parent().unwrap_or(Path::new(".")).to_owned();
        let inside = beside.join(&manifest.id);
        let folder = if inside.is_dir() { inside } else { beside };
        Ok(Self { manifest, folder })
    }

    /// Its id.
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        &self.manifest.id
    }

    /// The word of its kind.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        kind_name(self.manifest.kind)
    }

    /// The files that the daemon reads.
    fn needed(&self) -> impl Iterator<Item = &ModelFile> {
        self.manifest.files.iter().filter(|file| is_needed(file.role))
    }

    /// Size of the files that the daemon reads, bytes, as the manifest says it.
    #[must_use]
    pub(crate) fn file_bytes(&self) -> u64 {
        self.needed().map(|file| file.size).sum()
    }

    /// The file with its weights; `None` where the manifest names none that the daemon reads.
    #[must_use]
    pub(crate) fn weights(&self) -> Option<&ModelFile> {
        self.needed().find(|file| file.role != FileRole::Vocabulary)
    }

    /// Reads all files and compares them with the manifest. Reads as many bytes as the manifest
    /// says, and holds few of them.
    #[must_use]
    pub(crate) fn inspect(&self) -> Vec<Inspected> {
        self.manifest.files.iter().map(|file| self.inspect_one(file)).collect()
    }

    /// The same for the files that the daemon reads, until the first that cannot be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.needed().find_map(|file| self.inspect_one(file).fault()).map_or(Ok(()), Err)
    }

    fn inspect_one(&self, file: &ModelFile) -> Inspected {
        let path = self.folder.join(&file.name);
        let found = match inspect_file(&path, file.size, &file.sha256) {
            Ok(()) => Found::Right,
            Err(InferenceError::Unreadable { .. }) if !path.exists() => Found::Missing,
            Err(error) => Found::Wrong(error),
        };
        Inspected { file: file.clone(), needed: is_needed(file.role), found }
    }
}

impl Models {
    /// Reads the manifests of all folders; of two models with one id the first counts.
    #[must_use]
    pub(crate) fn read(folders: &[PathBuf]) -> Self {
        let mut models = Self::default();
        let mut paths: Vec<PathBuf> = folders.iter().flat_map(|f| manifests(f)).collect();
        if paths.len() > MAX_MODELS {
            let got = paths.len();
            models.unreadable.push(format!("{got} manifests, expected at most {MAX_MODELS}"));
            paths.truncate(MAX_MODELS);
        }
        for path in paths {
            match Model::read(&path) {
                Err(why) => models.unreadable.push(why),
                // What was installed stands before what the image brought, on purpose.
                Ok(model) if models.find(model.id()).is_some() => {
                    log::info!("{} is not used: {} was found before", path.display(), model.id());
                }
                Ok(model) => models.all.push(Arc::new(model)),
            }
        }
        models
    }

    /// A model by its id.
    #[must_use]
    pub(crate) fn find(&self, id: &str) -> Option<&Arc<Model>> {
        self.all.iter().find(|model| model.id() == id)
    }

    /// The models of a kind in the order in which they are tried at the start: the chosen one, the
    /// one before it, then all others as they were found.
    #[must_use]
    pub(crate) fn start_order(&self, kind: &str, choice: Option<&ModelChoice>) -> Vec<Arc<Model>> {
        let chosen = choice.into_iter().flat_map(|c| [Some(&c.active), c.previous.as_ref()]);
        let first = chosen.flatten().filter_map(|id| self.find(id));
        let mut order: Vec<Arc<Model>> = Vec::with_capacity(self.all.len());
        for model in first.chain(&self.all).filter(|model| model.kind() == kind) {
            if order.iter().all(|known| known.id() != model.id()) {
                order.push(model.clone());
            }
        }
        order
    }
}

/// Manifests of models in a folder, sorted: `<folder>/<id>.toml` with the files in
/// `<folder>/<id>/`, or `<folder>/<id>/<id>.toml` beside them.
fn manifests(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter_map(|path| {
            if path.extension().is_some_and(|e| e == "toml") {
                return Some(path);
            }
            // Not `with_extension`: a dot in the name of a model begins no extension.
            let mut name = path.file_name()?.to_owned();
            name.push(".toml");
            let inside = path.join(name);
            inside.is_file().then_some(inside)
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const SHIPPED: &str = include_str!("../../../models/all-minilm-l6-v2.toml");

    /// A folder with these models, their files not there.
    fn folder(ids: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for id in ids {
            let inside = root.path().join(id);
            fs::create_dir(&inside).expect("made");
            fs::write(inside.join(format!("{id}.toml")), manifest(id)).expect("written");
        }
        root
    }

    fn manifest(id: &str) -> String {
        SHIPPED.replacen("id = \"all-minilm-l6-v2\"", &format!("id = \"{id}\""), 1)
    }

    fn order(models: &Models, choice: Option<(&str, Option<&str>)>) -> Vec<String> {
        let choice = choice.map(|(active, previous)| ModelChoice {
            active: active.into(),
            previous: previous.map(str::to_owned),
        });
        let order = models.start_order(ENCODER, choice.as_ref());
        order.iter().map(|model| model.id().to_owned()).collect()
    }

    #[test]
    fn the_chosen_model_is_tried_first_then_the_one_before_then_the_others() {
        let root = folder(&["a", "b-1.0", "c"]);
        let models = Models::read(&[root.path().to_owned()]);
        assert_eq!(order(&models, None), ["a", "b-1.0", "c"]);
        assert_eq!(order(&models, Some(("c", Some("b-1.0")))), ["c", "b-1.0", "a"]);
        assert_eq!(order(&models, Some(("gone", Some("c")))), ["c", "a", "b-1.0"]);
        assert!(models.start_order("llm", None).is_empty(), "each kind by itself");
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_named_and_the_others_count() {
        let root = folder(&["a"]);
        fs::write(root.path().join("broken.toml"), "schema = 7").expect("written");
        let models = Models::read(&[root.path().to_owned(), root.path().join("not-there")]);
        assert_eq!(order(&models, None), ["a"]);
        assert!(models.unreadable[0].contains("broken.toml"), "{:?}", models.unreadable);
    }

    #[test]
    fn of_two_models_with_one_id_that_of_the_first_folder_counts() {
        let (installed, image) = (folder(&["a"]), folder(&["a", "b"]));
        let models = Models::read(&[installed.path().to_owned(), image.path().to_owned()]);
        assert_eq!(order(&models, None), ["a", "b"]);
        let found = models.find("a").expect("there");
        assert!(found.folder.starts_with(installed.path()), "{}", found.folder.display());
        assert!(models.unreadable.is_empty(), "{:?}", models.unreadable);
    }

    #[test]
    fn more_models_than_the_bound_are_said() {
        let ids: Vec<String> = (0..=MAX_MODELS).map(|n| format!("m{n:03}")).collect();
        let root = folder(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let models = Models::read(&[root.path().to_owned()]);
        assert_eq!(models.all.len(), MAX_MODELS);
        assert!(models.unreadable[0].contains("at most 32"), "{:?}", models.unreadable);
    }

    #[test]
    fn a_missing_reference_graph_is_no_fault_and_a_missing_vocabulary_is() {
        let root = folder(&["a"]);
        let models = Models::read(&[root.path().to_owned()]);
        let model = models.find("a").expect("there");
        let graph = model.weights().expect("named").clone();
        assert_eq!(graph.role, FileRole::GraphInt8);
        fs::write(model.folder.join(&graph.name), b"short").expect("written");
        let inspected = model.inspect();
        let of = |role| inspected.iter().find(|one| one.file.role == role).expect("inspected");
        assert_eq!(of(FileRole::GraphF32).found, Found::Missing);
        assert_eq!(of(FileRole::GraphF32).fault(), None);
        let fault = of(FileRole::Vocabulary).fault().expect("a fault");
        assert!(fault.contains("vocab.txt is missing"), "{fault}");
        let fault = of(FileRole::GraphInt8).fault().expect("a fault");
        assert!(fault.contains("has 5 bytes"), "{fault}");
        assert!(model.check().is_err());
    }
}
