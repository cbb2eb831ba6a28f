//! The vehicle as a whole: where it is, how fast, how full, whether it charges; all of it a
//! function of time since the last explicit change.
//!
//! Must not read a clock or know paths beyond the table that names its signals.

use crate::cycle::Cycle;
use serde::Deserialize;
use std::time::Duration;

/// Metres of one degree of latitude.
const METRES_PER_DEGREE: f64 = 111_320.0;
/// The vehicle turns back before the poles, where longitude means nothing.
const MAX_LATITUDE: f64 = 85.0;

/// How charge and fuel turn into way, and time into charge.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Energy {
    pub(crate) battery_metres_per_percent: f64,
    pub(crate) fuel_metres_per_percent: f64,
    pub(crate) charge_percent_per_second: f64,
}

impl Default for Energy {
    fn default() -> Self {
        Self {
            battery_metres_per_percent: 1000.0,
            fuel_metres_per_percent: 7000.0,
            charge_percent_per_second: 0.02,
        }
    }
}

impl Energy {
    /// All above zero.
    pub(crate) fn check(&self) -> Result<(), String> {
        let all = [
            self.battery_metres_per_percent,
            self.fuel_metres_per_percent,
            self.charge_percent_per_second,
        ];
        let fine = all.iter().all(|n| n.is_finite() && (1e-6..=1e9).contains(n));
        if fine { Ok(()) } else { Err("[energy]: expected numbers from 1e-6 to 1e9".to_owned()) }
    }
}

/// Signals whose value the world knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorldSignal {
    Speed,
    Odometer,
    SinceStart,
    Latitude,
    Longitude,
    Heading,
    Charge,
    Fuel,
    FuelLitres,
    FuelRange,
    BatteryRange,
    Range,
    IsCharging,
    TimeToComplete,
}

impl WorldSignal {
    /// All with their paths.
    pub(crate) const ALL: [(Self, &'static str); 14] = [
        (Self::Speed, "Vehicle.Speed"),
        (Self::Odometer, "Vehicle.TraveledDistance"),
        (Self::SinceStart, "Vehicle.TraveledDistanceSinceStart"),
        (Self::Latitude, "Vehicle.CurrentLocation.Latitude"),
        (Self::Longitude, "Vehicle.CurrentLocation.Longitude"),
        (Self::Heading, "Vehicle.CurrentLocation.Heading"),
        (Self::Charge, "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current"),
        (Self::Fuel, "Vehicle.Powertrain.FuelSystem.RelativeLevel"),
        (Self::FuelLitres, "Vehicle.Powertrain.FuelSystem.AbsoluteLevel"),
        (Self::FuelRange, "Vehicle.Powertrain.FuelSystem.Range"),
        (Self::BatteryRange, "Vehicle.Powertrain.TractionBattery.Range"),
        (Self::Range, "Vehicle.Powertrain.Range"),
        (Self::IsCharging, "Vehicle.Powertrain.TractionBattery.Charging.IsCharging"),
        (Self::TimeToComplete, "Vehicle.Powertrain.TractionBattery.Charging.TimeToComplete"),
    ];
}

/// A value of the world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum WorldValue {
    Number(f64),
    Flag(bool),
}

/// The state at `since`, and what has gone on from there.
#[derive(Debug, Clone)]
pub(crate) struct World {
    energy: Energy,
    since: Duration,
    cycle: Cycle,
    cycle_started: Duration,
    odometer_m: Option<f64>,
    since_start_m: Option<f64>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    heading: f64,
    charge: Option<f64>,
    fuel: Option<f64>,
    /// Litres of a full tank.
    pub(crate) tank_l: Option<f64>,
    /// Charging begins or began then; none when it does not.
    pub(crate) charging_from: Option<Duration>,
    /// Charging ends here, percent.
    pub(crate) charge_limit: f64,
}

impl World {
    /// A standing vehicle of which nothing else is known.
    pub(crate) fn new(energy: Energy, now: Duration) -> Self {
        Self {
            energy,
            since: now,
            cycle: Cycle::constant(0.0),
            cycle_started: now,
            odometer_m: None,
            since_start_m: None,
            latitude: None,
            longitude: None,
            heading: 0.0,
            charge: None,
            fuel: None,
            tank_l: None,
            charging_from: None,
            charge_limit: 100.0,
        }
    }

    /// Whether the cycle moves the vehicle.
    pub(crate) fn is_driving(&self) -> bool {
        self.cycle.moves()
    }

    /// Starts a cycle.
    pub(crate) fn drive(&mut self, cycle: Cycle, now: Duration) {
        self.cycle = cycle;
        self.cycle_started = now;
    }

    /// Makes `now` the time everything is counted from.
    pub(crate) fn anchor(&mut self, now: Duration) {
        let way = self.way(now);
        let (charge, fuel) = (self.charge_at(now), self.fuel_at(now));
        let (latitude, longitude) = self.place(now);
        self.charge = charge;
        self.fuel = fuel;
        self.latitude = latitude;
        self.longitude = longitude;
        self.odometer_m = self.odometer_m.map(|m| m + way.abs());
        self.since_start_m = self.since_start_m.map(|m| m + way.abs());
        self.since = now;
    }

