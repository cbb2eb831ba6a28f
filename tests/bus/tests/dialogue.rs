//! Questions and answers without an agent: confirmations, their end, and what makes them void.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::StreamExt as _;
use valet_bus::proxies::{Options, SessionProxy};
use valet_bus_tests::{Scene, driver, probe};
use valet_testkit::{Daemon, Skills, dicts, none, text, within};
use zbus::{Variant, proxy::CacheProperties};

const LOCK: &str = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";

#[tokio::test]
async fn a_confirmation_acts_only_after_the_yes() {
    let scene = Scene::set().await;
    let question = scene.ask("unlock the doors").await;
    assert_eq!((text(&question, "type"), text(&question, "code")), ("question", "confirm"));
    assert_eq!(*question["expects-reply"], Variant::Bool(true));
    assert_eq!(scene.assistant.dialog_state().await.unwrap(), "expecting");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
    let done = scene.ask("yes").await;
    assert_eq!(text(&done, "type"), "action");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(false)));
    assert_eq!(scene.assistant.dialog_state().await.unwrap(), "idle");
    let again = scene.ask("yes").await;
    assert_eq!(
        (text(&again, "type"), text(&again, "code")),
        ("not-understood", "nothing-to-confirm")
    );
}

#[tokio::test]
async fn a_no_leaves_everything_as_it_is() {
    let scene = Scene::set().await;
    scene.ask("unlock the doors").await;
    assert_eq!(text(&scene.ask("no").await, "type"), "answer");
    assert_ne!(text(&scene.ask("yes").await, "type"), "action");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
}

#[tokio::test]
async fn a_confirmation_is_void_when_the_car_began_to_move() {
    let scene = Scene::set().await;
    assert_eq!(text(&scene.ask("unlock the doors").await, "type"), "question");
    scene.drive("city").await;
    let void = scene.ask("yes").await;
    assert_eq!((text(&void, "type"), text(&void, "code")), ("refusal", "changed-meanwhile"));
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
    scene.drive("parked").await;
    assert_ne!(text(&scene.ask("yes").await, "type"), "action", "void is void");
}

#[tokio::test]
async fn a_confirmation_expires_and_the_session_says_so() {
    let scene = Scene::set().await;
    let object = scene.assistant.open_session(driver()).await.unwrap();
    let session = SessionProxy::builder(&scene.client)
        .path(object.clone())
        .cache_properties(CacheProperties::Yes)
        .build()
        .await
        .unwrap();
    let mut expecting = session.receive_expecting_reply_changed().await;
    let options =
        || -> Options<'static> { [("session", Variant::from(object.clone().into_inner()))].into() };
    let question = scene.assistant.ask("unlock the doors", options()).await.unwrap();
    assert_eq!(text(&question, "type"), "question");
    // 15 s, and the daemon says when they are over.
    within("the end of the question", async {
        let mut asked = false;
        while let Some(change) = expecting.next().await {
            match change.get().await.unwrap() {
                true => asked = true,
                false if asked => return,
                false => {}
            }
        }
    })
    .await;
    let late = scene.assistant.ask("yes", options()).await.unwrap();
    assert_ne!(text(&late, "type"), "action");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
}

#[tokio::test]
async fn stop_makes_a_question_void() {
    let scene = Scene::set().await;
    scene.ask("unlock the doors").await;
    scene.assistant.stop(none()).await.unwrap();
    assert_eq!(scene.assistant.dialog_state().await.unwrap(), "idle");
    assert_ne!(text(&scene.ask("yes").await, "type"), "action");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
}

#[tokio::test]
async fn a_new_command_drops_the_question() {
    let scene = Scene::set().await;
    scene.ask("unlock the doors").await;
    assert_eq!(text(&scene.ask("set the temperature to 22 degrees").await, "type"), "action");
    assert_ne!(text(&scene.ask("yes").await, "type"), "action");
    assert_eq!(scene.signal(LOCK).await, Some(Variant::Bool(true)));
}

