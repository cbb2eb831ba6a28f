//! What skills reach outside of the vehicle, from the utterance to a real broker, a player on the bus, and nobody on
//! the network.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::{BTreeSet, HashMap},
    process::Command,
};
use tempfile::TempDir;
use valet_bus::{
    Dict, path,
    proxies::{AssistantProxy, SkillProxy},
};
use valet_bus_tests::{Scene, driver, outdoors};
use valet_testkit::{Mosquitto, Skills, Watched, dicts, none, text, within};
use zbus::{
    Connection, OwnedVariant, Variant, interface, object_server::SignalEmitter,
    proxy::CacheProperties,
};

const TEMPLATES: &str = "[understanding]\nencoder = false\n[dialogue]\nobserve-ms = 2000\n";

/// A daemon with the guest that reaches out, and these lines of configuration.
async fn scene(config: &str) -> (Scene, TempDir) {
    let skills = outdoors();
    let config = format!("{TEMPLATES}{config}");
    let folder = Skills::Folder(skills.path().to_owned());
    (Scene::with(|b| b.skills(folder).config(&config)).await, skills)
}

fn with_broker(broker: &Mosquitto) -> String {
    format!("[mqtt]\nbroker = \"{}\"\n", broker.address())
}

async fn skill(client: &Connection) -> SkillProxy<'static> {
    let builder = SkillProxy::builder(client).path(path::skill("org.example.outdoors"));
    builder.cache_properties(CacheProperties::No).build().await.unwrap()
}

/// Says something as another client of the broker; it has it when this returns.
async fn say(broker: &Mosquitto, arguments: &[&str]) {
    let mut command = Command::new("mosquitto_pub");
    command.arg("--unix").arg(broker.socket()).args(["-q", "1"]).args(arguments);
    let said = Watched::spawn(&mut command).unwrap();
    assert!(said.exited(valet_testkit::LIMIT).await.unwrap().success(), "{}", said.output());
}

/// Listens on a filter as another client; what it hears is printed as `<retained> <topic> <payload>`.
async fn listen(broker: &Mosquitto, filter: &str) -> Watched {
    // Into a pipe it would print nothing before it ends.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "mosquitto_sub", "--unix"]).arg(broker.socket()).args([
        "-d",
        "-q",
        "1",
        "-F",
        "heard %r %t %p",
    ]);
    let heard = Watched::spawn(command.args(["-t", filter])).unwrap();
    heard.line("Subscribed").await.unwrap();
    heard
}

fn action(result: &Dict) -> (String, String) {
    let actions = dicts(result, "actions");
    assert_eq!(actions.len(), 1, "{result:?}");
    (text(&actions[0], "target").to_owned(), text(&actions[0], "status").to_owned())
}

async fn understands(assistant: &AssistantProxy<'_>, words: &str) -> bool {
    !assistant.parse(words, driver()).await.unwrap().is_empty()
}

/// Sockets of a process by their numbers.
fn sockets(pid: i32) -> BTreeSet<String> {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = folder.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let number = |link: std::path::PathBuf| {
        let link = link.to_string_lossy().into_owned();
        Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
    };
    links.filter_map(number).collect()
}

/// Sockets of a table of the kernel.
fn of_table(pid: i32, table: &str, column: usize) -> BTreeSet<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    let numbers = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(column));
    numbers.map(str::to_owned).collect()
}

#[tokio::test]
async fn by_default_no_socket_leads_to_a_network() {
    let (scene, _skills) = scene("").await;
    let asked = scene.ask("ask the server").await;
    assert!(text(&asked, "speech").contains("not-available"), "{asked:?}");
    let lamp = scene.ask("light up the porch").await;
    assert_eq!(action(&lamp), ("mqtt:home/lamp/set".into(), "no-provider".into()));
    let pid = scene.daemon.process().pid();
    let open = sockets(pid);
    assert!(!open.is_disjoint(&of_table(pid, "unix", 6)), "its sockets were seen: {open:?}");
    for table in ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp"] {
        let found: BTreeSet<_> = open.intersection(&of_table(pid, table, 9)).cloned().collect();
        assert!(found.is_empty(), "{table}: {found:?}");
    }
}

