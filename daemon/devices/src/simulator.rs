//! A simulated vehicle: actuators that take their time, sensors that follow, faults that can
//! be switched on, driving cycles. Values are functions of time worked out when somebody
//! asks; there is no thread and nothing wakes up by itself.
//!
//! Must not check policy or grants; whoever calls has done so.

mod state;

use crate::{
    behaviour::Index,
    catalogue::Catalogue,
    clock::{Changes, SimulationClock},
    error::{DeviceError, cut},
    values,
};
use state::State;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};
use valet_core::{
    capability::path_matches,
    ports::{Vehicle, VehicleError},
    signal::{SignalInfo, SignalKind, SignalPath, SignalValue},
};

/// Most listeners for changes.
pub const MAX_LISTENERS: usize = 16;
/// Shortest step of a wait, so that rounding cannot make it spin.
const MIN_STEP: Duration = Duration::from_millis(1);

/// What can be wrong with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Nobody provides it.
    NoProvider,
    /// Targets are accepted and the value never moves.
    Stuck,
    /// Ten times slower.
    Slow,
}

impl Fault {
    /// The fault of that name: `none`, `no-provider`, `stuck`, `slow`.
    ///
    /// # Errors
    /// [`DeviceError::UnknownFault`].
    pub fn parse(name: &str) -> Result<Self, DeviceError> {
        [Self::None, Self::NoProvider, Self::Stuck, Self::Slow]
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| DeviceError::UnknownFault { got: cut(name) })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoProvider => "no-provider",
            Self::Stuck => "stuck",
            Self::Slow => "slow",
        }
    }
}

/// An explicit change, told to listeners. Values that follow or move by themselves are not told.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A target was accepted.
    Requested {
        /// Of which signal.
        path: SignalPath,
        /// To what.
        value: SignalValue,
    },
    /// A current value was forced.
    Forced {
        /// Of which signal.
        path: SignalPath,
        /// To what.
        value: SignalValue,
    },
    /// Signals were broken or mended.
    Faulted {
        /// Which.
        pattern: String,
        /// How.
        fault: Fault,
    },
    /// A driving cycle began.
    Driving {
        /// Its name.
        cycle: String,
    },
    /// Everything is as it was at the start.
    Reset,
}

type Listener = Box<dyn Fn(&Change) + Send + Sync>;

/// The simulated vehicle. Cheap to share behind an `Arc`; all calls are thread-safe.
pub struct Simulator {
    catalogue: Catalogue,
    clock: Arc<dyn SimulationClock>,
    state: Mutex<State>,
    changes: Changes,
    listeners: RwLock<Vec<Listener>>,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").finish_non_exhaustive()
    }
}

impl Simulator {
    /// A vehicle that stands, with the initial values of the catalogue.
    #[must_use]
    pub fn new(catalogue: Catalogue, clock: Arc<dyn SimulationClock>) -> Self {
        let state = State::new(&catalogue, clock.now());
        Self {
            catalogue,
            clock,
            state: Mutex::new(state),
            changes: Changes::default(),
            listeners: RwLock::default(),
        }
    }

    /// Forces the current value of any signal: the world is so from now on, whatever faults,
    /// policy and actuators say.
    ///
    /// # Errors
    /// [`VehicleError::Unknown`], [`VehicleError::OutOfRange`].
    pub fn set(&self, path: &SignalPath, value: &SignalValue) -> Result<(), VehicleError> {
        let index = self.index(path)?;
        let value = self.fit(index, path, value)?;
        let now = self.clock.now();
        self.state().force(&self.catalogue, index, &value, now);
        self.tell(&Change::Forced { path: path.clone(), value });
        Ok(())
    }

    /// Breaks or mends all signals that a path or pattern matches, and says how many. The
    /// latest fault of a signal holds.
    ///
    /// # Errors
    /// [`DeviceError::NoMatch`].
    pub fn set_fault(&self, pattern: &str, fault: Fault) -> Result<usize, DeviceError> {
        let matching: Vec<Index> = (0..self.catalogue.entries.len())
            .filter(|i| path_matches(pattern, self.catalogue.entries[*i].path.as_str()))
            .collect();
        if matching.is_empty() {
            return Err(DeviceError::NoMatch { pattern: cut(pattern) });
        }
        let now = self.clock.now();
        self.state().set_faults(&self.catalogue, &matching, fault, now);
        self.tell(&Change::Faulted { pattern: pattern.to_owned(), fault });
        Ok(matching.len())
    }

    /// The signals that are broken now, by path.
    #[must_use]
    pub fn faults(&self) -> Vec<(SignalPath, Fault)> {
        let faults = self.state().faults();
        faults.into_iter().map(|(i, f)| (self.catalogue.entries[i].path.clone(), f)).collect()
    }

