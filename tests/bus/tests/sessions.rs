//! Conversations: whose they are, how long they live, who sees what is said in them.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::StreamExt as _;
use valet_bus::{
    BUS_NAME, Dict,
    proxies::{Options, SessionProxy},
};
use valet_bus_tests::{ASK_FOR_ALL, Scene, ask, driver};
use valet_testkit::{
    Daemon, DaemonBuilder, PrivateBus, Says, TestAgent, arrived, error_name, none, text, until,
    within,
};
use zbus::{Connection, MessageStream, Variant, fdo::DBusProxy, proxy::CacheProperties};

async fn session(client: &Connection, object: &str) -> SessionProxy<'static> {
    SessionProxy::builder(client)
        .path(object.to_owned())
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .unwrap()
}

fn in_session(object: &zbus::OwnedObjectPath) -> Options<'static> {
    [("session", Variant::from(object.clone().into_inner()))].into()
}

#[tokio::test]
async fn a_follow_up_reaches_the_same_conversation_from_another_client_of_the_user() {
    let scene = Scene::set().await;
    let question = scene.ask("set a timer").await;
    assert_eq!((text(&question, "type"), text(&question, "code")), ("question", "missing-slot"));
    let (_client, other) = scene.another().await;
    let answered = ask(&other, "five minutes").await;
    assert_eq!(text(&answered, "type"), "action", "{answered:?}");
}

#[tokio::test]
async fn each_zone_has_a_conversation_of_its_own() {
    let scene = Scene::set().await;
    assert_eq!(text(&scene.ask("set a timer").await, "type"), "question");
    let passenger: Options<'_> = [("zone", Variant::from("row1-passenger"))].into();
    let elsewhere = scene.assistant.ask("five minutes", passenger).await.unwrap();
    assert_ne!(text(&elsewhere, "type"), "action", "the passenger was not asked");
    assert_eq!(text(&scene.ask("five minutes").await, "type"), "action");
}

#[tokio::test]
async fn another_user_cannot_answer_a_question() {
    let bus = PrivateBus::session().await.unwrap();
    let _daemon = DaemonBuilder::new(&bus).system().config(ASK_FOR_ALL).start().await.unwrap();
    let ours = Daemon::assistant(&bus.connect().await.unwrap()).await.unwrap();
    let Some(client) = valet_bus_tests::stranger(&bus).await else { return };
    let theirs = Daemon::assistant(&client).await.unwrap();
    assert_eq!(text(&ask(&ours, "set a timer").await, "type"), "question");
    assert_ne!(text(&ask(&theirs, "five minutes").await, "type"), "action");
    assert_eq!(text(&ask(&ours, "five minutes").await, "type"), "action");
}

#[tokio::test]
async fn on_a_session_bus_no_other_user_may_ask() {
    let scene = Scene::set().await;
    let Some((_client, theirs)) = scene.stranger().await else { return };
    let refused = theirs.ask("are the doors locked", driver()).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.NotAuthorized");
    let refused = theirs.state().await;
    assert_eq!(error_name(&refused), "org.valetd.Error.NotAuthorized");
}

#[tokio::test]
async fn an_opened_session_is_its_owners_alone() {
    let scene = Scene::set().await;
    let object = scene.assistant.open_session(driver()).await.unwrap();
    let ours = session(&scene.client, object.as_str()).await;
    assert_eq!(ours.zone().await.unwrap(), "row1-driver");
    assert_eq!(ours.language().await.unwrap(), "en");
    assert!(!ours.expecting_reply().await.unwrap());
    let result = scene.assistant.ask("set a timer", in_session(&object)).await.unwrap();
    assert_eq!(text(&result, "type"), "question");
    assert!(ours.expecting_reply().await.unwrap());
    let (client, other) = scene.another().await;
    let refused = other.ask("five minutes", in_session(&object)).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.UnknownSession");
    let theirs = session(&client, object.as_str()).await;
    for refused in [theirs.reset(none()).await, theirs.close(none()).await] {
        assert_eq!(error_name(&refused), "org.valetd.Error.UnknownSession");
    }
    let answered = scene.assistant.ask("five minutes", in_session(&object)).await.unwrap();
    assert_eq!(text(&answered, "type"), "action");
}

