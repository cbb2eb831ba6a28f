//! `store`: a few bytes of the skill's own, on disk when the call returns.

use crate::{
    bindings::valet::skill::store as wit,
    grant::StoreGrant,
    limits::{MAX_KEY_BYTES, MAX_KEYS},
    rate::Rated,
    turn::Turn,
};
use std::time::Instant;
use valet_core::ports::StoreError;

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len()) && is_prefix(key)
}

fn is_prefix(key: &str) -> bool {
    key.len() <= MAX_KEY_BYTES
        && key.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b':' | b'-')
        })
}

fn store_error(error: StoreError) -> wit::StoreError {
    match error {
        StoreError::Full { .. } => wit::StoreError::Full,
        StoreError::Failed { why } => {
            log::warn!("the state database failed: {why}");
            wit::StoreError::Failed
        }
    }
}

impl Turn {
    /// Runs one call on the store with its grant; a slow disk is not the guest's time.
    fn with_store<R>(
        &mut self,
        key_fits: bool,
        call: impl FnOnce(&Self, &StoreGrant) -> Result<R, StoreError>,
    ) -> wasmtime::Result<Result<R, wit::StoreError>> {
        self.host_call()?;
        let Some(grant) = self.granter.store() else {
            return Ok(Err(wit::StoreError::NotGranted));
        };
        if !key_fits {
            return Ok(Err(wit::StoreError::BadKey));
        }
        let started = Instant::now();
        let result = call(self, &grant);
        self.give_back(started.elapsed());
        Ok(result.map_err(store_error))
    }
}

impl wit::Host for Turn {
    fn read(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, wit::StoreError>> {
        self.with_store(is_key(&key), |turn, grant| turn.world.store_read(grant, &key))
    }

    fn write(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), wit::StoreError>> {
        self.take_write()?;
        if !self.take_rated(Rated::StoreWrite) {
            return Ok(Err(wit::StoreError::Limited));
        }
        self.with_store(is_key(&key), |turn, grant| {
            if turn.rehearses() {
                return Ok(());
            }
            turn.world.store_write(grant, &key, Some(&value))
        })
    }

    fn remove(&mut self, key: String) -> wasmtime::Result<Result<(), wit::StoreError>> {
        self.take_write()?;
        if !self.take_rated(Rated::StoreWrite) {
            return Ok(Err(wit::StoreError::Limited));
        }
        self.with_store(is_key(&key), |turn, grant| {
            if turn.rehearses() {
                return Ok(());
            }
            turn.world.store_write(grant, &key, None)
        })
    }

    fn keys(&mut self, prefix: String) -> wasmtime::Result<Result<Vec<String>, wit::StoreError>> {
        self.with_store(is_prefix(&prefix), |turn, grant| {
            turn.world.store_keys(grant, &prefix, MAX_KEYS)
        })
    }
}
