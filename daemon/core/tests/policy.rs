//! Verdicts on the policy: the shipped rules, and what holds of any.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use valet_core::{
    policy::{DrivingState, Policy, PolicyError, PolicyFile, Snapshot, Verdict},
    signal::{Class, SignalPath, SignalValue},
};

const CLASSES: &str = include_str!("../policy/10-classes.toml");
const RULES: &str = include_str!("../policy/20-rules.toml");
const SPEED: &str = "Vehicle.Speed";
const BOOT: &str = "Vehicle.Body.Trunk.Rear.IsOpen";
const LOCK: &str = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";
const WINDOW: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";
const ROOF: &str = "Vehicle.Cabin.Sunroof.Switch";
const DEFROST: &str = "Vehicle.Cabin.HVAC.IsFrontDefrosterActive";
const CHARGE: &str = "Vehicle.Powertrain.TractionBattery.Charging.StartStopCharging";
const CABLE: &str =
    "Vehicle.Powertrain.TractionBattery.Charging.ChargingPort.AnyPosition.IsChargingCableConnected";
const STATION: &str = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";
const SHADE: &str = "Vehicle.Cabin.Sunroof.Shade.Position";

fn path(text: &str) -> SignalPath {
    SignalPath::parse(text).unwrap()
}

fn text(text: &str) -> SignalValue {
    SignalValue::Text(text.to_owned())
}

fn built(texts: &[&str]) -> Result<Policy, PolicyError> {
    let files = texts
        .iter()
        .enumerate()
        .map(|(i, text)| (format!("{i}.toml"), toml::from_str::<PolicyFile>(text).unwrap()));
    Policy::build(files.collect())
}

fn shipped() -> Policy {
    built(&[CLASSES, RULES]).unwrap()
}

fn snapshot(values: &[(&str, SignalValue)]) -> Snapshot {
    Snapshot(values.iter().map(|(name, value)| (path(name), value.clone())).collect())
}

fn at_speed(speed: f64) -> Snapshot {
    snapshot(&[(SPEED, SignalValue::Float(speed))])
}

fn word(policy: &Policy, name: &str, value: SignalValue, snapshot: &Snapshot) -> &'static str {
    policy.check_actuation(&path(name), &value, snapshot).name()
}

#[test]
fn an_unknown_speed_counts_as_moving_at_any_speed() {
    let policy = shipped();
    for unknown in [snapshot(&[]), snapshot(&[(SPEED, text("fast"))]), at_speed(f64::NAN)] {
        assert_eq!(policy.driving_state(&unknown), DrivingState::Moving { speed_kmh: None });
        assert_eq!(word(&policy, BOOT, SignalValue::Boolean(true), &unknown), "refuse");
        assert_eq!(word(&policy, WINDOW, SignalValue::Integer(50), &unknown), "refuse");
    }
    assert_eq!(policy.driving_state(&at_speed(2.5)), DrivingState::Standing);
    let backwards = policy.driving_state(&at_speed(-8.0));
    assert_eq!(backwards, DrivingState::Moving { speed_kmh: Some(8.0) });
}

#[test]
fn what_is_not_listed_is_refused() {
    let policy = shipped();
    for name in [
        "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",
        "Vehicle.Cabin.Door.Row1.DriverSide.Position",
        "Vehicle.Body.Hood.IsOpen",
        "Vehicle.Somewhere.Else",
        "Vehicle.Body.Windshield.Front.Wiping.System.Mode",
    ] {
        assert_eq!(policy.class_of(&path(name)), None, "{name}");
        assert_eq!(word(&policy, name, SignalValue::Boolean(true), &at_speed(0.0)), "refuse");
    }
}

