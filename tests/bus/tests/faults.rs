//! What breaks around the daemon: models, the state file, the bus, the power, the configuration.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::StreamExt as _;
use std::time::Duration;
use valet_bus::proxies::SkillProxy;
use valet_bus_tests::{Scene, ask, driver};
use valet_testkit::{
    DaemonBuilder, KitError, LIMIT, PrivateBus, Skills, dicts, none, text, within,
};
use zbus::Variant;

const WITH_ENCODER: &str = "[understanding]\nencoder = true\n";

async fn until_degraded(scene: &Scene) -> Vec<String> {
    let assistant = valet_bus::proxies::AssistantProxy::new(&scene.client).await.unwrap();
    let mut states = assistant.receive_state_changed().await;
    within("the state degraded", async {
        while let Some(change) = states.next().await {
            if change.get().await.unwrap() == "degraded" {
                return;
            }
        }
    })
    .await;
    scene.assistant.state_reasons().await.unwrap()
}

#[tokio::test]
async fn without_any_model_templates_work_and_the_state_says_why() {
    let scene = Scene::with(|b| b.config(WITH_ENCODER)).await;
    let reasons = until_degraded(&scene).await;
    assert!(reasons.iter().any(|reason| reason.contains("encoder")), "{reasons:?}");
    assert_eq!(text(&scene.ask("set the temperature to 22 degrees").await, "type"), "action");
    let other = scene.ask("it feels like a fridge around my ankles").await;
    assert_eq!(text(&other, "type"), "not-understood");
    assert!(text(&other, "speech").contains("fixed sentences"), "{}", text(&other, "speech"));
}

#[tokio::test]
async fn a_model_file_cut_short_is_a_reason_and_not_an_end() {
    let models = tempfile::tempdir().unwrap();
    let from = valet_testkit::models().unwrap().join("all-minilm-l6-v2");
    let to = models.path().join("all-minilm-l6-v2");
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        std::fs::copy(entry.path(), &target).unwrap();
        if target.extension().is_some_and(|extension| extension == "onnx") {
            let half = target.metadata().unwrap().len() / 2;
            std::fs::OpenOptions::new().write(true).open(&target).unwrap().set_len(half).unwrap();
        }
    }
    let folder = models.path().to_owned();
    let scene = Scene::with(|b| b.config(WITH_ENCODER).models(folder)).await;
    let reasons = until_degraded(&scene).await;
    assert!(reasons.iter().any(|reason| reason.contains("encoder")), "{reasons:?}");
    assert_eq!(text(&scene.ask("set the temperature to 22 degrees").await, "type"), "action");
}

#[tokio::test]
async fn a_corrupt_state_file_is_set_aside_and_said() {
    let scene = Scene::set().await;
    scene.ask("set a timer for ten minutes").await;
    scene.daemon.kill().await.unwrap();
    let file = scene.daemon.state_folder().join("state.redb");
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    std::fs::write(&file, vec![0xa5; length]).unwrap();
    let folder = scene.daemon.state_folder();
    let daemon = scene.daemon.restart().await.unwrap();
    assert_eq!(scene.assistant.state().await.unwrap(), "degraded");
    let reasons = scene.assistant.state_reasons().await.unwrap();
    assert!(reasons.iter().any(|reason| reason.contains("set aside")), "{reasons:?}");
    let aside = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().contains("corrupt"));
    assert!(aside, "the old file is kept");
    assert_eq!(text(&ask(&scene.assistant, "set a timer for ten minutes").await, "type"), "action");
    drop(daemon);
}

#[tokio::test]
async fn timers_survive_a_kill_and_a_restart() {
    let scene = Scene::set().await;
    assert_eq!(
        text(&scene.ask("set a timer called pasta for twenty minutes").await, "type"),
        "action"
    );
    let daemon = scene.daemon.restart().await.unwrap();
    let left = ask(&scene.assistant, "how much time is left on the timer").await;
    assert_eq!(text(&left, "type"), "answer");
    assert!(text(&left, "speech").contains("minutes"), "{}", text(&left, "speech"));
    drop(daemon);
}

#[tokio::test]
async fn a_timer_rings_and_observers_hear_it() {
    let scene = Scene::set().await;
    let (_client, screen) = scene.another().await;
    let mut announced = screen.receive_announced().await.unwrap();
    screen.observe(none()).await.unwrap();
    assert_eq!(text(&scene.ask("set a timer for one second").await, "type"), "action");
    let signal = within("the ringing", announced.next()).await.unwrap();
    let args = signal.args().unwrap();
    assert!(!args.text.is_empty());
    assert_eq!(text(&args.details, "skill"), "org.valetd.timers");
}

