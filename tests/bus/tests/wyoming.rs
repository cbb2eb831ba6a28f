//! Voice pipelines over Wyoming: what the protocol's own client hears, and what a socket does with
//! clients that are none.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};
use valet_bus_tests::Scene;
use valet_testkit::{LIMIT, Watched, within};
use zbus::Variant;

const TEMPLATES: &str = "[understanding]\nencoder = false\n";

/// Runs the protocol's own client and gives what it prints.
async fn client(socket: &Path, arguments: &[&str]) -> Value {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../voice/wyoming_client.py");
    let mut command = Command::new("python3");
    command.arg(program).arg(format!("unix://{}", socket.display())).args(arguments);
    let run = Watched::spawn(&mut command).unwrap();
    let status = run.exited(4 * LIMIT).await.unwrap();
    assert!(status.success(), "{}", run.output());
    serde_json::from_str(&run.output()).unwrap()
}

/// A client without the protocol.
struct Raw(UnixStream);

impl Raw {
    async fn connect(scene: &Scene, program: &str) -> Self {
        Self(UnixStream::connect(scene.daemon.wyoming(program)).await.unwrap())
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next event.
    async fn event(&mut self) -> Value {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            line.push(within("a byte", self.0.read_u8()).await.unwrap());
        }
        let head: Value = serde_json::from_slice(&line).unwrap();
        let mut data = vec![0; head["data_length"].as_u64().unwrap_or(0).try_into().unwrap()];
        within("the data", self.0.read_exact(&mut data)).await.unwrap();
        let data =
            if data.is_empty() { Value::Null } else { serde_json::from_slice(&data).unwrap() };
        json!({"type": head["type"], "data": data})
    }