#[test]
fn driving_is_refused_standing_and_moving_whatever_the_data_says() {
    let steering = "[[class]]\nsignal = \"Vehicle.**\"\nclass = \"driving\"\n\
        [[class-default]]\nclass = \"driving\"\nverdict = \"allow\"\n\
        [[rule]]\nname = \"all\"\nsignal = \"Vehicle.**\"\nverdict = \"allow\"\nwhy = \"x\"\n";
    for policy in [shipped(), built(&[steering]).unwrap()] {
        for speed in [0.0, 100.0] {
            let brake = "Vehicle.Chassis.ParkingBrake.IsEngaged";
            assert_eq!(
                word(&policy, brake, SignalValue::Boolean(false), &at_speed(speed)),
                "refuse"
            );
            assert_eq!(policy.check_class(Class::Driving, &at_speed(speed)).name(), "refuse");
        }
    }
}

#[test]
fn the_wheels_heat_is_comfort_though_the_chassis_is_not() {
    let policy = shipped();
    let heat = path("Vehicle.Chassis.SteeringWheel.HeatingCooling");
    assert_eq!(policy.class_of(&heat), Some(Class::Comfort));
    assert_eq!(policy.class_of(&path("Vehicle.Chassis.SteeringWheel.Tilt")), Some(Class::Driving));
    assert_eq!(policy.class_of(&path(LOCK)), Some(Class::Security));
}

#[test]
fn the_boot_opens_standing_and_is_refused_moving_in_words() {
    let policy = shipped();
    assert_eq!(word(&policy, BOOT, SignalValue::Boolean(true), &at_speed(0.0)), "allow");
    assert_eq!(word(&policy, BOOT, SignalValue::Boolean(false), &at_speed(50.0)), "allow");
    let refused = policy.check_actuation(&path(BOOT), &SignalValue::Boolean(true), &at_speed(50.0));
    let why = "The boot opens only when the car stands still.".to_owned();
    assert_eq!(refused, Verdict::Refuse { code: "policy", why });
}

#[test]
fn unlocking_is_confirmed_standing_and_refused_moving_but_locking_is_free() {
    let policy = shipped();
    let unlock = SignalValue::Boolean(false);
    assert_eq!(word(&policy, LOCK, unlock.clone(), &at_speed(0.0)), "confirm");
    assert_eq!(word(&policy, LOCK, unlock, &at_speed(30.0)), "refuse");
    for speed in [0.0, 30.0] {
        assert_eq!(word(&policy, LOCK, SignalValue::Boolean(true), &at_speed(speed)), "allow");
    }
}

#[test]
fn windows_open_freely_standing_ask_moving_and_stay_closed_when_fast() {
    let policy = shipped();
    for (value, speed, expected) in [
        (50, 0.0, "allow"),
        (50, 50.0, "confirm"),
        (50, 140.0, "confirm"),
        (50, 141.0, "refuse"),
        (0, 200.0, "allow"),
    ] {
        let said = word(&policy, WINDOW, SignalValue::Integer(value), &at_speed(speed));
        assert_eq!(said, expected, "{value} % at {speed} km/h");
    }
    for class in [Class::Info, Class::Comfort, Class::Body, Class::Security] {
        assert_eq!(policy.check_class(class, &at_speed(200.0)).name(), "allow", "{class:?}");
    }
}

#[test]
fn front_defrost_brings_the_fan_and_the_air_where_they_are_missing() {
    let policy = shipped();
    let fan = "Vehicle.Cabin.HVAC.Station.Row1.Driver.FanSpeed";
    let air = "Vehicle.Cabin.HVAC.Station.Row1.Driver.AirDistribution";
    let mut now = snapshot(&[
        (SPEED, SignalValue::Float(0.0)),
        (fan, SignalValue::Integer(60)),
        (air, text("DOWN")),
    ]);
    let on = SignalValue::Boolean(true);
    let Verdict::Allow { companions } = policy.check_actuation(&path(DEFROST), &on, &now) else {
        panic!("expected it to be allowed");
    };
    assert!(companions.iter().all(|(signal, _)| signal.as_str() != fan), "the fan is fast enough");
    assert!(companions.contains(&(path(air), text("UP"))));
    assert_eq!(companions.len(), 4, "unknown values count as missing: {companions:?}");
    for (signal, value) in companions {
        now.0.insert(signal, value);
    }
    let again = policy.check_actuation(&path(DEFROST), &on, &now);
    assert_eq!(again, Verdict::Allow { companions: Vec::new() });
}

