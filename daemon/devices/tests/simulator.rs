//! Verdicts on the simulated vehicle, on a clock turned by hand.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use valet_core::{
    ports::{Vehicle, VehicleError},
    signal::{SignalPath, SignalType, SignalValue},
};
use valet_devices::{
    Catalogue, DeviceError, Fault, MAX_LISTENERS, ManualClock, MonotonicClock, NoVehicle, Simulator,
};

const WINDOW: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";
const WINDOW_OPEN: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.IsOpen";
const AC: &str = "Vehicle.Cabin.HVAC.IsAirConditioningActive";
const ROOF_SWITCH: &str = "Vehicle.Cabin.Sunroof.Switch";
const ROOF: &str = "Vehicle.Cabin.Sunroof.Position";
const ACTION: &str = "Vehicle.Cabin.Infotainment.Media.Action";
const TRACK: &str = "Vehicle.Cabin.Infotainment.Media.Played.Track";
const SOURCE: &str = "Vehicle.Cabin.Infotainment.Media.Played.Source";
const CHARGING: &str = "Vehicle.Powertrain.TractionBattery.Charging.IsCharging";
const START_STOP: &str = "Vehicle.Powertrain.TractionBattery.Charging.StartStopCharging";
const CABLE: &str =
    "Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected";
const CHARGE: &str = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current";

fn path(text: &str) -> SignalPath {
    SignalPath::parse(text).unwrap()
}

fn text(text: &str) -> SignalValue {
    SignalValue::Text(text.to_owned())
}

struct Car {
    clock: Arc<ManualClock>,
    simulator: Simulator,
}

impl Car {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let simulator =
            Simulator::new(Catalogue::builtin().unwrap(), Arc::<ManualClock>::clone(&clock));
        Self { clock, simulator }
    }

    fn after(&self, ms: u64) -> &Self {
        self.clock.advance(Duration::from_millis(ms));
        self
    }

    fn read(&self, name: &str) -> Option<SignalValue> {
        self.simulator.read(&path(name)).unwrap()
    }

    fn number(&self, name: &str) -> f64 {
        self.read(name).unwrap().as_number().unwrap()
    }

    fn write(&self, name: &str, value: SignalValue) {
        self.simulator.write_target(&path(name), &value).unwrap();
    }

    fn set(&self, name: &str, value: SignalValue) {
        self.simulator.set(&path(name), &value).unwrap();
    }

    fn wait(&self, name: &str, value: SignalValue, ms: u64) -> Option<SignalValue> {
        self.simulator.wait_until(&path(name), &value, Duration::from_millis(ms)).unwrap()
    }
}

#[test]
fn a_window_takes_its_time_and_its_sensor_follows() {
    let car = Car::new();
    car.write(WINDOW, SignalValue::Integer(60));
    assert_eq!(car.after(300).read(WINDOW), Some(SignalValue::Integer(0)));
    assert_eq!(car.read(WINDOW_OPEN), Some(SignalValue::Boolean(false)));
    assert_eq!(car.after(1000).read(WINDOW), Some(SignalValue::Integer(30)));
    assert_eq!(car.read(WINDOW_OPEN), Some(SignalValue::Boolean(true)));
    assert_eq!(car.after(60_000).read(WINDOW), Some(SignalValue::Integer(60)));
}

#[test]
fn what_is_under_way_has_a_target_until_it_is_there() {
    let car = Car::new();
    let target = |name: &str| car.simulator.target(&path(name)).unwrap();
    assert_eq!(target(WINDOW), None);
    car.write(WINDOW, SignalValue::Integer(60));
    assert_eq!(car.read(WINDOW), Some(SignalValue::Integer(0)), "it has not begun to move");
    assert_eq!(target(WINDOW), Some(SignalValue::Integer(60)));
    assert_eq!(target(WINDOW_OPEN), Some(SignalValue::Boolean(true)), "its sensor will follow");
    car.after(1000);
    assert_eq!(target(WINDOW), Some(SignalValue::Integer(60)));
    assert_eq!(target(WINDOW_OPEN), None, "it shows that already");
    car.after(60_000);
    assert_eq!(target(WINDOW), None);
    car.write(SOURCE, text("FM"));
    assert_eq!(target(SOURCE), Some(text("FM")));
    car.after(60_000);
    assert_eq!(target(SOURCE), None);
    assert!(car.simulator.target(&path("Vehicle.No.Such")).is_err());
}