#[tokio::test]
async fn what_rings_while_nobody_is_there_is_heard_by_the_first_who_comes_and_once() {
    let scene = Scene::set().await;
    assert_eq!(text(&scene.ask("set a timer for one second").await, "type"), "action");
    scene.daemon.process().line("an announcement of org.valetd.timers is kept").await.unwrap();
    let (_client, screen) = scene.another().await;
    let mut announced = screen.receive_announced().await.unwrap();
    screen.observe(none()).await.unwrap();
    let signal = within("the late ringing", announced.next()).await.unwrap();
    let args = signal.args().unwrap();
    assert_eq!(text(&args.details, "skill"), "org.valetd.timers");
    assert!(args.details.contains_key("late-ms"), "{:?}", args.details);
    let (_other, second) = scene.another().await;
    let mut again = second.receive_announced().await.unwrap();
    second.observe(none()).await.unwrap();
    // What is told before the answer of a later call has arrived by then.
    second.state().await.unwrap();
    assert!(valet_testkit::arrived(&mut again).is_empty());
}

#[tokio::test]
async fn settings_and_disabled_skills_survive_a_kill() {
    let scene = Scene::set().await;
    let skill = async |id: &str| {
        SkillProxy::builder(&scene.client)
            .path(valet_bus::path::skill(id))
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap()
    };
    let timers = skill("org.valetd.timers").await;
    timers.set_settings([("snooze-minutes", Variant::from(12_i64))].into(), none()).await.unwrap();
    for bad in [("snooze-minutes", Variant::from(900_i64)), ("nonsense", Variant::from(true))] {
        let refused = timers.set_settings([bad].into(), none()).await;
        assert_eq!(valet_testkit::error_name(&refused), "org.valetd.Error.InvalidArguments");
    }
    let media = skill("org.valetd.media").await;
    media.disable(none()).await.unwrap();
    assert_eq!(media.state().await.unwrap(), "disabled");
    assert_eq!(text(&scene.ask("play some music").await, "type"), "not-understood");
    let daemon = scene.daemon.restart().await.unwrap();
    assert_eq!(*timers.settings().await.unwrap()["snooze-minutes"], Variant::F64(12.0));
    assert_eq!(media.state().await.unwrap(), "disabled");
    media.enable(none()).await.unwrap();
    assert_eq!(text(&ask(&scene.assistant, "play some music").await, "type"), "action");
    drop(daemon);
}

