//! Agents: clients that answer for a person, well, badly, or never.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;
use valet_bus::proxies::Options;
use valet_bus_tests::{Scene, driver, probe};
use valet_testkit::{Says, Skills, TestAgent, dicts, error_name, none, text, within};
use zbus::{ObjectPath, Variant};

const LOCK: &str = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";

#[tokio::test]
async fn a_yes_of_the_agent_acts_and_it_was_told_what_would_be_done() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Yes).await.unwrap();
    let result = scene.ask("unlock the doors").await;
    assert_eq!(text(&result, "type"), "action", "{result:?}");
    let asked = agent.next().await;
    assert_eq!(asked.method, "Confirm");
    assert_eq!(asked.turn, text(&result, "turn"));
    assert!(!asked.text.is_empty());
    assert!(asked.options.iter().any(|target| target == LOCK), "{:?}", asked.options);
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(false)));
}

#[tokio::test]
async fn a_no_of_the_agent_is_a_refusal_and_nothing_moves() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let _agent = TestAgent::register(&person, &["confirm"], None, Says::No).await.unwrap();
    let result = scene.ask("unlock the doors").await;
    assert_eq!(text(&result, "type"), "refusal");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
}

#[tokio::test]
async fn an_agent_that_never_answers_counts_as_a_no() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let result = scene.ask("unlock the doors").await;
    assert_eq!(agent.next().await.method, "Confirm");
    assert_ne!(text(&result, "type"), "action", "{result:?}");
    assert_eq!(agent.next().await.method, "Cancel");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
}

#[tokio::test]
async fn an_agent_that_vanishes_mid_question_counts_as_a_no_at_once() {
    let scene = Scene::set().await;
    let (person, other) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let assistant = scene.assistant.clone();
    let turn = tokio::spawn(async move { assistant.ask("unlock the doors", driver()).await });
    agent.next().await;
    person.clone().close().await.unwrap();
    drop((person, other, agent));
    // Its own 15 s must not pass first.
    let result = tokio::time::timeout(Duration::from_secs(10), turn)
        .await
        .expect("at once")
        .unwrap()
        .unwrap();
    assert_ne!(text(&result, "type"), "action");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
}

#[tokio::test]
async fn a_missing_slot_is_asked_of_the_agent() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let words = Says::Words("five minutes".to_owned());
    let mut agent = TestAgent::register(&person, &["ask-slot"], None, words).await.unwrap();
    let result = scene.ask("set a timer").await;
    let asked = agent.next().await;
    assert_eq!((asked.method, asked.options.as_slice()), ("AskSlot", &["duration".to_owned()][..]));
    assert_eq!(text(&result, "type"), "action", "{result:?}");
}

#[tokio::test]
async fn a_choice_is_made_by_the_agent() {
    let skills = probe();
    let script = "[[say]]\ntext = \"offer me two\"\nintent = \"org.example.probe/two-choices\"\n";
    let folder = Skills::Folder(skills.path().to_owned());
    let scene = Scene::with(|b| b.skills(folder).script(script)).await;
    let (person, _) = scene.another().await;
    let mut agent =
        TestAgent::register(&person, &["choose"], None, Says::Words("z".to_owned())).await.unwrap();
    let result = scene.ask("offer me two").await;
    let asked = agent.next().await;
    assert_eq!((asked.method, asked.options.len()), ("Choose", 2));
    assert_eq!(text(&result, "type"), "refusal", "an id that was not offered is no choice");
}

#[tokio::test]
async fn the_latest_agent_for_the_zone_is_asked() {
    let scene = Scene::set().await;
    let (first, _) = scene.another().await;
    let (second, _) = scene.another().await;
    let (rear, _) = scene.another().await;
    let _old = TestAgent::register(&first, &["confirm"], None, Says::No).await.unwrap();
    let latest =
        TestAgent::register(&second, &["confirm"], Some("row1-driver"), Says::Yes).await.unwrap();
    let mut elsewhere =
        TestAgent::register(&rear, &["confirm"], Some("row2"), Says::No).await.unwrap();
    assert_eq!(text(&scene.ask("unlock the doors").await, "type"), "action");
    assert!(elsewhere.asked.try_recv().is_err(), "the back seats were not asked");
    scene.ask("lock the doors").await;
    latest.unregister().await.unwrap();
    assert_eq!(
        text(&scene.ask("unlock the doors").await, "type"),
        "refusal",
        "now the older one is asked"
    );
}

#[tokio::test]
async fn an_agent_speaks_and_hears_of_it_once() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["speak"], None, Says::Yes).await.unwrap();
    let result = scene.ask("set the temperature to 22 degrees").await;
    let spoken = agent.next().await;
    assert_eq!((spoken.method, spoken.text.as_str()), ("Speak", text(&result, "speech")));
    assert!(agent.asked.try_recv().is_err());
}

#[tokio::test]
async fn registrations_are_checked() {
    let scene = Scene::set().await;
    let object = ObjectPath::try_from("/a").unwrap();
    let refused = scene.assistant.register_agent(&object, &["dance"], none()).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.InvalidArguments");
    let nobody = scene.assistant.unregister_agent(&object, none()).await;
    assert_eq!(error_name(&nobody), "org.valetd.Error.InvalidArguments");
    let mut refused = Ok(());
    for number in 0..200 {
        let object = ObjectPath::try_from(format!("/a{number}")).unwrap();
        refused = scene.assistant.register_agent(&object, &["show"], none()).await;
        if refused.is_err() {
            break;
        }
    }
    assert_eq!(error_name(&refused), "org.valetd.Error.LimitExceeded");
}

#[tokio::test]
async fn stop_ends_a_turn_that_waits_and_tells_the_agent() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let assistant = scene.assistant.clone();
    let turn = tokio::spawn(async move { assistant.ask("unlock the doors", driver()).await });
    agent.next().await;
    scene.assistant.stop(none()).await.unwrap();
    let ended = within("the end of the turn", turn).await.unwrap();
    assert_eq!(error_name(&ended), "org.valetd.Error.Canceled");
    assert_eq!(agent.next().await.method, "Cancel");
    scene.assistant.stop(none()).await.unwrap();
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
    assert_eq!(text(&scene.ask("are the doors locked").await, "type"), "answer");
}

#[tokio::test]
async fn stop_in_another_zone_leaves_a_turn_alone() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Nothing).await.unwrap();
    let object = scene.assistant.submit("unlock the doors", driver()).await.unwrap();
    agent.next().await;
    let passenger: Options<'_> = [("zone", Variant::from("row1-passenger"))].into();
    scene.assistant.stop(passenger).await.unwrap();
    let request = valet_bus::proxies::RequestProxy::builder(&scene.client)
        .path(object)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
        .unwrap();
    assert_eq!(request.state().await.unwrap(), "waiting");
}

#[tokio::test]
async fn a_guests_own_question_is_asked_of_the_agent_too() {
    let skills = probe();
    let script = "[[say]]\ntext = \"really do it\"\nintent = \"org.example.probe/confirm\"\n";
    let folder = Skills::Folder(skills.path().to_owned());
    let scene = Scene::with(|b| b.skills(folder).script(script)).await;
    let (person, _) = scene.another().await;
    let mut agent = TestAgent::register(&person, &["confirm"], None, Says::Yes).await.unwrap();
    let result = scene.ask("really do it").await;
    assert_eq!(agent.next().await.text, "Really?");
    assert_eq!(text(&result, "speech"), "confirmed");
    assert_eq!(text(&dicts(&result, "intents")[0], "status"), "done");
}
