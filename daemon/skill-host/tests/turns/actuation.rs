//! What a guest can do to the car.

use crate::world::{DEFROST, FAN, LAMP, LOCK, MEDIA, SPEED, WINDOW, bench, command, text, with};
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

fn flag(path: &str, value: bool) -> Vec<Planned> {
    let path = SignalPath::parse(path).expect("a path");
    vec![Planned { path, value: SignalValue::Boolean(value) }]
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
    let invoked = bench.restore(planned(FAN, 60), Vec::new());
    assert_eq!(statuses(&invoked), [ActionStatus::Done]);
    assert_eq!(invoked.actions[0].target, Target::Signal(planned(FAN, 60)[0].path.clone()));
    let horn = bench.restore(planned("Vehicle.Body.Horn", 1), Vec::new());
    assert_eq!(statuses(&horn), [ActionStatus::Denied]);
    bench.car.set(SPEED, SignalValue::Float(50.0));
    assert!(bench.restore(planned(WINDOW, 100), Vec::new()).needs_confirmation.is_some());
}

#[test]
fn what_went_along_goes_back_by_itself_or_stays() {
    let bench = bench();
    bench.car.set(DEFROST, SignalValue::Boolean(true));
    bench.car.broken.lock().expect("unpoisoned").insert(FAN.into());
    let invoked = bench.restore(flag(DEFROST, false), planned(FAN, 10));
    assert_eq!(statuses(&invoked), [ActionStatus::Done, ActionStatus::NoProvider]);
    assert_eq!(invoked.actions.iter().map(|a| a.companion).collect::<Vec<_>>(), [false, true]);
    bench.car.broken.lock().expect("unpoisoned").insert(DEFROST.into());
    bench.car.set(DEFROST, SignalValue::Boolean(true));
    let invoked = bench.restore(flag(DEFROST, false), planned(WINDOW, 100));
    assert_eq!(statuses(&invoked), [ActionStatus::NoProvider], "it stays with what stays");
}

#[test]
fn a_movement_under_way_is_not_already_there() {
    let bench = bench();
    bench.car.slow.lock().expect("unpoisoned").insert(LAMP.into());
    assert_eq!(statuses(&bench.run(command("set"))), [ActionStatus::Requested]);
    let off = bench.run(with(command("set"), "on", Value::Boolean(false)));
    assert_eq!(statuses(&off), [ActionStatus::Done], "it is off, and stays so");
    let last = bench.car.written().pop();
    assert_eq!(last, Some((LAMP.to_owned(), SignalValue::Boolean(false))));
    let was = off.actions[0].previous.clone();
    assert_eq!(was, Some(SignalValue::Boolean(true)), "undo goes on with what was under way");
    let again = bench.run(with(command("set"), "on", Value::Boolean(false)));
    assert_eq!(statuses(&again), [ActionStatus::Already]);
}

#[test]
fn undo_of_a_movement_under_way_writes_back() {
    let bench = bench();
    bench.car.slow.lock().expect("unpoisoned").insert(WINDOW.into());
    assert_eq!(statuses(&bench.run(command("set-window"))), [ActionStatus::Requested]);
    assert_eq!(statuses(&bench.restore(planned(WINDOW, 0), Vec::new())), [ActionStatus::Done]);
    assert_eq!(bench.car.written().pop(), Some((WINDOW.to_owned(), SignalValue::Integer(0))));
}

#[test]
fn the_policy_counts_what_is_under_way() {
    let bench = bench();
    bench.car.slow.lock().expect("unpoisoned").insert(DEFROST.into());
    bench.run(with(command("set"), "path", text(DEFROST)));
    let lamp = bench.run(command("set"));
    assert_eq!(statuses(&lamp), [ActionStatus::Denied]);
    assert_eq!(lamp.actions[0].why.as_deref(), Some("The glass would glare."));
    assert_eq!(bench.car.written().last().map(|(path, _)| path.as_str()), Some(DEFROST));
}

#[test]
fn what_is_so_already_still_gets_what_goes_with_it() {
    let bench = bench();
    bench.car.set(DEFROST, SignalValue::Boolean(true));
    let invoked = bench.run(with(command("set"), "path", text(DEFROST)));
    assert_eq!(statuses(&invoked), [ActionStatus::Done, ActionStatus::Already]);
    assert_eq!(bench.car.written(), [(FAN.to_owned(), SignalValue::Integer(40))]);
}

