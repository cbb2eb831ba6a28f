//! Calls of `Vehicle1` and `Simulator1`: signals read, and a simulated vehicle set.
//!
//! Must not write a signal of a real vehicle; only skills do, with a grant.

use super::Assistant;
use valet_bus::{BusError, Dict, ErrorName, call::MAX_READ, convert};
use valet_core::{capability::path_matches, signal::SignalPath};
use valet_devices::Fault;

/// Most values of one `Read`.
const MAX_READ_VALUES: usize = 1000;

impl Assistant {
    pub(super) fn read(&self, patterns: &[String]) -> Result<Dict, BusError> {
        debug_assert!(patterns.len() <= MAX_READ, "the bus face bounds the list");
        let mut values = Dict::new();
        for pattern in patterns {
            if pattern.contains('*') {
                if !valet_core::capability::is_path_pattern(pattern) {
                    return Err(BusError::invalid(format!(
                        "{pattern:?} is no path and no pattern"
                    )));
                }
                let prefix = pattern.split('*').next().unwrap_or_default();
                for path in self.world.vehicle.paths(prefix) {
                    if path_matches(pattern, path.as_str()) {
                        self.read_one(&path, &mut values)?;
                    }
                }
            } else {
                let path = signal_path(pattern)?;
                if self.world.vehicle.describe(&path).is_none() {
                    let why = format!("signal {path} is not in the catalogue");
                    return Err(BusError::new(ErrorName::UnknownSignal, why));
                }
                self.read_one(&path, &mut values)?;
            }
        }
        Ok(values)
    }

    fn read_one(&self, path: &SignalPath, values: &mut Dict) -> Result<(), BusError> {
        // A value that is not known has no key.
        if let Ok(Some(value)) = self.world.vehicle.read(path) {
            if values.len() >= MAX_READ_VALUES {
                let why = format!("more than {MAX_READ_VALUES} values; ask for fewer");
                return Err(BusError::new(ErrorName::LimitExceeded, why));
            }
            values.insert(path.to_string(), convert::signal(&value));
        }
        Ok(())
    }

    fn simulator(&self) -> Result<&valet_devices::Simulator, BusError> {
        self.world
            .simulator
            .as_deref()
            .ok_or_else(|| BusError::new(ErrorName::UnknownObject, "the vehicle is not simulated"))
    }

    pub(super) fn simulator_set(
        &self,
        path: &str,
        value: &zbus::Variant<'_>,
    ) -> Result<(), BusError> {
        let value = convert::signal_from(value).ok_or_else(|| {
            BusError::invalid("the value is neither basic nor an array of basic values")
        })?;
        self.simulator()?.set(&signal_path(path)?, &value).map_err(|error| match &error {
            valet_core::ports::VehicleError::Unknown { .. } => {
                BusError::new(ErrorName::UnknownSignal, error.to_string())
            }
            _ => BusError::invalid(error.to_string()),
        })
    }

    pub(super) fn simulator_fault(&self, path: &str, fault: &str) -> Result<(), BusError> {
        let fault = Fault::parse(fault).map_err(|e| BusError::invalid(e.to_string()))?;
        let simulator = self.simulator()?;
        if !valet_core::capability::is_path_pattern(path) {
            return Err(BusError::invalid("the path is no path and no pattern"));
        }
        // A pattern that fits nothing is all that can still be wrong with it.
        let unknown = |error: valet_devices::DeviceError| {
            BusError::new(ErrorName::UnknownSignal, error.to_string())
        };
        simulator.set_fault(path, fault).map(|_| ()).map_err(unknown)
    }

    pub(super) fn simulator_reset(&self) -> Result<(), BusError> {
        self.simulator()?.reset();
        Ok(())
    }

    pub(super) fn simulator_drive(&self, cycle: &str) -> Result<(), BusError> {
        self.simulator()?.drive(cycle).map_err(|e| BusError::invalid(e.to_string()))
    }
}

fn signal_path(text: &str) -> Result<SignalPath, BusError> {
    SignalPath::parse(text).map_err(|e| BusError::invalid(e.to_string()))
}
