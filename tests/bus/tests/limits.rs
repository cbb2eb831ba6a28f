//! Bad input: nothing a client sends may crash, hang or wedge the daemon, and each bound has
//! its named error.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::{StreamExt as _, future::join_all};
use valet_bus::{BUS_NAME, ROOT, proxies::Options};
use valet_bus_tests::{Scene, driver};
use valet_testkit::{Daemon, Says, TestAgent, error_name, none, text, within};
use zbus::{Variant, fdo::DBusProxy};

const INVALID: &str = "org.valetd.Error.InvalidArguments";
const TOO_MUCH: &str = "org.valetd.Error.LimitExceeded";

fn option<'a>(key: &'a str, value: impl Into<Variant<'a>>) -> Options<'a> {
    [(key, value.into())].into()
}

#[tokio::test]
async fn text_over_4_kib_is_refused_and_text_of_4_kib_is_not() {
    let scene = Scene::set().await;
    let long = "a ".repeat(2049);
    for refused in [
        scene.assistant.ask(&long, none()).await.map(drop),
        scene.assistant.submit(&long, none()).await.map(drop),
        scene.assistant.parse(&long, none()).await.map(drop),
    ] {
        let name = error_name(&refused);
        assert!(name == TOO_MUCH || name == INVALID, "{name}");
    }
    let fits = &long[..4096];
    let result = scene.assistant.ask(fits, none()).await.unwrap();
    assert_eq!(text(&result, "type"), "not-understood");
    let huge = "x".repeat(200_000);
    assert_eq!(error_name(&scene.assistant.ask(&huge, none()).await), TOO_MUCH);
}

#[tokio::test]
async fn a_text_without_anything_printable_is_refused() {
    let scene = Scene::set().await;
    for empty in ["", "   ", "\n\t", "\u{1}\u{1b}"] {
        assert_eq!(error_name(&scene.assistant.ask(empty, none()).await), INVALID, "{empty:?}");
    }
    for odd in
        ["\u{202e}open the window", "🚗🚗🚗", "a\u{0}b", "ａｂｃ", "{zone: all}", "%s%n", "[[(<"]
    {
        if let Ok(result) = scene.assistant.ask(odd, none()).await {
            assert!(!text(&result, "type").is_empty(), "{odd:?}");
        }
    }
}

#[tokio::test]
async fn unknown_options_and_wrong_types_are_refused_by_name() {
    let scene = Scene::set().await;
    let ask =
        async |options: Options<'_>| scene.assistant.ask("are the doors locked", options).await;
    for (options, part) in [
        (option("colour", "red"), "colour"),
        (option("zone", 7_u32), "zone"),
        (option("zone", "moon"), "moon"),
        (option("timeout-ms", "soon"), "timeout-ms"),
        (option("mode", "dance"), "dance"),
        (option("initiator", "dog"), "dog"),
        (option("session", "/not/a/path/type"), "session"),
        (option("alternatives", "one"), "alternatives"),
        (option("handle-token", "x"), "handle-token"),
    ] {
        let refused = ask(options).await;
        assert_eq!(error_name(&refused), INVALID, "{part}");
        assert!(refused.unwrap_err().to_string().contains(part), "the message names {part}");
    }
    let refused = scene.assistant.stop(option("why", "because")).await;
    assert_eq!(error_name(&refused), INVALID);
}

#[tokio::test]
async fn every_documented_option_is_taken() {
    let scene = Scene::set().await;
    let mut options = driver();
    options.insert("language", Variant::from("en"));
    options.insert("mode", Variant::from("local-only"));
    options.insert("timeout-ms", Variant::from(5000_u32));
    options.insert("initiator", Variant::from("push-to-talk"));
    options.insert("alternatives", Variant::from(vec!["are the doors logged"]));
    let result = scene.assistant.ask("are the doors locked", options).await.unwrap();
    assert_eq!(text(&result, "type"), "answer");
    scene.assistant.open_session(option("initiator", "touch")).await.unwrap();
    scene.assistant.stop(option("zone", "row1-driver")).await.unwrap();
}

#[tokio::test]
async fn wrong_signatures_are_refused_before_anything_is_parsed() {
    let scene = Scene::set().await;
    for member in ["Ask", "Submit", "Parse", "ParseBatch", "Stop", "SetVocabulary", "RegisterAgent"]
    {
        let refused = scene
            .client
            .call_method(
                Some(BUS_NAME),
                ROOT,
                Some("org.valetd.Assistant1"),
                member,
                &(7_u64, true),
            )
            .await;
        assert_eq!(error_name(&refused), INVALID, "{member}");
    }
}

#[tokio::test]
async fn lists_and_tokens_have_bounds() {
    let scene = Scene::set().await;
    let many = vec!["lock the doors"; 1001];
    assert_eq!(error_name(&scene.assistant.parse_batch(&many, none()).await), TOO_MUCH);
    let vehicle = Daemon::vehicle(&scene.client).await.unwrap();
    let paths = vec!["Vehicle.Speed"; 257];
    assert_eq!(error_name(&vehicle.read(&paths, none()).await), TOO_MUCH);
    let unknown = vehicle.read(&["Vehicle.Wings.Span"], none()).await;
    assert_eq!(error_name(&unknown), "org.valetd.Error.UnknownSignal");
    for pattern in ["Vehicle..Speed", "*x*", ""] {
        assert!(vehicle.read(&[pattern], none()).await.is_err(), "{pattern:?}");
    }
    for token in ["", "a-b", "a/b", "ä", &"t".repeat(65)] {
        let refused = scene.assistant.submit("lock the doors", option("handle-token", token)).await;
        assert_eq!(error_name(&refused), INVALID, "{token:?}");
    }
    let language = scene.assistant.ask("lock the doors", option("language", "tlh")).await;
    assert_eq!(error_name(&language), "org.valetd.Error.UnsupportedLanguage");
}

