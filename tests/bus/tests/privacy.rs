//! What the daemon keeps for somebody, and that it goes when it should.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::StreamExt as _;
use valet_bus::{
    Dict, path,
    proxies::{Options, PrivacyProxy, SkillProxy},
};
use valet_bus_tests::{Scene, driver};
use valet_testkit::{Daemon, error_name, none, text, until, within};
use zbus::{MessageStream, Variant, fdo::DBusProxy, proxy::CacheProperties};

const WALKMAN: &str = "switch to my walkman";

#[tokio::test]
async fn what_is_forgotten_is_neither_traced_nor_remembered() {
    let scene = Scene::set().await;
    let privacy = PrivacyProxy::new(&scene.client).await.unwrap();
    let turn = text(&scene.ask("set the temperature to 25 degrees").await, "turn").to_owned();
    assert_eq!(text(&scene.ask("set a timer").await, "type"), "question");
    let diagnostics = Daemon::diagnostics(&scene.client).await.unwrap();
    diagnostics.trace(&turn, none()).await.unwrap();
    privacy.forget(none()).await.unwrap();
    let trace = diagnostics.trace(&turn, none()).await;
    assert_eq!(error_name(&trace), "org.valetd.Error.UnknownTurn");
    assert_ne!(text(&scene.ask("five minutes").await, "type"), "action", "nobody was asked");
    let undone = scene.assistant.undo(driver()).await.unwrap();
    assert_eq!(text(&undone, "type"), "answer", "nothing to undo: {undone:?}");
}

#[tokio::test]
async fn a_history_is_empty_and_its_limit_is_checked() {
    let scene = Scene::set().await;
    let privacy = PrivacyProxy::new(&scene.client).await.unwrap();
    scene.ask("are the doors locked").await;
    let limit = |most: u32| Options::from([("limit", Variant::from(most))]);
    assert!(privacy.history(none()).await.unwrap().is_empty());
    assert!(privacy.history(limit(1000)).await.unwrap().is_empty());
    for most in [0, 1001] {
        let refused = privacy.history(limit(most)).await;
        assert_eq!(error_name(&refused), "org.valetd.Error.InvalidArguments", "{most}");
    }
}

#[tokio::test]
async fn a_vocabulary_is_understood_until_its_client_leaves() {
    let scene = Scene::set().await;
    let (client, other) = scene.another().await;
    assert!(scene.assistant.parse(WALKMAN, driver()).await.unwrap().is_empty());
    let values = [("USB", vec!["my walkman"])];
    let english = Options::from([("language", Variant::from("en"))]);
    other.set_vocabulary("media-source", &values, english).await.unwrap();
    let commands = scene.assistant.parse(WALKMAN, driver()).await.unwrap();
    assert_eq!(text(&commands[0], "intent"), "org.valetd.media/set-source");
    scene.assistant.clear_vocabulary("media-source", none()).await.unwrap();
    assert_eq!(
        scene.assistant.parse(WALKMAN, driver()).await.unwrap().len(),
        1,
        "only its client takes it back"
    );
    let bus = DBusProxy::new(&scene.client).await.unwrap();
    let name = client.unique_name().unwrap().to_string();
    let mut owners = bus.receive_name_owner_changed_with_args(&[(0, &name)]).await.unwrap();
    drop((client, other));
    within("the client's leaving", owners.next()).await.unwrap();
    // The bus has told the daemon before this call reaches it.
    assert!(scene.assistant.parse(WALKMAN, driver()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_vocabulary_in_another_language_or_of_no_name_is_refused() {
    let scene = Scene::set().await;
    let values = [("USB", vec!["my walkman"])];
    let klingon = Options::from([("language", Variant::from("tlh"))]);
    let refused = scene.assistant.set_vocabulary("media-source", &values, klingon).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.UnsupportedLanguage");
    let refused = scene.assistant.set_vocabulary("Media Source", &values, none()).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.InvalidArguments");
}

#[tokio::test]
async fn the_state_of_a_skill_that_is_disabled_is_told_as_a_changed_property() {
    let scene = Scene::set().await;
    let (client, _other) = scene.another().await;
    let object = path::skill("org.valetd.media");
    let mut messages = MessageStream::from(&client);
    let rule = zbus::MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .path(object.as_str())
        .build()
        .unwrap();
    let bus = DBusProxy::new(&client).await.unwrap();
    bus.add_match_rule(rule).await.unwrap();
    let skill = SkillProxy::builder(&scene.client)
        .path(object.clone())
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .unwrap();
    skill.disable(none()).await.unwrap();
    let changed = until("the change of the state", &mut messages, |message| {
        let message = message.unwrap();
        let header = message.header();
        if header.member()?.as_str() != "PropertiesChanged" || header.path()?.as_str() != object {
            return None;
        }
        let (_, changed, _): (String, Dict, Vec<String>) = message.body().deserialize().unwrap();
        changed.contains_key("State").then_some(changed)
    })
    .await;
    assert_eq!(text(&changed, "State"), "disabled");
}

#[tokio::test]
async fn what_opened_a_session_is_told_of_its_turns() {
    let scene = Scene::set().await;
    let (client, screen) = scene.another().await;
    let mut messages = MessageStream::from(&client);
    screen.observe(none()).await.unwrap();
    let mut options = driver();
    options.insert("initiator", Variant::from("wake-word"));
    let session = scene.assistant.open_session(options).await.unwrap();
    let within_it = Options::from([("session", Variant::from(session.into_inner()))]);
    scene.assistant.ask("are the doors locked", within_it).await.unwrap();
    let initiator = until("TurnChanged", &mut messages, |message| {
        let message = message.unwrap();
        if message.header().member()?.as_str() != "TurnChanged" {
            return None;
        }
        let (_, _, details): (String, String, Dict) = message.body().deserialize().unwrap();
        Some(text(&details, "initiator").to_owned())
    })
    .await;
    assert_eq!(initiator, "wake-word");
}