    /// Nothing more comes.
    async fn ends(&mut self) {
        let mut rest = Vec::new();
        within("the end", self.0.read_to_end(&mut rest)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}

fn frame(kind: &str, data: &Value) -> Vec<u8> {
    let data = data.to_string();
    let mut bytes = json!({"type": kind, "data_length": data.len()}).to_string().into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(data.as_bytes());
    bytes
}

fn transcript(text: &str) -> Vec<u8> {
    frame("transcript", &json!({"text": text, "language": "en"}))
}

/// Asserts that another client is served as if nobody else were there.
async fn others_are_served(scene: &Scene) {
    let mut other = Raw::connect(scene, "handle").await;
    other.send(&frame("ping", &json!({"text": "t"}))).await;
    assert_eq!(other.event().await, json!({"type": "pong", "data": {"text": "t"}}));
    other.send(&transcript("are the doors locked")).await;
    assert_eq!(other.event().await["type"], "handled-start");
}

fn resident_kib(scene: &Scene) -> u64 {
    let status = format!("/proc/{}/status", scene.daemon.process().pid());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn the_protocols_own_client_is_told_what_a_socket_offers() {
    let scene = Scene::set().await;
    for (program, other) in [("handle", "intent"), ("intent", "handle")] {
        let told = client(&scene.daemon.wyoming(program), &["describe"]).await;
        assert_eq!(told["pong"], "there?");
        let offered = &told["info"][program][0];
        assert_eq!(offered["installed"], true);
        assert_eq!(offered["models"][0]["languages"], json!(["en"]));
        assert_eq!(
            offered.get("supports_home_control"),
            (program == "handle").then_some(&json!(true))
        );
        assert_eq!(told["info"][other], json!([]), "a pipeline takes the first it finds");
    }
}

#[tokio::test]
async fn two_hundred_conversations_of_three_turns_each_know_their_own() {
    let scene = Scene::set().await;
    let socket = scene.daemon.wyoming("handle");
    // Once before, so that what is made at the first use is there.
    client(&socket, &["conversations", "50", "50"]).await;
    let before = resident_kib(&scene);
    let said = client(&socket, &["conversations", "200", "50"]).await;
    let said = said.as_array().unwrap();
    assert_eq!(said.len(), 200);
    for (number, turns) in said.iter().enumerate() {
        let degrees = format!("{} degrees", 18 + number % 9);
        for turn in turns.as_array().unwrap() {
            assert_eq!(turn["kinds"][0], "handled-start", "{turn}");
            assert_eq!(turn["chunks"], turn["text"], "the stream is the whole");
            assert_eq!(turn["context"], format!("conversation-{number}"));
            assert!(turn["text"].as_str().unwrap().contains(&degrees), "{number}: {turn}");
        }
        assert!(turns[1]["text"].as_str().unwrap().contains("passenger"), "{}", turns[1]);
        assert_eq!(turns[1]["text"], turns[2]["text"], "said again as it was said here");
    }
    let grown = resident_kib(&scene).saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more after 600 turns");
}

#[tokio::test]
async fn what_a_text_means_is_said_and_nothing_is_done() {
    let scene = Scene::set().await;
    let socket = scene.daemon.wyoming("intent");
    let none = client(&socket, &["recognize", "sing me the anthem of the moon"]).await;
    assert_eq!(none[0]["type"], "not-recognized");
    let one = client(&socket, &["recognize", "set the passenger side to 24 degrees"]).await;
    let [intent] = &one.as_array().unwrap()[..] else { panic!("{one}") };
    assert_eq!(intent["type"], "intent");
    assert_eq!(intent["data"]["context"]["conversation_id"], "r");
    let several = client(&socket, &["recognize", "lock the doors and open the sunroof"]).await;
    let kinds: Vec<&str> =
        several.as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["intents-start", "intent", "intent", "intents-stop"]);

    // Home Assistant sends what was heard to either kind of socket.
    let mut raw = Raw::connect(&scene, "intent").await;
    raw.send(&transcript("set the passenger side to 24 degrees")).await;
    assert_eq!(raw.event().await["data"]["name"], intent["data"]["name"]);
    raw.send(&frame("intent", &intent["data"])).await;
    let refused = raw.event().await;
    assert_eq!(refused["data"]["code"], "not-served", "{refused}");
    let passenger = "Vehicle.Cabin.HVAC.Station.Row1.Passenger.Temperature";
    let before = scene.signal(passenger).await;
    assert_ne!(before, Some(Variant::F64(24.0)), "nothing was done");

    // The same intent on the socket that acts.
    let mut raw = Raw::connect(&scene, "handle").await;
    raw.send(&frame("intent", &intent["data"])).await;
    let kinds = [raw.event().await, raw.event().await, raw.event().await, raw.event().await];
    assert_eq!(kinds[2]["type"], "handled", "{kinds:?}");
    assert_eq!(scene.signal(passenger).await, Some(Variant::F64(24.0)), "{kinds:?}");
}

#[tokio::test]
async fn an_intent_that_is_wrong_is_refused_by_name() {
    let scene = Scene::set().await;
    let mut raw = Raw::connect(&scene, "handle").await;
    for (intent, named) in [
        (json!({"name": "HassTurnOn"}), "expected <skill id>/<verb-object>"),
        (json!({"name": "org.example.none/do-it"}), "intent org.example.none/do-it is unknown"),
        (
            json!({"name": "org.valetd.climate/set-temperature", "entities": [{"name": "colour", "value": 1}]}),
            "has no slot \"colour\", expected",
        ),
        (
            json!({"name": "org.valetd.climate/set-temperature", "entities": [{"name": "temperature", "value": "warm"}]}),
            "slot temperature expects a number",
        ),
        (json!({"entities": []}), "`name` is missing"),
    ] {
        raw.send(&frame("intent", &intent)).await;
        let error = raw.event().await;
        assert_eq!(error["type"], "error", "{error}");
        assert!(error["data"]["text"].as_str().unwrap().contains(named), "{error}");
    }
    others_are_served(&scene).await;
}

#[tokio::test]
async fn a_text_that_cannot_be_taken_is_an_error_and_the_connection_goes_on() {
    let scene = Scene::set().await;
    let mut raw = Raw::connect(&scene, "handle").await;
    let context = json!({"text": "hi", "context": {"conversation_id": "x".repeat(200)}});
    for (bytes, named) in [
        (transcript(&"a ".repeat(2049)), "4098 bytes"),
        (transcript("  "), "printable"),
        (frame("transcript", &json!({"text": "hallo", "language": "de"})), "\"de\" is not served"),
        (frame("transcript", &json!({"text": 7})), "`text` is missing or of another type"),
        (frame("transcript", &context), "`conversation_id` has 200 bytes"),
    ] {
        raw.send(&bytes).await;
        let error = raw.event().await;
        assert_eq!(error["type"], "error", "{error}");
        assert!(error["data"]["text"].as_str().unwrap().contains(named), "{error}");
    }
    // What nobody here knows is passed over, sound among it.
    raw.send(b"{\"type\":\"audio-chunk\",\"payload_length\":4}\n\0\0\0\0").await;
    raw.send(&transcript("are the doors locked")).await;
    assert_eq!(raw.event().await["type"], "handled-start");
}

#[tokio::test]
async fn what_is_no_frame_is_refused_by_name_and_everyone_else_is_served() {
    let scene = Scene::set().await;
    let before = resident_kib(&scene);
    let megabyte = "x".repeat(1 << 20);
    for (bytes, named) in [
        (
            b"{\"type\":\"transcript\",\"data_length\":1073741824}\n".to_vec(),
            "is 1073741824, expected",
        ),
        (
            b"{\"type\":\"transcript\",\"payload_length\":1073741824}\n".to_vec(),
            "is 1073741824, expected",
        ),
        (b"{\"type\":\"transcript\",\"data_length\":-1}\n".to_vec(), "is -1, expected"),
        (transcript(&megabyte), "`data_length` is 1048"),
        (megabyte.clone().into_bytes(), "a line has more than 16384 bytes"),
        (
            b"{\"type\":\"transcript\",\"data_length\":4}\n\xff\xff\xff\xff".to_vec(),
            "no JSON object",
        ),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "no JSON object"),
    ] {
        let mut raw = Raw::connect(&scene, "handle").await;
        // What comes behind the fault may find a connection that is closed already.
        let _ = raw.0.write_all(&bytes).await;
        let error = raw.event().await;
        assert_eq!(error["data"]["code"], "invalid-frame", "{error}");
        assert!(error["data"]["text"].as_str().unwrap().contains(named), "{error}");
        others_are_served(&scene).await;
    }
    let grown = resident_kib(&scene).saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more");
}

#[tokio::test]
async fn a_frame_cut_anywhere_harms_nobody() {
    let scene = Scene::set().await;
    let bytes = transcript("are the doors locked");
    for cut in 1..bytes.len() {
        let mut raw = Raw::connect(&scene, "handle").await;
        raw.send(&bytes[..cut]).await;
        raw.0.shutdown().await.unwrap();
        let error = raw.event().await;
        assert_eq!(error["data"]["text"], "the stream ends within a frame", "cut at {cut}");
        raw.ends().await;
    }
    others_are_served(&scene).await;
}

#[tokio::test]
async fn of_more_connections_than_a_socket_takes_the_one_that_rests_longest_goes() {
    let scene = Scene::set().await;
    let ping = frame("ping", &json!({"text": "t"}));
    let mut open = Vec::new();
    for _ in 0..64 {
        let mut raw = Raw::connect(&scene, "handle").await;
        raw.send(&ping).await;
        raw.event().await;
        open.push(raw);
    }
    // The first one is spoken to again, so that the second one rests longest.
    open[0].send(&ping).await;
    open[0].event().await;
    let mut one_more = Raw::connect(&scene, "handle").await;
    one_more.send(&ping).await;
    assert_eq!(one_more.event().await["type"], "pong");
    let told = open[1].event().await;
    assert_eq!(told["data"]["code"], "busy", "{told}");
    open.remove(1).ends().await;
    let answers = join_all(open.iter_mut().map(async |raw| {
        raw.send(&transcript("are the doors locked")).await;
        raw.event().await
    }));
    for answer in answers.await {
        let told = answer["type"] == "handled-start" || answer["data"]["code"] == "Busy";
        assert!(told, "answered or told to come back: {answer}");
    }
}

#[tokio::test]
async fn who_takes_nothing_or_stops_within_a_frame_is_sent_away() {
    let scene = Scene::set().await;
    let mut half = Raw::connect(&scene, "handle").await;
    half.send(b"{\"type\":\"transcript\",").await;
    let mut deaf = Raw::connect(&scene, "handle").await;
    // Asks and never reads, until the daemon has no more room for answers and gives it up.
    let asks = async {
        let describe = b"{\"type\":\"describe\"}\n".repeat(500);
        while deaf.0.write_all(&describe).await.is_ok() {}
    };
    let trickles = async {
        let error = half.event().await;
        assert_eq!(error["data"]["code"], "timeout", "{error}");
        half.ends().await;
    };
    tokio::join!(asks, trickles, others_are_served(&scene));
    others_are_served(&scene).await;
}

#[tokio::test]
async fn a_satellite_speaks_for_its_place() {
    let config = format!("{TEMPLATES}[wyoming.satellites]\nright = \"row1-passenger\"\n");
    let scene = Scene::with(|builder| builder.config(&config)).await;
    let said = |satellite: &str| {
        let context = json!({"conversation_id": satellite, "satellite_id": satellite});
        frame(
            "transcript",
            &json!({"text": "set the temperature to 25 degrees", "context": context}),
        )
    };
    for (satellite, side) in [("right", "Passenger"), ("elsewhere", "Driver")] {
        let mut raw = Raw::connect(&scene, "handle").await;
        raw.send(&said(satellite)).await;
        assert_eq!(raw.event().await["type"], "handled-start");
        let seat = format!("Vehicle.Cabin.HVAC.Station.Row1.{side}.Temperature");
        assert_eq!(scene.signal(&seat).await, Some(Variant::F64(25.0)), "{satellite}");
    }
}

#[tokio::test]
async fn the_socket_is_its_owners_and_comes_back_after_a_crash() {
    let scene = Scene::set().await;
    let file = scene.daemon.wyoming("handle");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    scene.daemon.kill().await.unwrap();
    assert!(file.exists(), "nobody had the time to remove it");
    let Scene { bus, daemon, client, assistant } = scene;
    let daemon = daemon.restart().await.unwrap();
    let scene = Scene { bus, daemon, client, assistant };
    others_are_served(&scene).await;
    assert!(scene.daemon.terminate(LIMIT).await.unwrap().success());
    assert!(!file.exists());
}

#[tokio::test]
async fn what_is_said_to_a_socket_is_not_logged() {
    let scene =
        Scene::with(|b| b.config("[understanding]\nencoder = false\n[log]\nlevel = \"debug\"\n"))
            .await;
    let mut raw = Raw::connect(&scene, "handle").await;
    raw.send(&transcript("navigate to the zanzibar clinic")).await;
    raw.event().await;
    raw.send(b"{\"type\":\"zanzibar\xff").await;
    raw.send(b"\n").await;
    others_are_served(&scene).await;
    assert!(
        !scene.daemon.output().to_lowercase().contains("zanzibar"),
        "{}",
        scene.daemon.output()
    );
}
