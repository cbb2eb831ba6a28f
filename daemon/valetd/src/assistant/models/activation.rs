//! One activation at a time: a model is made ready beside the one that serves, and serves once
//! its choice is on disk. Every way it can end is told to whoever waits.
//!
//! Must not touch the model that serves before another is ready, and must not let one serve
//! whose choice is not on disk.

use super::super::{
    Assistant,
    calls::zbus_path,
    effects::REQUEST,
    waiters::{STOPPING, Waiter},
};
use crate::{
    inference::{EncoderState, Lesson, Preparation, Prepared, Step, forget_others},
    logging::message_id,
    models::{ENCODER, KINDS, Model},
};
use std::sync::Arc;
use valet_bus::{BusError, Dict, ErrorName, Reply, convert::owned, path};
use valet_core::{ports::StoreError, session::Caller};

/// Most trainings of an activation; each is for skills that changed during the one before.
const MAX_TRAININGS: u32 = 8;

/// An activation under way; there is one at most.
pub(super) struct UnderWay {
    pub(super) model: Arc<Model>,
    pub(super) preparation: Preparation,
    /// `None` when nobody waits any more.
    pub(super) waiter: Option<Waiter>,
    pub(super) trainings: u32,
    pub(super) given_up: bool,
}

impl Assistant {
    /// Whether an activation may begin.
    fn admit_activation(&self) -> Result<(), BusError> {
        let refuse = |name, why: String| Err(BusError::new(name, why));
        if self.stopping {
            return refuse(ErrorName::NotReady, STOPPING.to_owned());
        }
        if self.inference.is_none() {
            let why = "this daemon wants no encoder: see understanding.encoder and --understanding";
            return refuse(ErrorName::Conflict, why.to_owned());
        }
        if let Some(under_way) = &self.selection.under_way {
            let why = format!("{} is being activated; try again later", under_way.model.id());
            return refuse(ErrorName::Busy, why);
        }
        Ok(())
    }

