//! `Models1`: the models there are and which one was chosen, their verification, and what the
//! inference thread tells of the encoder that serves.
//!
//! Must not hash, load or train: those have threads of their own.

mod activation;
mod shown;

use super::{Assistant, waiters::Waiter};
use crate::{
    happening::Happening,
    inference::{EncoderNews, EncoderState},
    logging::message_id,
    models::{ENCODER, Inspected, Model, Models},
    state::{State, rows::ModelChoice},
};
use activation::UnderWay;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use valet_bus::{BusError, ErrorName, Reply, path};

/// Most models whose files are read for `Verify` at once.
const MAX_VERIFYING: usize = 2;

/// The models there are, which one was chosen, and the activation under way.
pub(crate) struct Selection {
    models: Models,
    /// As it stands on disk.
    choice: Option<ModelChoice>,
    /// Why a model could not be used when it was last tried, by its id.
    faults: BTreeMap<String, String>,
    /// Models that came before the one that serves and could not be used at the start.
    passed_over: Vec<(String, String)>,
    under_way: Option<UnderWay>,
    verifying: usize,
    next_request: u64,
}

impl Selection {
    /// Reads the manifests and what was chosen.
    #[must_use]
    pub(crate) fn read(folders: &[PathBuf], state: &State) -> Self {
        let choice = state.model_choice(ENCODER).unwrap_or_else(|error| {
            log::error!("the choice of models cannot be read, the image's counts: {error}");
            None
        });
        let models = Models::read(folders);
        let gone = choice.iter().filter(|choice| models.find(&choice.active).is_none());
        let passed_over =
            gone.map(|choice| (choice.active.clone(), "it is not there any more".to_owned()));
        let passed_over = passed_over.collect();
        Self {
            models,
            choice,
            faults: BTreeMap::new(),
            passed_over,
            under_way: None,
            verifying: 0,
            next_request: 1,
        }
    }

    /// The encoders in the order in which they are tried at the start; in safe mode the chosen one comes last.
    #[must_use]
    pub(crate) fn start_order(&self, safe_mode: bool) -> Vec<Arc<Model>> {
        let mut order = self.models.start_order(ENCODER, self.choice.as_ref());
        let chosen = self.choice.as_ref().filter(|_| safe_mode);
        let at = chosen.and_then(|choice| order.iter().position(|m| m.id() == choice.active));
        if let Some(at) = at {
            order[at..].rotate_left(1);
        }
        order
    }

    /// Whether a path is that of the activation's request.
    #[must_use]
    pub(crate) fn is_request(&self, wanted: &str) -> bool {
        self.request().is_some_and(|(path, _)| path == wanted)
    }

    fn request(&self) -> Option<(&str, &str)> {
        match self.under_way.as_ref()?.waiter.as_ref()? {
            Waiter::Request { path, client } => Some((path, client)),
            Waiter::Call(_) => None,
        }
    }

    /// Nobody is there any more to hear of its activation, which goes on.
    pub(crate) fn client_left(&mut self, name: &str) {
        let theirs = self.request().is_some_and(|(_, client)| client == name);
        if let (true, Some(under_way)) = (theirs, &mut self.under_way) {
            under_way.waiter = None;
        }
    }

    /// The choice after `model` was activated: the one that serves until then is the one before.
    fn choice_of(&self, model: &str, serves: Option<&str>) -> ModelChoice {
        let before = self.choice.as_ref();
        let chosen = before.map(|choice| choice.active.as_str());
        let older = before.and_then(|choice| choice.previous.as_deref());
        let mut others = [serves, chosen, older].into_iter().flatten().filter(|id| *id != model);
        ModelChoice { active: model.to_owned(), previous: others.next().map(str::to_owned) }
    }
}

