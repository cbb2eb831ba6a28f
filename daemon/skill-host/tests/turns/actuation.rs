//! What a guest can do to the car.

use crate::world::{DEFROST, FAN, LAMP, LOCK, SPEED, WINDOW, bench, command, probe_id, text, with};
use std::{sync::mpsc, time::Duration};
use valet_core::{
    entity::Value,
    outcome::{ActionStatus, Invoked, Outcome, Planned, Target},
    signal::{Class, SignalPath, SignalValue},
};

fn statuses(invoked: &Invoked) -> Vec<ActionStatus> {
    invoked.actions.iter().map(|a| a.status).collect()
}

fn planned(path: &str, value: i64) -> Vec<Planned> {
    let path = SignalPath::parse(path).expect("a path");
    vec![Planned { path, value: SignalValue::Integer(value) }]
}

#[test]
fn a_command_changes_the_car_and_the_change_is_observed() {
    let bench = bench();
    let invoked = bench.run(command("set"));
    assert_eq!(invoked.result, Ok(Outcome::Done { facts: Vec::new() }));
    assert_eq!(statuses(&invoked), [ActionStatus::Done]);
    assert_eq!(invoked.actions[0].previous, Some(SignalValue::Boolean(false)));
    assert_eq!(invoked.actions[0].observed, Some(SignalValue::Boolean(true)));
    assert_eq!(bench.car.written(), [(LAMP.to_owned(), SignalValue::Boolean(true))]);
    let again = bench.run(command("set"));
    assert_eq!(statuses(&again), [ActionStatus::Already]);
    assert_eq!(bench.car.written().len(), 1, "nothing is written twice");
}

#[test]
fn a_slow_actuator_is_requested_not_done() {
    let bench = bench();
    bench.car.slow.lock().expect("unpoisoned").insert(LAMP.into());
    assert_eq!(statuses(&bench.run(command("set"))), [ActionStatus::Requested]);
}

#[test]
fn a_question_changes_nothing() {
    let bench = bench();
    let invoked = bench.run(command("set-as-question"));
    assert_eq!(statuses(&invoked), [ActionStatus::Denied]);
    let alarm = bench.run(command("alarm-as-question"));
    assert!(alarm.result.is_err() && alarm.actions.is_empty(), "{alarm:?}");
    assert!(bench.car.alarms.lock().expect("unpoisoned").is_empty());
    assert!(bench.car.written().is_empty());
}

#[test]
fn a_signal_above_the_class_of_the_intent_is_denied() {
    let bench = bench();
    let lock =
        |intent| with(with(command(intent), "path", text(LOCK)), "on", Value::Boolean(false));
    assert_eq!(statuses(&bench.run(lock("set-body"))), [ActionStatus::Denied]);
    let window = with(with(command("set"), "path", text(WINDOW)), "value", Value::Number(50.0));
    assert_eq!(statuses(&bench.run(window)), [ActionStatus::Denied]);
    let mut lowered = command("set-window");
    lowered.class = Class::Comfort;
    assert_eq!(statuses(&bench.run(lowered)), [ActionStatus::Denied]);
    assert!(bench.car.written().is_empty());
}

#[test]
fn a_refused_one_skips_the_whole_batch_before_anything_is_written() {
    let bench = bench();
    let unknown = with(command("set-two"), "path", text("Vehicle.Cabin.NoSuchThing"));
    let invoked = bench.run(unknown);
    assert_eq!(statuses(&invoked), [ActionStatus::Skipped, ActionStatus::Denied]);
    assert!(invoked.actions[1].why.is_some());
    let sensor = with(command("set-two"), "path", text(SPEED));
    assert_eq!(statuses(&bench.run(sensor)), [ActionStatus::Skipped, ActionStatus::Denied]);
    assert!(bench.car.written().is_empty());
}

#[test]
fn one_that_fails_while_writing_skips_the_rest() {
    let bench = bench();
    bench.car.broken.lock().expect("unpoisoned").insert(LAMP.into());
    let invoked = bench.run(with(command("set-two"), "path", text(WINDOW)));
    assert_eq!(statuses(&invoked), [ActionStatus::NoProvider, ActionStatus::Skipped]);
    assert!(bench.car.written().is_empty());
}