#[test]
fn a_switch_gives_the_roof_a_target_and_none_to_itself() {
    let car = Car::new();
    car.write(ROOF_SWITCH, text("OPEN"));
    assert_eq!(car.simulator.target(&path(ROOF)), Ok(Some(SignalValue::Integer(100))));
    assert_eq!(car.simulator.target(&path(ROOF_SWITCH)), Ok(None));
    assert_eq!(car.after(1000).read(ROOF_SWITCH), Some(text("INACTIVE")), "it is let go");
    car.write(ROOF_SWITCH, text("INACTIVE"));
    assert_eq!(car.simulator.target(&path(ROOF)), Ok(None), "stopped where it is");
}

#[test]
fn what_is_stuck_or_moved_by_hand_is_on_its_way_to_nothing() {
    let car = Car::new();
    car.write(WINDOW, SignalValue::Integer(60));
    car.set(WINDOW, SignalValue::Integer(30));
    assert_eq!(car.simulator.target(&path(WINDOW)), Ok(None));
    car.simulator.set_fault(WINDOW, Fault::Stuck).unwrap();
    car.write(WINDOW, SignalValue::Integer(60));
    assert_eq!(car.simulator.target(&path(WINDOW)), Ok(None));
}

#[test]
fn a_wait_ends_when_the_value_arrives_or_the_time_is_over() {
    let car = Car::new();
    car.write(WINDOW, SignalValue::Integer(100));
    let before = valet_devices::SimulationClock::now(&*car.clock);
    assert_ne!(car.wait(WINDOW, SignalValue::Integer(100), 250), Some(SignalValue::Integer(100)));
    assert_eq!(
        car.wait(WINDOW, SignalValue::Integer(100), 60_000),
        Some(SignalValue::Integer(100))
    );
    let took = valet_devices::SimulationClock::now(&*car.clock) - before;
    assert!(took > Duration::from_millis(3600) && took < Duration::from_millis(3700), "{took:?}");
}

#[test]
fn writing_is_open_moves_the_position_and_waits_for_the_edge() {
    let car = Car::new();
    car.write(WINDOW_OPEN, SignalValue::Boolean(true));
    assert_eq!(
        car.wait(WINDOW_OPEN, SignalValue::Boolean(true), 500),
        Some(SignalValue::Boolean(true))
    );
    assert!(car.number(WINDOW) < 5.0, "open as soon as there is a gap");
    assert_eq!(car.after(10_000).number(WINDOW), 100.0);
    car.write(WINDOW_OPEN, SignalValue::Boolean(false));
    assert_eq!(
        car.wait(WINDOW_OPEN, SignalValue::Boolean(false), 9_000),
        Some(SignalValue::Boolean(false))
    );
    assert_eq!(car.number(WINDOW), 0.0);
}

#[test]
fn the_sunroof_follows_its_switch_and_stops_in_between() {
    let car = Car::new();
    car.write(ROOF_SWITCH, text("OPEN"));
    assert_eq!(car.after(2000).number(ROOF), 40.0);
    car.write(ROOF_SWITCH, text("INACTIVE"));
    assert_eq!(car.after(9000).number(ROOF), 40.0);
    car.write(ROOF_SWITCH, text("TILT_UP"));
    assert_eq!(car.after(9000).number(ROOF), -100.0);
}

