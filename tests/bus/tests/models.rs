//! Models on the bus: verified, activated, rolled back, and what holds when a file, the power
//! or a caller fails in between. The second model is the shipped one under another id.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::StreamExt as _;
use std::path::Path;
use tempfile::TempDir;
use valet_bus::{
    BUS_NAME, Dict, contract, path,
    proxies::{AssistantProxy, ModelProxy, ModelsProxy, RequestProxy, SkillProxy},
};
use valet_bus_tests::{ASK_FOR_ALL, Scene, encoder_that_serves, models, small_skills, stranger};
use valet_testkit::{
    Daemon, DaemonBuilder, PrivateBus, Skills, dicts, error_name, none, text, within,
};
use zbus::{Connection, Variant, proxy::CacheProperties};

/// These tests kill the daemon more often within a minute than it takes to leave alone what was chosen.
const WITH_ENCODER: &str = "[understanding]\nencoder = true\n[recovery]\nsafe-mode-after = 0\n";
const CACHE: &str = "testkit-cache-small";
const GRAPH: &str = "encoder-int8.onnx";

/// Two models, and skills that are trained in a moment.
struct Stage {
    models: TempDir,
    _skills: TempDir,
    bus: PrivateBus,
    /// There but for the moment of a restart.
    daemon: Option<Daemon>,
    client: Connection,
    assistant: AssistantProxy<'static>,
}

impl Stage {
    async fn set() -> Self {
        let (models, skills) = (models(&["first", "second"]), small_skills());
        let (from, folder) = (models.path().to_owned(), Skills::Folder(skills.path().to_owned()));
        let Scene { bus, daemon, client, assistant } =
            Scene::with(|b| b.config(WITH_ENCODER).models(from).skills(folder).shared_cache(CACHE))
                .await;
        let daemon = Some(daemon);
        let stage = Self { models, _skills: skills, bus, daemon, client, assistant };
        assert_eq!(stage.serves().await, "first", "the first that is found");
        stage
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// Which model serves.
    async fn serves(&self) -> String {
        encoder_that_serves(&self.client).await
    }

    async fn models(&self) -> ModelsProxy<'static> {
        ModelsProxy::new(&self.client).await.unwrap()
    }

    async fn activate(&self, id: &str) -> Activation {
        Activation::begin(&self.client, id).await
    }

    /// Where a model stands.
    async fn state_of(&self, id: &str) -> String {
        model(&self.client, id).await.state().await.unwrap()
    }

    /// Where the daemon stands.
    async fn state(&self) -> String {
        self.assistant.state().await.unwrap()
    }

    /// Kills the daemon, as a power cut would, and starts it again.
    async fn restart(&mut self) {
        self.daemon = Some(self.daemon.take().unwrap().restart().await.unwrap());
    }

    fn file(&self, id: &str, name: &str) -> std::path::PathBuf {
        self.models.path().join(id).join(name)
    }
}

async fn model(client: &Connection, id: &str) -> ModelProxy<'static> {
    ModelProxy::builder(client)
        .path(path::model(id))
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .unwrap()
}

/// An activation, listened to from its first signal on.
struct Activation {
    request: RequestProxy<'static>,
    steps: valet_bus::proxies::ProgressStream,
    end: valet_bus::proxies::FinishedStream,
}

impl Activation {
    async fn begin(client: &Connection, id: &str) -> Self {
        let name = client.unique_name().unwrap().to_string();
        let request = RequestProxy::builder(client)
            .path(path::request(&name, "activation"))
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .unwrap();
        let steps = request.receive_progress().await.unwrap();
        let end = request.receive_finished().await.unwrap();
        let options = [("handle-token", Variant::from("activation"))].into();
        let models = ModelsProxy::new(client).await.unwrap();
        let object = within("Activate", models.activate(id, options)).await.unwrap();
        assert_eq!(object.as_str(), request.inner().path().as_str());
        Self { request, steps, end }
    }

    /// Waits until it is at a step.
    async fn reaches(&mut self, wanted: &str) {
        valet_testkit::until(wanted, &mut self.steps, |step| {
            (step.args().unwrap().state == wanted).then_some(())
        })
        .await;
    }

    /// Code and result.
    async fn finished(&mut self) -> (u32, Dict) {
        let end = within("the end of the activation", self.end.next()).await.unwrap();
        let args = end.args().unwrap();
        (args.code, args.result)
    }

