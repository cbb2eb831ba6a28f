//! A turn from the call to its result: asking, submitting, parsing, undoing.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::StreamExt as _;
use valet_bus::{
    BUS_NAME, Dict, ROOT, path,
    proxies::{Options, RequestProxy},
};
use valet_bus_tests::{Scene, driver};
use valet_testkit::{Says, TestAgent, arrived, dicts, error_name, none, text, until, within};
use zbus::{Connection, Message, MessageStream, Variant, message::Type};

const DRIVER_TEMPERATURE: &str = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";

async fn request(client: &Connection, object: &str) -> RequestProxy<'static> {
    RequestProxy::builder(client)
        .path(object.to_owned())
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
        .unwrap()
}

fn with_token(token: &str) -> Options<'_> {
    let mut options = driver();
    options.insert("handle-token", Variant::from(token));
    options
}

#[tokio::test]
async fn a_result_has_what_is_documented_and_the_vehicle_did_move() {
    let scene = Scene::set().await;
    let result = scene.ask("set the temperature to 22 degrees").await;
    for (key, signature) in [
        ("turn", "s"),
        ("type", "s"),
        ("speech", "s"),
        ("display", "a{sv}"),
        ("language", "s"),
        ("expects-reply", "b"),
        ("intents", "aa{sv}"),
        ("actions", "aa{sv}"),
        ("engine", "s"),
        ("local", "b"),
        ("session", "o"),
        ("timing", "a{st}"),
    ] {
        let value = result.get(key).unwrap_or_else(|| panic!("{key} is missing"));
        assert_eq!(value.value_signature().to_string(), signature, "{key}");
    }
    assert_eq!(text(&result, "type"), "action");
    assert_eq!(text(&result, "engine"), "template");
    let intent = &dicts(&result, "intents")[0];
    assert_eq!(text(intent, "intent"), "org.valetd.climate/set-temperature");
    assert_eq!(text(intent, "status"), "done");
    let slot = dicts(intent, "slots")
        .into_iter()
        .find(|slot| text(slot, "name") == "temperature")
        .unwrap();
    assert_eq!(*slot["value"], Variant::F64(22.0));
    let action = &dicts(&result, "actions")[0];
    assert_eq!(text(action, "target"), DRIVER_TEMPERATURE);
    assert_eq!(
        (&*action["requested"], &*action["observed"]),
        (&Variant::F64(22.0), &Variant::F64(22.0))
    );
    assert_eq!(text(action, "status"), "done");
    assert_eq!(scene.signal(DRIVER_TEMPERATURE).await, Some(Variant::F64(22.0)));
}

#[tokio::test]
async fn what_is_so_already_is_not_said_to_be_done() {
    let scene = Scene::set().await;
    scene.ask("set the temperature to 22 degrees").await;
    let again = scene.ask("set the temperature to 22 degrees").await;
    assert_eq!(text(&dicts(&again, "actions")[0], "status"), "already");
}

#[tokio::test]
async fn a_question_has_no_side_effect() {
    let scene = Scene::set().await;
    let result = scene.ask("are the doors locked").await;
    assert_eq!(text(&result, "type"), "answer");
    assert!(dicts(&result, "actions").is_empty());
    assert_eq!(
        scene.signal("Vehicle.Cabin.Door.Row1.DriverSide.IsLocked").await,
        Some(Variant::Bool(true))
    );
}

#[tokio::test]
async fn two_commands_in_one_sentence_run_in_order() {
    let scene = Scene::set().await;
    let result = scene.ask("open the sunroof and turn on the seat heating").await;
    let intents: Vec<String> =
        dicts(&result, "intents").iter().map(|i| text(i, "intent").to_owned()).collect();
    assert_eq!(intents, ["org.valetd.body/set-sunroof", "org.valetd.climate/set-seat-heating"]);
    let seat = "Vehicle.Cabin.Seat.Row1.DriverSide.HeatingCooling";
    assert_eq!(scene.signal(seat).await, Some(Variant::I64(66)));
}

#[tokio::test]
async fn what_is_refused_stops_the_rest_and_that_is_said() {
    let scene = Scene::set().await;
    scene.drive("city").await;
    let result = scene.ask("open the boot and turn on the seat heating").await;
    assert_eq!(text(&result, "type"), "refusal");
    let states: Vec<String> =
        dicts(&result, "intents").iter().map(|i| text(i, "status").to_owned()).collect();
    assert_eq!(states, ["refused", "skipped"]);
    let seat = "Vehicle.Cabin.Seat.Row1.DriverSide.HeatingCooling";
    assert_eq!(scene.signal(seat).await, Some(Variant::I64(0)));
}