#[test]
fn the_boot_unlocks_when_it_opens() {
    let car = Car::new();
    assert_eq!(car.read("Vehicle.Body.Trunk.Rear.IsLocked"), Some(SignalValue::Boolean(true)));
    car.write("Vehicle.Body.Trunk.Rear.IsOpen", SignalValue::Boolean(true));
    car.after(6000);
    assert_eq!(car.read("Vehicle.Body.Trunk.Rear.IsLocked"), Some(SignalValue::Boolean(false)));
    assert_eq!(car.number("Vehicle.Body.Trunk.Rear.Position"), 100.0);
}

#[test]
fn the_cabin_drifts_to_the_set_temperature() {
    let car = Car::new();
    let cabin = "Vehicle.Cabin.HVAC.AmbientAirTemperature";
    assert_eq!(car.number(cabin), 19.0);
    assert!((car.after(20_000).number(cabin) - 20.0).abs() < 1e-6);
    car.write("Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature", SignalValue::Float(16.0));
    assert!((car.after(20_000).number(cabin) - 19.0).abs() < 1e-6);
    assert_eq!(car.after(3_600_000).number(cabin), 16.0);
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_what_would() {
    let car = Car::new();
    let station = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";
    let mode = "Vehicle.Body.Windshield.Front.Wiping.Mode";
    for (name, value, expected) in [
        (station, SignalValue::Float(40.0), "from 16 to 30 Celsius"),
        (station, SignalValue::Float(f64::NAN), "from 16 to 30"),
        (station, text("warm"), "a number"),
        (WINDOW, SignalValue::Integer(101), "from 0 to 100"),
        (WINDOW, SignalValue::Float(12.5), "a whole number"),
        (AC, SignalValue::Integer(1), "true or false"),
        (mode, text("SIDEWAYS"), "one of OFF, SLOW"),
        (mode, SignalValue::Texts(vec!["OFF".into()]), "one of OFF"),
    ] {
        let before = car.read(name);
        match car.simulator.write_target(&path(name), &value) {
            Err(VehicleError::OutOfRange { expected: said, .. }) => {
                assert!(said.contains(expected), "{said}");
            }
            other => panic!("{name} = {value}: {other:?}"),
        }
        assert_eq!(car.after(5000).read(name), before);
    }
}

#[test]
fn sensors_and_unknown_signals_cannot_be_written() {
    let car = Car::new();
    let write = |name: &str, value| car.simulator.write_target(&path(name), &value);
    let speed = write("Vehicle.Speed", SignalValue::Float(10.0));
    assert!(matches!(speed, Err(VehicleError::NotActuator { .. })));
    let unknown = write("Vehicle.Wings.IsOpen", SignalValue::Boolean(true));
    assert!(matches!(unknown, Err(VehicleError::Unknown { .. })));
    assert!(matches!(
        car.simulator.read(&path("Vehicle.Wings")),
        Err(VehicleError::Unknown { .. })
    ));
}

#[test]
fn faults_hold_until_they_are_mended() {
    let car = Car::new();
    assert_eq!(car.simulator.set_fault("Vehicle.**.Window.*", Fault::Stuck), Ok(12));
    car.write(WINDOW, SignalValue::Integer(50));
    assert_eq!(car.after(60_000).number(WINDOW), 0.0);
    car.simulator.set_fault(WINDOW, Fault::Slow).unwrap();
    car.write(WINDOW, SignalValue::Integer(50));
    assert_eq!(car.after(3000 + 10_000).number(WINDOW), 30.0);
    car.simulator.set_fault(WINDOW, Fault::None).unwrap();
    assert_eq!(car.after(500).number(WINDOW), 45.0);
    car.simulator.set_fault(AC, Fault::NoProvider).unwrap();
    assert!(matches!(car.simulator.read(&path(AC)), Err(VehicleError::NoProvider { .. })));
    let written = car.simulator.write_target(&path(AC), &SignalValue::Boolean(true));
    assert!(matches!(written, Err(VehicleError::NoProvider { .. })));
    assert_eq!(car.simulator.faults().len(), 12);
    assert!(matches!(
        car.simulator.set_fault("Vehicle.Wings.**", Fault::Stuck),
        Err(DeviceError::NoMatch { .. })
    ));
    assert!(Fault::parse("broken").is_err());
    assert_eq!(Fault::parse("no-provider"), Ok(Fault::NoProvider));
}

#[test]
fn a_window_that_gets_stuck_on_its_way_stays_there() {
    let car = Car::new();
    car.write(WINDOW, SignalValue::Integer(100));
    car.after(1300).simulator.set_fault(WINDOW, Fault::Stuck).unwrap();
    assert_eq!(car.wait(WINDOW, SignalValue::Integer(100), 60_000), Some(SignalValue::Integer(30)));
}

#[test]
fn driving_moves_the_car_and_empties_the_battery_first() {
    let car = Car::new();
    let (odometer, range) =
        (car.number("Vehicle.TraveledDistance"), car.number("Vehicle.Powertrain.Range"));
    let latitude = car.number("Vehicle.CurrentLocation.Latitude");
    car.simulator.drive("motorway").unwrap();
    assert_eq!(car.read("Vehicle.IsMoving"), Some(SignalValue::Boolean(true)));
    car.after(60_000);
    assert_eq!(car.number("Vehicle.Speed"), 120.0);
    assert_eq!(car.number("Vehicle.TraveledDistance"), odometer + 2000.0);
    assert_eq!(car.number("Vehicle.Powertrain.Range"), range - 2000.0);
    assert!(
        (car.number("Vehicle.CurrentLocation.Latitude") - latitude - 2000.0 / 111_320.0).abs()
            < 1e-9
    );
    assert!(car.number(CHARGE) < 64.0);
    assert_eq!(car.number("Vehicle.Powertrain.FuelSystem.RelativeLevel"), 78.0);
    car.after(3_600_000);
    assert_eq!(car.number(CHARGE), 0.0);
    assert!(car.number("Vehicle.Powertrain.FuelSystem.RelativeLevel") < 78.0);
    car.simulator.drive("parked").unwrap();
    assert_eq!(car.read("Vehicle.IsMoving"), Some(SignalValue::Boolean(false)));
    assert!(matches!(car.simulator.drive("rally"), Err(DeviceError::UnknownCycle { .. })));
}

#[test]
fn charging_wants_a_cable_and_ends_at_its_limit() {
    let car = Car::new();
    car.write(START_STOP, text("START"));
    assert_eq!(car.after(10_000).read(CHARGING), Some(SignalValue::Boolean(false)));
    car.set(CABLE, SignalValue::Boolean(true));
    assert_eq!(car.read(CHARGING), Some(SignalValue::Boolean(true)));
    assert_eq!(car.number("Vehicle.Powertrain.TractionBattery.Charging.TimeToComplete"), 800.0);
    assert!((car.after(100_000).number(CHARGE) - 66.0).abs() < 1e-6);
    assert!((car.after(9_000_000).number(CHARGE) - 80.0).abs() < 1e-6);
    assert_eq!(car.read(CHARGING), Some(SignalValue::Boolean(false)));
    car.write("Vehicle.Powertrain.TractionBattery.Charging.ChargeLimit", SignalValue::Integer(90));
    assert_eq!(car.read(CHARGING), Some(SignalValue::Boolean(true)));
    car.simulator.drive("city").unwrap();
    assert_eq!(car.read(CHARGING), Some(SignalValue::Boolean(false)));
}

#[test]
fn skipping_plays_the_next_item_of_the_source() {
    let car = Car::new();
    let first = car.read(TRACK);
    car.write(ACTION, text("PLAY"));
    car.write(ACTION, text("SKIP_FORWARD"));
    assert_eq!(car.read(ACTION), Some(text("SKIP_FORWARD")));
    let second = car.read(TRACK);
    assert!(first.is_some() && second.is_some() && first != second);
    car.write(ACTION, text("SKIP_BACKWARD"));
    assert_eq!(car.after(300).read(ACTION), Some(text("PLAY")));
    assert_eq!(car.read(TRACK), first);
    car.write(SOURCE, text("FM"));
    assert_eq!(car.wait(SOURCE, text("FM"), 1000), Some(text("FM")));
    assert_eq!(car.read(TRACK), Some(text("City Radio 94.0")));
    assert_eq!(car.read("Vehicle.Cabin.Infotainment.Media.Played.Artist"), None);
}

#[test]
fn a_forced_derived_value_holds_until_its_source_changes() {
    let car = Car::new();
    let (low, pressure) = (
        "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.IsPressureLow",
        "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure",
    );
    car.set(low, SignalValue::Boolean(true));
    car.write(AC, SignalValue::Boolean(true));
    assert_eq!(car.read(low), Some(SignalValue::Boolean(true)));
    car.set(pressure, SignalValue::Integer(230));
    assert_eq!(car.read(low), Some(SignalValue::Boolean(false)));
    car.set(pressure, SignalValue::Integer(150));
    assert_eq!(car.read(low), Some(SignalValue::Boolean(true)));
    car.set(WINDOW_OPEN, SignalValue::Boolean(true));
    assert_eq!(car.number(WINDOW), 100.0);
    car.set("Vehicle.Speed", SignalValue::Float(50.0));
    assert_eq!(car.read("Vehicle.IsMoving"), Some(SignalValue::Boolean(true)));
    car.set("Vehicle.Powertrain.Range", SignalValue::Integer(5000));
    assert_eq!(car.after(60_000).number("Vehicle.Powertrain.Range"), 5000.0);
}

#[test]
fn every_signal_the_skills_read_has_a_value_at_the_start() {
    let car = Car::new();
    for name in [
        "Vehicle.Cabin.HVAC.Station.Row2.Passenger.Temperature",
        "Vehicle.Cabin.Seat.Row2.DriverSide.HeatingCooling",
        "Vehicle.Chassis.SteeringWheel.HeatingCooling",
        "Vehicle.Cabin.Light.AmbientLight.Row1.PassengerSide.Color",
        "Vehicle.Powertrain.TractionBattery.Range",
        "Vehicle.Powertrain.FuelSystem.AbsoluteLevel",
        "Vehicle.Diagnostics.DTCCount",
        "Vehicle.Body.Windshield.Front.WasherFluid.IsLevelLow",
        "Vehicle.Body.Trunk.Rear.IsOpen",
        TRACK,
    ] {
        assert!(car.read(name).is_some(), "{name}");
    }
    assert_eq!(car.number("Vehicle.Powertrain.Range"), 612_000.0);
    assert_eq!(car.read("Vehicle.Cabin.Infotainment.Navigation.DestinationSet.Latitude"), None);
}

#[test]
fn a_change_on_another_thread_ends_a_wait() {
    let clock = Arc::new(MonotonicClock::start());
    let simulator = Arc::new(Simulator::new(Catalogue::builtin().unwrap(), clock));
    let waiter = Arc::clone(&simulator);
    let waiting = thread::spawn(move || {
        waiter.wait_until(&path(ROOF), &SignalValue::Integer(55), Duration::from_secs(600))
    });
    simulator.set(&path(ROOF), &SignalValue::Integer(55)).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), Some(SignalValue::Integer(55)));
}

