//! The world as the host reaches it for a skill: each call takes the grant it needs, and
//! the services themselves cannot be got at from anywhere else in this crate.
//!
//! Must not decide anything; the granter and the policy did.

mod outside;

pub(crate) use outside::Calling;
pub use outside::Outside;

use crate::grant::{
    ActuateGrant, AlarmsGrant, AnnounceGrant, DescribeGrant, LocationGrant, ReadGrant, StoreGrant,
};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use valet_core::{
    policy::{Policy, Snapshot},
    ports::{Alarm, Alarms, Announcer, Clock, Store, StoreError, Vehicle, VehicleError, WallClock},
    signal::{SignalInfo, SignalPath, SignalValue},
};

/// What the daemon lends to the skills.
#[derive(Clone)]
pub struct Services {
    /// Signals.
    pub vehicle: Arc<dyn Vehicle>,
    /// Key-value store.
    pub store: Arc<dyn Store>,
    /// Alarms.
    pub alarms: Arc<dyn Alarms>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Speech that skills start.
    pub announcer: Arc<dyn Announcer>,
    /// What lies outside of the vehicle.
    pub outside: Outside,
    /// The device's policy; replaced as a whole when it is read anew.
    pub policy: Arc<RwLock<Arc<Policy>>>,
}

/// The services behind grants.
#[derive(Clone)]
pub(crate) struct World(Services);

const LATITUDE: &str = "Vehicle.CurrentLocation.Latitude";
const LONGITUDE: &str = "Vehicle.CurrentLocation.Longitude";

impl World {
    pub(crate) fn new(services: Services) -> Self {
        Self(services)
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.0.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the policy keys on, as far as it is known; what is not known is left out and
    /// the policy treats it as the worst.
    pub(crate) fn snapshot(&self, policy: &Policy) -> Snapshot {
        let known = |path: &SignalPath| {
            let value = self.0.vehicle.read(path).ok().flatten()?;
            Some((path.clone(), value))
        };
        Snapshot(policy.needed_signals().iter().filter_map(known).collect())
    }

    /// What the signals of the policy are on their way to, as far as they are.
    pub(crate) fn targets(&self, policy: &Policy) -> Snapshot {
        let under_way = |path: &SignalPath| {
            let value = self.0.vehicle.target(path).ok().flatten()?;
            Some((path.clone(), value))
        };
        Snapshot(policy.needed_signals().iter().filter_map(under_way).collect())
    }

    /// What a signal is on its way to.
    pub(crate) fn target(&self, grant: &ActuateGrant) -> Result<Option<SignalValue>, VehicleError> {
        self.0.vehicle.target(grant.path())
    }

    pub(crate) fn read(&self, grant: &ReadGrant) -> Result<Option<SignalValue>, VehicleError> {
        self.0.vehicle.read(grant.path())
    }

    pub(crate) fn describe(&self, grant: &DescribeGrant) -> Option<SignalInfo> {
        self.0.vehicle.describe(grant.path())
    }

    pub(crate) fn describe_actuator(&self, grant: &ActuateGrant) -> Option<SignalInfo> {
        self.0.vehicle.describe(grant.path())
    }

    /// The value before an actuation.
    pub(crate) fn previous(
        &self,
        grant: &ActuateGrant,
    ) -> Result<Option<SignalValue>, VehicleError> {
        self.0.vehicle.read(grant.path())
    }

    pub(crate) fn write_target(
        &self,
        grant: &ActuateGrant,
        value: &SignalValue,
    ) -> Result<(), VehicleError> {
        self.0.vehicle.write_target(grant.path(), value)
    }

    pub(crate) fn wait_until(
        &self,
        grant: &ActuateGrant,
        value: &SignalValue,
        timeout: Duration,
    ) -> Result<Option<SignalValue>, VehicleError> {
        self.0.vehicle.wait_until(grant.path(), value, timeout)
    }

    pub(crate) fn store_read(
        &self,
        grant: &StoreGrant,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.store.read(grant.skill(), key)
    }

    pub(crate) fn store_write(
        &self,
        grant: &StoreGrant,
        key: &str,
        value: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        self.0.store.write(grant.skill(), key, value, grant.limit_bytes())
    }

    pub(crate) fn store_keys(
        &self,
        grant: &StoreGrant,
        prefix: &str,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.0.store.keys(grant.skill(), prefix, most)
    }

    pub(crate) fn set_alarm(&self, grant: &AlarmsGrant, alarm: Alarm) -> Result<(), StoreError> {
        self.0.alarms.set(grant.skill(), alarm, grant.most())
    }

    pub(crate) fn cancel_alarm(&self, grant: &AlarmsGrant, name: &str) -> Result<bool, StoreError> {
        self.0.alarms.cancel(grant.skill(), name)
    }

    pub(crate) fn pending_alarms(&self, grant: &AlarmsGrant) -> Result<Vec<Alarm>, StoreError> {
        self.0.alarms.list(grant.skill())
    }

    pub(crate) fn announce(&self, grant: &AnnounceGrant, speech: &str) {
        self.0.announcer.announce(grant.skill(), speech);
    }

    /// Latitude and longitude in degrees; `None` unless both are known.
    pub(crate) fn position(&self, _grant: &LocationGrant) -> Option<(f64, f64)> {
        let degrees = |path| {
            let path = SignalPath::parse(path).ok()?;
            self.0.vehicle.read(&path).ok().flatten()?.as_number()
        };
        Some((degrees(LATITUDE)?, degrees(LONGITUDE)?))
    }

    /// The wall clock is no secret; it needs no grant.
    pub(crate) fn now(&self) -> WallClock {
        self.0.clock.now()
    }
}
