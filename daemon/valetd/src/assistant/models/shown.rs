//! What the bus shows of the models: an object each, the kinds on the root object, why the
//! daemon is degraded by them, and the verdict on files.
//!
//! Must not change anything but properties.

use super::{super::Assistant, Selection};
use crate::{
    inference::{EncoderState, Speed},
    models::{Found, Inspected, Model},
};
use std::collections::BTreeMap;
use valet_bus::{
    Dict,
    convert::{View, owned},
    path,
};
use valet_inference::{FileRole, InferenceError};
use zbus::{OwnedVariant, Variant};

const MODEL: &str = "org.valetd.Model1";

impl Assistant {
    /// One object a model.
    pub(in crate::assistant) fn serve_models(&self) {
        self.selection.models.all.iter().for_each(|model| self.serve_model(model));
    }

    pub(super) fn serve_model(&self, model: &Model) {
        self.face.add_object(&path::model(model.id()), vec![(MODEL, self.model_properties(model))]);
    }

    fn model_properties(&self, model: &Model) -> Dict {
        let sha256 = model.weights().map_or("", |file| file.sha256.as_str());
        let mut properties = Dict::from([
            ("Id".to_owned(), owned(model.id())),
            ("Kind".to_owned(), owned(model.kind())),
            ("Name".to_owned(), owned(model.manifest.name.as_str())),
            ("Sha256".to_owned(), owned(sha256)),
            ("FileBytes".to_owned(), owned(model.file_bytes())),
            ("Stats".to_owned(), owned(Dict::new())),
        ]);
        properties.extend(self.changing_properties(model));
        properties
    }

    /// Those that say so when they change.
    fn changing_properties(&self, model: &Model) -> [(String, OwnedVariant); 3] {
        let (state, why, memory_bytes) = self.model_state(model.id());
        [
            ("State".to_owned(), owned(state)),
            ("LastError".to_owned(), owned(why)),
            ("MemoryBytes".to_owned(), owned(memory_bytes)),
        ]
    }

    /// The word, why it failed, and the memory it takes.
    fn model_state(&self, id: &str) -> (&'static str, &str, u64) {
        let Selection { under_way, faults, .. } = &self.selection;
        let activated = under_way.as_ref().is_some_and(|u| !u.given_up && u.model.id() == id);
        match &self.encoder {
            EncoderState::Ready { model, memory_bytes, .. } if model == id => {
                ("ready", "", *memory_bytes)
            }
            EncoderState::Loading { model } if model == id => ("loading", "", 0),
            _ if activated => ("loading", "", 0),
            _ => match faults.get(id) {
                Some(why) => ("failed", why, 0),
                None => ("unloaded", "", 0),
            },
        }
    }

    pub(super) fn show_model(&self, model: &Model) {
        let path = path::model(model.id());
        for (name, value) in self.changing_properties(model) {
            self.face.set_property(&path, MODEL, &name, value);
        }
    }

    pub(super) fn show_models(&self) {
        self.selection.models.all.iter().for_each(|model| self.show_model(model));
    }

    pub(super) fn show_speed(&self, speed: Speed) {
        let Some(model) = self.serving_model() else { return };
        let stats = Dict::from([
            ("runs".to_owned(), owned(speed.runs)),
            ("p50-us".to_owned(), owned(speed.p50_us)),
            ("p95-us".to_owned(), owned(speed.p95_us)),
            ("tokens-per-second".to_owned(), owned(speed.tokens_per_second)),
        ]);
        self.face.set_quietly(&path::model(model), MODEL, "Stats", owned(stats));
    }

    /// `Models` of the root object.
    pub(in crate::assistant) fn models_property(&self) -> OwnedVariant {
        let (name, why) = match &self.encoder {
            EncoderState::Ready { model, .. } => (model.as_str(), ""),
            EncoderState::Failed(why) | EncoderState::Unloaded(why) => ("", why.as_str()),
            EncoderState::Loading { .. } => ("", ""),
        };
        let encoder = Dict::from([
            ("name".to_owned(), owned(name)),
            ("state".to_owned(), owned(self.encoder.name())),
            ("why".to_owned(), owned(why)),
        ]);
        owned(BTreeMap::from([("encoder".to_owned(), encoder)]))
    }

