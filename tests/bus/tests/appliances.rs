//! The skill of a home's appliances, installed from its package, with a real broker and a small simulated home: names
//! that become understood, what counts as done, and what is never said a second time.
//!
//! Must not build the skill: `scripts/skills` lays it out.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{path::PathBuf, process::Command};
use valet_bus::{Dict, proxies::Options};
use valet_bus_tests::{Scene, Shop, driver, install, installed};
use valet_testkit::{Author, Mosquitto, Packed, Watched, dicts, none, text, within};
use zbus::{OwnedObjectPath, Variant};

const ID: &str = "org.valetd.appliances";
const NAMES: &str = "values that skills know by now";

/// All that a small home needs, and no more.
const GRANTS: [&str; 15] = [
    "mqtt-subscribe:homeassistant/light/+/config",
    "mqtt-subscribe:homeassistant/switch/+/config",
    "mqtt-subscribe:homeassistant/cover/+/config",
    "mqtt-subscribe:homeassistant/vacuum/+/config",
    "mqtt-subscribe:homeassistant/climate/+/config",
    "mqtt-subscribe:homeassistant/button/+/config",
    "mqtt-subscribe:homeassistant/sensor/+/remaining_time/config",
    "mqtt-subscribe:zigbee2mqtt/+",
    "mqtt-subscribe:zigbee2mqtt/+/availability",
    "mqtt-subscribe:home/+/state",
    "mqtt-subscribe:home/+/+/state",
    "mqtt-publish:zigbee2mqtt/+/set",
    "mqtt-publish:home/+/set",
    "mqtt-publish:home/+/+/set",
    "mqtt-publish:valetudo/+/command",
];

/// Who announces what.
const HOME: &str = include_str!("../data/home.txt");

/// Where `scripts/skills` lays skills out that no car brings along.
fn folder() -> PathBuf {
    let skills = valet_testkit::shipped_skills().unwrap();
    let folder = skills.with_file_name("skills-extra").join(ID);
    assert!(folder.exists(), "{} is missing: `make skills`", folder.display());
    folder
}

/// Publishes as another client of the broker; it has it when this returns.
async fn say(broker: &Mosquitto, topic: &str, payload: &str, retained: bool) {
    let mut command = Command::new("mosquitto_pub");
    command.arg("--unix").arg(broker.socket()).args(["-q", "1", "-t", topic, "-m", payload]);
    if retained {
        command.arg("-r");
    }
    let said = Watched::spawn(&mut command).unwrap();
    assert!(said.exited(valet_testkit::LIMIT).await.unwrap().success(), "{}", said.output());
}

/// Listens as another client; what it hears is printed as `heard <retained> <topic> <payload>`.
async fn listen(broker: &Mosquitto, filter: &str) -> Watched {
    // Into a pipe it would print nothing before it ends.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "mosquitto_sub", "--unix"]).arg(broker.socket());
    command.args(["-d", "-q", "1", "-F", "heard %r %t %p", "-t", filter]);
    let heard = Watched::spawn(&mut command).unwrap();
    heard.line("Subscribed").await.unwrap();
    heard
}

/// Each device of the home announces itself, as they do when they come to a broker.
async fn announce(broker: &Mosquitto) {
    for line in HOME.lines().filter(|line| line.starts_with("homeassistant/")) {
        let (topic, config) = line.split_once(' ').unwrap();
        say(broker, topic, config, true).await;
    }
}

/// A broker with the home on it, and a daemon on which the skill is installed and knows the home.
struct Home {
    broker: Mosquitto,
    scene: Scene,
    session: OwnedObjectPath,
    _shop: Shop,
}

impl Home {
    async fn build() -> Self {
        let broker = Mosquitto::start().await.unwrap();
        announce(&broker).await;
        let shop = Shop { author: Author::new(), trust: tempfile::tempdir().unwrap() };
        shop.author.trusted_in(shop.trust.path(), ("org.valetd.**", "body"), "").unwrap();
        let config = format!(
            "[understanding]\nencoder = false\n[dialogue]\nobserve-ms = 1500\n[mqtt]\nbroker = \"{}\"\n",
            broker.address()
        );
        let scene =
            Scene::with(|b| shop.trusted_by(b).skills(valet_testkit::Skills::None).config(&config))
                .await;
        let packed = shop.author.sign(&Packed::of(&folder()).unwrap());
        let (code, result) = install(&scene.client, &packed, &GRANTS).await.unwrap();
        assert_eq!(code, 0, "{result:?}");
        scene.daemon.process().line(NAMES).await.unwrap();
        let session = scene.assistant.open_session(driver()).await.unwrap();
        let home = Self { broker, scene, session, _shop: shop };
        home.knows("turn on the garden fountain").await;
        home
    }

