//! The shipped policy speaks of signals that exist, and of values that fit them.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use valet_core::{
    capability::path_matches,
    policy::{Policy, PolicyFile, RuleValue, Snapshot},
    ports::Vehicle,
    signal::{SignalKind, SignalPath, SignalValue},
};
use valet_devices::{Catalogue, ManualClock, Simulator};

fn files() -> Vec<(String, PolicyFile)> {
    [
        ("10-classes.toml", include_str!("../../core/policy/10-classes.toml")),
        ("20-rules.toml", include_str!("../../core/policy/20-rules.toml")),
    ]
    .map(|(name, text)| (name.to_owned(), toml::from_str(text).unwrap()))
    .to_vec()
}

fn vehicle() -> Simulator {
    Simulator::new(Catalogue::builtin().unwrap(), Arc::new(ManualClock::default()))
}

fn value_of(value: &RuleValue) -> SignalValue {
    match value {
        RuleValue::Boolean(v) => SignalValue::Boolean(*v),
        RuleValue::Integer(v) => SignalValue::Integer(*v),
        RuleValue::Float(v) => SignalValue::Float(*v),
        RuleValue::Text(v) => SignalValue::Text(v.clone()),
    }
}

#[test]
fn every_pattern_of_the_policy_matches_an_actuator() {
    let vehicle = vehicle();
    let actuators: Vec<SignalPath> = vehicle
        .paths("")
        .into_iter()
        .filter(|path| vehicle.describe(path).unwrap().kind == SignalKind::Actuator)
        .collect();
    for (_, file) in files() {
        let classes = file.class.iter().map(|class| &class.signal);
        for pattern in classes.chain(file.rule.iter().map(|rule| &rule.signal)) {
            let known = actuators.iter().any(|path| path_matches(pattern, path.as_str()));
            assert!(known, "{pattern} matches no actuator");
        }
    }
}

#[test]
fn every_value_in_a_rule_can_be_written_or_observed() {
    let vehicle = vehicle();
    for rule in files().into_iter().flat_map(|(_, file)| file.rule) {
        let when = rule.when.clone().unwrap_or_default();
        let one_of = when.one_of.into_iter().flatten();
        for value in one_of.chain(when.is).chain(when.is_not).map(|v| value_of(&v)) {
            let matching = vehicle
                .paths("")
                .into_iter()
                .filter(|path| path_matches(&rule.signal, path.as_str()));
            for path in matching {
                vehicle.write_target(&path, &value).unwrap();
            }
        }
        for companion in &rule.companions {
            let value = companion.is.as_ref().or(companion.at_least.as_ref()).unwrap();
            let path = SignalPath::parse(&companion.signal).unwrap();
            vehicle.write_target(&path, &value_of(value)).unwrap();
        }
        for need in &rule.needs {
            let path = SignalPath::parse(&need.signal).unwrap();
            for value in need.holds.is.iter().chain(&need.holds.is_not).map(value_of) {
                vehicle.set(&path, &value).unwrap();
            }
        }
    }
}

#[test]
fn everything_a_rule_looks_at_is_known_in_the_simulated_vehicle() {
    let (vehicle, policy) = (vehicle(), Policy::build(files()).unwrap());
    let mut snapshot = Snapshot::default();
    for path in policy.needed_signals() {
        let value = vehicle.read(path).unwrap();
        assert!(value.is_some(), "{path} is unknown");
        snapshot.0.extend(value.map(|value| (path.clone(), value)));
    }
    assert_eq!(policy.driving_state(&snapshot), valet_core::policy::DrivingState::Standing);
}