#[test]
fn the_sunroof_takes_its_shade_along_and_keeps_out_rain_and_wind() {
    let policy = shipped();
    let rain = "Vehicle.Body.Raindetection.Intensity";
    let standing = snapshot(&[(SPEED, SignalValue::Float(0.0)), (SHADE, SignalValue::Integer(30))]);
    let opened = policy.check_actuation(&path(ROOF), &text("OPEN"), &standing);
    let companions = vec![(path(SHADE), SignalValue::Integer(0))];
    assert_eq!(opened, Verdict::Allow { companions });
    assert_eq!(word(&policy, ROOF, text("OPEN"), &at_speed(60.0)), "confirm");
    assert_eq!(word(&policy, ROOF, text("OPEN"), &at_speed(130.0)), "refuse");
    assert_eq!(word(&policy, ROOF, text("CLOSE"), &at_speed(130.0)), "allow");
    let wet = snapshot(&[(SPEED, SignalValue::Float(0.0)), (rain, SignalValue::Integer(80))]);
    assert_eq!(word(&policy, ROOF, text("OPEN"), &wet), "refuse");
    assert_eq!(word(&policy, SHADE, SignalValue::Integer(100), &at_speed(0.0)), "refuse");
}

#[test]
fn charging_starts_only_with_a_cable_and_an_unknown_cable_is_none() {
    let policy = shipped();
    let with =
        |cable| snapshot(&[(SPEED, SignalValue::Float(0.0)), (CABLE, SignalValue::Boolean(cable))]);
    assert_eq!(word(&policy, CHARGE, text("START"), &with(true)), "allow");
    assert_eq!(word(&policy, CHARGE, text("START"), &with(false)), "refuse");
    assert_eq!(word(&policy, CHARGE, text("START"), &at_speed(0.0)), "refuse");
    assert_eq!(word(&policy, CHARGE, text("STOP"), &at_speed(0.0)), "allow");
}

#[test]
fn everyday_things_need_no_question_while_driving() {
    let policy = shipped();
    for (name, value) in [
        (STATION, SignalValue::Float(22.0)),
        ("Vehicle.Body.Windshield.Front.Wiping.Mode", text("SLOW")),
        ("Vehicle.Body.Lights.LightSwitch", text("BEAM")),
        ("Vehicle.Body.Lights.Hazard.IsSignaling", SignalValue::Boolean(true)),
        ("Vehicle.Cabin.Infotainment.Media.Volume", SignalValue::Integer(10)),
        ("Vehicle.Cabin.Seat.Row1.DriverSide.HeatingCooling", SignalValue::Integer(66)),
        ("Vehicle.Cabin.Infotainment.Navigation.DestinationSet.Latitude", SignalValue::Float(60.0)),
    ] {
        assert_eq!(word(&policy, name, value, &at_speed(90.0)), "allow", "{name}");
    }
    let off = text("OFF");
    assert_eq!(word(&policy, "Vehicle.Body.Lights.LightSwitch", off, &at_speed(90.0)), "refuse");
}

#[test]
fn a_snapshot_needs_what_the_rules_look_at() {
    let policy = shipped();
    for name in [SPEED, CABLE, SHADE, "Vehicle.Cabin.HVAC.Station.Row1.Driver.FanSpeed"] {
        assert!(policy.needed_signals().contains(&path(name)), "{name}");
    }
    assert!(policy.needed_signals().is_sorted());
}

