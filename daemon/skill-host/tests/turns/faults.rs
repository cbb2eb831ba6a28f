//! Guests that break the contract: their turn ends, everything else goes on.

use crate::world::{bench, command, probe_id, slower, text, with};
use std::{sync::mpsc, time::Duration};
use valet_core::{
    dialogue::MAX_TURNS,
    entity::Value,
    outcome::{Outcome, SkillFault},
};
use valet_skill_host::{FAULTS_TO_QUARANTINE, HostError, SkillState};

#[test]
fn a_loop_ends_at_the_skills_own_limit() {
    let bench = bench();
    let limit_ms = 200 * u64::from(slower());
    assert_eq!(bench.fault("loop"), SkillFault::Timeout { skill: probe_id(), limit_ms });
    let mut short = command("loop");
    short.budget = Duration::from_millis(20);
    let result = bench.run(short).result;
    assert!(matches!(result, Err(SkillFault::Timeout { limit_ms: ..=20, .. })), "{result:?}");
    assert_eq!(bench.answer(command("count")), "1", "the threads still serve");
}

#[test]
fn a_turn_that_had_no_time_left_is_not_held_against_the_skill() {
    let bench = bench();
    for _ in 0..=FAULTS_TO_QUARANTINE {
        let mut late = command("count");
        late.budget = Duration::ZERO;
        assert!(matches!(bench.run(late).result, Err(SkillFault::Timeout { .. })));
    }
    assert_eq!(bench.answer(command("count")), "1");
}

#[test]
fn what_traps_is_named() {
    let bench = bench();
    for (intent, words) in [
        ("allocate", "bytes of memory"),
        ("panic", "unreachable"),
        ("exit", "exits"),
        ("recurse", "out of bounds"),
        ("say-huge", "too much data"),
    ] {
        match bench.fault(intent) {
            SkillFault::Trap { why, .. } => assert!(why.contains(words), "{intent}: {why}"),
            other => panic!("{intent}: {other:?}"),
        }
    }
    assert_eq!(bench.answer(command("count")), "1", "the threads still serve");
}

#[test]
fn values_outside_of_the_contract_are_faults() {
    let bench = bench();
    for intent in [
        "say-control",
        "say-much",
        "say-nothing",
        "one-choice",
        "bad-slot",
        "many-facts",
        "bad-fact",
        "bad-fact-name",
    ] {
        let fault = bench.fault(intent);
        assert!(matches!(fault, SkillFault::BadReturn { .. }), "{intent}: {fault:?}");
    }
    let choices = bench.run(command("two-choices")).result;
    assert!(matches!(choices, Ok(Outcome::Choose { choices, .. }) if choices.len() == 2));
}

#[test]
fn a_reported_error_is_quoted_clean() {
    let bench = bench();
    assert_eq!(
        bench.fault("fail"),
        SkillFault::Reported { skill: probe_id(), why: "broken as asked".into() }
    );
    assert!(matches!(bench.fault("unwritten"), SkillFault::Reported { .. }));
    assert!(matches!(bench.fault("no-such-intent"), SkillFault::Unavailable { .. }));
}

#[test]
fn nothing_lives_from_one_turn_to_the_next() {
    let bench = bench();
    assert_eq!(bench.answer(command("count")), "1");
    assert_eq!(bench.answer(command("count")), "1");
}

#[test]
fn floods_of_lines_and_output_are_harmless() {
    let bench = bench();
    assert_eq!(bench.run(command("log-flood")).result, Ok(Outcome::Done { facts: Vec::new() }));
}

#[test]
fn the_environment_is_empty() {
    let bench = bench();
    assert_eq!(bench.answer(command("environment")), "0 0");
}

#[test]
fn repeated_faults_quarantine_until_released() {
    let bench = bench();
    for _ in 0..FAULTS_TO_QUARANTINE {
        assert!(matches!(bench.run(command("panic")).result, Err(SkillFault::Trap { .. })));
    }
    let refused = bench.run(command("count")).result;
    assert!(matches!(refused, Err(SkillFault::Unavailable { .. })), "{refused:?}");
    let stats = bench.host.stats(&probe_id()).expect("loaded");
    assert!(matches!(stats.state, SkillState::Quarantined { .. }));
    assert_eq!((stats.turns, stats.faults), (3, 3));
    bench.host.release(&probe_id()).expect("loaded");
    assert_eq!(bench.answer(command("count")), "1");
}

#[test]
fn a_running_guest_can_be_stopped_and_that_is_no_fault_of_it() {
    let bench = bench();
    let (send, receive) = mpsc::channel();
    let done = Box::new(move |invoked| send.send(invoked).expect("somebody waits"));
    bench.host.invoke(command("loop"), done).expect("taken").cancel();
    let invoked: valet_core::outcome::Invoked = receive.recv().expect("it comes back");
    assert!(matches!(invoked.result, Err(SkillFault::Unavailable { .. })), "{invoked:?}");
    assert_eq!(bench.host.stats(&probe_id()).expect("loaded").faults, 0);
}

#[test]
fn too_many_turns_at_once_are_busy_and_a_stopped_host_says_so() {
    let bench = bench();
    let mut taken = 0;
    let (send, receive) = mpsc::channel();
    let busy = loop {
        let send = send.clone();
        let done = Box::new(move |_| send.send(()).expect("somebody waits"));
        match bench.host.invoke(command("loop"), done) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(busy, HostError::Busy { waiting: MAX_TURNS }), "{busy:?}");
    assert!((MAX_TURNS..=MAX_TURNS + 2).contains(&taken), "{taken}");
    bench.host.stop();
    drop(send);
    assert!(receive.iter().count() <= 2, "what waited was dropped");
    let late = bench.host.invoke(command("count"), Box::new(|_| {}));
    assert_eq!(late.err(), Some(HostError::Stopped));
}

#[test]
fn a_completion_that_panics_costs_no_thread() {
    let bench = bench();
    for _ in 0..4 {
        bench.host.invoke(command("nothing"), Box::new(|_| panic!("as asked"))).expect("taken");
    }
    assert_eq!(bench.answer(command("count")), "1");
}

#[test]
fn the_store_is_bounded_by_what_was_granted() {
    let bench = bench();
    let remember =
        |key, size| with(with(command("remember"), "key", text(key)), "size", Value::Number(size));
    assert_eq!(bench.answer(remember("a", 4000.0)), "4000 [\"a\"]");
    assert_eq!(bench.answer(remember("b", 100.0)), "StoreError::Full");
    assert_eq!(bench.answer(remember("B A D", 1.0)), "StoreError::BadKey");
}