#[tokio::test]
async fn a_reset_session_has_forgotten_its_question() {
    let scene = Scene::set().await;
    let object = scene.assistant.open_session(driver()).await.unwrap();
    scene.assistant.ask("set a timer", in_session(&object)).await.unwrap();
    let ours = session(&scene.client, object.as_str()).await;
    ours.reset(none()).await.unwrap();
    assert!(!ours.expecting_reply().await.unwrap());
    let late = scene.assistant.ask("five minutes", in_session(&object)).await.unwrap();
    assert_ne!(text(&late, "type"), "action");
}

#[tokio::test]
async fn a_closed_session_is_gone_and_closing_it_again_is_no_error() {
    let scene = Scene::set().await;
    let object = scene.assistant.open_session(none()).await.unwrap();
    let ours = session(&scene.client, object.as_str()).await;
    ours.close(none()).await.unwrap();
    let gone = scene.assistant.ask("are the doors locked", in_session(&object)).await;
    assert_eq!(error_name(&gone), "org.valetd.Error.UnknownSession");
    ours.close(none()).await.unwrap();
}

#[tokio::test]
async fn a_session_dies_with_its_owner() {
    let scene = Scene::set().await;
    let (client, other) = scene.another().await;
    let object = other.open_session(none()).await.unwrap();
    let seen = session(&scene.client, object.as_str()).await;
    let theirs = seen.language().await;
    assert_eq!(error_name(&theirs), "org.valetd.Error.NotAuthorized", "a session is its owner's");
    let bus = DBusProxy::new(&scene.client).await.unwrap();
    let name = client.unique_name().unwrap().to_string();
    let mut owners = bus.receive_name_owner_changed_with_args(&[(0, &name)]).await.unwrap();
    drop((client, other));
    within("the owner's leaving", owners.next()).await.unwrap();
    // The bus has told the daemon before this call reaches it.
    let gone = seen.language().await;
    assert!(
        ["org.freedesktop.DBus.Error.UnknownObject", "org.valetd.Error.UnknownSession"]
            .contains(&error_name(&gone).as_str()),
        "{gone:?}"
    );
}

#[tokio::test]
async fn one_caller_can_open_only_so_many_sessions() {
    let scene = Scene::set().await;
    let mut opened = 0;
    let refused = loop {
        match scene.assistant.open_session(none()).await {
            Ok(_) if opened < 1000 => opened += 1,
            other => break other,
        }
    };
    assert_eq!(error_name(&refused), "org.valetd.Error.LimitExceeded");
    assert_eq!(opened, 16);
    let (_client, other) = scene.another().await;
    other.open_session(none()).await.unwrap();
}

#[tokio::test]
async fn observers_get_every_state_and_result_of_their_users_turns() {
    let scene = Scene::set().await;
    let (client, screen) = scene.another().await;
    let mut messages = MessageStream::from(&client);
    screen.observe(none()).await.unwrap();
    screen.observe(none()).await.unwrap();
    let result = scene.ask("set the temperature to 22 degrees").await;
    let turn = text(&result, "turn").to_owned();
    let mut states = Vec::new();
    let seen = until("TurnFinished", &mut messages, |message| {
        let message = message.unwrap();
        match message.header().member()?.as_str() {
            "TurnChanged" => {
                let (of, state, details): (String, String, Dict) =
                    message.body().deserialize().unwrap();
                assert_eq!(of, turn);
                assert!(matches!(&*details["session"], Variant::ObjectPath(_)));
                assert_eq!(text(&details, "zone"), "row1-driver");
                states.push(state);
                None
            }
            "TurnFinished" => {
                let (of, result): (String, Dict) = message.body().deserialize().unwrap();
                assert_eq!(of, turn);
                Some(result)
            }
            _ => None,
        }
    })
    .await;
    assert_eq!(states, ["understanding", "acting"]);
    assert_eq!(text(&seen, "speech"), text(&result, "speech"));
    screen.unobserve(none()).await.unwrap();
    scene.ask("set the temperature to 23 degrees").await;
    // What the daemon still had for this client would come before this answer.
    screen.state().await.unwrap();
    let rest = arrived(&mut messages);
    assert!(!rest.is_empty(), "at least that answer has arrived");
    for message in rest {
        let member = message.unwrap().header().member().map(ToString::to_string);
        assert!(
            !member.is_some_and(|name| name.starts_with("Turn")),
            "unobserved turns are not told"
        );
    }
}