#[test]
fn a_later_file_overrides_a_rule_by_name_and_a_class_by_pattern() {
    let own = "[[class]]\nsignal = \"Vehicle.Cabin.Sunroof.Switch\"\nclass = \"security\"\n\
        [[rule]]\nname = \"boot-open\"\nsignal = \"Vehicle.Body.Trunk.*.IsOpen\"\n\
        verdict = \"refuse\"\nwhy = \"This car has no boot.\"\n";
    let policy = built(&[CLASSES, RULES, own]).unwrap();
    assert_eq!(policy.class_of(&path(ROOF)), Some(Class::Security));
    assert_eq!(word(&policy, BOOT, SignalValue::Boolean(true), &at_speed(0.0)), "refuse");
}

#[test]
fn a_companion_brings_no_companions_of_its_own() {
    let chain = "[[class]]\nsignal = \"Vehicle.*\"\nclass = \"comfort\"\n\
        [[rule]]\nname = \"a\"\nsignal = \"Vehicle.A\"\nwhy = \"x\"\ncompanions = [{ signal = \"Vehicle.B\", is = true }]\n\
        [[rule]]\nname = \"b\"\nsignal = \"Vehicle.B\"\nwhy = \"x\"\ncompanions = [{ signal = \"Vehicle.A\", is = true }]\n";
    let policy = built(&[chain]).unwrap();
    let verdict =
        policy.check_actuation(&path("Vehicle.A"), &SignalValue::Boolean(true), &at_speed(0.0));
    let companions = vec![(path("Vehicle.B"), SignalValue::Boolean(true))];
    assert_eq!(verdict, Verdict::Allow { companions });
}

#[test]
fn a_wrong_entry_fails_the_whole_policy() {
    for (wrong, said) in [
        ("[[class]]\nsignal = \"Vehicle..X\"\nclass = \"comfort\"\n", "signal path"),
        ("[[rule]]\nname = \"a\"\nsignal = \"Vehicle.A\"\nwhy = \"x\"\n", "says nothing"),
        (
            "[[rule]]\nname = \"A b\"\nsignal = \"Vehicle.A\"\nverdict = \"allow\"\nwhy = \"x\"\n",
            "name",
        ),
        (
            "[[rule]]\nname = \"a\"\nsignal = \"Vehicle.A\"\nverdict = \"allow\"\nwhy = \" \"\n",
            "words",
        ),
        (
            "[[rule]]\nname = \"a\"\nsignal = \"Vehicle.A\"\nmax-speed = -1\nwhy = \"x\"\n",
            "max-speed",
        ),
        (
            "[[rule]]\nname = \"a\"\nsignal = \"Vehicle.A\"\nwhen = {}\nverdict = \"allow\"\nwhy = \"x\"\n",
            "empty condition",
        ),
        (
            "[[rule]]\nname = \"a\"\nsignal = \"Vehicle.A\"\nwhy = \"x\"\ncompanions = [{ signal = \"Vehicle.B\", is = 1 }]\n",
            "companion",
        ),
        (
            "[[rule]]\nname = \"a\"\nsignal = \"Vehicle.A\"\nwhy = \"x\"\ncompanions = [{ signal = \"Vehicle.B\", at-least = \"x\" }]\n",
            "at-least",
        ),
        ("[driving-state]\nmoving-above = 50\n", "0 to 10"),
    ] {
        let error = built(&[wrong]).expect_err(wrong).to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(
        toml::from_str::<PolicyFile>("[[class]]\nsignal = \"V\"\nclass = \"body\"\ncolour = 1\n")
            .is_err()
    );
    assert!(
        toml::from_str::<PolicyFile>("[[class]]\nsignal = \"V\"\nclass = \"harmless\"\n").is_err()
    );
}

#[test]
fn an_empty_policy_allows_nothing() {
    let policy = built(&[]).unwrap();
    assert_eq!(word(&policy, STATION, SignalValue::Float(20.0), &at_speed(0.0)), "refuse");
}

fn any_value() -> impl Strategy<Value = SignalValue> {
    prop_oneof![
        any::<bool>().prop_map(SignalValue::Boolean),
        any::<i64>().prop_map(SignalValue::Integer),
        any::<f64>().prop_map(SignalValue::Float),
        prop_oneof!["OPEN", "CLOSE", "START", "OFF", "[A-Z]{0,4}"].prop_map(SignalValue::Text),
        proptest::collection::vec(any::<f64>(), 0..3).prop_map(SignalValue::Floats),
    ]
}

fn any_path() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(BOOT),
        Just(LOCK),
        Just(WINDOW),
        Just(ROOF),
        Just(DEFROST),
        Just(CHARGE),
        Just(STATION),
        Just(SHADE),
        Just("Vehicle.ADAS.ABS.IsEnabled"),
        Just("Vehicle.Cabin.Door.Row1.DriverSide.IsOpen"),
    ]
    .prop_map(ToOwned::to_owned)
    .boxed()
    .prop_union("Vehicle(\\.[A-Z][a-z]{0,5}){1,5}".boxed())
}

