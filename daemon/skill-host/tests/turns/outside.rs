//! What a guest reaches outside of the car, and what the host makes of it.

use crate::world::{self, Bench, bench_with, outdoors, outdoors_id, services, slower, text, with};
use valet_core::{
    capability::{Capability, CapabilitySet},
    entity::Value,
    outcome::{ActionStatus, Invoked, Outcome, SkillFault, Target},
    ports::http::{HttpError, HttpResponse},
    rates::Rates,
    signal::{Class, SignalValue},
};
use valet_skill_host::{Invocation, Outside, Services};

const SERVER: &str = "http://server.example:8080/";

fn bench() -> Bench {
    let bench = bench_with(Rates::default(), services);
    bench.load(outdoors());
    bench
}

fn command(intent: &str) -> Invocation {
    Invocation { skill: outdoors_id(), ..world::command(intent) }
}

fn responding(bench: &Bench, status: u16) {
    let response = HttpResponse { status, headers: Vec::new(), body: b"hello".to_vec() };
    bench.car.outdoors.kept().response = Some(Ok(response));
}

fn fetch(bench: &Bench, url: &str) -> String {
    bench.answer(with(command("fetch"), "path", text(url)))
}

fn only(invoked: &Invoked) -> (String, ActionStatus) {
    let [action] = &invoked.actions[..] else { panic!("one action: {:?}", invoked.actions) };
    (action.target.to_string(), action.status)
}

#[test]
fn a_fetch_goes_where_a_rule_lets_it_and_nowhere_else() {
    let bench = bench();
    responding(&bench, 200);
    assert_eq!(fetch(&bench, SERVER), "200 - hello");
    {
        let kept = bench.car.outdoors.kept();
        let request = &kept.requests[0];
        assert_eq!((request.url.to_string().as_str(), request.most_bytes), (SERVER, 1000));
        assert!(
            request.limit.as_millis() <= 150 * u128::from(slower()),
            "a part of the guest's own time: {:?}",
            request.limit
        );
    }
    for elsewhere in [
        "https://server.example:8080/",
        "http://server.example/",
        "http://other.example:8080/",
        "https://api.example.org:8443/",
    ] {
        assert!(fetch(&bench, elsewhere).contains("not-granted"), "{elsewhere}");
    }
    for bad in
        ["http://127.0.0.1:8080/", "http://user@server.example:8080/", "http://2130706433/", ""]
    {
        assert!(fetch(&bench, bad).contains("bad-request"), "{bad}");
    }
    let header = with(command("fetch"), "word", text("cookie"));
    assert!(bench.answer(header).contains("bad-request"));
    assert_eq!(bench.car.outdoors.kept().requests.len(), 1, "nothing else went out");
}

#[test]
fn a_device_without_a_network_says_so() {
    let bench = bench();
    assert!(fetch(&bench, SERVER).contains("not-available"));
    let nothing = |car: &_| Services { outside: Outside::default(), ..services(car) };
    let bench = bench_with(Rates::default(), nothing);
    bench.load(outdoors());
    assert!(fetch(&bench, SERVER).contains("not-available"));
    assert!(bench.answer(command("topic")).contains("not-available"));
    assert!(bench.answer(command("players")).contains("not-available"));
    let invoked = bench.run(command("command"));
    assert_eq!(only(&invoked), ("mqtt:home/lamp/set".into(), ActionStatus::NoProvider));
    let invoked = bench.run(command("play"));
    assert_eq!(only(&invoked).1, ActionStatus::NoProvider);
}

#[test]
fn what_a_server_took_is_asked_for_and_not_done() {
    let bench = bench();
    for (status, said) in [(200, ActionStatus::Requested), (500, ActionStatus::Failed)] {
        responding(&bench, status);
        let invoked = bench.run(command("post"));
        assert_eq!(only(&invoked), ("http:POST http://server.example:8080".into(), said));
    }
    let error = HttpError::TimedOut { host: "server.example".into(), limit_ms: 1 };
    bench.car.outdoors.kept().response = Some(Err(error));
    assert_eq!(only(&bench.run(command("post"))).1, ActionStatus::Failed);
}