#[tokio::test]
async fn nothing_is_emitted_on_a_request_before_its_path_is_answered() {
    let scene = Scene::set().await;
    let us = scene.client.unique_name().unwrap().to_string();
    for number in 0..20 {
        let token = format!("order{number}");
        let object = path::request(&us, &token);
        let mut messages = MessageStream::from(&scene.client);
        let call = Message::method_call(ROOT, "Submit")
            .destination(BUS_NAME)
            .interface("org.valetd.Assistant1")
            .build(&("set the temperature to 23 degrees", with_token(&token)))
            .unwrap();
        let serial = call.primary_header().serial_num();
        scene.client.send(&call).await.unwrap();
        let mut answered = false;
        until("the end of the request", &mut messages, |message| {
            let message = message.unwrap();
            let header = message.header();
            if header.reply_serial() == Some(serial) {
                assert_eq!(message.message_type(), Type::MethodReturn);
                answered = true;
            }
            if header.path().is_some_and(|path| path.as_str() == object) {
                assert!(answered, "{:?} came before the path", header.member());
                return (header.member()?.as_str() == "Finished").then_some(());
            }
            None
        })
        .await;
    }
}

#[tokio::test]
async fn finished_comes_once_as_the_last_signal_with_the_result() {
    let scene = Scene::set().await;
    let us = scene.client.unique_name().unwrap().to_string();
    let object = path::request(&us, "once");
    let mut messages = MessageStream::from(&scene.client);
    let answered = scene
        .assistant
        .submit("set the temperature to 24 degrees", with_token("once"))
        .await
        .unwrap();
    assert_eq!(answered.as_str(), object);
    let result: Dict = until("Finished", &mut messages, |message| {
        let message = message.unwrap();
        let header = message.header();
        let ours = header.path().is_some_and(|path| path.as_str() == object)
            && header.member().is_some_and(|member| member.as_str() == "Finished");
        ours.then(|| {
            let (code, result): (u32, Dict) = message.body().deserialize().unwrap();
            assert_eq!(code, 0);
            result
        })
    })
    .await;
    assert_eq!(text(&result, "type"), "action");
    // Whatever the daemon had still to say about the request would come before this answer.
    scene.ask("are the doors locked").await;
    let more = arrived(&mut messages);
    assert!(!more.is_empty(), "at least that answer has arrived");
    for message in more {
        let message = message.unwrap();
        let header = message.header();
        assert!(
            header.path().is_none_or(|path| path.as_str() != object),
            "{:?} after Finished",
            header.member()
        );
    }
}

#[tokio::test]
async fn the_chunks_of_a_request_make_its_speech() {
    let scene = Scene::set().await;
    let us = scene.client.unique_name().unwrap().to_string();
    let object = path::request(&us, "chunks");
    let mut messages = MessageStream::from(&scene.client);
    scene
        .assistant
        .submit("set the temperature to 24 degrees", with_token("chunks"))
        .await
        .unwrap();
    let mut said = String::new();
    let mut next = 0;
    let speech = until("Finished", &mut messages, |message| {
        let message = message.unwrap();
        let header = message.header();
        if header.path().is_none_or(|path| path.as_str() != object) {
            return None;
        }
        match header.member()?.as_str() {
            "Chunk" => {
                let (seq, piece): (u32, String) = message.body().deserialize().unwrap();
                assert_eq!(seq, next);
                next += 1;
                said.push_str(&piece);
                None
            }
            "Finished" => {
                let (_, result): (u32, Dict) = message.body().deserialize().unwrap();
                Some(text(&result, "speech").to_owned())
            }
            _ => None,
        }
    })
    .await;
    assert_eq!(said, speech);
}

#[tokio::test]
async fn a_cancelled_request_finishes_with_code_1_and_nothing_in_it() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let object = scene.assistant.submit("unlock the doors", driver()).await.unwrap();
    let request = request(&scene.client, object.as_str()).await;
    let mut finished = request.receive_finished().await.unwrap();
    assert_eq!(agent.next().await.method, "Confirm");
    assert_eq!(request.state().await.unwrap(), "waiting");
    request.cancel(none()).await.unwrap();
    let signal = within("Finished", finished.next()).await.unwrap();
    let args = signal.args().unwrap();
    assert_eq!(args.code, 1);
    assert!(args.result.is_empty(), "{:?}", args.result);
    request.cancel(none()).await.expect("what has ended may be cancelled again");
    assert_eq!(agent.next().await.method, "Cancel");
    assert_eq!(
        scene.signal("Vehicle.Cabin.Door.Row1.DriverSide.IsLocked").await,
        Some(Variant::Bool(true))
    );
}