#[test]
fn listeners_hear_explicit_changes_and_are_bounded() {
    let car = Car::new();
    let heard = Arc::new(AtomicUsize::new(0));
    for _ in 0..MAX_LISTENERS {
        let heard = Arc::clone(&heard);
        car.simulator
            .on_change(move |_| {
                heard.fetch_add(1, Ordering::Relaxed);
            })
            .unwrap();
    }
    assert!(matches!(car.simulator.on_change(|_| ()), Err(DeviceError::TooManyListeners { .. })));
    car.write(AC, SignalValue::Boolean(true));
    car.set(AC, SignalValue::Boolean(false));
    let refused = car.simulator.write_target(&path(AC), &SignalValue::Integer(7));
    assert!(refused.is_err());
    assert_eq!(heard.load(Ordering::Relaxed), 2 * MAX_LISTENERS);
}

#[test]
fn no_vehicle_provides_nothing_but_describes_everything() {
    let none = NoVehicle::new(Catalogue::builtin().unwrap());
    assert!(none.describe(&path(WINDOW)).is_some());
    assert_eq!(none.paths("Vehicle.Cabin.Sunroof").len(), 5);
    assert!(matches!(none.read(&path(WINDOW)), Err(VehicleError::NoProvider { .. })));
    let written = none.write_target(&path(WINDOW), &SignalValue::Integer(1));
    assert!(matches!(written, Err(VehicleError::NoProvider { .. })));
    assert!(matches!(none.read(&path("Vehicle.Wings")), Err(VehicleError::Unknown { .. })));
}