    /// Waits until a sentence is understood; names that come together are learnt in a moment.
    async fn knows(&self, words: &str) {
        let mut times = 1;
        while self.scene.assistant.parse(words, driver()).await.unwrap().is_empty() {
            times += 1;
            self.scene.daemon.process().nth_line(NAMES, times).await.unwrap();
        }
    }

    /// Says something, in one conversation with what was said before.
    async fn ask(&self, words: &str) -> Dict {
        let options: Options<'_> =
            [("session", Variant::from(self.session.clone().into_inner()))].into();
        within(words, self.scene.assistant.ask(words, options)).await.unwrap()
    }

    /// Asks until the answer is this one: what another client told the broker comes to the daemon on a way of its own.
    async fn says_at_last(&self, words: &str, answer: &str) {
        let asked = async { while speech(&self.ask(words).await) != answer {} };
        within(answer, asked).await;
    }

    /// Says something while a device hears a command and reports.
    async fn with_device(&self, words: &str, command: &str, report: (&str, &str)) -> Dict {
        let topic = command.split(' ').next().unwrap();
        let heard = listen(&self.broker, topic).await;
        let device = async {
            heard.line(&format!("heard 0 {command}")).await.unwrap();
            say(&self.broker, report.0, report.1, false).await;
        };
        let (asked, ()) = tokio::join!(self.ask(words), device);
        asked
    }
}

fn action(result: &Dict) -> (String, String) {
    let actions = dicts(result, "actions");
    assert_eq!(actions.len(), 1, "{result:?}");
    (text(&actions[0], "target").to_owned(), text(&actions[0], "status").to_owned())
}

fn speech(result: &Dict) -> &str {
    text(result, "speech")
}