    /// The steps that were told, each once.
    fn steps(&mut self) -> Vec<String> {
        let mut steps: Vec<String> = valet_testkit::arrived(&mut self.steps)
            .iter()
            .map(|step| step.args().unwrap().state)
            .collect();
        steps.dedup();
        steps
    }
}

/// Changes one byte in the middle of a file.
fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

/// Asks until the model has read something, which only the one that serves does.
async fn reads(client: &Connection, id: &str) {
    let assistant = Daemon::assistant(client).await.unwrap();
    let model = model(client, id).await;
    within("a text that the model reads", async {
        loop {
            assistant.parse("could you tell me which place this is", none()).await.unwrap();
            let stats = model.stats().await.unwrap();
            if stats.contains_key("runs") {
                assert!(matches!(*stats["p95-us"], Variant::U64(us) if us > 0), "{stats:?}");
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_activated_model_serves_and_still_does_after_a_restart() {
    let mut stage = Stage::set().await;
    let mut activation = stage.activate("second").await;
    let (code, result) = activation.finished().await;
    assert_eq!(code, 0, "{result:?}");
    assert_eq!((text(&result, "model"), text(&result, "previous")), ("second", "first"));
    assert_eq!(activation.steps(), ["verify", "load", "train", "switch"]);
    assert_eq!(stage.serves().await, "second");
    assert_eq!(
        (stage.state_of("first").await, stage.state_of("second").await),
        ("unloaded".into(), "ready".into())
    );
    reads(&stage.client, "second").await;
    assert_eq!(stage.state().await, "ready");
    stage.restart().await;
    assert_eq!(stage.serves().await, "second");
    assert_eq!(stage.state().await, "ready");
}

#[tokio::test]
async fn activating_the_model_that_serves_loads_nothing() {
    let stage = Stage::set().await;
    let mut activation = stage.activate("first").await;
    let (code, result) = activation.finished().await;
    assert_eq!((code, text(&result, "model"), text(&result, "previous")), (0, "first", ""));
    assert!(activation.steps().is_empty());
    assert_eq!(stage.serves().await, "first");
}

#[tokio::test]
async fn a_damaged_file_is_named_and_the_old_model_serves_on() {
    let mut stage = Stage::set().await;
    damage(&stage.file("second", GRAPH));
    let models = stage.models().await;
    let fine = within("Verify", models.verify("first", none())).await.unwrap();
    assert_eq!((*fine["ok"] == Variant::from(true), text(&fine, "why")), (true, ""), "{fine:?}");
    assert_eq!(text(&fine, "sha256"), model(&stage.client, "first").await.sha256().await.unwrap());
    let facts = within("Verify", models.verify("second", none())).await.unwrap();
    assert_eq!(*facts["ok"], Variant::from(false));
    assert!(text(&facts, "why").contains(GRAPH), "{facts:?}");
    let files = dicts(&facts, "files");
    let of = |name: &str| files.iter().find(|file| text(file, "name") == name).unwrap();
    assert_eq!(text(of("vocab.txt"), "state"), "right");
    assert_eq!(text(of("encoder-f32.onnx"), "state"), "missing", "it is not needed");
    let graph = of(GRAPH);
    assert_eq!(text(graph, "state"), "wrong-hash");
    assert_eq!(text(graph, "found-sha256"), text(&facts, "sha256"), "what came");
    assert_ne!(text(graph, "found-sha256"), text(graph, "expected-sha256"));

    let mut activation = stage.activate("second").await;
    let (code, result) = activation.finished().await;
    assert_eq!((code, text(&result, "error")), (2, "org.valetd.Error.ModelError"));
    assert!(text(&result, "message").contains(GRAPH), "{result:?}");
    assert_eq!(activation.steps(), ["verify"], "nothing of it was parsed");
    let second = model(&stage.client, "second").await;
    assert_eq!(second.state().await.unwrap(), "failed");
    assert!(second.last_error().await.unwrap().contains(GRAPH));
    assert_eq!(stage.state().await, "ready", "nothing is lost by it");
    reads(&stage.client, "first").await;
    stage.restart().await;
    assert_eq!(stage.serves().await, "first");
    assert_eq!(stage.state().await, "ready");
}

#[tokio::test]
async fn a_file_cut_short_or_missing_is_a_result_of_verify() {
    let stage = Stage::set().await;
    let graph = stage.file("second", GRAPH);
    std::fs::OpenOptions::new().write(true).open(&graph).unwrap().set_len(7).unwrap();
    std::fs::remove_file(stage.file("second", "vocab.txt")).unwrap();
    let facts = stage.models().await.verify("second", none()).await.unwrap();
    assert_eq!(*facts["ok"], Variant::from(false));
    let files = dicts(&facts, "files");
    let of = |name: &str| files.iter().find(|file| text(file, "name") == name).unwrap();
    assert_eq!(
        (text(of(GRAPH), "state"), text(of("vocab.txt"), "state")),
        ("wrong-size", "missing")
    );
    assert_eq!(*of(GRAPH)["found-bytes"], Variant::from(7_u64));
}

#[tokio::test]
async fn rollback_goes_back_to_the_model_before() {
    let mut stage = Stage::set().await;
    let models = stage.models().await;
    for (kind, error) in [
        ("encoder", "org.valetd.Error.Conflict"),
        ("llm", "org.valetd.Error.Conflict"),
        ("oven", "org.valetd.Error.InvalidArguments"),
    ] {
        let refused = within("Rollback", models.rollback(kind, none())).await;
        assert_eq!(error_name(&refused), error, "{kind}");
    }
    assert_eq!(stage.activate("second").await.finished().await.0, 0);
    within("Rollback", models.rollback("encoder", none())).await.unwrap();
    assert_eq!(stage.state_of("first").await, "ready", "it answers when it serves");
    assert_eq!(stage.serves().await, "first");
    reads(&stage.client, "first").await;
    stage.restart().await;
    assert_eq!(stage.serves().await, "first");
    within("Rollback", models.rollback("encoder", none())).await.unwrap();
    assert_eq!(stage.serves().await, "second", "and forth");
}

#[tokio::test]
async fn a_rollback_to_a_damaged_model_is_an_error_and_the_other_serves_on() {
    let stage = Stage::set().await;
    assert_eq!(stage.activate("second").await.finished().await.0, 0);
    damage(&stage.file("first", "vocab.txt"));
    let models = stage.models().await;
    let refused = within("Rollback", models.rollback("encoder", none())).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.ModelError");
    assert_eq!(stage.serves().await, "second");
}

#[tokio::test]
async fn a_chosen_model_that_cannot_be_loaded_is_stood_in_for_and_said() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.activate("second").await.finished().await.0, 0);
    damage(&stage.file("second", GRAPH));
    stage.restart().await;
    assert_eq!(stage.serves().await, "first");
    assert_eq!(stage.state().await, "degraded");
    let reasons = stage.assistant.state_reasons().await.unwrap();
    let said =
        |reason: &String| reason.contains("second") && reason.contains("first serves instead");
    assert!(reasons.iter().any(said), "{reasons:?}");
    assert_eq!(stage.state_of("second").await, "failed");
    reads(&stage.client, "first").await;
    within("Rollback", stage.models().await.rollback("encoder", none())).await.unwrap();
    assert_eq!(stage.state().await, "ready", "what serves was chosen");
    std::fs::remove_dir_all(stage.models.path().join("second")).unwrap();
    stage.restart().await;
    assert_eq!(stage.serves().await, "first");
    assert_eq!(stage.state().await, "ready");
}

#[tokio::test]
async fn a_kill_at_any_step_of_an_activation_leaves_the_old_or_the_new() {
    let mut stage = Stage::set().await;
    for step in ["verify", "load", "train", "switch", "finished"] {
        let old = stage.serves().await;
        let new = if old == "first" { "second" } else { "first" };
        let mut activation = stage.activate(new).await;
        match step {
            "finished" => assert_eq!(activation.finished().await.0, 0),
            step => activation.reaches(step).await,
        }
        stage.restart().await;
        let serves = stage.serves().await;
        assert!(serves == old || serves == new, "{serves} after a kill at {step}");
        assert!(step != "finished" || serves == new, "what was told is on disk");
        assert_eq!(stage.state().await, "ready", "killed at {step}");
        reads(&stage.client, &serves).await;
    }
}

#[tokio::test]
async fn one_activation_at_a_time_and_a_cancelled_one_changes_nothing() {
    let stage = Stage::set().await;
    let mut activation = stage.activate("second").await;
    let models = stage.models().await;
    let refused = models.activate("second", none()).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.Busy");
    let client = stage.bus.connect().await.unwrap();
    let foreign = RequestProxy::builder(&client)
        .path(activation.request.inner().path().to_owned())
        .build()
        .await
        .unwrap();
    assert_eq!(error_name(&foreign.cancel(none()).await), "org.valetd.Error.NotAuthorized");
    activation.request.cancel(none()).await.unwrap();
    assert_eq!(activation.finished().await.0, 1);
    assert_eq!(stage.serves().await, "first");
    // The thread of the cancelled one may take a moment to end.
    within("another activation", async {
        while let Err(error) = models.activate("second", none()).await {
            assert_eq!(error_name::<()>(&Err(error)), "org.valetd.Error.Busy");
        }
    })
    .await;
}

#[tokio::test]
async fn an_activation_goes_on_when_its_client_leaves() {
    let stage = Stage::set().await;
    let second = ModelProxy::builder(&stage.client).path(path::model("second")).build().await;
    let mut states = second.unwrap().receive_state_changed().await;
    let client = stage.bus.connect().await.unwrap();
    let activation = Activation::begin(&client, "second").await;
    drop(activation);
    client.close().await.unwrap();
    within("the second model", async {
        while let Some(change) = states.next().await {
            if change.get().await.unwrap() == "ready" {
                return;
            }
        }
    })
    .await;
    assert_eq!(stage.serves().await, "second");
}

#[tokio::test]
async fn a_daemon_that_stops_says_so_to_who_waits_for_an_activation() {
    let stage = Stage::set().await;
    let mut activation = stage.activate("second").await;
    let status = stage.daemon().terminate(std::time::Duration::from_secs(2)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", stage.daemon().output());
    let (code, result) = activation.finished().await;
    assert_eq!((code, text(&result, "error")), (2, "org.valetd.Error.Canceled"));
}

#[tokio::test]
async fn skills_that_change_during_an_activation_are_understood_by_the_new_model() {
    let stage = Stage::set().await;
    let probe = SkillProxy::builder(&stage.client)
        .path(path::skill("org.example.probe"))
        .build()
        .await
        .unwrap();
    let mut activation = stage.activate("second").await;
    probe.disable(none()).await.unwrap();
    probe.enable(none()).await.unwrap();
    assert_eq!(activation.finished().await.0, 0);
    reads(&stage.client, "second").await;
}

#[tokio::test]
async fn what_is_no_model_and_what_is_no_option_is_refused() {
    let stage = Stage::set().await;
    let models = stage.models().await;
    let unknown = models.verify("third", none()).await;
    assert_eq!(error_name(&unknown), "org.valetd.Error.ModelError");
    assert!(unknown.unwrap_err().to_string().contains("first, second"), "the known ones are named");
    let unknown = models.activate("../first", none()).await;
    assert_eq!(error_name(&unknown), "org.valetd.Error.ModelError");
    let options = || [("colour", Variant::from("red"))].into();
    let refused = [
        error_name(&models.verify("first", options()).await),
        error_name(&models.activate("first", options()).await),
        error_name(&models.rollback("encoder", options()).await),
        error_name(
            &models.activate("first", [("handle-token", Variant::from("a/b"))].into()).await,
        ),
    ];
    assert!(refused.iter().all(|name| name == "org.valetd.Error.InvalidArguments"), "{refused:?}");
    assert_eq!(stage.serves().await, "first");
}

#[tokio::test]
async fn who_may_not_manage_models_reads_about_them_and_no_more() {
    let folder = models(&["first"]);
    let bus = PrivateBus::session().await.unwrap();
    let from = folder.path().to_owned();
    let daemon = DaemonBuilder::new(&bus).system().config(ASK_FOR_ALL).models(from);
    let _daemon = daemon.start().await.unwrap();
    let Some(theirs) = stranger(&bus).await else { return };
    let models = ModelsProxy::new(&theirs).await.unwrap();
    let refused = [
        error_name(&models.verify("first", none()).await),
        error_name(&models.activate("first", none()).await),
        error_name(&models.rollback("encoder", none()).await),
    ];
    assert!(refused.iter().all(|name| name == "org.valetd.Error.NotAuthorized"), "{refused:?}");
    let first = model(&theirs, "first").await;
    assert_eq!(first.state().await.unwrap(), "unloaded");
    // Nothing is wanted of a model here, so nothing is activated either.
    let ours = ModelsProxy::new(&bus.connect().await.unwrap()).await.unwrap();
    assert_eq!(error_name(&ours.activate("first", none()).await), "org.valetd.Error.Conflict");
}

#[tokio::test]
async fn a_right_to_manage_models_is_no_right_to_do_more() {
    let folder = models(&["first"]);
    let bus = PrivateBus::session().await.unwrap();
    let config = format!("{ASK_FOR_ALL}manage-models = {{ users = [\"65534\"] }}\n");
    let from = folder.path().to_owned();
    let daemon = DaemonBuilder::new(&bus).system().config(&config).models(from);
    let _daemon = daemon.start().await.unwrap();
    let Some(theirs) = stranger(&bus).await else { return };
    let models = ModelsProxy::new(&theirs).await.unwrap();
    let facts = within("Verify", models.verify("first", none())).await.unwrap();
    assert_eq!(*facts["ok"], Variant::from(true));
    let forbidden = Daemon::simulator(&theirs).await.unwrap().drive("city", none()).await;
    assert_eq!(error_name(&forbidden), "org.valetd.Error.NotAuthorized");
}

#[tokio::test]
async fn models_that_come_and_go_are_seen_at_a_reload() {
    let stage = Stage::set().await;
    let third = stage.models.path().join("third");
    std::fs::create_dir(&third).unwrap();
    let manifest = std::fs::read_to_string(stage.file("second", "second.toml")).unwrap();
    let manifest = manifest.replacen("id = \"second\"", "id = \"third\"", 1);
    std::fs::write(third.join("third.toml"), manifest).unwrap();
    std::fs::remove_dir_all(stage.models.path().join("second")).unwrap();
    stage.daemon().hangup();
    stage.daemon().told("READY=1", 2).await.unwrap();
    assert_eq!(stage.state_of("third").await, "unloaded");
    let gone = model(&stage.client, "second").await.state().await;
    assert!(gone.is_err(), "{gone:?}");
    assert_eq!(stage.serves().await, "first");
}

#[tokio::test]
async fn what_is_served_of_a_model_is_what_is_documented() {
    let stage = Stage::set().await;
    let object = path::model("first");
    let introspected = zbus::fdo::IntrospectableProxy::builder(&stage.client)
        .destination(BUS_NAME)
        .path(object.clone())
        .build()
        .await
        .unwrap();
    let xml = introspected.introspect().await.unwrap();
    assert!(xml.contains(contract::interface_xml("org.valetd.Model1")));
    let properties = zbus::fdo::PropertiesProxy::builder(&stage.client)
        .destination(BUS_NAME)
        .path(object)
        .build()
        .await
        .unwrap();
    let name = zbus::names::InterfaceName::try_from("org.valetd.Model1").unwrap();
    let values = properties.get_all(name).await.unwrap();
    let file = contract::INTERFACES.iter().find(|(name, _)| *name == "org.valetd.Model1").unwrap();
    let node = zbus_xml::Node::from_reader(file.1.as_bytes()).unwrap();
    for property in node.interfaces()[0].properties() {
        let value = &values[property.name().as_str()];
        assert_eq!(value.value_signature(), property.ty(), "{}", property.name());
    }
    let bytes = |name: &str| stage.file("first", name).metadata().unwrap().len();
    assert_eq!(*values["FileBytes"], Variant::from(bytes("vocab.txt") + bytes(GRAPH)));
    assert!(matches!(*values["MemoryBytes"], Variant::U64(bytes) if bytes > 0), "it serves");
}

#[tokio::test]
async fn an_activated_model_understands_what_no_template_knows() {
    let folder = models(&["all-minilm-l6-v2", "second"]);
    let from = folder.path().to_owned();
    let cache = "testkit-cache-switch";
    let scene = Scene::with(|b| b.config(WITH_ENCODER).models(from).shared_cache(cache)).await;
    assert_eq!(encoder_that_serves(&scene.client).await, "all-minilm-l6-v2");
    let mut activation = Activation::begin(&scene.client, "second").await;
    // The old one answers while the new one is trained.
    activation.reaches("train").await;
    let before = scene.ask("brr, the steering wheel is ice cold").await;
    assert_eq!((text(&before, "type"), text(&before, "engine")), ("action", "encoder"));
    let (code, result) = activation.finished().await;
    assert_eq!(code, 0, "{result:?}");
    let after = scene.ask("my seat is freezing").await;
    assert_eq!((text(&after, "type"), text(&after, "engine")), ("action", "encoder"), "{after:?}");
}
