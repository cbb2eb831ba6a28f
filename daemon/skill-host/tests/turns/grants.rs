//! What a guest may see and use.

use crate::world::{FAN, LAMP, SPEED, bench, command, probe_id, text, with};
use valet_core::{
    capability::{Capability, CapabilitySet},
    entity::Value,
    outcome::{ActionStatus, Outcome, SkillFault, Target},
};

#[test]
fn only_granted_signals_can_be_read() {
    let bench = bench();
    let read = |path| bench.answer(with(command("read"), "path", text(path)));
    assert_eq!(read(FAN), "SignalValue::Integer(20)");
    assert_eq!(read(SPEED), "SignalValue::Float(0.0)");
    assert!(read("Vehicle.CurrentLocation.Latitude").contains("not-granted"));
    assert!(read("Vehicle/../x").contains("unknown-signal"));
}

#[test]
fn a_grant_taken_back_holds_from_the_next_call_on() {
    let bench = bench();
    let left = CapabilitySet::new(vec![
        Capability::parse("vehicle-actuate:Vehicle.Body.**").expect("valid"),
    ]);
    bench.host.grant(&probe_id(), left).expect("loaded");
    let invoked = bench.run(command("set"));
    assert_eq!(invoked.actions[0].status, ActionStatus::Denied);
    assert!(bench.answer(with(command("read"), "path", text(LAMP))).contains("not-granted"));
    assert!(bench.run(command("place")).result.is_err());
}

#[test]
fn the_utterance_needs_the_capability() {
    let bench = bench();
    let call = with(command("echo"), "path", text("a b"));
    let Ok(Outcome::Answer(answer)) = bench.run(call).result else { panic!("an answer") };
    let shown = |key: &str| {
        answer.display.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).expect("shown")
    };
    assert_eq!(shown("utterance"), "none", "the probe has no such capability");
    assert_eq!(shown("language"), "en");
    assert_eq!(shown("setting"), "celsius");
    assert!(shown("speaker").contains("Passenger"));
    assert!(shown("slots").contains("a b"));
}

#[test]
fn the_place_comes_with_the_capability() {
    assert_eq!(bench().answer(command("place")), "60.17 24.94");
}

#[test]
fn assets_are_read_in_pages() {
    let bench = bench();
    assert_eq!(bench.answer(command("asset")), "two three four");
    assert!(bench.answer(command("asset-too-long")).contains("too-long"));
}

#[test]
fn alarms_are_set_counted_and_cancelled() {
    let bench = bench();
    let alarm = |name| with(command("alarm"), "name", text(name));
    let invoked = bench.run(alarm("pasta"));
    assert_eq!(invoked.actions[0].target, Target::Other("alarm:pasta".into()));
    assert_eq!(invoked.actions[0].status, ActionStatus::Done);
    bench.run(with(alarm("tea"), "cancel", Value::Boolean(true)));
    assert_eq!(bench.car.alarms.lock().expect("unpoisoned").len(), 1);
    bench.run(alarm("tea"));
    let full = bench.run(alarm("third"));
    assert!(matches!(full.result, Err(SkillFault::Reported { .. })), "two were granted");
}

#[test]
fn a_ringing_alarm_speaks_within_bounds() {
    let bench = bench();
    assert!(bench.ring("pasta").result.is_ok());
    assert_eq!(*bench.car.said.lock().expect("unpoisoned"), ["The pasta is ready."]);
    assert!(matches!(bench.ring("loud").result, Err(SkillFault::Reported { .. })));
}

#[test]
fn a_guest_can_ask_and_hear_the_yes() {
    let bench = bench();
    let asked = bench.run(command("confirm")).result;
    assert_eq!(asked, Ok(Outcome::Confirm { speech: "Really?".into() }));
    let mut yes = command("confirm");
    yes.guest_confirmed = true;
    assert_eq!(bench.answer(yes), "confirmed");
}
