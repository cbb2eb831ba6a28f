//! Components that were built when a version of the contract was published still run as they did then.
//!
//! Must not build anything: the components lie in `tests/contract` as they are.

use crate::world::{
    Bench, LAMP, bench_with, command, empty_bench, folder, manifest, outdoors_id, services, text,
    with, workspace,
};
use valet_core::{
    outcome::{ActionStatus, Outcome},
    ports::http::HttpResponse,
    rates::Rates,
    signal::SignalValue,
};
use valet_package::SkillFolder;
use valet_skill_host::Invocation;

fn kept(version: &str, name: &str) -> SkillFolder {
    let place = workspace().join("tests/contract").join(version).join(name);
    let read = |file: &str| std::fs::read(place.join(file)).expect("it is in the repository");
    let manifest = manifest(&String::from_utf8(read("skill.toml")).expect("text"));
    SkillFolder { manifest, ..folder(read("skill.wasm")) }
}

fn answer(bench: &Bench, intent: &str) -> String {
    bench.answer(command(intent))
}

#[test]
fn the_probe_of_0_1_0_reads_acts_remembers_and_rings() {
    let bench = empty_bench();
    bench.host.load(kept("since-v0.1.0", "probe")).expect("loads");
    assert!(answer(&bench, "place").contains("60.17"), "location");
    assert_eq!(answer(&bench, "count"), answer(&bench, "count"), "nothing is kept between turns");
    let words = answer(&bench, "asset");
    assert!(!words.is_empty(), "assets");
    let acted = bench.run(command("set"));
    assert_eq!(acted.result, Ok(Outcome::Done { facts: Vec::new() }));
    assert_eq!(acted.actions[0].status, ActionStatus::Done);
    assert_eq!(bench.car.written(), [(LAMP.to_owned(), SignalValue::Boolean(true))]);
    let read = bench.answer(with(command("read"), "path", text(LAMP)));
    assert!(read.contains("true"), "vehicle-signals: {read}");
    let remembered = bench.run(with(command("remember"), "key", text("tea")));
    assert!(remembered.result.is_ok(), "store: {remembered:?}");
    let set = bench.run(with(command("alarm"), "name", text("pasta")));
    assert!(set.result.is_ok(), "alarms: {set:?}");
    assert_eq!(bench.car.alarms.lock().expect("unpoisoned").len(), 1);
    assert!(bench.ring("pasta").result.is_ok(), "on-alarm");
    let asked = bench.run(command("confirm"));
    assert!(matches!(asked.result, Ok(Outcome::Confirm { .. })), "{asked:?}");
}

#[test]
fn the_one_of_0_1_0_that_reaches_outside_still_does() {
    let bench = bench_with(Rates::default(), services);
    bench.host.load(kept("since-v0.1.0", "outdoors")).expect("loads");
    let response = HttpResponse { status: 200, headers: Vec::new(), body: b"hello".to_vec() };
    bench.car.outdoors.kept().response = Some(Ok(response));
    let outside = |intent: &str| Invocation { skill: outdoors_id(), ..command(intent) };
    let fetched = with(outside("fetch"), "path", text("http://server.example:8080/"));
    let fetched = bench.answer(fetched);
    assert!(fetched.contains("hello"), "http: {fetched}");
    let switched = bench.run(outside("command"));
    assert_eq!(switched.actions.len(), 1, "mqtt: {switched:?}");
    let played = bench.run(outside("play"));
    assert_eq!(played.actions.len(), 1, "dbus-peer: {played:?}");
}