#[tokio::test]
async fn an_observer_without_the_right_sees_no_other_users_turns() {
    let bus = PrivateBus::session().await.unwrap();
    let _daemon = DaemonBuilder::new(&bus).system().config(ASK_FOR_ALL).start().await.unwrap();
    let ours_client = bus.connect().await.unwrap();
    let ours = Daemon::assistant(&ours_client).await.unwrap();
    let Some(client) = valet_bus_tests::stranger(&bus).await else { return };
    let theirs = Daemon::assistant(&client).await.unwrap();
    let mut messages = MessageStream::from(&client);
    theirs.observe(none()).await.unwrap();
    ours.observe(none()).await.unwrap();
    let mut all = MessageStream::from(&ours_client);
    let our_turn = text(&ask(&ours, "are the doors locked").await, "turn").to_owned();
    let their_turn = text(&ask(&theirs, "are the doors locked").await, "turn").to_owned();
    let told = |message: zbus::Result<zbus::Message>| -> Option<String> {
        let message = message.unwrap();
        let header = message.header();
        let finished = header.member()?.as_str() == "TurnFinished";
        finished.then(|| message.body().deserialize::<(String, Dict)>().unwrap().0)
    };
    assert_eq!(until("their own turn", &mut messages, told).await, their_turn, "not {our_turn}");
    assert_eq!(until("our turn", &mut all, told).await, our_turn);
    assert_eq!(until("their turn, for who may see all", &mut all, told).await, their_turn);
}

#[tokio::test]
async fn signals_about_a_turn_reach_nobody_but_its_owner() {
    let scene = Scene::set().await;
    let (client, other) = scene.another().await;
    // This asks the bus for every signal of the daemon.
    let rule = zbus::MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(BUS_NAME)
        .build()
        .unwrap();
    let mut overheard = MessageStream::for_match_rule(rule, &client, None).await.unwrap();
    let session = scene.assistant.open_session(driver()).await.unwrap();
    let object =
        scene.assistant.submit("set the temperature to 22 degrees", driver()).await.unwrap();
    scene.ask("set the temperature to 23 degrees").await;
    scene.assistant.ask("set a timer", in_session(&session)).await.unwrap();
    other.state().await.unwrap();
    let rest = arrived(&mut overheard);
    assert!(!rest.is_empty(), "what is for everybody has arrived");
    for message in rest {
        let message = message.unwrap();
        let header = message.header();
        let interface = header.interface().map(ToString::to_string).unwrap_or_default();
        let about = header.path().map(ToString::to_string).unwrap_or_default();
        let member = header.member().map(ToString::to_string).unwrap_or_default();
        assert!(!interface.starts_with("org.valetd.Request1"), "{member} of {about} was overheard");
        assert!(!member.starts_with("Turn"), "{member} was overheard");
        assert_ne!(about, object.as_str(), "{member}: a request is its owner's alone");
        assert_ne!(about, session.as_str(), "{member}: a session is its owner's alone");
    }
}

#[tokio::test]
async fn another_users_trace_is_not_shown() {
    let bus = PrivateBus::session().await.unwrap();
    let config = "[understanding]\nencoder = false\n[access]\nask = { everybody = true }\nobserve = { everybody = true }\n";
    let _daemon = DaemonBuilder::new(&bus).system().config(config).start().await.unwrap();
    let ours = Daemon::assistant(&bus.connect().await.unwrap()).await.unwrap();
    let turn = text(&ask(&ours, "set a timer for ten minutes").await, "turn").to_owned();
    let Some(client) = valet_bus_tests::stranger(&bus).await else { return };
    let diagnostics = Daemon::diagnostics(&client).await.unwrap();
    let latest = diagnostics.trace("", none()).await;
    assert_eq!(error_name(&latest), "org.valetd.Error.UnknownTurn", "they have said nothing");
    let named = diagnostics.trace(&turn, none()).await;
    assert!(
        ["org.valetd.Error.UnknownTurn", "org.valetd.Error.NotAuthorized"]
            .contains(&error_name(&named).as_str()),
        "one of the caller's own turns only: {named:?}"
    );
}

#[tokio::test]
async fn a_turn_that_waits_for_an_agent_keeps_only_its_own_session_waiting() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let object = scene.assistant.submit("unlock the doors", driver()).await.unwrap();
    agent.next().await;
    let passenger: Options<'_> = [("zone", Variant::from("row1-passenger"))].into();
    let other =
        within("another zone's turn", scene.assistant.ask("are the doors locked", passenger))
            .await
            .unwrap();
    assert_eq!(text(&other, "type"), "answer");
    scene.assistant.stop(none()).await.unwrap();
    drop(object);
}