proptest! {
    #[test]
    fn moving_is_never_freer_than_standing(
        name in any_path(), value in any_value(), speed in 3.1f64..300.0, needed in any_value()
    ) {
        let policy = shipped();
        let mut standing = Snapshot::default();
        for signal in policy.needed_signals() {
            standing.0.insert(signal.clone(), needed.clone());
        }
        let mut moving = standing.clone();
        standing.0.insert(path(SPEED), SignalValue::Float(0.0));
        moving.0.insert(path(SPEED), SignalValue::Float(speed));
        let mut unknown = moving.clone();
        unknown.0.remove(&path(SPEED));
        let rank = |snapshot: &Snapshot| match policy.check_actuation(&path(&name), &value, snapshot) {
            Verdict::Allow { .. } => 0,
            Verdict::Confirm { .. } => 1,
            Verdict::Refuse { .. } => 2,
        };
        prop_assert!(rank(&standing) <= rank(&moving));
        prop_assert!(rank(&moving) <= rank(&unknown));
        if policy.class_of(&path(&name)).is_none_or(|class| class == Class::Driving) {
            prop_assert_eq!(rank(&standing), 2);
        }
    }
}

#[test]
fn what_is_under_way_counts_as_much_as_what_is() {
    let policy = shipped();
    let position = "Vehicle.Cabin.Sunroof.Position";
    let parked = |roof: i64, shade: i64| {
        snapshot(&[
            (SPEED, SignalValue::Float(0.0)),
            (position, SignalValue::Integer(roof)),
            (SHADE, SignalValue::Integer(shade)),
        ])
    };
    let judge = |name, value: SignalValue, now: &Snapshot, then: &Snapshot| {
        policy.check_under_way(&path(name), &value, now, then)
    };
    let closed = SignalValue::Integer(100);
    let (is_shut, opens) = (parked(0, 0), parked(100, 0));
    assert_eq!(judge(SHADE, closed.clone(), &is_shut, &is_shut).name(), "allow");
    assert_eq!(judge(SHADE, closed.clone(), &is_shut, &opens).name(), "refuse", "it opens");
    assert_eq!(judge(SHADE, closed, &opens, &is_shut).name(), "refuse", "it is not shut yet");
    let shade = vec![(path(SHADE), SignalValue::Integer(0))];
    assert_eq!(
        judge(ROOF, text("OPEN"), &parked(0, 0), &parked(0, 100)),
        Verdict::Allow { companions: shade.clone() },
        "the shade is closing"
    );
    assert_eq!(
        judge(ROOF, text("OPEN"), &parked(0, 100), &parked(0, 0)),
        Verdict::Allow { companions: shade },
        "once, although it is opening"
    );
}

#[test]
fn an_unknown_speed_is_the_reason_that_is_given() {
    let policy = shipped();
    let open = SignalValue::Integer(100);
    let refused = |snapshot: &Snapshot| match policy.check_actuation(&path(WINDOW), &open, snapshot)
    {
        Verdict::Refuse { why, .. } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&snapshot(&[])), "I do not know how fast the car is going.");
    assert!(refused(&at_speed(150.0)).contains("140"));
}