    /// Sets a value that is not derived from others; false when it is. Anchor first.
    pub(crate) fn set(&mut self, signal: WorldSignal, value: f64, now: Duration) -> bool {
        match signal {
            WorldSignal::Speed => self.drive(Cycle::constant(value), now),
            WorldSignal::Odometer => self.odometer_m = Some(value),
            WorldSignal::SinceStart => self.since_start_m = Some(value),
            WorldSignal::Latitude => self.latitude = Some(value),
            WorldSignal::Longitude => self.longitude = Some(value),
            WorldSignal::Heading => self.heading = value,
            WorldSignal::Charge => self.charge = Some(value),
            WorldSignal::Fuel => self.fuel = Some(value),
            _ => return false,
        }
        true
    }

    /// A value at a time at or after the anchor.
    pub(crate) fn at(&self, signal: WorldSignal, now: Duration) -> Option<WorldValue> {
        let way = self.way(now).abs();
        let battery_m = || self.charge_at(now).map(|c| c * self.energy.battery_metres_per_percent);
        let fuel_m = || self.fuel_at(now).map(|f| f * self.energy.fuel_metres_per_percent);
        let number = match signal {
            WorldSignal::Speed => Some(self.cycle.speed(self.seconds(now))),
            WorldSignal::Odometer => self.odometer_m.map(|m| m + way),
            WorldSignal::SinceStart => self.since_start_m.map(|m| m + way),
            WorldSignal::Latitude => self.place(now).0,
            WorldSignal::Longitude => self.place(now).1,
            WorldSignal::Heading => Some(self.heading),
            WorldSignal::Charge => self.charge_at(now),
            WorldSignal::Fuel => self.fuel_at(now).map(f64::floor),
            WorldSignal::FuelLitres => {
                self.fuel_at(now).zip(self.tank_l).map(|(fuel, tank)| fuel / 100.0 * tank)
            }
            WorldSignal::FuelRange => fuel_m(),
            WorldSignal::BatteryRange => battery_m(),
            WorldSignal::Range => match (battery_m(), fuel_m()) {
                (None, None) => None,
                (battery, fuel) => Some(battery.unwrap_or(0.0) + fuel.unwrap_or(0.0)),
            },
            WorldSignal::IsCharging => {
                return Some(WorldValue::Flag(self.is_charging(now)));
            }
            WorldSignal::TimeToComplete => self.charge_at(now).map(|charge| {
                let missing = if self.is_charging(now) { self.charge_limit - charge } else { 0.0 };
                (missing / self.energy.charge_percent_per_second).ceil()
            }),
        };
        number.map(WorldValue::Number)
    }

    fn seconds(&self, now: Duration) -> f64 {
        now.saturating_sub(self.cycle_started).as_secs_f64()
    }

    /// Metres since the anchor; below zero in reverse.
    fn way(&self, now: Duration) -> f64 {
        self.cycle.distance(self.seconds(now)) - self.cycle.distance(self.seconds(self.since))
    }

    fn place(&self, now: Duration) -> (Option<f64>, Option<f64>) {
        let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) else {
            return (self.latitude, self.longitude);
        };
        let way = self.way(now) / METRES_PER_DEGREE;
        if way == 0.0 {
            return (Some(latitude), Some(longitude));
        }
        let heading = self.heading.to_radians();
        let north = (latitude + way * heading.cos()).clamp(-MAX_LATITUDE, MAX_LATITUDE);
        let shrink = north.to_radians().cos().max(0.05);
        let east = longitude + way * heading.sin() / shrink;
        (Some(north), Some((east + 180.0).rem_euclid(360.0) - 180.0))
    }

    /// Percent in the battery: first the way eats it, then fuel; charging fills it.
    fn charge_at(&self, now: Duration) -> Option<f64> {
        let charge = self.charge?;
        let used = self.way(now).abs() / self.energy.battery_metres_per_percent;
        let left = (charge - used).max(0.0);
        let Some(from) = self.charging_from else { return Some(left) };
        let seconds = now.saturating_sub(from.max(self.since)).as_secs_f64();
        let gained = seconds * self.energy.charge_percent_per_second;
        Some((left + gained).min(self.charge_limit.max(left)))
    }

    fn fuel_at(&self, now: Duration) -> Option<f64> {
        let fuel = self.fuel?;
        let electric_m = self.charge.unwrap_or(0.0) * self.energy.battery_metres_per_percent;
        let burnt_m = (self.way(now).abs() - electric_m).max(0.0);
        Some((fuel - burnt_m / self.energy.fuel_metres_per_percent).max(0.0))
    }

    fn is_charging(&self, now: Duration) -> bool {
        self.charging_from.is_some_and(|from| now >= from)
            && self.charge_at(now).is_some_and(|charge| charge < self.charge_limit)
    }
}
