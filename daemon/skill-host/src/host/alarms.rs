//! `alarms`: set, cancel, list. A question may only list.

use crate::{
    bindings::valet::skill::alarms as wit,
    limits::{MAX_KEY_BYTES, MAX_PAYLOAD_BYTES},
    rate::Rated,
    turn::Turn,
};
use std::time::Instant;
use valet_core::ports::{Alarm, StoreError};

fn alarm_error(error: StoreError) -> wit::AlarmError {
    match error {
        StoreError::Full { .. } => wit::AlarmError::TooMany,
        StoreError::Failed { why } => {
            log::warn!("the alarms failed: {why}");
            wit::AlarmError::Failed
        }
    }
}

fn is_alarm_name(name: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

impl wit::Host for Turn {
    fn set(&mut self, alarm: wit::Alarm) -> wasmtime::Result<Result<(), wit::AlarmError>> {
        self.host_call()?;
        self.take_write()?;
        let Some(grant) = self.granter.alarms().filter(|_| self.scope.alarms) else {
            return Ok(Err(wit::AlarmError::NotGranted));
        };
        if !is_alarm_name(&alarm.name) || alarm.payload.len() > MAX_PAYLOAD_BYTES {
            return Ok(Err(wit::AlarmError::BadName));
        }
        if !self.take_rated(Rated::Alarm) {
            return Ok(Err(wit::AlarmError::Limited));
        }
        if self.rehearses() {
            return Ok(Ok(()));
        }
        let name = alarm.name.clone();
        let alarm = Alarm { name: alarm.name, at_utc_ms: alarm.at_utc_ms, payload: alarm.payload };
        let started = Instant::now();
        let result = self.world.set_alarm(&grant, alarm).map_err(alarm_error);
        self.give_back(started.elapsed());
        if result.is_ok() {
            self.record(format!("alarm:{name}"));
        }
        Ok(result)
    }

    fn cancel(&mut self, name: String) -> wasmtime::Result<Result<bool, wit::AlarmError>> {
        self.host_call()?;
        self.take_write()?;
        let Some(grant) = self.granter.alarms().filter(|_| self.scope.alarms) else {
            return Ok(Err(wit::AlarmError::NotGranted));
        };
        if !is_alarm_name(&name) {
            return Ok(Err(wit::AlarmError::BadName));
        }
        if !self.take_rated(Rated::Alarm) {
            return Ok(Err(wit::AlarmError::Limited));
        }
        let started = Instant::now();
        if self.rehearses() {
            let pending = self.world.pending_alarms(&grant).map_err(alarm_error);
            self.give_back(started.elapsed());
            return Ok(pending.map(|all| all.iter().any(|alarm| alarm.name == name)));
        }
        let result = self.world.cancel_alarm(&grant, &name).map_err(alarm_error);
        self.give_back(started.elapsed());
        if result == Ok(true) {
            self.record(format!("alarm:{name}"));
        }
        Ok(result)
    }

    fn pending(&mut self) -> wasmtime::Result<Result<Vec<wit::Alarm>, wit::AlarmError>> {
        self.host_call()?;
        let Some(grant) = self.granter.alarms() else {
            return Ok(Err(wit::AlarmError::NotGranted));
        };
        let started = Instant::now();
        let alarms = self.world.pending_alarms(&grant).map_err(alarm_error);
        self.give_back(started.elapsed());
        Ok(alarms.map(|all| {
            all.into_iter()
                .map(|a| wit::Alarm { name: a.name, at_utc_ms: a.at_utc_ms, payload: a.payload })
                .collect()
        }))
    }
}
