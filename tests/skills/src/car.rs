//! A simulated car that notes every target value it is given, and can be had anew.
//!
//! Must not refuse or change anything: it is a witness.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};
use valet_core::{
    ports::{Vehicle, VehicleError},
    signal::{SignalInfo, SignalPath, SignalValue},
};
use valet_devices::{Catalogue, ManualClock, Simulator};

/// The car that skills act on.
pub struct Car {
    catalogue: Catalogue,
    now: RwLock<Today>,
    written: Mutex<Vec<(SignalPath, SignalValue)>>,
}

struct Today {
    simulator: Arc<Simulator>,
    clock: Arc<ManualClock>,
}

fn fresh(catalogue: &Catalogue) -> Today {
    let clock = Arc::new(ManualClock::default());
    Today { simulator: Arc::new(Simulator::new(catalogue.clone(), clock.clone())), clock }
}

impl Car {
    /// A car as the catalogue describes it, parked.
    #[must_use]
    pub fn new(catalogue: Catalogue) -> Self {
        let now = RwLock::new(fresh(&catalogue));
        Self { catalogue, now, written: Mutex::default() }
    }

    /// Replaces the car by one that was never touched and forgets what was written.
    pub fn renew(&self) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = fresh(&self.catalogue);
        self.written().clear();
    }

    /// The simulator behind it, to set the scene.
    #[must_use]
    pub fn simulator(&self) -> Arc<Simulator> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).simulator.clone()
    }

    /// Lets time pass for the car.
    pub fn pass(&self, time: Duration) {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clock.advance(time);
    }

    /// Takes the target values that were accepted since the last call, in order.
    #[must_use]
    pub fn take_written(&self) -> Vec<(SignalPath, SignalValue)> {
        std::mem::take(&mut *self.written())
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Vec<(SignalPath, SignalValue)>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vehicle for Car {
    fn describe(&self, path: &SignalPath) -> Option<SignalInfo> {
        self.simulator().describe(path)
    }

    fn read(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        self.simulator().read(path)
    }

    fn target(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        self.simulator().target(path)
    }

    fn write_target(&self, path: &SignalPath, value: &SignalValue) -> Result<(), VehicleError> {
        self.simulator().write_target(path, value)?;
        self.written().push((path.clone(), value.clone()));
        Ok(())
    }

    fn wait_until(
        &self,
        path: &SignalPath,
        value: &SignalValue,
        timeout: Duration,
    ) -> Result<Option<SignalValue>, VehicleError> {
        self.simulator().wait_until(path, value, timeout)
    }

    fn paths(&self, prefix: &str) -> Vec<SignalPath> {
        self.simulator().paths(prefix)
    }
}