#[test]
fn an_overlay_given_at_run_time_refines_the_builtin_one() {
    let overlay = "[[signal]]\npath = \"Vehicle.Cabin.HVAC.Station.*.*.Temperature\"\nmin = 18\n";
    let catalogue = Catalogue::builtin().unwrap().with_overlay("own.toml", overlay).unwrap();
    let station = path("Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature");
    assert_eq!(catalogue.describe(&station).unwrap().min, Some(18.0));
    let missing = Catalogue::builtin().unwrap().with_overlay_file("/nonexistent/overlay".as_ref());
    assert!(matches!(missing, Err(DeviceError::Unreadable { .. })));
}

fn any_value() -> impl Strategy<Value = SignalValue> {
    prop_oneof![
        any::<bool>().prop_map(SignalValue::Boolean),
        any::<i64>().prop_map(SignalValue::Integer),
        (-200i64..400).prop_map(SignalValue::Integer),
        any::<f64>().prop_map(SignalValue::Float),
        (-200.0..400.0f64).prop_map(SignalValue::Float),
        "[A-Z_#a-f0-9]{0,12}".prop_map(SignalValue::Text),
        prop_oneof!["OPEN", "CLOSE", "START", "STOP", "SKIP_FORWARD", "PLAY", "FM", "USB"]
            .prop_map(SignalValue::Text),
        proptest::collection::vec("[A-Z]{0,4}", 0..4).prop_map(SignalValue::Texts),
        proptest::collection::vec(any::<f64>(), 0..4).prop_map(SignalValue::Floats),
    ]
}