    pub(in crate::assistant) fn activate_model(
        &mut self,
        caller: &Caller,
        id: &str,
        token: Option<String>,
        reply: Reply,
    ) {
        let admitted = self.known_model(id).and_then(|model| {
            self.admit_activation()?;
            let number = self.selection.next_request;
            let token = token.unwrap_or_else(|| format!("m{number}"));
            let path = path::request(&caller.name, &token);
            if self.is_open_request(&path) {
                let why = format!("a request with the token {token:?} is open; use another token");
                return Err(BusError::new(ErrorName::AlreadyExists, why));
            }
            let object = zbus_path(&path)?;
            Ok((model, path, object))
        });
        let (model, path, object) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => return reply.error(&error),
        };
        self.selection.next_request += 1;
        let properties = Dict::from([("State".to_owned(), owned("queued"))]);
        self.face.add_object_of(&caller.name, &path, vec![(REQUEST, properties)]);
        reply.ok(&object);
        self.begin_activation(model, Waiter::Request { path, client: caller.name.clone() });
    }

    pub(in crate::assistant) fn rollback_model(&mut self, kind: &str, reply: Reply) {
        let target = if KINDS.contains(&kind) {
            self.admit_activation().and_then(|()| self.model_before(kind))
        } else {
            let kind: String = kind.chars().take(64).collect();
            let known = KINDS.join(" or ");
            Err(BusError::invalid(format!("kind is {kind:?}, expected {known}")))
        };
        match target {
            Ok(model) => self.begin_activation(model, Waiter::Call(reply)),
            Err(error) => reply.error(&error),
        }
    }

    fn model_before(&self, kind: &str) -> Result<Arc<Model>, BusError> {
        let conflict = |why: String| BusError::new(ErrorName::Conflict, why);
        let choice = self.selection.choice.as_ref().filter(|_| kind == ENCODER);
        let id = choice
            .and_then(|choice| choice.previous.as_deref())
            .ok_or_else(|| conflict(format!("no other {kind} was active before")))?;
        let there = self.selection.models.find(id).cloned();
        there.ok_or_else(|| conflict(format!("the model before, {id}, is not there any more")))
    }

    fn begin_activation(&mut self, model: Arc<Model>, waiter: Waiter) {
        let preparation = Preparation::new(self.encoder_settings(), self.happenings.clone());
        let serves = matches!(
            &self.encoder, EncoderState::Ready { model: serving, .. } if serving == model.id()
        );
        let begun = if serves {
            Ok(())
        } else {
            let lesson = Lesson::of(self.understander.clone(), &self.skills);
            preparation.begin(model.clone(), lesson)
        };
        self.selection.under_way = Some(UnderWay {
            model: model.clone(),
            preparation,
            waiter: Some(waiter),
            trainings: 1,
            given_up: false,
        });
        match begun {
            Err(error) => self.end_activation(Err(no_thread(&error))),
            Ok(()) if serves => self.switch(None),
            Ok(()) => self.show_model(&model),
        }
    }

    /// Takes how far the activation under way is.
    pub(in crate::assistant) fn take_step(&mut self, step: Step) {
        match step {
            Step::Verifying => self.show_progress("verify", Dict::new()),
            Step::Loading => self.show_progress("load", Dict::new()),
            Step::Training { done, all } => {
                let count = |n: usize| owned(u32::try_from(n).unwrap_or(u32::MAX));
                let counts = [("done".to_owned(), count(done)), ("all".to_owned(), count(all))];
                self.show_progress("train", counts.into_iter().filter(|_| all > 0).collect());
            }
            Step::Ready(prepared) => self.take_prepared(*prepared),
            Step::Failed(why) => {
                if let Some(under_way) = &self.selection.under_way {
                    let id = under_way.model.id().to_owned();
                    log::warn!(MESSAGE_ID = message_id::STATE; "{id} is not activated: {why}");
                    self.selection.faults.insert(id, why.clone());
                }
                self.end_activation(Err(BusError::new(ErrorName::ModelError, why)));
            }
            Step::GivenUp => {
                self.end_activation(Err(BusError::new(ErrorName::Canceled, "it was given up")));
            }
        }
    }

    fn show_progress(&self, state: &'static str, details: Dict) {
        if let Some((path, client)) = self.selection.request() {
            self.face.set_property(path, REQUEST, "State", owned(state));
            self.face.emit_to(client, path, (REQUEST, "Progress"), &(state, details));
        }
    }

    /// A model is ready to serve: it does, unless nobody wants it any more, or its heads are for
    /// skills that are not the installed ones any more.
    fn take_prepared(&mut self, prepared: Prepared) {
        let Some(under_way) = &mut self.selection.under_way else { return };
        if under_way.given_up {
            return self.take_step(Step::GivenUp);
        }
        if prepared.trained().of == self.understander.fingerprint() {
            self.show_progress("switch", Dict::new());
            return self.switch(Some(prepared));
        }
        under_way.trainings += 1;
        if under_way.trainings > MAX_TRAININGS {
            let why = format!(
                "the sentences changed in each of {MAX_TRAININGS} trainings; try again when they rest"
            );
            return self.end_activation(Err(BusError::new(ErrorName::Failed, why)));
        }
        let wanted = Lesson::of(self.understander.clone(), &self.skills);
        if let Err(error) = under_way.preparation.train_again(prepared, wanted) {
            self.end_activation(Err(no_thread(&error)));
        }
    }

    /// Lets the model under way serve; `None` where it does already. Its choice is on disk before.
    fn switch(&mut self, prepared: Option<Prepared>) {
        let Some(under_way) = &self.selection.under_way else { return };
        let (id, kind) = (under_way.model.id().to_owned(), under_way.model.kind());
        let choice = self.selection.choice_of(&id, self.serving_model());
        if let Err(error) = self.state.choose_model(kind, &choice) {
            return self.end_activation(Err(not_written(&error)));
        }
        let times = prepared
            .as_ref()
            .map_or((0, 0), |prepared| (prepared.loaded().load_ms(), prepared.trained().heads_ms));
        if let (Some(prepared), Some(inference)) = (prepared, &mut self.inference) {
            self.understander = self.understander.with_heads(prepared.trained().heads.clone());
            self.encoder = prepared.loaded().ready(prepared.trained());
            self.stats.learned_from(prepared.trained().sentences);
            inference.adopt(prepared);
            self.learn_no_more();
        }
        let previous = choice.previous.clone().unwrap_or_default();
        log::info!(
            MESSAGE_ID = message_id::STATE;
            "{id} is the {kind} from now on: loaded in {} ms, heads in {} ms; before it {previous:?}",
            times.0, times.1
        );
        forget_others(&self.paths.cache, &[&id, &previous]);
        self.selection.choice = Some(choice);
        self.selection.passed_over.clear();
        self.selection.faults.remove(&id);
        self.end_activation(Ok(Dict::from([
            ("model".to_owned(), owned(id)),
            ("previous".to_owned(), owned(previous)),
            ("load-ms".to_owned(), owned(times.0)),
            ("heads-ms".to_owned(), owned(times.1)),
        ])));
    }

    /// The activation under way is over: what it changed is shown, then whoever waits is told.
    fn end_activation(&mut self, outcome: Result<Dict, BusError>) {
        let Some(under_way) = self.selection.under_way.take() else { return };
        self.show_models();
        self.show_state();
        if let Some(waiter) = under_way.waiter {
            self.tell_end(waiter, outcome);
        }
    }

    /// Cancels the activation under way, as its client wishes.
    pub(in crate::assistant) fn cancel_activation(&mut self) {
        if let Some(Waiter::Request { path, client }) = self.give_up_activation() {
            self.end_request(&client, &path, 1, Dict::new());
        }
    }

    /// Whose request of an activation a path is.
    pub(in crate::assistant) fn activation_client(&self, request: &str) -> Option<&str> {
        self.selection.request().filter(|(path, _)| *path == request).map(|(_, client)| client)
    }

    /// The daemon stops: the activation does not, but nobody waits for it.
    pub(in crate::assistant) fn stop_activation(&mut self) {
        match self.give_up_activation() {
            Some(Waiter::Request { path, client }) => self.say_stopping(&client, &path),
            Some(Waiter::Call(reply)) => {
                reply.error(&BusError::new(ErrorName::Canceled, STOPPING));
            }
            None => {}
        }
    }

    /// Its thread may take a moment to end; until then no other activation begins.
    fn give_up_activation(&mut self) -> Option<Waiter> {
        let under_way = self.selection.under_way.as_mut()?;
        under_way.preparation.give_up();
        under_way.given_up = true;
        let (model, waiter) = (under_way.model.clone(), under_way.waiter.take());
        self.show_model(&model);
        waiter
    }
}

fn no_thread(error: &std::io::Error) -> BusError {
    BusError::new(ErrorName::Failed, format!("no thread can be made to load it: {error}"))
}

fn not_written(error: &StoreError) -> BusError {
    BusError::new(ErrorName::Failed, format!("the choice cannot be kept: {error}"))
}
