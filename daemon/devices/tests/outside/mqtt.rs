//! The broker's connection against a real `mosquitto`, with a lamp that is another client.

use rumqttc::{Client, Event, MqttOptions, Packet, QoS, Transport};
use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use tempfile::TempDir;
use valet_core::{
    intent::SkillId,
    ports::broker::{Awaited, Broker, BrokerError, Followed, MqttCommand, Woken},
    wanted::Wanted,
};
use valet_devices::mqtt::{BrokerAddress, BrokerSettings, MqttBroker};

const LIMIT: Duration = Duration::from_secs(10);

/// A broker of the test's own, in a folder of its own.
struct Mosquitto {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Mosquitto {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let process = Self::spawn(folder.path(), port);
        Self { folder, port, process }
    }

    fn spawn(folder: &Path, port: u16) -> Child {
        let config = folder.join("mosquitto.conf");
        let socket = folder.join("socket");
        // A socket that a killed broker left is in the way of the next one.
        let _ = std::fs::remove_file(&socket);
        let user = if rustix::process::geteuid().is_root() { "user root\n" } else { "" };
        let text = format!(
            "{user}allow_anonymous true\nlistener {port} 127.0.0.1\nlistener 0 {}\nlog_dest stderr\nlog_type all\n",
            socket.display()
        );
        std::fs::write(&config, text).expect("written");
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("mosquitto is installed: scripts/setup test");
        let mut process = Command::new(program)
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(process.stderr.take().expect("its output")).lines();
        let running = |line: &std::io::Result<String>| {
            line.as_ref().is_ok_and(|line| line.contains("running"))
        };
        assert!(lines.any(|line| running(&line)), "mosquitto says that it runs");
        std::thread::spawn(move || lines.for_each(drop));
        process
    }

    fn kill(&mut self) {
        self.process.kill().expect("it ends");
        self.process.wait().expect("it ended");
    }