#[tokio::test]
async fn a_token_in_use_already_exists_and_is_free_again_afterwards() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let first = scene.assistant.submit("unlock the doors", with_token("mine")).await.unwrap();
    agent.next().await;
    let second = scene.assistant.submit("are the doors locked", with_token("mine")).await;
    assert_eq!(error_name(&second), "org.valetd.Error.AlreadyExists");
    let request = request(&scene.client, first.as_str()).await;
    let mut finished = request.receive_finished().await.unwrap();
    request.cancel(none()).await.unwrap();
    within("Finished", finished.next()).await.unwrap();
    let third = scene.assistant.submit("are the doors locked", with_token("mine")).await.unwrap();
    assert_eq!(third, first);
}

#[tokio::test]
async fn another_client_cannot_cancel_a_request() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let object = scene.assistant.submit("unlock the doors", driver()).await.unwrap();
    agent.next().await;
    let theirs = request(&person, object.as_str()).await;
    assert_eq!(error_name(&theirs.cancel(none()).await), "org.valetd.Error.NotAuthorized");
    assert_eq!(error_name(&theirs.state().await), "org.valetd.Error.NotAuthorized");
    let ours = request(&scene.client, object.as_str()).await;
    assert_eq!(ours.state().await.unwrap(), "waiting");
}

#[tokio::test]
async fn parsing_touches_no_device_and_no_session() {
    let scene = Scene::set().await;
    let commands =
        scene.assistant.parse("set the temperature to 25 degrees", driver()).await.unwrap();
    assert_eq!(commands.len(), 1);
    assert_eq!(text(&commands[0], "intent"), "org.valetd.climate/set-temperature");
    assert_eq!(text(&commands[0], "engine"), "template");
    for key in ["confidence", "start", "end", "slots", "alternatives"] {
        assert!(commands[0].contains_key(key), "{key} is missing");
    }
    let mut options = driver();
    options.insert("mode", Variant::from("parse"));
    let result = scene.assistant.ask("set the temperature to 25 degrees", options).await.unwrap();
    assert!(dicts(&result, "actions").is_empty());
    assert_eq!(scene.signal(DRIVER_TEMPERATURE).await, Some(Variant::F64(21.0)));
    let follow_up = scene.ask("and the passenger side too").await;
    assert_eq!(text(&follow_up, "type"), "not-understood", "nothing was said before");
}

#[tokio::test]
async fn a_batch_keeps_its_order_and_what_is_no_utterance_is_an_empty_list() {
    let scene = Scene::set().await;
    let texts = ["lock the doors", "", "what is the meaning of life", "play some music"];
    let parsed = scene.assistant.parse_batch(&texts, none()).await.unwrap();
    let intents: Vec<Vec<String>> = parsed
        .iter()
        .map(|commands| commands.iter().map(|c| text(c, "intent").to_owned()).collect())
        .collect();
    assert_eq!(parsed.len(), 4);
    assert_eq!(intents[0], ["org.valetd.body/lock-doors"]);
    assert!(intents[1].is_empty() && intents[2].is_empty());
    assert_eq!(
        parsed,
        scene.assistant.parse_batch(&texts, none()).await.unwrap(),
        "parsing is deterministic"
    );
}

#[tokio::test]
async fn offsets_are_bytes_of_the_text_that_came() {
    let scene = Scene::set().await;
    let said = "set the temperature to 22 degrees";
    let commands = scene.assistant.parse(said, driver()).await.unwrap();
    let slots = dicts(&commands[0], "slots");
    let slot = slots.iter().find(|slot| text(slot, "name") == "temperature").unwrap();
    let at = |key: &str| match &*slot[key] {
        Variant::U32(at) => usize::try_from(*at).unwrap(),
        other => panic!("{key} is {other:?}"),
    };
    assert_eq!(&said[at("start")..at("end")], text(slot, "text"));
    assert!(text(slot, "text").contains("22"));
}

#[tokio::test]
async fn undo_puts_back_what_the_last_turn_changed_and_nothing_more() {
    let scene = Scene::set().await;
    scene.ask("set the temperature to 23 degrees").await;
    scene.ask("set the temperature to 25 degrees").await;
    let undone = scene.assistant.undo(driver()).await.unwrap();
    assert_eq!(text(&undone, "type"), "action");
    assert_eq!(scene.signal(DRIVER_TEMPERATURE).await, Some(Variant::F64(23.0)));
    let again = scene.assistant.undo(driver()).await.unwrap();
    assert_eq!(text(&again, "type"), "answer", "{again:?}");
    assert_eq!(scene.signal(DRIVER_TEMPERATURE).await, Some(Variant::F64(23.0)));
}

