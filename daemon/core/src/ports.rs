//! What the world must offer: the traits that `devices` and `valetd` implement and that the
//! skill host and the daemon call. Values only; who calls decides about threads.
//!
//! Must not implement anything.

pub mod broker;
pub mod http;
pub mod peers;

use crate::{
    intent::SkillId,
    signal::{SignalInfo, SignalPath, SignalValue},
};
use std::time::Duration;

/// Why a vehicle did not answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VehicleError {
    /// Not in the catalogue.
    #[error("signal {path} is unknown")]
    Unknown {
        /// Which.
        path: SignalPath,
    },
    /// Not an actuator.
    #[error("signal {path} can be read but not written")]
    NotActuator {
        /// Which.
        path: SignalPath,
    },
    /// Nobody provides it now.
    #[error("nobody provides {path} now")]
    NoProvider {
        /// Which.
        path: SignalPath,
    },
    /// The value does not fit.
    #[error("value {got} does not fit {path}, expected {expected}")]
    OutOfRange {
        /// Which.
        path: SignalPath,
        /// What came.
        got: String,
        /// What fits.
        expected: String,
    },
    /// The connection or device broke.
    #[error("the vehicle failed at {path}: {why}")]
    Failed {
        /// Which.
        path: SignalPath,
        /// Why.
        why: String,
    },
}

/// A vehicle: current values are observed, target values are requested, and a successful
/// write says nothing about the world. Called from several threads; calls may block, at
/// most for the time they are given.
pub trait Vehicle: Send + Sync {
    /// The catalogue entry of a path.
    fn describe(&self, path: &SignalPath) -> Option<SignalInfo>;

    /// The current value; `None` when it is not known.
    ///
    /// # Errors
    /// [`VehicleError::Unknown`], [`VehicleError::NoProvider`], [`VehicleError::Failed`].
    fn read(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError>;

    /// The value that a signal is on its way to; `None` when it is at rest, or when nobody
    /// knows. For an actuator that is its target value while the current one differs, for a
    /// sensor what it will show once the actuator behind it is there.
    ///
    /// # Errors
    /// As [`Vehicle::read`].
    fn target(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError>;

    /// Requests a target value.
    ///
    /// # Errors
    /// Any [`VehicleError`]; on an error nothing was requested.
    fn write_target(&self, path: &SignalPath, value: &SignalValue) -> Result<(), VehicleError>;

    /// Waits until the current value [`matches`](SignalValue::matches) `value`, at most
    /// `timeout`, and returns the current value at that time.
    ///
    /// # Errors
    /// As [`Vehicle::read`].
    fn wait_until(
        &self,
        path: &SignalPath,
        value: &SignalValue,
        timeout: Duration,
    ) -> Result<Option<SignalValue>, VehicleError>;

    /// All paths of the catalogue that start with `prefix`, sorted.
    fn paths(&self, prefix: &str) -> Vec<SignalPath>;
}

/// Why the store refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The skill's share is used up.
    #[error("the store of {skill} is full: {bytes} bytes wanted, {limit} granted")]
    Full {
        /// Whose.
        skill: SkillId,
        /// What it would hold.
        bytes: u64,
        /// What it may hold.
        limit: u64,
    },
    /// The database broke.
    #[error("the state database failed: {why}")]
    Failed {
        /// Why.
        why: String,
    },
}

/// A key-value store, one name space a skill. A call that returns `Ok` is on disk.
pub trait Store: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn read(&self, skill: &SkillId, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes a key, or removes it with `None`; `limit` bounds all keys and values together.
    ///
    /// # Errors
    /// [`StoreError`]; on an error nothing was changed.
    fn write(
        &self,
        skill: &SkillId,
        key: &str,
        value: Option<&[u8]>,
        limit: u64,
    ) -> Result<(), StoreError>;

    /// The keys that start with `prefix`, sorted, at most `most`.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn keys(&self, skill: &SkillId, prefix: &str, most: usize) -> Result<Vec<String>, StoreError>;
}

/// An alarm that a skill set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The skill's own name for it.
    pub name: String,
    /// When it rings, ms since the Unix epoch, UTC.
    pub at_utc_ms: i64,
    /// What the skill wants back when it rings.
    pub payload: Vec<u8>,
}

/// Alarms that survive a restart. A call that returns `Ok` is on disk.
pub trait Alarms: Send + Sync {
    /// Sets or moves an alarm; at most `limit` at once.
    ///
    /// # Errors
    /// [`StoreError`]; on an error nothing was changed.
    fn set(&self, skill: &SkillId, alarm: Alarm, limit: u32) -> Result<(), StoreError>;

    /// Removes an alarm; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn cancel(&self, skill: &SkillId, name: &str) -> Result<bool, StoreError>;

    /// The skill's alarms by time.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn list(&self, skill: &SkillId) -> Result<Vec<Alarm>, StoreError>;
}

/// The wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock {
    /// ms since the Unix epoch, UTC.
    pub utc_ms: i64,
    /// Offset of local time, minutes east.
    pub offset_min: i32,
    /// Whether the kernel says that the clock is synchronised.
    pub trusted: bool,
}

/// Reads the wall clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> WallClock;
}

/// A value of a listed entity, and other ways to say it.
pub type Spoken = (String, Vec<String>);

/// Takes values that a skill knows at run time. Never blocks; the newest list of an entity counts.
pub trait Vocabularies: Send + Sync {
    /// Takes the values of one of the skill's own listed entities in the place of those before.
    fn set(&self, skill: &SkillId, entity: &str, values: Vec<Spoken>);
}

/// Takes speech that a skill starts by itself. Never blocks; what does not fit is dropped and logged.
pub trait Announcer: Send + Sync {
    /// Announces a text.
    fn announce(&self, skill: &SkillId, speech: &str);
}