#[test]
fn where_a_companion_fails_it_is_the_one_that_failed() {
    let bench = bench();
    bench.car.broken.lock().expect("unpoisoned").insert(FAN.into());
    let invoked = bench.run(with(command("set"), "path", text(DEFROST)));
    assert_eq!(statuses(&invoked), [ActionStatus::NoProvider, ActionStatus::Skipped]);
    assert_eq!(invoked.actions.iter().map(|a| a.companion).collect::<Vec<_>>(), [true, false]);
    assert!(bench.car.written().is_empty());
}

#[test]
fn what_does_not_last_is_never_already_so_and_nothing_to_go_back_to() {
    let bench = bench();
    let skip = || with(with(command("set"), "path", text(MEDIA)), "word", text("SKIP_FORWARD"));
    for _ in 0..2 {
        let invoked = bench.run(skip());
        assert_eq!(statuses(&invoked), [ActionStatus::Done]);
        assert_eq!(invoked.actions[0].previous, None);
    }
    assert_eq!(bench.car.written().len(), 2);
    let pause = with(with(command("set"), "path", text(MEDIA)), "word", text("STOP"));
    assert_eq!(bench.run(pause).actions[0].previous, None, "a skip is not played again");
}

#[test]
fn a_rehearsal_judges_and_changes_nothing() {
    let bench = bench();
    let invoked = bench.rehearse(with(command("set"), "path", text(DEFROST)), Vec::new());
    assert_eq!(statuses(&invoked), [ActionStatus::Skipped, ActionStatus::Skipped]);
    let refused = bench.rehearse(with(command("set"), "path", text(LOCK)), Vec::new());
    assert_eq!(statuses(&refused), [ActionStatus::Denied]);
    let alarm = bench.rehearse(command("alarm"), Vec::new());
    assert!(alarm.result.is_ok() && alarm.actions.is_empty(), "{alarm:?}");
    let twice = bench.rehearse(command("set-window-twice"), Vec::new());
    assert_eq!(statuses(&twice), [ActionStatus::Skipped, ActionStatus::Skipped]);
    let remembered = bench.rehearse(with(command("remember"), "size", Value::Number(9.0)), vec![]);
    assert!(remembered.result.is_ok());
    assert!(bench.answer(command("remember")).starts_with("0 [\"k\"]"), "nothing was stored");
    assert!(bench.car.written().is_empty());
    assert!(bench.car.alarms.lock().expect("unpoisoned").is_empty());
}

#[test]
fn a_rehearsal_takes_what_comes_before_it_as_done() {
    let bench = bench();
    let status = |command, assumed: Vec<Planned>| statuses(&bench.rehearse(command, assumed));
    let lamp = || command("set");
    assert_eq!(status(lamp(), flag(DEFROST, true)), [ActionStatus::Denied]);
    bench.car.set(DEFROST, SignalValue::Boolean(true));
    assert_eq!(status(lamp(), Vec::new()), [ActionStatus::Denied]);
    assert_eq!(status(lamp(), flag(DEFROST, false)), [ActionStatus::Skipped], "it is off by then");
}

#[test]
fn a_command_that_undoes_what_an_earlier_one_needs_does_not_go_with_it() {
    let bench = bench();
    bench.car.set(FAN, SignalValue::Integer(60));
    let fan = |value| with(with(command("set"), "path", text(FAN)), "value", Value::Number(value));
    let refused = bench.rehearse(fan(10.0), flag(DEFROST, true));
    assert_eq!(statuses(&refused), [ActionStatus::Denied]);
    assert_eq!(refused.actions[0].why.as_deref(), Some("That does not go together with the rest."));
    let fine = bench.rehearse(fan(80.0), flag(DEFROST, true));
    assert_eq!(statuses(&fine), [ActionStatus::Skipped]);
}

#[test]
fn what_was_done_before_a_fault_is_reported() {
    let bench = bench();
    let invoked = bench.run(command("act-and-loop"));
    assert!(invoked.result.is_err());
    assert_eq!(statuses(&invoked), [ActionStatus::Done]);
}