#[test]
fn a_question_posts_publishes_and_calls_nothing() {
    let bench = bench();
    responding(&bench, 200);
    for intent in ["post-as-question", "command-as-question", "play-as-question"] {
        let invoked = bench.run(command(intent));
        assert_eq!(only(&invoked).1, ActionStatus::Denied, "{intent}");
        let why = invoked.actions[0].why.as_deref();
        assert_eq!(why, Some("A question changes nothing."), "{intent}");
        // The class of the manifest holds; so does a lower one that a caller says.
        let mut asked = command(intent.trim_end_matches("-as-question"));
        asked.class = Class::Info;
        assert_eq!(only(&bench.run(asked)).1, ActionStatus::Denied, "{intent}");
    }
    let kept = bench.car.outdoors.kept();
    assert!(kept.requests.is_empty() && kept.commands.is_empty() && kept.calls.is_empty());
}

#[test]
fn a_command_is_done_only_where_its_effect_was_seen() {
    let bench = bench();
    for (state, status) in [
        (Some("ON"), ActionStatus::Done),
        (Some("switching"), ActionStatus::Requested),
        (None, ActionStatus::Requested),
    ] {
        bench.car.outdoors.kept().state = state.map(str::to_owned);
        let invoked = bench.run(command("command"));
        assert_eq!(only(&invoked), ("mqtt:home/lamp/set".into(), status), "{state:?}");
        let action = &invoked.actions[0];
        assert_eq!(action.requested, Some(SignalValue::Text("ON".into())));
        assert_eq!(action.observed, state.map(|text| SignalValue::Text(text.into())));
    }
    let invoked = bench.run(command("command-blindly"));
    assert_eq!(only(&invoked).1, ActionStatus::Requested, "nobody looked");
    bench.car.outdoors.kept().disconnected = true;
    let invoked = bench.run(command("command"));
    assert_eq!(only(&invoked).1, ActionStatus::NoProvider);
    assert!(matches!(invoked.result, Ok(Outcome::CannotDo { .. })), "{:?}", invoked.result);
}

#[test]
fn topics_outside_of_the_rules_are_neither_read_nor_written() {
    let bench = bench();
    bench.car.outdoors.kept().topics = [("home/lamp/state".to_owned(), "ON".to_owned())].into();
    let topic = |path: &str| bench.answer(with(command("topic"), "path", text(path)));
    assert_eq!(topic("home/lamp/state"), "ON retained=true");
    assert_eq!(topic("home/door/state"), "nothing");
    assert!(topic("elsewhere/lamp").contains("not-granted"));
    assert!(topic("$SYS/broker/version").contains("not-granted"));
    assert!(topic("home/+").contains("bad-topic"), "a filter is no topic");
    let topics = |path: &str| bench.answer(with(command("topics"), "path", text(path)));
    assert!(topics("home/+/state").contains("home/lamp/state"));
    assert!(topics("#").contains("not-granted"));
    for (path, status) in [("home/a/b/set", "not-granted"), ("home/+/set", "bad-topic")] {
        let invoked = bench.run(with(command("command"), "path", text(path)));
        let Ok(Outcome::CannotDo { speech }) = invoked.result else { panic!("{path}") };
        assert!(speech.contains(status), "{path}: {speech}");
    }
    assert!(bench.car.outdoors.kept().commands.is_empty());
}

#[test]
fn a_call_is_done_only_where_its_property_was_seen() {
    let bench = bench();
    let member = "dbus:org.mpris.MediaPlayer2.test org.mpris.MediaPlayer2.Player.Play";
    for (property, status) in [
        (Some("Playing"), ActionStatus::Done),
        (Some("Paused"), ActionStatus::Requested),
        (None, ActionStatus::Requested),
    ] {
        bench.car.outdoors.kept().property = property.map(str::to_owned);
        let invoked = bench.run(command("play"));
        assert_eq!(only(&invoked), (member.into(), status), "{property:?}");
        let observed = &invoked.actions[0].observed;
        assert_eq!(*observed, property.map(|text| SignalValue::Text(text.into())));
    }
    assert_eq!(bench.answer(command("playing")), "Blue by ? is Paused");
    bench.car.outdoors.kept().gone = true;
    assert_eq!(only(&bench.run(command("play"))).1, ActionStatus::NoProvider);
}

#[test]
fn peers_and_members_outside_of_the_rules_are_not_reached() {
    let bench = bench();
    for (slot, value) in [
        ("word", "Stop"),
        ("word", "get:Metadata"),
        ("path", "org.example.other"),
        ("path", "org.freedesktop.systemd1"),
        ("path", "org.valetd.Assistant1"),
        ("path", ":1.1"),
    ] {
        let invoked = bench.run(with(command("play"), slot, text(value)));
        let Ok(Outcome::CannotDo { speech }) = invoked.result else { panic!("{value}") };
        assert!(speech.contains("not-granted"), "{value}: {speech}");
    }
    let names = bench.answer(with(command("players"), "path", text("org.freedesktop.*")));
    assert!(names.contains("not-granted"), "{names}");
    assert!(bench.answer(command("players")).contains("MediaPlayer2.test"));
    assert!(bench.car.outdoors.kept().calls.is_empty());
}