#[tokio::test]
async fn a_lamp_that_is_found_by_name_is_on_when_it_says_so() {
    let broker = Mosquitto::start().await.unwrap();
    // Known to the broker before the daemon is there, with a state that is long past.
    say(&broker, &["-r", "-t", "home/lamp/config", "-m", "kitchen lamp"]).await;
    say(&broker, &["-r", "-t", "home/lamp/state", "-m", "ON"]).await;
    let (scene, _skills) = scene(&with_broker(&broker)).await;
    scene.daemon.process().line("1 values that skills know by now").await.unwrap();
    assert!(understands(&scene.assistant, "light up kitchen lamp").await);
    assert_eq!(text(&scene.ask("how is the lamp").await, "speech"), "ON retained=true");
    // A lamp that hears and says nothing.
    let heard = listen(&broker, "home/lamp/set").await;
    let asked = scene.ask("light up kitchen lamp").await;
    assert_eq!(action(&asked), ("mqtt:home/lamp/set".into(), "requested".into()));
    assert_eq!(text(&asked, "speech"), "Kitchen lamp was asked.");
    heard.line("heard 0 home/lamp/set ON").await.unwrap();
    // One that hears and says that it is on.
    let heard = listen(&broker, "home/lamp/set").await;
    let lamp = async {
        heard.line("heard 0 home/lamp/set ON").await.unwrap();
        say(&broker, &["-t", "home/lamp/state", "-m", "ON"]).await;
    };
    let (asked, ()) = tokio::join!(scene.ask("light up kitchen lamp"), lamp);
    assert_eq!(action(&asked), ("mqtt:home/lamp/set".into(), "done".into()), "{asked:?}");
    assert_eq!(text(&asked, "speech"), "Kitchen lamp says on.");
    // Its names go with the skill, and come again with it.
    let skill = skill(&scene.client).await;
    within("disabled", skill.disable(none())).await.unwrap();
    within("enabled", skill.enable(none())).await.unwrap();
    let names = "values that skills know by now";
    scene.daemon.process().nth_line(names, 2).await.unwrap();
    assert!(understands(&scene.assistant, "light up kitchen lamp").await);
}

#[tokio::test]
async fn what_is_not_granted_any_more_is_not_followed_and_not_said() {
    let broker = Mosquitto::start().await.unwrap();
    say(&broker, &["-r", "-t", "home/lamp/state", "-m", "OFF"]).await;
    let (scene, _skills) = scene(&with_broker(&broker)).await;
    let heard = listen(&broker, "home/lamp/set").await;
    let skill = skill(&scene.client).await;
    within("revoked", skill.revoke(&["mqtt-publish:home/+/set"], none())).await.unwrap();
    let asked = scene.ask("light up the porch").await;
    assert_eq!(action(&asked).1, "denied");
    within("revoked", skill.revoke(&["mqtt-subscribe:home/#"], none())).await.unwrap();
    let read = scene.ask("how is the lamp").await;
    assert!(text(&read, "speech").contains("not-granted"), "{read:?}");
    say(&broker, &["-t", "home/lamp/set", "-m", "marker"]).await;
    heard.line("marker").await.unwrap();
    assert!(!heard.output().contains("set ON"), "{}", heard.output());
}

#[tokio::test]
async fn a_broker_that_went_away_is_told_and_comes_back_by_itself() {
    let mut broker = Mosquitto::start().await.unwrap();
    let (scene, _skills) = scene(&with_broker(&broker)).await;
    scene.daemon.process().line("the MQTT broker is there").await.unwrap();
    broker.restart().await.unwrap();
    scene.daemon.process().line("the MQTT broker is not there").await.unwrap();
    scene.daemon.process().nth_line("the MQTT broker is there", 2).await.unwrap();
    let heard = listen(&broker, "home/lamp/set").await;
    let lamp = async {
        heard.line("heard 0 home/lamp/set ON").await.unwrap();
        say(&broker, &["-t", "home/lamp/state", "-m", "ON"]).await;
    };
    let (asked, ()) = tokio::join!(scene.ask("light up the porch"), lamp);
    assert_eq!(action(&asked).1, "done", "{asked:?}");
}