    fn restart(&mut self) {
        self.process = Self::spawn(self.folder.path(), self.port);
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Another client, which hears what comes on a filter.
    fn client(&self, name: &str, filter: &str) -> Other {
        let path = self.socket().display().to_string();
        let mut options = MqttOptions::new(name, path, 1883);
        options.set_transport(Transport::unix());
        let (client, mut connection) = Client::new(options, 64);
        client.subscribe(filter, QoS::AtLeastOnce).expect("asked");
        let (told, heard) = channel();
        let (ready, is_ready) = channel();
        let (took, taken) = channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.send(())),
                    Ok(Event::Incoming(Packet::PubAck(_))) => drop(took.send(())),
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let payload = String::from_utf8_lossy(&message.payload).into_owned();
                        if told.send((message.topic, payload, message.retain)).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        is_ready.recv_timeout(LIMIT).expect("it hears");
        Other { client, heard, taken }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Other {
    client: Client,
    heard: Receiver<(String, String, bool)>,
    taken: Receiver<()>,
}

impl Other {
    /// The broker has it when this returns.
    fn say(&self, topic: &str, payload: &str, retain: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).expect("said");
        self.taken.recv_timeout(LIMIT).expect("taken");
    }

    fn hear(&self) -> (String, String, bool) {
        self.heard.recv_timeout(LIMIT).expect("something comes")
    }

    /// Answers each command on `home/lamp/set` by these messages on `home/lamp/state`.
    fn become_lamp(self, answers: impl Fn(&str) -> Vec<(String, bool)> + Send + 'static) {
        std::thread::spawn(move || {
            while let Ok((_, payload, _)) = self.heard.recv() {
                for (state, retain) in answers(&payload) {
                    self.say("home/lamp/state", &state, retain);
                }
            }
        });
    }
}

fn skill() -> SkillId {
    SkillId::parse("org.example.lamps").expect("an id")
}

/// A connection that follows `home/#` for the skill; what wakes it is told.
fn connect(address: BrokerAddress) -> (MqttBroker, Receiver<Woken>) {
    let (told, woken) = channel();
    let told = std::sync::Mutex::new(told);
    let settings = BrokerSettings { address, user: None, password_file: None };
    let wake = Box::new(move |one| drop(told.lock().expect("unpoisoned").send(one)));
    let broker = MqttBroker::start(settings, wake).expect("a thread");
    let followed = Followed { filters: vec!["home/#".into()], wake: vec!["home/+/config".into()] };
    broker.follow(&skill(), followed);
    (broker, woken)
}

fn command(payload: &str, any_of: &[&str]) -> MqttCommand {
    let any_of = any_of.iter().map(|text| (*text).to_owned()).collect();
    let wanted = Wanted { member: None, any_of };
    let awaited = Awaited { topic: "home/lamp/state".into(), wanted, limit: LIMIT };
    MqttCommand { topic: "home/lamp/set".into(), payload: payload.into(), awaited: Some(awaited) }
}

/// Waits until the connection hears what is said, by a device whose name comes back.
fn until_it_hears(mosquitto: &Mosquitto, woken: &Receiver<Woken>) {
    let device = mosquitto.client("until-it-hears", "nothing");
    device.say("home/x/config", "x", true);
    while woken.recv_timeout(LIMIT).expect("it hears").payload != b"x" {}
}

#[test]
fn a_command_is_done_once_its_effect_was_seen_and_is_never_retained() {
    for by_socket in [true, false] {
        let mosquitto = Mosquitto::start();
        let address = if by_socket {
            BrokerAddress::Unix(mosquitto.socket())
        } else {
            BrokerAddress::Tcp("127.0.0.1".into(), mosquitto.port)
        };
        let lamp = mosquitto.client("lamp", "home/lamp/set");
        // What the broker has kept says what is wanted, and counts for nothing.
        lamp.say("home/lamp/state", "ON", true);
        lamp.become_lamp(|payload| match payload {
            "ON" => vec![("switching".into(), false), ("ON".into(), true)],
            _ => Vec::new(),
        });
        let (broker, woken) = connect(address);
        until_it_hears(&mosquitto, &woken);
        let seen = broker.command(&command("ON", &["ON"])).expect("confirmed").expect("seen");
        assert!(seen.reached, "{seen:?}");
        assert_eq!(seen.text.as_deref(), Some("ON"));
        let later = mosquitto.client("later", "#");
        later.say("marker", "x", false);
        // What was kept comes before it, in any order.
        let kept =
            std::iter::from_fn(|| Some(later.hear()).filter(|(topic, ..)| topic != "marker"));
        let kept: std::collections::BTreeMap<String, bool> =
            kept.map(|(topic, _, retained)| (topic, retained)).collect();
        let expected = ["home/lamp/state", "home/x/config"].map(|t| (t.to_owned(), true));
        assert_eq!(kept, expected.into(), "the command was not kept");
    }
}

#[test]
fn a_state_that_was_kept_is_no_effect() {
    let mosquitto = Mosquitto::start();
    let lamp = mosquitto.client("lamp", "home/lamp/set");
    lamp.say("home/lamp/state", "ON", true);
    let (broker, woken) = connect(BrokerAddress::Unix(mosquitto.socket()));
    until_it_hears(&mosquitto, &woken);
    let last = broker.last(&skill(), "home/lamp/state").expect("connected").expect("kept");
    assert!(last.retained && last.payload == b"ON", "{last:?}");
    let mut deaf = command("ON", &["ON"]);
    deaf.awaited.as_mut().expect("awaited").limit = Duration::from_millis(200);
    assert_eq!(broker.command(&deaf), Ok(None), "the lamp said nothing");
    assert_eq!(lamp.hear().1, "ON", "and was asked");
}

#[test]
fn without_the_broker_nothing_is_sent_and_nothing_is_made_up_for_later() {
    let mut mosquitto = Mosquitto::start();
    let (broker, woken) = connect(BrokerAddress::Unix(mosquitto.socket()));
    until_it_hears(&mosquitto, &woken);
    assert!(broker.last(&skill(), "home/x/config").expect("connected").is_some());
    mosquitto.kill();
    // It may take a moment to be noticed; a command in between is not confirmed.
    let refused = loop {
        match broker.command(&command("lost", &[])) {
            Err(BrokerError::Unconfirmed { .. }) => {}
            other => break other,
        }
    };
    assert_eq!(refused, Err(BrokerError::NotConnected));
    assert_eq!(broker.last(&skill(), "home/x/config"), Err(BrokerError::NotConnected));
    mosquitto.restart();
    let lamp = mosquitto.client("lamp", "home/lamp/set");
    assert!(broker.wait_connected(LIMIT), "it comes back by itself");
    assert_eq!(broker.last(&skill(), "home/x/config"), Ok(None), "what was is forgotten");
    until_it_hears(&mosquitto, &woken);
    let blind = MqttCommand { awaited: None, ..command("first", &[]) };
    assert_eq!(broker.command(&blind), Ok(None));
    assert_eq!(lamp.hear().1, "first", "nothing of before came");
}

#[test]
fn names_come_from_kept_messages_and_wake_whoever_follows_them() {
    let mosquitto = Mosquitto::start();
    let device = mosquitto.client("device", "nothing");
    for name in ["lamp", "door", "oven"] {
        device.say(&format!("home/{name}/config"), name, true);
    }
    device.say("elsewhere/lamp/config", "not followed", true);
    let (broker, woken) = connect(BrokerAddress::Unix(mosquitto.socket()));
    let mut names: Vec<String> = (0..3)
        .map(|_| woken.recv_timeout(LIMIT).expect("it wakes"))
        .map(|one| String::from_utf8(one.payload).expect("text"))
        .collect();
    names.sort();
    assert_eq!(names, ["door", "lamp", "oven"]);
    let topics = broker.topics(&skill(), "home/+/config").expect("connected");
    assert_eq!(topics, ["home/door/config", "home/lamp/config", "home/oven/config"]);
    assert_eq!(broker.topics(&skill(), "elsewhere/#"), Ok(Vec::new()));
    // Following something else later is asked of the broker at once.
    let more = Followed { filters: vec!["elsewhere/#".into()], wake: vec!["elsewhere/#".into()] };
    broker.follow(&skill(), more);
    assert_eq!(woken.recv_timeout(LIMIT).expect("it wakes").payload, b"not followed");
    assert_eq!(broker.topics(&skill(), "home/#"), Ok(Vec::new()), "no longer followed");
}
