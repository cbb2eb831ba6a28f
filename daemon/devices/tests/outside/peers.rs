//! Calling peers on a bus of the test's own, with a player that is there and one that could be started.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Sender, channel},
    time::Duration,
};
use tempfile::TempDir;
use valet_core::{
    capability::dbus::{BusKind, PeerInterface},
    ports::peers::{PeerBasic, PeerCall, PeerError, PeerItem, PeerValue, Peers, WatchedProperty},
    wanted::Wanted,
};
use valet_devices::peers::{BusPlace, DbusPeers, PeerSettings};
use zbus::{OwnedVariant, Variant, interface, object_server::SignalEmitter};

const LIMIT: Duration = Duration::from_secs(5);
const NAME: &str = "org.mpris.MediaPlayer2.test";
const PATH: &str = "/org/mpris/MediaPlayer2";

/// A bus of the test's own. Whoever is started on it leaves a file.
struct Bus {
    folder: TempDir,
    process: Child,
}

impl Bus {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        let started = folder.path().join("started");
        let service = format!(
            "[D-BUS Service]\nName=org.mpris.MediaPlayer2.asleep\nExec=/usr/bin/touch {}\n",
            started.display()
        );
        std::fs::write(folder.path().join("asleep.service"), service).expect("written");
        let config = format!(
            "<busconfig><type>session</type><listen>unix:path={at}/bus</listen><servicedir>{at}</servicedir>\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>"
        );
        std::fs::write(folder.path().join("bus.conf"), config).expect("written");
        let process = Self::spawn(&folder);
        Self { folder, process }
    }

    fn spawn(folder: &TempDir) -> Child {
        let config = folder.path().join("bus.conf");
        let mut process = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("it says where it is");
        assert!(line.starts_with("unix:path="), "{line}");
        process
    }

    fn stop(&mut self) {
        // It may have been stopped by the test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn address(&self) -> String {
        format!("unix:path={}/bus", self.folder.path().display())
    }

    fn peers(&self) -> DbusPeers {
        let session = BusPlace::At(self.address());
        DbusPeers::start(PeerSettings { session, system: BusPlace::Off }).expect("a thread")
    }

    /// A player that plays, pauses and skips, on a thread of its own until the value is dropped.
    fn player(&self, silent: bool) -> Sender<()> {
        let (stop, stopped) = channel::<()>();
        let (ready, is_ready) = channel();
        let address = self.address();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let player = Player { playing: false, track: 1, silent };
                let built = zbus::connection::Builder::address(address.as_str())
                    .serve_at(PATH, player)
                    .name(NAME)
                    .build()
                    .await;
                let connection = built.expect("on the bus");
                ready.send(()).expect("somebody waits");
                tokio::task::spawn_blocking(move || stopped.recv()).await.expect("it ended").ok();
                drop(connection);
            });
        });
        is_ready.recv_timeout(LIMIT).expect("it is there");
        stop
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Player {
    playing: bool,
    track: u32,
    /// It changes without a word.
    silent: bool,
}

#[interface(name = "org.mpris.MediaPlayer2.Player")]
impl Player {
    async fn play(&mut self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.playing = true;
        if !self.silent {
            self.playback_status_changed(&emitter).await.expect("said");
        }
    }

    async fn pause(&mut self) {}

    async fn next(&mut self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.track += 1;
        self.metadata_changed(&emitter).await.expect("said");
    }

    async fn fail(&self) -> zbus::fdo::Result<()> {
        Err(zbus::fdo::Error::AccessDenied("no".into()))
    }

    async fn hang(&self) {
        std::future::pending::<()>().await;
    }

    async fn echo(
        &self,
        number: i64,
        texts: Vec<String>,
        all: std::collections::HashMap<String, OwnedVariant>,
    ) -> (i64, Vec<String>, std::collections::HashMap<String, OwnedVariant>) {
        (number, texts, all)
    }

    async fn nest(&self) -> Vec<Vec<i32>> {
        vec![vec![1]]
    }

    #[zbus(property)]
    async fn playback_status(&self) -> &str {
        if self.playing { "Playing" } else { "Paused" }
    }

    #[zbus(property)]
    async fn metadata(&self) -> std::collections::HashMap<String, OwnedVariant> {
        let owned = |value: Variant<'static>| OwnedVariant::try_from(value).expect("no descriptor");
        [
            ("xesam:title".to_owned(), owned(Variant::from(format!("Track {}", self.track)))),
            ("xesam:artist".to_owned(), owned(Variant::from(vec!["Ann".to_owned()]))),
            ("mpris:length".to_owned(), owned(Variant::from(180_000_000_i64))),
        ]
        .into()
    }
}

fn peer(name: &str) -> PeerInterface {
    PeerInterface::new(BusKind::Session, name, PATH, "org.mpris.MediaPlayer2.Player")
        .expect("a peer")
}

fn call(member: &str) -> PeerCall {
    let (member, arguments) = (member.to_owned(), Vec::new());
    PeerCall { peer: peer(NAME), member, arguments, watched: None, limit: LIMIT }
}