#[tokio::test]
async fn the_simulator_refuses_what_the_vehicle_cannot_be() {
    let scene = Scene::set().await;
    let simulator = Daemon::simulator(&scene.client).await.unwrap();
    let set = async |path: &str, value: Variant<'_>| simulator.set(path, &value, none()).await;
    assert_eq!(
        error_name(&set("Vehicle.Wings", Variant::from(1)).await),
        "org.valetd.Error.UnknownSignal"
    );
    assert_eq!(error_name(&set("Vehicle.Speed", Variant::from("fast")).await), INVALID);
    let temperature = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";
    assert_eq!(error_name(&set(temperature, Variant::from(900.0)).await), INVALID);
    assert_eq!(error_name(&set("not a path", Variant::from(1)).await), INVALID);
    assert_eq!(error_name(&simulator.drive("backwards", none()).await), INVALID);
    assert_eq!(error_name(&simulator.set_fault("Vehicle.Speed", "tired", none()).await), INVALID);
    let nothing = simulator.set_fault("Vehicle.Wings.**", "stuck", none()).await;
    assert_eq!(error_name(&nothing), "org.valetd.Error.UnknownSignal");
}

#[tokio::test]
async fn three_hundred_calls_at_once_are_all_answered() {
    let scene = Scene::set().await;
    let calls = (0..300).map(|number| {
        let assistant = scene.assistant.clone();
        async move {
            if number % 2 == 0 {
                assistant.ask("are the doors locked", driver()).await.map(drop)
            } else {
                assistant.parse("lock the doors", driver()).await.map(drop)
            }
        }
    });
    let answers = within("all answers", join_all(calls)).await;
    let fine = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(fine > 0);
    for answer in answers.iter().filter(|answer| answer.is_err()) {
        let name = error_name(answer);
        assert!(name == "org.valetd.Error.Busy" || name == TOO_MUCH, "{name}");
    }
    assert_eq!(text(&scene.ask("are the doors locked").await, "type"), "answer");
}

#[tokio::test]
async fn one_clients_flood_does_not_stop_another_client() {
    let scene = Scene::set().await;
    let (_client, other) = scene.another().await;
    let flood = join_all((0..300).map(|_| {
        let assistant = scene.assistant.clone();
        async move { assistant.parse("set the temperature to 22 degrees", none()).await.is_ok() }
    }));
    let polite = async {
        let passenger: Options<'_> = [("zone", Variant::from("row1-passenger"))].into();
        other.ask("are the doors locked", passenger).await
    };
    let (_, answer) = within("both", async { tokio::join!(flood, polite) }).await;
    assert_eq!(text(&answer.unwrap(), "type"), "answer");
}

#[tokio::test]
async fn a_client_that_vanishes_mid_turn_harms_nobody() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let bus = DBusProxy::new(&scene.client).await.unwrap();
    for submit in [true, false] {
        let (client, other) = scene.another().await;
        let session = other.open_session(none()).await.unwrap();
        let options: Options<'static> = [("session", Variant::from(session.into_inner()))].into();
        let name = client.unique_name().unwrap().to_string();
        let mut owners = bus.receive_name_owner_changed_with_args(&[(0, &name)]).await.unwrap();
        let call = if submit {
            other.submit("unlock the doors", options).await.unwrap();
            None
        } else {
            let other = other.clone();
            Some(tokio::spawn(async move { other.ask("unlock the doors", options).await }))
        };
        assert_eq!(agent.next().await.method, "Confirm");
        if let Some(call) = call {
            call.abort();
            assert!(call.await.is_err());
        }
        drop((client, other));
        within("the client's leaving", owners.next()).await.unwrap();
        assert_eq!(agent.next().await.method, "Cancel", "the question is void");
    }
    assert_eq!(text(&scene.ask("are the doors locked").await, "type"), "answer");
    assert_eq!(
        scene.signal("Vehicle.Cabin.Door.Row1.DriverSide.IsLocked").await,
        Some(Variant::Bool(true))
    );
}

#[tokio::test]
async fn messages_to_objects_that_are_not_there_are_answered() {
    let scene = Scene::set().await;
    for (object, interface, member) in [
        ("/nowhere", "org.valetd.Assistant1", "Stop"),
        ("/org/valetd/Assistant1/request/x/y", "org.valetd.Request1", "Cancel"),
        ("/org/valetd/Assistant1/session/s99", "org.valetd.Session1", "Reset"),
        ("/org/valetd/Assistant1/skill/_zz", "org.valetd.Skill1", "Enable"),
        (ROOT, "org.valetd.Assistant1", "Dance"),
        (ROOT, "org.example.Other", "Stop"),
    ] {
        let answer = scene
            .client
            .call_method(Some(BUS_NAME), object, Some(interface), member, &none())
            .await;
        let name = error_name(&answer);
        assert!(
            name.contains("Unknown") || name.contains("InvalidArguments"),
            "{object} {member}: {name}"
        );
    }
}