#[tokio::test]
async fn terminate_ends_it_in_two_seconds_with_0() {
    let scene = Scene::set().await;
    scene.ask("open the window").await;
    let status = scene.daemon.terminate(Duration::from_secs(2)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", scene.daemon.output());
    assert!(scene.daemon.notifications().iter().any(|said| said.contains("STOPPING=1")));
}

#[tokio::test]
async fn terminate_ends_it_in_two_seconds_also_while_a_turn_waits() {
    let scene = Scene::set().await;
    let (person, _) = scene.another().await;
    let mut agent = valet_testkit::TestAgent::register(
        &person,
        &["confirm"],
        None,
        valet_testkit::Says::Nothing,
    )
    .await
    .unwrap();
    let assistant = scene.assistant.clone();
    let turn = tokio::spawn(async move { assistant.ask("unlock the doors", driver()).await });
    agent.next().await;
    let status = scene.daemon.terminate(Duration::from_secs(2)).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(
        valet_testkit::error_name(&within("its end", turn).await.unwrap()),
        "org.valetd.Error.Canceled"
    );
}

#[tokio::test]
async fn hangup_reads_again_and_says_so_to_the_service_manager() {
    let scene = Scene::set().await;
    scene.daemon.hangup();
    scene.daemon.told("RELOADING=1", 1).await.unwrap();
    scene.daemon.told("READY=1", 2).await.unwrap();
    assert_eq!(text(&scene.ask("set the temperature to 22 degrees").await, "type"), "action");
    std::fs::write(scene.daemon.config_file(), "[dialogue]\nlanguag = \"en\"\n").unwrap();
    scene.daemon.hangup();
    scene.daemon.told("READY=1", 3).await.unwrap();
    let complaint = scene.daemon.process().line("languag").await.unwrap();
    assert!(complaint.contains("language"), "the nearest known key is named: {complaint}");
    assert_eq!(text(&scene.ask("set the temperature to 23 degrees").await, "type"), "action");
}

#[tokio::test]
async fn hangup_finds_new_skills_and_forgets_removed_ones() {
    let skills = valet_bus_tests::probe();
    let folder = Skills::Folder(skills.path().to_owned());
    let scene = Scene::with(|b| b.skills(folder)).await;
    assert_eq!(scene.assistant.parse("do nothing at all", none()).await.unwrap().len(), 1);
    std::fs::rename(skills.path().join("org.example.probe"), skills.path().with_extension("away"))
        .unwrap();
    scene.daemon.hangup();
    scene.daemon.told("READY=1", 2).await.unwrap();
    assert!(scene.assistant.parse("do nothing at all", none()).await.unwrap().is_empty());
    std::fs::rename(skills.path().with_extension("away"), skills.path().join("org.example.probe"))
        .unwrap();
    scene.daemon.hangup();
    scene.daemon.told("READY=1", 3).await.unwrap();
    assert_eq!(scene.assistant.parse("do nothing at all", none()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lost_bus_ends_it_with_its_own_code() {
    let scene = Scene::set().await;
    scene.bus.kill();
    let status = scene.daemon.exited(LIMIT).await.unwrap();
    assert_eq!(status.code(), Some(6), "{}", scene.daemon.output());
}

#[tokio::test]
async fn a_second_daemon_on_the_same_bus_ends_with_its_own_code() {
    let scene = Scene::set().await;
    let second = DaemonBuilder::new(&scene.bus).launch().await.unwrap();
    let status = second.exited(LIMIT).await.unwrap();
    assert_eq!(status.code(), Some(5), "{}", second.output());
    assert!(second.output().contains("another valetd"), "{}", second.output());
    assert_eq!(text(&scene.ask("are the doors locked").await, "type"), "answer");
}

#[tokio::test]
async fn without_a_bus_it_ends_with_its_own_code_and_advice() {
    let bus = PrivateBus::session().await.unwrap();
    bus.kill();
    let daemon = DaemonBuilder::new(&bus).launch().await.unwrap();
    let status = daemon.exited(LIMIT).await.unwrap();
    assert_eq!(status.code(), Some(4), "{}", daemon.output());
    assert!(daemon.output().contains("DBUS_SESSION_BUS_ADDRESS"), "{}", daemon.output());
}

#[tokio::test]
async fn a_wrong_configuration_ends_it_with_its_own_code_file_line_and_nearest_key() {
    let bus = PrivateBus::session().await.unwrap();
    for (config, parts) in [
        ("[understanding]\nencodr = true\n", ["valetd.toml:2", "did you mean `encoder`"]),
        ("[dialogue]\nobserve-ms = 999999\n", ["observe-ms", "expected"]),
        ("[dialogue\n", ["valetd.toml:1", ""]),
    ] {
        let started = DaemonBuilder::new(&bus).config(config).start().await;
        let Err(KitError::Ended { output, status, .. }) = started else {
            panic!("it started with {config:?}")
        };
        assert!(status.contains("exit status: 3"), "{status}");
        for part in parts {
            assert!(output.contains(part), "{part:?} is not in {output}");
        }
    }
}

#[tokio::test]
async fn a_skill_that_cannot_be_read_is_a_reason_and_the_others_work() {
    let skills = valet_bus_tests::probe();
    let broken = skills.path().join("org.example.broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("skill.toml"), "schema = 1\n").unwrap();
    let folder = Skills::Folder(skills.path().to_owned());
    let scene = Scene::with(|b| b.skills(folder)).await;
    assert_eq!(scene.assistant.state().await.unwrap(), "degraded");
    let reasons = scene.assistant.state_reasons().await.unwrap();
    assert!(reasons.iter().any(|reason| reason.contains("org.example.broken")), "{reasons:?}");
    assert_eq!(scene.assistant.parse("do nothing at all", none()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_service_manager_it_runs_as_well() {
    let scene = Scene::with(|b| b.without_notify()).await;
    // The line on standard error comes after the name is ours.
    assert_eq!(scene.assistant.state().await.unwrap(), "ready");
    assert!(scene.daemon.notifications().is_empty());
}

#[tokio::test]
async fn an_utterance_is_never_logged() {
    let scene = Scene::set().await;
    scene.ask("set a timer called zanzibar for ten minutes").await;
    scene.ask("sing about zanzibar").await;
    let status = scene.daemon.terminate(LIMIT).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(scene.daemon.output().contains("ready on"), "the log is looked at");
    assert!(
        !scene.daemon.output().to_lowercase().contains("zanzibar"),
        "{}",
        scene.daemon.output()
    );
}

#[tokio::test]
async fn the_encoder_understands_what_no_template_knows() {
    let models = valet_testkit::models().unwrap();
    let scene = Scene::with(|b| b.config(WITH_ENCODER).models(models)).await;
    let assistant = valet_bus::proxies::AssistantProxy::new(&scene.client).await.unwrap();
    let mut changes = assistant.receive_models_changed().await;
    within("the encoder", async {
        while let Some(change) = changes.next().await {
            let models = change.get().await.unwrap();
            match models.get("encoder").map(|model| text(model, "state").to_owned()).as_deref() {
                Some("ready") => return,
                Some("failed" | "unloaded") => panic!("{models:?}"),
                _ => {}
            }
        }
    })
    .await;
    assert_eq!(scene.assistant.state().await.unwrap(), "ready");
    let result = scene.ask("brr, the steering wheel is ice cold").await;
    assert_eq!(
        (text(&result, "type"), text(&result, "engine")),
        ("action", "encoder"),
        "{result:?}"
    );
    assert_eq!(
        text(&dicts(&result, "intents")[0], "intent"),
        "org.valetd.climate/set-wheel-heating"
    );
}

#[tokio::test]
async fn first_words_do_not_wait_for_a_slow_window() {
    let scene = Scene::set().await;
    let result = scene.ask("open the window").await;
    let action = &dicts(&result, "actions")[0];
    assert_eq!(text(action, "status"), "requested", "3.6 s are not waited for");
}