fn watching(member: &str, property: &str, any_of: &[&str], limit: Duration) -> PeerCall {
    let any_of = any_of.iter().map(|text| (*text).to_owned()).collect();
    let wanted = Wanted { member: None, any_of };
    let watched = WatchedProperty { property: property.to_owned(), wanted, limit };
    PeerCall { watched: Some(watched), ..call(member) }
}

fn text(text: &str) -> PeerValue {
    PeerValue::Item(PeerItem::Basic(PeerBasic::Text(text.to_owned())))
}

#[test]
fn who_is_there_is_seen_and_what_plays_is_read() {
    let bus = Bus::start();
    let _player = bus.player(false);
    let peers = bus.peers();
    let names = peers.names(BusKind::Session, "org.mpris.MediaPlayer2.*", LIMIT).expect("a bus");
    assert_eq!(names, [NAME]);
    let Ok(PeerValue::Dictionary(metadata)) = peers.property(&peer(NAME), "Metadata", LIMIT) else {
        panic!("a dictionary is expected");
    };
    let item = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, item)| item);
    assert_eq!(item("xesam:artist"), Some(&PeerItem::List(vec![PeerBasic::Text("Ann".into())])));
    assert_eq!(item("mpris:length"), Some(&PeerItem::Basic(PeerBasic::Int64(180_000_000))));
    let off = peers.names(BusKind::System, "org.example.*", LIMIT);
    assert_eq!(off, Err(PeerError::NotAvailable { bus: "system" }));
}

#[test]
fn a_call_is_done_once_its_property_says_so() {
    for silent in [false, true] {
        let bus = Bus::start();
        let _player = bus.player(silent);
        let peers = bus.peers();
        let played = watching("Play", "PlaybackStatus", &["Playing"], LIMIT);
        let answer = peers.call(&played).expect("it answers");
        assert!(answer.reached && answer.values.is_empty(), "{answer:?}");
        assert_eq!(answer.observed, Some(text("Playing")));
        // The player takes this call and does nothing.
        let short = Duration::from_millis(100);
        let paused = watching("Pause", "PlaybackStatus", &["Paused"], short);
        let answer = peers.call(&paused).expect("it answers");
        assert!(!answer.reached, "{answer:?}");
        assert_eq!(answer.observed, Some(text("Playing")), "as it is");
        // Any other value than before.
        let next = watching("Next", "Metadata", &[], LIMIT);
        assert!(peers.call(&next).expect("it answers").reached);
        let stays = watching("Pause", "Metadata", &[], short);
        assert!(!peers.call(&stays).expect("it answers").reached);
    }
}

#[test]
fn values_go_there_and_back() {
    let bus = Bus::start();
    let _player = bus.player(false);
    let arguments = vec![
        PeerValue::Item(PeerItem::Basic(PeerBasic::Int64(-7))),
        PeerValue::Item(PeerItem::List(vec![PeerBasic::Text("a".into())])),
        PeerValue::Dictionary(vec![("k".into(), PeerItem::Basic(PeerBasic::Boolean(true)))]),
    ];
    let peers = bus.peers();
    let answer = peers.call(&PeerCall { arguments: arguments.clone(), ..call("Echo") });
    assert_eq!(answer.expect("it answers").values, arguments);
    for (member, why) in [("Nest", "aai"), ("Fail", "AccessDenied"), ("Missing", "UnknownMethod")] {
        let error = peers.call(&call(member)).expect_err("refused");
        assert!(matches!(error, PeerError::Refused { .. }), "{member}: {error:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn nobody_is_started_and_nobody_is_waited_for_longer_than_asked() {
    let bus = Bus::start();
    let peers = bus.peers();
    let asleep = PeerCall { peer: peer("org.mpris.MediaPlayer2.asleep"), ..call("Play") };
    let called = peers.call(&asleep);
    assert!(matches!(called, Err(PeerError::NoPeer { .. })), "{called:?}");
    let read = peers.property(&asleep.peer, "Metadata", LIMIT);
    assert!(matches!(read, Err(PeerError::NoPeer { .. })), "{read:?}");
    let watched = PeerCall { peer: asleep.peer, ..watching("Play", "Metadata", &[], LIMIT) };
    assert!(matches!(peers.call(&watched), Err(PeerError::NoPeer { .. })));
    assert!(!bus.folder.path().join("started").exists(), "it was not started");
    let _player = bus.player(false);
    let late = peers.call(&PeerCall { limit: Duration::from_millis(50), ..call("Hang") });
    assert!(matches!(late, Err(PeerError::TimedOut { .. })), "{late:?}");
    // Others are served meanwhile and after.
    assert!(peers.property(&peer(NAME), "PlaybackStatus", LIMIT).is_ok());
}

#[test]
fn a_bus_that_comes_back_is_connected_to_anew() {
    let mut bus = Bus::start();
    let peers = bus.peers();
    let all = || peers.names(BusKind::Session, "org.mpris.MediaPlayer2.*", LIMIT);
    assert_eq!(all(), Ok(Vec::new()));
    bus.stop();
    // It may take a moment to be noticed.
    while all().is_ok() {}
    assert_eq!(all(), Err(PeerError::NotAvailable { bus: "session" }));
    bus.process = Bus::spawn(&bus.folder);
    let _player = bus.player(false);
    assert_eq!(all(), Ok(vec![NAME.to_owned()]));
}