#[tokio::test]
async fn a_window_that_is_opening_is_not_closed_already_and_can_be_taken_back() {
    let scene = Scene::set().await;
    let window = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";
    for back in ["close the window", "undo"] {
        let opening = scene.ask("open the window").await;
        assert_eq!(text(&dicts(&opening, "actions")[0], "status"), "requested");
        let closed = scene.ask(back).await;
        let actions = dicts(&closed, "actions");
        assert_eq!(text(&closed, "type"), "action");
        assert_ne!(text(&actions[0], "status"), "already", "{back}: it was on its way");
        assert_eq!(text(&actions[0], "target"), window);
        // Each time the daemon waits a moment for the window itself.
        let mut again = closed;
        for _ in 0..100 {
            if text(&dicts(&again, "actions")[0], "status") == "already" {
                break;
            }
            again = scene.ask("close the window").await;
        }
        assert_eq!(scene.signal(window).await, Some(Variant::I64(0)));
    }
}

#[tokio::test]
async fn a_trace_shows_the_stages_of_ones_own_turn_and_keeps_no_text() {
    let scene = Scene::set().await;
    let said = "set the temperature to 22 degrees";
    let result = scene.ask(said).await;
    let diagnostics = valet_testkit::Daemon::diagnostics(&scene.client).await.unwrap();
    let trace = diagnostics.trace(text(&result, "turn"), none()).await.unwrap();
    assert!(!trace.contains_key("text"), "the words of a person are not kept");
    assert!(!dicts(&trace, "stages").is_empty());
    let candidate = &dicts(&trace, "candidates")[0];
    assert_eq!(text(candidate, "intent"), "org.valetd.climate/set-temperature");
    let policy = dicts(&trace, "policy");
    assert!(
        policy
            .iter()
            .any(|p| text(p, "target") == DRIVER_TEMPERATURE && text(p, "verdict") == "allow")
    );
    let latest = diagnostics.trace("", none()).await.unwrap();
    assert_eq!(text(&latest, "turn"), text(&result, "turn"));
    assert_eq!(
        error_name(&diagnostics.trace("t99999", none()).await),
        "org.valetd.Error.UnknownTurn"
    );
}

#[tokio::test]
async fn statistics_have_what_is_documented() {
    let scene = Scene::set().await;
    scene.ask("set the temperature to 22 degrees").await;
    scene.ask("what is the meaning of life").await;
    let diagnostics = valet_testkit::Daemon::diagnostics(&scene.client).await.unwrap();
    let stats = diagnostics.stats(none()).await.unwrap();
    for (key, signature) in [
        ("uptime-ms", "t"),
        ("turns", "t"),
        ("refused", "t"),
        ("not-understood", "t"),
        ("faults", "t"),
        ("busy", "t"),
        ("sessions", "u"),
        ("agents", "u"),
        ("resident-bytes", "t"),
        ("by-engine", "a{st}"),
        ("latency-us", "a{sa{st}}"),
    ] {
        let value = stats.get(key).unwrap_or_else(|| panic!("{key} is missing"));
        assert_eq!(value.value_signature().to_string(), signature, "{key}");
    }
    assert_eq!(*stats["turns"], Variant::U64(2));
    assert_eq!(*stats["not-understood"], Variant::U64(1));
}

#[tokio::test]
async fn suggestions_are_understood() {
    let scene = Scene::set().await;
    let suggestions = scene.assistant.suggest(none()).await.unwrap();
    assert!((1..=16).contains(&suggestions.len()));
    let texts: Vec<&str> = suggestions.iter().map(String::as_str).collect();
    let parsed = scene.assistant.parse_batch(&texts, none()).await.unwrap();
    for (said, commands) in texts.iter().zip(&parsed) {
        assert!(!commands.is_empty(), "{said:?} is suggested and not understood");
    }
}

#[tokio::test]
async fn suggestions_answer_an_open_question_first() {
    let scene = Scene::set().await;
    let question = scene.ask("unlock the doors").await;
    assert_eq!(text(&question, "code"), "confirm");
    assert_eq!(scene.assistant.suggest(driver()).await.unwrap(), ["Yes", "No"]);
    scene.ask("no").await;
    assert!(scene.assistant.suggest(driver()).await.unwrap().len() > 2);
}

#[tokio::test]
async fn a_variety_of_the_language_is_served_and_another_language_is_not() {
    let scene = Scene::set().await;
    let said = |language: &'static str| {
        let mut options = driver();
        options.insert("language", Variant::from(language));
        scene.assistant.ask("set the temperature to 22 degrees", options)
    };
    let result = said("en-GB").await.unwrap();
    assert_eq!((text(&result, "type"), text(&result, "language")), ("action", "en"));
    let refused = said("de").await;
    assert_eq!(error_name(&refused), "org.valetd.Error.UnsupportedLanguage");
}