#[test]
fn what_is_out_of_range_is_not_written() {
    let bench = bench();
    for value in [101.0, -1.0, 20.5, f64::NAN] {
        let fan = with(with(command("set"), "path", text(FAN)), "value", Value::Number(value));
        assert_eq!(statuses(&bench.run(fan)), [ActionStatus::OutOfRange], "{value}");
    }
    assert!(bench.car.written().is_empty());
}

#[test]
fn companions_are_written_first_and_marked() {
    let bench = bench();
    let invoked = bench.run(with(command("set"), "path", text(DEFROST)));
    let order: Vec<_> =
        invoked.actions.iter().map(|a| (a.target.to_string(), a.companion, a.status)).collect();
    assert_eq!(
        order,
        [
            (FAN.to_owned(), true, ActionStatus::Done),
            (DEFROST.to_owned(), false, ActionStatus::Done)
        ]
    );
    assert_eq!(bench.car.written()[0], (FAN.to_owned(), SignalValue::Integer(40)));
}

#[test]
fn while_driving_the_window_waits_for_a_yes_to_exactly_that() {
    let bench = bench();
    bench.car.set(SPEED, SignalValue::Float(50.0));
    let asked = bench.run(command("set-window"));
    assert!(asked.actions.is_empty() && bench.car.written().is_empty());
    let (plan, why) = asked.needs_confirmation.expect("a question");
    assert_eq!((plan.clone(), why.as_str()), (planned(WINDOW, 100), "We are driving."));

    let mut other = command("set-window");
    other.confirmed = Some(planned(WINDOW, 50));
    assert!(bench.run(other).needs_confirmation.is_some(), "another yes");
    assert!(bench.car.written().is_empty());

    let mut yes = command("set-window");
    yes.confirmed = Some(plan);
    assert_eq!(statuses(&bench.run(yes)), [ActionStatus::Done]);
}

#[test]
fn a_yes_holds_for_one_batch_and_not_above_the_limit() {
    let bench = bench();
    bench.car.set(SPEED, SignalValue::Float(50.0));
    bench.car.slow.lock().expect("unpoisoned").insert(WINDOW.into());
    let mut twice = command("set-window-twice");
    twice.confirmed = Some(planned(WINDOW, 100));
    let invoked = bench.run(twice);
    assert_eq!(statuses(&invoked), [ActionStatus::Requested]);
    assert!(invoked.needs_confirmation.is_some(), "the second batch is asked anew");
    bench.car.set(SPEED, SignalValue::Float(150.0));
    let mut fast = command("set-window");
    fast.confirmed = Some(planned(WINDOW, 100));
    let invoked = bench.run(fast);
    assert_eq!(statuses(&invoked), [ActionStatus::Denied]);
    assert_eq!(invoked.actions[0].why.as_deref(), Some("Too fast."));
}

#[test]
fn more_than_a_batch_holds_is_an_error_of_the_skill() {
    let bench = bench();
    let invoked = bench.run(command("set-many"));
    assert!(invoked.result.is_err() && invoked.actions.is_empty());
}

#[test]
fn undo_writes_back_under_the_same_grants_and_policy() {
    let bench = bench();
    let restore = |values: Vec<Planned>| {
        let (send, receive) = mpsc::channel();
        let done = Box::new(move |invoked| send.send(invoked).expect("somebody waits"));
        bench
            .host
            .restore(probe_id(), values, None, Duration::from_millis(250), done)
            .expect("taken");
        receive.recv().expect("it comes back")
    };
    let invoked = restore(planned(FAN, 60));
    assert_eq!(statuses(&invoked), [ActionStatus::Done]);
    assert_eq!(invoked.actions[0].target, Target::Signal(planned(FAN, 60)[0].path.clone()));
    assert_eq!(statuses(&restore(planned("Vehicle.Body.Horn", 1))), [ActionStatus::Denied]);
    bench.car.set(SPEED, SignalValue::Float(50.0));
    assert!(restore(planned(WINDOW, 100)).needs_confirmation.is_some());
}

#[test]
fn what_was_done_before_a_fault_is_reported() {
    let bench = bench();
    let invoked = bench.run(command("act-and-loop"));
    assert!(invoked.result.is_err());
    assert_eq!(statuses(&invoked), [ActionStatus::Done]);
}