fn fits(car: &Car, name: &SignalPath, value: &SignalValue) -> bool {
    let info = car.simulator.describe(name).unwrap();
    match value {
        SignalValue::Text(t) => info.allowed.is_empty() || info.allowed.contains(t),
        SignalValue::Boolean(_) => info.data_type == SignalType::Boolean,
        other => other.as_number().is_none_or(|n| {
            n.is_finite() && info.min.is_none_or(|m| n >= m) && info.max.is_none_or(|m| n <= m)
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn whatever_is_written_every_observed_value_stays_in_range(
        steps in proptest::collection::vec((0usize..968, 0u8..6, any_value(), 0u64..20_000), 1..40)
    ) {
        let car = Car::new();
        let paths = car.simulator.paths("");
        for (index, act, value, ms) in steps {
            let name = &paths[index];
            match act {
                0 | 1 => drop(car.simulator.write_target(name, &value)),
                2 => drop(car.simulator.set(name, &value)),
                3 => {
                    let fault = [Fault::None, Fault::Stuck, Fault::Slow, Fault::NoProvider][usize::try_from(ms % 4).unwrap()];
                    car.simulator.set_fault(name.as_str(), fault).unwrap();
                }
                4 => car.simulator.drive(["parked", "city", "motorway"][usize::try_from(ms % 3).unwrap()]).unwrap(),
                _ => drop(car.simulator.wait_until(name, &value, Duration::from_millis(ms))),
            }
            car.after(ms);
            for name in &paths {
                if let Ok(Some(seen)) = car.simulator.read(name) {
                    prop_assert!(fits(&car, name, &seen), "{name} = {seen}");
                }
            }
        }
    }
}