    /// Puts everything back as it is in a new one: values, faults, and the cycle.
    pub fn reset(&self) {
        *self.state() = State::new(&self.catalogue, self.clock.now());
        self.tell(&Change::Reset);
    }

    /// Starts a driving cycle of the catalogue, such as `parked`, `city` or `motorway`, at
    /// its first point, at once.
    ///
    /// # Errors
    /// [`DeviceError::UnknownCycle`].
    pub fn drive(&self, cycle: &str) -> Result<(), DeviceError> {
        let found = self.catalogue.cycles.get(cycle).ok_or_else(|| DeviceError::UnknownCycle {
            got: cut(cycle),
            expected: self.catalogue.cycles.keys().cloned().collect::<Vec<_>>().join(", "),
        })?;
        let now = self.clock.now();
        self.state().drive(&self.catalogue, found.clone(), now);
        self.tell(&Change::Driving { cycle: cycle.to_owned() });
        Ok(())
    }

    /// Calls `listener` after every explicit change, on the thread that made it; it must not
    /// block and must not call back into the simulator for a change.
    ///
    /// # Errors
    /// [`DeviceError::TooManyListeners`] past [`MAX_LISTENERS`].
    pub fn on_change(
        &self,
        listener: impl Fn(&Change) + Send + Sync + 'static,
    ) -> Result<(), DeviceError> {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        if listeners.len() == MAX_LISTENERS {
            return Err(DeviceError::TooManyListeners { limit: MAX_LISTENERS });
        }
        listeners.push(Box::new(listener));
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: &Change) {
        self.changes.note();
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(change));
    }

    fn index(&self, path: &SignalPath) -> Result<Index, VehicleError> {
        self.catalogue
            .index(path.as_str())
            .ok_or_else(|| VehicleError::Unknown { path: path.clone() })
    }

    fn fit(
        &self,
        index: Index,
        path: &SignalPath,
        value: &SignalValue,
    ) -> Result<SignalValue, VehicleError> {
        values::fit(&self.catalogue.entries[index].info, value).map_err(|expected| {
            VehicleError::OutOfRange { path: path.clone(), got: cut(&value.to_string()), expected }
        })
    }

    fn provided(&self, index: Index, path: &SignalPath) -> Result<(), VehicleError> {
        if self.state().fault(index) == Fault::NoProvider {
            return Err(VehicleError::NoProvider { path: path.clone() });
        }
        Ok(())
    }
}

impl Vehicle for Simulator {
    fn describe(&self, path: &SignalPath) -> Option<SignalInfo> {
        self.catalogue.describe(path).cloned()
    }

    fn read(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        let index = self.index(path)?;
        self.provided(index, path)?;
        let now = self.clock.now();
        Ok(self.state().read(&self.catalogue, index, now))
    }

    fn target(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        let index = self.index(path)?;
        self.provided(index, path)?;
        let now = self.clock.now();
        Ok(self.state().target(&self.catalogue, index, now))
    }

    fn write_target(&self, path: &SignalPath, value: &SignalValue) -> Result<(), VehicleError> {
        let index = self.index(path)?;
        if self.catalogue.entries[index].info.kind != SignalKind::Actuator {
            return Err(VehicleError::NotActuator { path: path.clone() });
        }
        let value = self.fit(index, path, value)?;
        self.provided(index, path)?;
        let now = self.clock.now();
        self.state().request(&self.catalogue, index, &value, now);
        self.tell(&Change::Requested { path: path.clone(), value });
        Ok(())
    }

    fn wait_until(
        &self,
        path: &SignalPath,
        value: &SignalValue,
        timeout: Duration,
    ) -> Result<Option<SignalValue>, VehicleError> {
        let index = self.index(path)?;
        let deadline = self.clock.now().saturating_add(timeout);
        loop {
            let seen = self.changes.count();
            self.provided(index, path)?;
            let now = self.clock.now();
            let (observed, until) = {
                let state = self.state();
                let observed = state.read(&self.catalogue, index, now);
                (observed, state.until(&self.catalogue, index, value, now))
            };
            if now >= deadline || observed.as_ref().is_some_and(|seen| value.matches(seen)) {
                return Ok(observed);
            }
            let step = until.unwrap_or(Duration::MAX).max(MIN_STEP).min(deadline - now);
            self.clock.wait(&self.changes, seen, step);
        }
    }

    fn paths(&self, prefix: &str) -> Vec<SignalPath> {
        self.catalogue.paths(prefix)
    }
}