#[tokio::test]
async fn a_lamp_is_on_when_it_says_so_and_asked_where_it_is_silent() {
    let home = Home::build().await;
    let silent = home.ask("turn on the kitchen spots").await;
    assert_eq!(action(&silent), ("mqtt:zigbee2mqtt/kitchen_spots/set".into(), "requested".into()));
    assert_eq!(speech(&silent), "The kitchen spots are asked to go on, but have not said so yet.");
    // One that says something else has not done it.
    let other = home
        .with_device(
            "turn on the kitchen spots",
            r#"zigbee2mqtt/kitchen_spots/set {"state":"ON"}"#,
            ("zigbee2mqtt/kitchen_spots", r#"{"state":"OFF"}"#),
        )
        .await;
    assert_eq!(action(&other).1, "requested");
    let done = home
        .with_device(
            "turn on the kitchen spots",
            r#"zigbee2mqtt/kitchen_spots/set {"state":"ON"}"#,
            ("zigbee2mqtt/kitchen_spots", r#"{"state":"ON","brightness":127}"#),
        )
        .await;
    assert_eq!(action(&done).1, "done", "{done:?}");
    assert_eq!(speech(&done), "The kitchen spots are on.");
    // It is on, and nobody has to tell it again.
    let again = home.ask("turn on the kitchen spots").await;
    assert!(dicts(&again, "actions").is_empty(), "{again:?}");
    assert_eq!(speech(&again), "The kitchen spots are already on, at 50 percent.");
    let is_on = home.ask("are the kitchen spots on").await;
    assert_eq!(speech(&is_on), "The kitchen spots are on, at 50 percent.");
}

#[tokio::test]
async fn what_the_broker_kept_is_neither_the_present_nor_a_command() {
    let home = Home::build().await;
    say(&home.broker, "home/fountain/state", "ON", true).await;
    say(&home.broker, "home/fountain/set", "OFF", true).await;
    let skill = installed(&home.scene.client, ID).await;
    // Comes back as after a start: what the broker has is there, and was kept.
    within("disabled", skill.disable(none())).await.unwrap();
    within("enabled", skill.enable(none())).await.unwrap();
    home.knows("turn on the garden fountain").await;
    let asked = home.ask("is the garden fountain on").await;
    assert_eq!(
        speech(&asked),
        "The garden fountain is on. That was so before I listened and may be old."
    );
    let told = home
        .with_device(
            "turn on the garden fountain",
            "home/fountain/set ON",
            ("home/fountain/state", "ON"),
        )
        .await;
    assert_eq!(
        action(&told),
        ("mqtt:home/fountain/set".into(), "done".into()),
        "asked all the same"
    );
}

#[tokio::test]
async fn nothing_is_published_by_a_start_or_a_broker_that_comes_back() {
    let mut home = Home::build().await;
    let silent = home.ask("turn on the garden fountain").await;
    assert_eq!(action(&silent).1, "requested");
    let Scene { bus, daemon, client, .. } = home.scene;
    drop(client);
    say(&home.broker, "home/fountain/set", "ON", true).await;
    let heard = listen(&home.broker, "#").await;
    let daemon = daemon.restart().await.unwrap();
    daemon.process().line(NAMES).await.unwrap();
    say(&home.broker, "marker/a", "here", false).await;
    heard.line("heard 0 marker/a here").await.unwrap();
    let sent = |heard: &Watched| {
        let lines = heard.output();
        let live = lines.lines().filter_map(|line| line.strip_prefix("heard 0 "));
        live.filter(|line| line.split(' ').next().unwrap().ends_with("/set")).count()
    };
    assert_eq!(sent(&heard), 0, "{}", heard.output());
    home.broker.restart().await.unwrap();
    let heard = listen(&home.broker, "#").await;
    daemon.process().nth_line("the MQTT broker is there", 2).await.unwrap();
    announce(&home.broker).await;
    say(&home.broker, "marker/b", "here", false).await;
    heard.line("heard 0 marker/b here").await.unwrap();
    assert_eq!(sent(&heard), 0, "{}", heard.output());
    drop(bus);
}

#[tokio::test]
async fn who_is_not_there_is_refused_in_words() {
    let home = Home::build().await;
    let lamp = home.ask("turn on the garage light").await;
    assert!(dicts(&lamp, "actions").is_empty());
    let wanted = "I know of no garage light. There is Bedside, Bedside and kitchen spots.";
    let words =
        wanted.replace("Bedside, Bedside", "Bedside in the Bedroom, Bedside in the Guest room");
    assert_eq!(speech(&lamp), words);
    // The package has no topic for this one, and nobody granted one.
    let pump = home.ask("turn on the pond pump").await;
    assert!(speech(&pump).contains("pond/pump/power"), "{pump:?}");
    // A door announced itself as a cover, and a text as a device.
    let list = home.ask("which devices are there").await;
    assert!(
        !speech(&list).contains("Garage door") && !speech(&list).contains("nonsense"),
        "{list:?}"
    );
    // One that left.
    say(&home.broker, "zigbee2mqtt/kitchen_spots/availability", r#"{"state":"offline"}"#, true)
        .await;
    let gone = home.ask("turn on the kitchen spots").await;
    assert_eq!(speech(&gone), "The kitchen spots are not connected now.");
    assert!(dicts(&gone, "actions").is_empty());
}

#[tokio::test]
async fn of_two_lamps_with_one_name_a_person_chooses() {
    let home = Home::build().await;
    let asked = home.ask("turn on the bedside").await;
    assert_eq!(speech(&asked).split(':').next(), Some("Which one do you mean?"), "{asked:?}");
    let chosen = home.ask("bedside in the bedroom").await;
    assert_eq!(action(&chosen).0, "mqtt:home/bedside/set", "{chosen:?}");
    let in_room = home.ask("turn on the bedside in the guest room").await;
    assert_eq!(action(&in_room).0, "mqtt:home/guest/lamp/set");
}

#[tokio::test]
async fn of_several_lamps_all_are_told_and_on_only_when_all_say_so() {
    let home = Home::build().await;
    let report = ("home/bedside/state", "ON");
    let some = home.with_device("turn on all the lights", "home/bedside/set ON", report).await;
    let mut all: Vec<_> = dicts(&some, "actions")
        .iter()
        .map(|action| (text(action, "target").to_owned(), text(action, "status").to_owned()))
        .collect();
    all.sort();
    let wanted = [
        ("mqtt:home/bedside/set", "done"),
        ("mqtt:home/guest/lamp/set", "requested"),
        ("mqtt:zigbee2mqtt/kitchen_spots/set", "requested"),
    ];
    assert_eq!(all, wanted.map(|(target, status)| (target.to_owned(), status.to_owned())));
    assert_eq!(speech(&some), "3 devices are asked to go on, but have not said so yet.");
    // The one that is on is not told again.
    let again = home.ask("turn on all the lights").await;
    assert_eq!(dicts(&again, "actions").len(), 2, "{again:?}");
    // Now nobody is there to be asked.
    let Home { broker, scene, .. } = home;
    drop(broker);
    scene.daemon.process().line("the MQTT broker is not there").await.unwrap();
    let gone = scene.ask("turn on all the lights").await;
    assert_eq!(speech(&gone), "I cannot reach your home now.");
}

#[tokio::test]
async fn blinds_the_vacuum_the_oven_the_washer_and_coffee_do_what_they_are_told() {
    let home = Home::build().await;
    for (words, command, report, said) in [
        (
            "set the office blinds to 40 percent",
            r#"zigbee2mqtt/office_blind/set {"position": 40}"#,
            ("zigbee2mqtt/office_blind", r#"{"position":41,"state":"open"}"#),
            "The office blind is at 40 percent.",
        ),
        (
            "start the vacuum",
            "valetudo/rosie/command start",
            ("home/rosie/state", r#"{"state":"cleaning"}"#),
            "Rosie is running.",
        ),
        (
            "send the vacuum home",
            "valetudo/rosie/command return_to_base",
            ("home/rosie/state", r#"{"state":"returning"}"#),
            "Rosie says returning.",
        ),
        (
            "start the washing machine",
            "home/washer/set ON",
            ("home/washer/state", "running"),
            "The Washing machine is running.",
        ),
    ] {
        let asked = home.with_device(words, command, report).await;
        assert_eq!(action(&asked).1, "done", "{asked:?}");
        assert_eq!(speech(&asked), said);
    }
    let coffee = home.ask("make me a coffee").await;
    assert_eq!(
        action(&coffee),
        ("mqtt:home/coffee/set".into(), "requested".into()),
        "no state, no done"
    );
    say(&home.broker, "home/washer/left/state", "42", false).await;
    let left = "The Washing machine is done in 42 minutes.";
    home.says_at_last("when is the washing machine done", left).await;
    let on = home.ask("turn on the oven").await;
    assert_eq!(speech(&on), "The Oven is only heated to a temperature that you say.");
    // Heat wants a yes.
    let oven = home.ask("preheat the oven to 180 degrees").await;
    assert_eq!(text(&oven, "type"), "question", "{oven:?}");
    let heard = listen(&home.broker, "home/oven/+/set").await;
    let device = async {
        heard.line("heard 0 home/oven/temperature/set 180").await.unwrap();
        say(&home.broker, "home/oven/temperature/state", "180", false).await;
        heard.line("heard 0 home/oven/mode/set heat").await.unwrap();
        say(&home.broker, "home/oven/mode/state", "heat", false).await;
    };
    let (hot, ()) = tokio::join!(home.ask("yes"), device);
    let actions = dicts(&hot, "actions");
    let done: Vec<&str> = actions.iter().map(|action| text(action, "status")).collect();
    assert_eq!(done, ["done", "done"], "{hot:?}");
    assert_eq!(speech(&hot), "The Oven is set to 180 degrees.");
}

#[tokio::test]
async fn of_a_home_of_three_hundred_lamps_as_many_are_known_as_are_taken() {
    let home = Home::build().await;
    for number in 0..300 {
        let (topic, base) =
            (format!("homeassistant/light/l{number}/config"), format!("home/l{number}"));
        let config = format!(
            r#"{{"~":"{base}","name":"spot {number}","cmd_t":"~/set","stat_t":"~/state"}}"#
        );
        say(&home.broker, &topic, &config, true).await;
    }
    // All at once, as at a start.
    let skill = installed(&home.scene.client, ID).await;
    within("disabled", skill.disable(none())).await.unwrap();
    within("enabled", skill.enable(none())).await.unwrap();
    home.knows("turn on spot 100").await;
    let done =
        home.with_device("turn on spot 100", "home/l100/set ON", ("home/l100/state", "ON")).await;
    assert_eq!(action(&done), ("mqtt:home/l100/set".into(), "done".into()));
    let all = home.ask("turn on all the lights").await;
    assert!(dicts(&all, "actions").is_empty() && speech(&all).contains("Name a room"), "{all:?}");
    let faults = skill.stats().await.unwrap();
    assert_eq!(
        faults.get("faults").map(|v| u64::try_from(v.clone()).unwrap()),
        Some(0),
        "{faults:?}"
    );
}