/// A player as MPRIS has it.
struct Player {
    playing: bool,
}

#[interface(name = "org.mpris.MediaPlayer2.Player")]
impl Player {
    async fn play(&mut self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.playing = true;
        self.playback_status_changed(&emitter).await.unwrap();
    }

    #[zbus(property)]
    async fn playback_status(&self) -> &str {
        if self.playing { "Playing" } else { "Paused" }
    }

    #[zbus(property)]
    async fn metadata(&self) -> HashMap<String, OwnedVariant> {
        let owned = |value: Variant<'static>| OwnedVariant::try_from(value).unwrap();
        [
            ("xesam:title".to_owned(), owned(Variant::from("Blue"))),
            ("xesam:artist".to_owned(), owned(Variant::from(vec!["Ann".to_owned()]))),
        ]
        .into()
    }
}

#[tokio::test]
async fn a_player_on_the_bus_plays_when_it_says_so() {
    let (scene, _skills) = scene("").await;
    let member = "dbus:org.mpris.MediaPlayer2.test org.mpris.MediaPlayer2.Player.Play";
    let nobody = scene.ask("play it").await;
    assert_eq!(action(&nobody), (member.into(), "no-provider".into()));
    let player = scene.bus.connect().await.unwrap();
    let object = "/org/mpris/MediaPlayer2";
    player.object_server().at(object, Player { playing: false }).await.unwrap();
    player.request_name("org.mpris.MediaPlayer2.test").await.unwrap();
    assert_eq!(text(&scene.ask("what is on").await, "speech"), "Blue by Ann is Paused");
    let played = scene.ask("play it").await;
    assert_eq!(action(&played), (member.into(), "done".into()));
    assert_eq!(text(&played, "speech"), "It is playing.");
    assert_eq!(text(&scene.ask("what is on").await, "speech"), "Blue by Ann is Playing");
}

#[tokio::test]
async fn music_is_asked_of_a_player_on_the_bus_and_of_the_vehicle_without_one() {
    let scene = Scene::with(|b| b.config(TEMPLATES)).await;
    let vehicle = scene.ask("play music").await;
    assert!(action(&vehicle).0.starts_with("Vehicle."), "{vehicle:?}");
    let player = scene.bus.connect().await.unwrap();
    let object = "/org/mpris/MediaPlayer2";
    player.object_server().at(object, Player { playing: false }).await.unwrap();
    player.request_name("org.mpris.MediaPlayer2.test.instance1").await.unwrap();
    let asked = scene.ask("play music").await;
    let (target, status) = action(&asked);
    assert!(target.starts_with("dbus:org.mpris.MediaPlayer2.test.instance1 "), "{target}");
    assert_eq!((status.as_str(), text(&asked, "speech")), ("done", "Playing."));
    let song = scene.ask("what song is this").await;
    assert!(text(&song, "speech").contains("Blue"), "{song:?}");
    // This one cannot skip.
    let skipped = scene.ask("next song").await;
    assert_eq!(action(&skipped).1, "failed");
}

#[tokio::test]
async fn a_daemon_that_may_call_nobody_calls_nobody() {
    let (scene, _skills) = scene("[peers]\nsession-bus = \"off\"\nsystem-bus = \"off\"\n").await;
    let asked = scene.ask("what is on").await;
    assert!(text(&asked, "speech").contains("not-available"), "{asked:?}");
}

#[tokio::test]
async fn what_is_too_often_is_counted() {
    let (scene, _skills) = scene("[skills.per-minute]\nmqtt-commands = 1\n").await;
    let first = scene.ask("light up the porch").await;
    assert_eq!(action(&first).1, "no-provider");
    let second = scene.ask("light up the porch").await;
    assert!(text(&second, "speech").contains("limited"), "{second:?}");
    let stats = skill(&scene.client).await.stats().await.unwrap();
    let count = |name: &str| stats.get(name).map(|v| u64::try_from(v.clone()).unwrap());
    assert_eq!(count("limited"), Some(1));
    assert!(count("host-calls") >= Some(2), "a command each turn: {stats:?}");
}
