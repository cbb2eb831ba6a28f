//! `vehicle-signals`: reading, describing, actuating.

use crate::{
    actuate::{Performed, Terms, Wish, perform},
    bindings::valet::skill::vehicle_signals as wit,
    convert::{action_to_wit, signal_from_wit, signal_to_wit},
    limits::MAX_ACTIONS,
    turn::Turn,
};
use std::time::Instant;
use valet_core::{
    outcome::{Action, ActionStatus, Planned, Target},
    ports::VehicleError,
    signal::{SignalKind, SignalPath},
};

fn signal_error(error: VehicleError) -> wit::SignalError {
    match error {
        VehicleError::Unknown { .. } => wit::SignalError::UnknownSignal,
        VehicleError::NoProvider { .. } => wit::SignalError::NoProvider,
        VehicleError::NotActuator { .. }
        | VehicleError::OutOfRange { .. }
        | VehicleError::Failed { .. } => wit::SignalError::Failed,
    }
}

impl Turn {
    fn wish(&self, actuation: wit::Actuation) -> Wish {
        let path = SignalPath::parse(&actuation.path)
            .map_err(|_| actuation.path.chars().filter(|c| !c.is_control()).take(80).collect());
        let grant = path.as_ref().ok().and_then(|p| self.granter.actuate(p.clone()));
        Wish { path, grant, value: signal_from_wit(actuation.value) }
    }

    /// Performs a batch and keeps its actions; the ones that are not companions go back.
    fn perform(&mut self, wishes: Vec<Wish>) -> Result<Vec<Action>, wit::BatchError> {
        let terms = Terms {
            ceiling: self.scope.ceiling,
            confirmed: self.confirmed.as_deref(),
            observe: self.allowance.observe,
            rehearsal: self.rehearsal.as_deref(),
        };
        let started = Instant::now();
        let performed = perform(&self.world, wishes, &terms);
        match performed {
            Performed::TooMany => Err(wit::BatchError::TooMany),
            Performed::AskFirst { planned, why } => {
                self.needs_confirmation = Some((planned, why));
                Err(wit::BatchError::NeedsConfirmation)
            }
            Performed::Acted { actions, waited } => {
                self.allowance.observe = self.allowance.observe.saturating_sub(waited);
                self.observed += waited;
                self.give_back(started.elapsed());
                // A yes holds for one batch: the same batch again is a new question.
                if actions.iter().any(|a| a.status.is_success()) {
                    self.confirmed = None;
                }
                self.keep(&actions);
                Ok(actions.into_iter().filter(|a| !a.companion).collect())
            }
        }
    }

    /// Keeps what was done; of a rehearsal, what was left out.
    fn keep(&mut self, actions: &[Action]) {
        let Some(rehearsal) = &mut self.rehearsal else {
            return self.actions.extend_from_slice(actions);
        };
        for action in actions {
            let mut kept = action.clone();
            if let (ActionStatus::Requested, Target::Signal(path), Some(value)) =
                (action.status, &action.target, &action.requested)
            {
                rehearsal.push(Planned { path: path.clone(), value: value.clone() });
                kept.status = ActionStatus::Skipped;
            }
            self.actions.push(kept);
        }
    }
}

impl wit::Host for Turn {
    fn read(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Option<wit::SignalValue>, wit::SignalError>> {
        self.host_call()?;
        let Ok(path) = SignalPath::parse(&path) else {
            return Ok(Err(wit::SignalError::UnknownSignal));
        };
        let Some(grant) = self.granter.read(path) else {
            return Ok(Err(wit::SignalError::NotGranted));
        };
        let value = self.world.read(&grant);
        Ok(value.map(|v| v.as_ref().map(signal_to_wit)).map_err(signal_error))
    }

    fn describe(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<wit::SignalInfo, wit::SignalError>> {
        self.host_call()?;
        let Ok(path) = SignalPath::parse(&path) else {
            return Ok(Err(wit::SignalError::UnknownSignal));
        };
        let Some(grant) = self.granter.describe(path) else {
            return Ok(Err(wit::SignalError::NotGranted));
        };
        let info = self.world.describe(&grant).ok_or(wit::SignalError::UnknownSignal);
        Ok(info.map(|info| wit::SignalInfo {
            unit: info.unit,
            min: info.min,
            max: info.max,
            allowed: info.allowed,
            is_actuator: info.kind == SignalKind::Actuator,
        }))
    }

    fn actuate(
        &mut self,
        batch: Vec<wit::Actuation>,
    ) -> wasmtime::Result<Result<Vec<wit::ActuationOutcome>, wit::BatchError>> {
        self.host_call()?;
        if self.actions.len() + batch.len() > MAX_ACTIONS {
            return Ok(Err(wit::BatchError::TooMany));
        }
        // While one batch waits for a yes, nothing else of this turn may slip past it.
        if self.needs_confirmation.is_some() {
            return Ok(Err(wit::BatchError::NeedsConfirmation));
        }
        let wishes = batch.into_iter().map(|a| self.wish(a)).collect();
        Ok(self.perform(wishes).map(|actions| actions.iter().map(action_to_wit).collect()))
    }
}
