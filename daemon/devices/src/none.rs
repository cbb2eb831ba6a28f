//! No vehicle at all: everything is described, nothing is provided.
//!
//! Must not make anything up.

use crate::catalogue::Catalogue;
use std::time::Duration;
use valet_core::{
    ports::{Vehicle, VehicleError},
    signal::{SignalInfo, SignalPath, SignalValue},
};

/// A vehicle that answers [`VehicleError::NoProvider`] to everything its catalogue knows.
#[derive(Debug)]
pub struct NoVehicle(Catalogue);

impl NoVehicle {
    /// No vehicle, with this catalogue.
    #[must_use]
    pub fn new(catalogue: Catalogue) -> Self {
        Self(catalogue)
    }

    fn refuse<T>(&self, path: &SignalPath) -> Result<T, VehicleError> {
        let path = path.clone();
        match self.0.describe(&path) {
            Some(_) => Err(VehicleError::NoProvider { path }),
            None => Err(VehicleError::Unknown { path }),
        }
    }
}

impl Vehicle for NoVehicle {
    fn describe(&self, path: &SignalPath) -> Option<SignalInfo> {
        self.0.describe(path).cloned()
    }

    fn read(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        self.refuse(path)
    }

    fn target(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        self.refuse(path)
    }

    fn write_target(&self, path: &SignalPath, _: &SignalValue) -> Result<(), VehicleError> {
        self.refuse(path)
    }

    fn wait_until(
        &self,
        path: &SignalPath,
        _: &SignalValue,
        _: Duration,
    ) -> Result<Option<SignalValue>, VehicleError> {
        self.refuse(path)
    }

    fn paths(&self, prefix: &str) -> Vec<SignalPath> {
        self.0.paths(prefix)
    }
}