#[test]
fn what_is_granted_can_be_less_than_what_is_declared() {
    let bench = bench();
    bench.car.outdoors.kept().state = Some("ON".into());
    assert_eq!(only(&bench.run(command("command"))).1, ActionStatus::Done);
    let some = ["mqtt-publish:home/+/set", "mqtt-subscribe:home/door/#"];
    let some = some.map(|text| Capability::parse(text).expect("valid"));
    bench.host.grant(&outdoors_id(), CapabilitySet::new(some.to_vec())).expect("loaded");
    let invoked = bench.run(command("command"));
    assert_eq!(only(&invoked).1, ActionStatus::Denied, "what would show it may not be seen");
    assert!(fetch(&bench, SERVER).contains("not-granted"));
    assert_eq!(only(&bench.run(command("play"))).1, ActionStatus::Denied);
}

#[test]
fn a_rehearsal_ends_before_what_cannot_be_known_without_doing_it() {
    let bench = bench();
    responding(&bench, 200);
    for (intent, target) in [
        ("post", "http:POST http://server.example:8080"),
        ("command", "mqtt:home/lamp/set"),
        ("play", "dbus:org.mpris.MediaPlayer2.test org.mpris.MediaPlayer2.Player.Play"),
    ] {
        let invoked = bench.rehearse(command(intent), Vec::new());
        assert_eq!(invoked.result, Ok(Outcome::Done { facts: Vec::new() }), "{intent}");
        assert_eq!(only(&invoked), (target.into(), ActionStatus::Skipped));
    }
    let asked = bench.rehearse(command("command-as-question"), Vec::new());
    assert_eq!(only(&asked).1, ActionStatus::Denied, "and it is judged");
    let kept = bench.car.outdoors.kept();
    assert!(kept.requests.is_empty() && kept.commands.is_empty() && kept.calls.is_empty());
}

#[test]
fn names_are_taken_for_own_entities_within_bounds() {
    let bench = bench();
    let names = |path: &str, size: f64| {
        let call = with(command("names"), "path", text(path));
        bench.answer(with(call, "size", Value::Number(size)))
    };
    assert_eq!(names("lamp", 2.0), "Ok(())");
    assert!(names("door", 2.0).contains("unknown-entity"));
    assert!(names("lamp", 257.0).contains("too-many"));
    let lists = bench.car.outdoors.kept().lists.clone();
    let [(entity, values)] = &lists[..] else { panic!("{lists:?}") };
    assert_eq!(entity, "lamp");
    assert_eq!(values[..], [("lamp 0".to_owned(), vec![]), ("lamp 1".to_owned(), vec![])]);
}

#[test]
fn a_message_may_teach_names_and_change_nothing() {
    let bench = bench();
    assert!(bench.receive("home/lamp/config", "Kitchen light").result.is_ok());
    assert_eq!(bench.car.outdoors.kept().lists[0].1[0].0, "Kitchen light");
    let invoked = bench.receive("home/lamp/config", "misbehave");
    assert_eq!(only(&invoked), ("mqtt:home/lamp/set".into(), ActionStatus::Denied));
    assert!(matches!(invoked.result, Err(SkillFault::Reported { .. })), "{:?}", invoked.result);
    assert!(bench.car.outdoors.kept().commands.is_empty());
}

#[test]
fn who_reaches_out_too_often_is_told_so_and_counted() {
    let rates = Rates { mqtt_commands: 20, http_fetches: 1, ..Rates::default() };
    let bench = bench_with(rates, services);
    bench.load(outdoors());
    responding(&bench, 200);
    let invoked = bench.run(command("flood"));
    let Ok(Outcome::Done { facts }) = &invoked.result else { panic!("{:?}", invoked.result) };
    assert_eq!(facts[0].value, Value::Number(30.0), "of fifty");
    assert_eq!(invoked.actions.len(), 20);
    assert_eq!(fetch(&bench, SERVER), "200 - hello");
    assert!(fetch(&bench, SERVER).contains("limited"));
    let stats = bench.host.stats(&outdoors_id()).expect("loaded");
    assert_eq!(stats.limited, 31);
    assert_eq!(stats.breaches, 0, "it kept to the contract");
    assert!(!matches!(invoked.actions[0].target, Target::Other(_)));
}