#[tokio::test]
async fn what_the_policy_refuses_is_a_result_with_its_reason() {
    let scene = Scene::set().await;
    scene.drive("motorway").await;
    for said in ["open the boot", "unlock the doors"] {
        let refused = scene.ask(said).await;
        assert_eq!(
            (text(&refused, "type"), text(&refused, "code")),
            ("refusal", "policy"),
            "{said}"
        );
        assert!(text(&refused, "speech").len() > 10, "{said}");
    }
    assert_eq!(scene.signal("Vehicle.Body.Trunk.Rear.IsOpen").await, Some(Variant::Bool(false)));
}

#[tokio::test]
async fn an_unknown_speed_counts_as_moving() {
    let scene = Scene::set().await;
    let simulator = Daemon::simulator(&scene.client).await.unwrap();
    simulator.set_fault("Vehicle.Speed", "no-provider", none()).await.unwrap();
    assert_eq!(text(&scene.ask("open the boot").await, "type"), "refusal");
}

#[tokio::test]
async fn without_a_vehicle_nothing_is_said_to_be_done() {
    let scene = Scene::with(|b| b.no_vehicle()).await;
    let result = scene.ask("set the temperature to 22 degrees").await;
    assert_eq!(text(&result, "type"), "error", "{result:?}");
    assert_eq!(text(&dicts(&result, "actions")[0], "status"), "no-provider");
    let simulator = Daemon::simulator(&scene.client).await.unwrap();
    assert!(simulator.drive("city", none()).await.is_err(), "there is no simulator");
}

#[tokio::test]
async fn a_broken_actuator_is_told_as_it_is() {
    let scene = Scene::set().await;
    let simulator = Daemon::simulator(&scene.client).await.unwrap();
    let path = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";
    simulator.set_fault(path, "stuck", none()).await.unwrap();
    let stuck = scene.ask("set the temperature to 22 degrees").await;
    let action = &dicts(&stuck, "actions")[0];
    assert_eq!((text(action, "status"), &*action["observed"]), ("requested", &Variant::F64(21.0)));
    simulator.set_fault(path, "no-provider", none()).await.unwrap();
    let gone = scene.ask("set the temperature to 22 degrees").await;
    assert_eq!(text(&gone, "type"), "error");
    simulator.set_fault(path, "none", none()).await.unwrap();
    assert_eq!(text(&scene.ask("set the temperature to 23 degrees").await, "type"), "action");
}

#[tokio::test]
async fn help_repeat_and_nonsense_are_answered() {
    let scene = Scene::set().await;
    assert_eq!(text(&scene.ask("what can i say").await, "type"), "answer");
    let said = scene.ask("are the doors locked").await;
    let repeated = scene.ask("say that again").await;
    assert_eq!(text(&repeated, "speech"), text(&said, "speech"));
    let nonsense = scene.ask("colourless green ideas sleep furiously").await;
    assert_eq!((text(&nonsense, "type"), text(&nonsense, "code")), ("not-understood", "no-intent"));
}

#[tokio::test]
async fn a_skill_that_misbehaves_ends_its_turn_and_not_the_daemon() {
    let skills = probe();
    let script: String = [
        "panic",
        "loop",
        "recurse",
        "allocate",
        "exit",
        "fail",
        "say-huge",
        "bad-slot",
        "unwritten",
    ]
    .iter()
    .map(|intent| {
        format!("[[say]]\ntext = \"now {intent}\"\nintent = \"org.example.probe/{intent}\"\n")
    })
    .collect();
    let folder = Skills::Folder(skills.path().to_owned());
    let scene = Scene::with(|b| b.skills(folder).script(&script)).await;
    for intent in [
        "panic",
        "loop",
        "recurse",
        "allocate",
        "exit",
        "fail",
        "say-huge",
        "bad-slot",
        "unwritten",
    ] {
        let result = scene.ask(&format!("now {intent}")).await;
        assert_eq!(text(&result, "type"), "error", "{intent}: {result:?}");
        assert!(!text(&result, "speech").is_empty(), "{intent}");
    }
    assert!(["ready", "degraded"].contains(&scene.assistant.state().await.unwrap().as_str()));
}