    /// Why the daemon is degraded by its models.
    pub(in crate::assistant) fn model_reasons(&self) -> Vec<String> {
        // Where no encoder is wanted, none is missing.
        if self.inference.is_none() {
            return Vec::new();
        }
        let unreadable = self.selection.models.unreadable.iter();
        let mut reasons: Vec<String> = unreadable.map(|why| format!("model: {why}")).collect();
        match &self.encoder {
            EncoderState::Failed(why) | EncoderState::Unloaded(why) => {
                reasons.push(format!("encoder: {why}"));
            }
            EncoderState::Ready { model, .. } => {
                reasons.extend(self.selection.passed_over.iter().map(|(id, why)| {
                    format!("encoder: {id} cannot be used, {model} serves instead: {why}")
                }));
            }
            EncoderState::Loading { .. } => {}
        }
        reasons
    }
}

/// What `Verify` answers.
pub(super) fn verdict(files: &[Inspected]) -> View<'_> {
    let fault = files.iter().find_map(Inspected::fault);
    let is_weights = |one: &&Inspected| one.needed && one.file.role != FileRole::Vocabulary;
    let weights = files.iter().find(is_weights).and_then(|one| found(one).1);
    View::from([
        ("ok", Variant::from(fault.is_none())),
        ("sha256", Variant::from(weights.unwrap_or_default())),
        ("why", Variant::from(fault.unwrap_or_default())),
        ("files", Variant::from(files.iter().map(file).collect::<Vec<_>>())),
    ])
}

fn file(one: &Inspected) -> View<'_> {
    let (bytes, sha256) = found(one);
    let why = match &one.found {
        Found::Wrong(error) => error.to_string(),
        Found::Missing | Found::Right => String::new(),
    };
    let mut view = View::from([
        ("name", Variant::from(one.file.name.as_str())),
        ("role", Variant::from(role_name(one.file.role))),
        ("needed", Variant::from(one.needed)),
        ("state", Variant::from(state_name(&one.found))),
        ("expected-bytes", Variant::from(one.file.size)),
        ("expected-sha256", Variant::from(one.file.sha256.as_str())),
        ("why", Variant::from(why)),
    ]);
    view.extend(bytes.map(|bytes| ("found-bytes", Variant::from(bytes))));
    view.extend(sha256.map(|sha256| ("found-sha256", Variant::from(sha256))));
    view
}

/// Size and hash as they were found, as far as they were.
fn found(one: &Inspected) -> (Option<u64>, Option<&str>) {
    match &one.found {
        Found::Right => (Some(one.file.size), Some(&one.file.sha256)),
        Found::Wrong(InferenceError::WrongHash { found, .. }) => (Some(one.file.size), Some(found)),
        Found::Wrong(InferenceError::WrongSize { found, .. }) => (Some(*found), None),
        Found::Wrong(_) | Found::Missing => (None, None),
    }
}

fn state_name(found: &Found) -> &'static str {
    match found {
        Found::Right => "right",
        Found::Missing => "missing",
        Found::Wrong(InferenceError::WrongHash { .. }) => "wrong-hash",
        Found::Wrong(InferenceError::WrongSize { .. }) => "wrong-size",
        Found::Wrong(_) => "unreadable",
    }
}

fn role_name(role: FileRole) -> &'static str {
    match role {
        FileRole::Vocabulary => "vocabulary",
        FileRole::GraphF32 => "graph-f32",
        FileRole::GraphInt8 => "graph-int8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_inference::ModelFile;

    fn inspected(role: FileRole, needed: bool, found: Found) -> Inspected {
        let (name, sha256) = (role_name(role).to_owned(), "aa".repeat(32));
        Inspected { file: ModelFile { role, name, size: 7, sha256 }, needed, found }
    }

    #[test]
    fn the_verdict_names_the_first_fault_and_the_hash_that_came() {
        let found = "bb".repeat(32);
        let wrong = InferenceError::WrongHash {
            path: "graph-int8".into(),
            expected: "aa".repeat(32),
            found: found.clone(),
        };
        let files = [
            inspected(FileRole::Vocabulary, true, Found::Right),
            inspected(FileRole::GraphF32, false, Found::Missing),
            inspected(FileRole::GraphInt8, true, Found::Wrong(wrong)),
        ];
        let damaged = verdict(&files);
        assert_eq!(damaged["ok"], Variant::from(false));
        assert_eq!(damaged["sha256"], Variant::from(found.as_str()));
        assert!(matches!(&damaged["why"], Variant::Str(why) if why.contains("graph-int8")));
        let fine = verdict(&files[..2]);
        assert_eq!(fine["ok"], Variant::from(true), "an absent file that nobody reads");
        assert_eq!(fine["why"], Variant::from(""));
    }
}