impl Assistant {
    fn known_model(&self, id: &str) -> Result<Arc<Model>, BusError> {
        self.selection.models.find(id).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.selection.models.all.iter().map(|m| m.id()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let id: String = id.chars().take(64).collect();
            let why = format!("no model {id:?} is there, expected {known}");
            BusError::new(ErrorName::ModelError, why)
        })
    }

    pub(super) fn verify_model(&mut self, id: &str, reply: Reply) {
        let model = match self.known_model(id) {
            Ok(model) => model,
            Err(error) => return reply.error(&error),
        };
        if self.selection.verifying >= MAX_VERIFYING {
            let why = format!("{MAX_VERIFYING} models are verified already; try again in a moment");
            return reply.error(&BusError::new(ErrorName::Busy, why));
        }
        self.selection.verifying += 1;
        let happenings = self.happenings.clone();
        tokio::task::spawn_blocking(move || {
            let files = model.inspect();
            // The daemon is stopping when nobody listens; the reply says so as it is dropped.
            let _ = happenings.send(Happening::Inspected { files, reply });
        });
    }

    pub(super) fn inspected(&mut self, files: &[Inspected], reply: Reply) {
        self.selection.verifying = self.selection.verifying.saturating_sub(1);
        reply.ok(&shown::verdict(files));
    }

    /// The model that serves, or is about to as the daemon starts.
    fn serving_model(&self) -> Option<&str> {
        match &self.encoder {
            EncoderState::Ready { model, .. } | EncoderState::Loading { model } => {
                Some(model.as_str()).filter(|model| !model.is_empty())
            }
            _ => None,
        }
    }

    /// Takes what the inference thread tells of its encoder; of one that was replaced it is stale.
    pub(super) fn take_encoder_news(&mut self, generation: u64, news: EncoderNews) {
        if self.inference.as_ref().is_none_or(|known| known.generation() != generation) {
            return;
        }
        match news {
            EncoderNews::State(state) => self.take_encoder_state(state),
            EncoderNews::Heads { of, heads, sentences } => self.take_heads(of, heads, sentences),
            EncoderNews::LoanPaid => self.stats.loan_paid(),
            EncoderNews::Speed(speed) => self.show_speed(speed),
            EncoderNews::Refused { model, why } => {
                log::warn!(MESSAGE_ID = message_id::STATE; "{model} cannot be used: {why}");
                self.selection.passed_over.push((model.clone(), why.clone()));
                self.selection.faults.insert(model, why);
            }
        }
    }

    fn take_encoder_state(&mut self, state: EncoderState) {
        match &state {
            EncoderState::Ready { model, load_ms, heads_ms, .. } => {
                self.selection.faults.remove(model);
                log::info!(
                    MESSAGE_ID = message_id::STATE;
                    "the encoder {model} serves: loaded in {load_ms} ms, heads in {heads_ms} ms, {} ms after start",
                    self.clock.now().0 / 1000
                );
            }
            EncoderState::Failed(why) | EncoderState::Unloaded(why) => {
                log::warn!(MESSAGE_ID = message_id::STATE; "no encoder, only templates are understood: {why}");
                if let Some(model) = self.serving_model().map(str::to_owned) {
                    // What it was refused for says more.
                    self.selection.faults.entry(model).or_insert_with(|| why.clone());
                }
            }
            EncoderState::Loading { .. } => {}
        }
        let gone = !state.may_train();
        self.encoder = state;
        self.show_models();
        self.show_state();
        if gone {
            self.learn_no_more();
        }
    }

    /// Reads the manifests again; the model that serves stays, whatever became of its files.
    pub(super) fn reload_models(&mut self) {
        let mut models = Models::read(&self.paths.models);
        let serving = self.serving_model().and_then(|id| self.selection.models.find(id)).cloned();
        if let Some(serving) = serving
            && models.find(serving.id()).is_none()
        {
            models.all.push(serving);
        }
        let before = std::mem::replace(&mut self.selection.models, models);
        for gone in before.all.iter().filter(|m| self.selection.models.find(m.id()) != Some(*m)) {
            self.face.remove_object(&path::model(gone.id()));
        }
        for model in &self.selection.models.all {
            if before.find(model.id()) != Some(model) {
                self.serve_model(model);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(choice: Option<(&str, Option<&str>)>) -> Selection {
        let state = State::in_memory_only().expect("memory");
        if let Some((active, previous)) = choice {
            let choice =
                ModelChoice { active: active.into(), previous: previous.map(str::to_owned) };
            state.choose_model(ENCODER, &choice).expect("written");
        }
        Selection::read(&[], &state)
    }

    #[test]
    fn the_model_that_served_is_the_one_before_and_never_the_new_one_itself() {
        let first = selection(None);
        assert_eq!(first.choice_of("b", Some("a")).previous.as_deref(), Some("a"));
        assert_eq!(first.choice_of("a", Some("a")).previous, None);
        let second = selection(Some(("b", Some("a"))));
        assert_eq!(second.choice_of("a", Some("b")).previous.as_deref(), Some("b"));
        assert_eq!(second.choice_of("c", Some("b")).previous.as_deref(), Some("b"));
        // The chosen one is broken and the one before stands in for it.
        assert_eq!(second.choice_of("c", Some("a")).previous.as_deref(), Some("a"));
        assert_eq!(second.choice_of("a", Some("a")).previous.as_deref(), Some("b"));
        assert_eq!(second.choice_of("b", None).previous.as_deref(), Some("a"));
    }

    #[test]
    fn a_chosen_model_that_is_gone_is_passed_over_with_a_reason() {
        let gone = selection(Some(("b", None)));
        assert_eq!(gone.passed_over[0].0, "b");
        assert!(selection(None).passed_over.is_empty());
    }
}
