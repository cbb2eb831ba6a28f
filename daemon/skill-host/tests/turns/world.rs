//! A small car, its store, alarms and loudspeaker in memory, and the real host around them.

use crate::outdoors::Outdoors;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock, mpsc},
    time::Duration,
};
use valet_core::{
    entity::Value,
    intent::SkillId,
    outcome::{Invoked, Outcome, Planned, SkillFault},
    policy::Policy,
    ports::{Alarm, Alarms, Announcer, Clock, Store, StoreError, Vehicle, VehicleError, WallClock},
    rates::Rates,
    signal::{Class, SignalInfo, SignalKind, SignalPath, SignalType, SignalValue},
    slot::Slot,
    zone::Zone,
};
use valet_package::{Manifest, Sentences, SkillFolder, folder::Asset, sentences::ListedEntity};
use valet_skill_host::{
    CodeSource, HostConfig, Invocation, Outside, Received, Ring, Services, SkillHost,
};

pub(crate) const LAMP: &str = "Vehicle.Cabin.Light.IsDomeOn";
pub(crate) const WINDOW: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";
pub(crate) const DEFROST: &str = "Vehicle.Cabin.HVAC.IsFrontDefrosterActive";
pub(crate) const FAN: &str = "Vehicle.Cabin.HVAC.Fan";
pub(crate) const LOCK: &str = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";
pub(crate) const MEDIA: &str = "Vehicle.Cabin.Infotainment.Media.Action";
pub(crate) const SPEED: &str = "Vehicle.Speed";

const POLICY: &str = r#"
[[class]]
signal = "Vehicle.Cabin.Light.**"
class = "comfort"
[[class]]
signal = "Vehicle.Cabin.HVAC.**"
class = "comfort"
[[class]]
signal = "Vehicle.Cabin.Door.*.*.Window.**"
class = "body"
[[class]]
signal = "Vehicle.Cabin.Door.*.*.IsLocked"
class = "security"
[[class]]
signal = "Vehicle.Cabin.Infotainment.**"
class = "comfort"
[[class-default]]
class = "body"
while-moving = "confirm"
why = "We are driving."
[[rule]]
name = "defrost"
signal = "Vehicle.Cabin.HVAC.IsFrontDefrosterActive"
when = { is = true }
companions = [{ signal = "Vehicle.Cabin.HVAC.Fan", at-least = 40 }]
why = "The windscreen needs air."
[[rule]]
name = "window-speed"
signal = "Vehicle.Cabin.Door.*.*.Window.Position"
max-speed = 140
why = "Too fast."
[[rule]]
name = "lamp"
signal = "Vehicle.Cabin.Light.IsDomeOn"
when = { is = true }
needs = [{ signal = "Vehicle.Cabin.HVAC.IsFrontDefrosterActive", holds = { is = false }, why = "The glass would glare." }]
why = "The glass would glare."
"#;

/// Values, and what was written in order.
#[derive(Default)]
pub(crate) struct Car {
    pub(crate) values: Mutex<BTreeMap<String, SignalValue>>,
    pub(crate) written: Mutex<Vec<(String, SignalValue)>>,
    pub(crate) slow: Mutex<BTreeSet<String>>,
    pub(crate) broken: Mutex<BTreeSet<String>>,
    store: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(crate) alarms: Mutex<Vec<Alarm>>,
    pub(crate) said: Mutex<Vec<String>>,
    pub(crate) outdoors: Arc<Outdoors>,
}

impl Car {
    pub(crate) fn set(&self, path: &str, value: SignalValue) {
        self.values.lock().expect("unpoisoned").insert(path.into(), value);
    }

    pub(crate) fn written(&self) -> Vec<(String, SignalValue)> {
        self.written.lock().expect("unpoisoned").clone()
    }
}

impl Vehicle for Car {
    fn describe(&self, path: &SignalPath) -> Option<SignalInfo> {
        let (data_type, kind) = match path.as_str() {
            LAMP | DEFROST | LOCK => (SignalType::Boolean, SignalKind::Actuator),
            MEDIA => (SignalType::Text, SignalKind::Actuator),
            WINDOW | FAN => (SignalType::Integer, SignalKind::Actuator),
            SPEED => (SignalType::Float, SignalKind::Sensor),
            _ => return None,
        };
        let bounds = (data_type == SignalType::Integer).then_some((0.0, 100.0));
        Some(SignalInfo {
            kind,
            data_type,
            is_array: false,
            unit: String::new(),
            min: bounds.map(|b| b.0),
            max: bounds.map(|b| b.1),
            allowed: Vec::new(),
            momentary: vec!["SKIP_FORWARD".into()],
        })
    }

    fn read(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        Ok(self.values.lock().expect("unpoisoned").get(path.as_str()).cloned())
    }

    fn target(&self, path: &SignalPath) -> Result<Option<SignalValue>, VehicleError> {
        let written = self.written();
        let last = written.into_iter().rev().find(|(name, _)| name == path.as_str());
        let current = Vehicle::read(self, path)?;
        Ok(last.map(|(_, value)| value).filter(|value| Some(value) != current.as_ref()))
    }

    fn write_target(&self, path: &SignalPath, value: &SignalValue) -> Result<(), VehicleError> {
        if self.broken.lock().expect("unpoisoned").contains(path.as_str()) {
            return Err(VehicleError::NoProvider { path: path.clone() });
        }
        self.written.lock().expect("unpoisoned").push((path.to_string(), value.clone()));
        if !self.slow.lock().expect("unpoisoned").contains(path.as_str()) {
            self.set(path.as_str(), value.clone());
        }
        Ok(())
    }

    fn wait_until(
        &self,
        path: &SignalPath,
        _value: &SignalValue,
        _timeout: Duration,
    ) -> Result<Option<SignalValue>, VehicleError> {
        Vehicle::read(self, path)
    }

    fn paths(&self, _prefix: &str) -> Vec<SignalPath> {
        Vec::new()
    }
}

impl Store for Car {
    fn read(&self, _skill: &SkillId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.store.lock().expect("unpoisoned").get(key).cloned())
    }

    fn write(
        &self,
        skill: &SkillId,
        key: &str,
        value: Option<&[u8]>,
        limit: u64,
    ) -> Result<(), StoreError> {
        let mut store = self.store.lock().expect("unpoisoned");
        let others: usize =
            store.iter().filter(|(k, _)| *k != key).map(|(k, v)| k.len() + v.len()).sum();
        let bytes = (others + value.map_or(0, |v| v.len() + key.len())) as u64;
        if bytes > limit {
            return Err(StoreError::Full { skill: skill.clone(), bytes, limit });
        }
        match value {
            Some(value) => store.insert(key.into(), value.into()),
            None => store.remove(key),
        };
        Ok(())
    }

    fn keys(&self, _: &SkillId, prefix: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let store = self.store.lock().expect("unpoisoned");
        Ok(store.keys().filter(|k| k.starts_with(prefix)).take(most).cloned().collect())
    }
}

impl Alarms for Car {
    fn set(&self, skill: &SkillId, alarm: Alarm, limit: u32) -> Result<(), StoreError> {
        let mut alarms = self.alarms.lock().expect("unpoisoned");
        alarms.retain(|a| a.name != alarm.name);
        if alarms.len() >= limit as usize {
            let (bytes, limit) = (alarms.len() as u64 + 1, limit.into());
            return Err(StoreError::Full { skill: skill.clone(), bytes, limit });
        }
        alarms.push(alarm);
        Ok(())
    }

    fn cancel(&self, _skill: &SkillId, name: &str) -> Result<bool, StoreError> {
        let mut alarms = self.alarms.lock().expect("unpoisoned");
        let before = alarms.len();
        alarms.retain(|a| a.name != name);
        Ok(alarms.len() < before)
    }

    fn list(&self, _skill: &SkillId) -> Result<Vec<Alarm>, StoreError> {
        Ok(self.alarms.lock().expect("unpoisoned").clone())
    }
}

impl Clock for Car {
    fn now(&self) -> WallClock {
        WallClock { utc_ms: 1_800_000_000_123, offset_min: 120, trusted: true }
    }
}

impl Announcer for Car {
    fn announce(&self, _skill: &SkillId, speech: &str) {
        self.said.lock().expect("unpoisoned").push(speech.into());
    }
}

/// The host with the probe loaded, and the car it acts on.
pub(crate) struct Bench {
    pub(crate) host: SkillHost,
    pub(crate) car: Arc<Car>,
    pub(crate) cache: tempfile::TempDir,
}

pub(crate) fn probe_id() -> SkillId {
    SkillId::parse("org.example.probe").expect("an id")
}

pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What other cargo calls build (see the Makefile): beside these tests, or above where they are for another machine.
fn built(what: &str, place: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let above = ours.join("..");
    let found = [ours, above].into_iter().map(|target| target.join(place)).find(|p| p.exists());
    found.unwrap_or_else(|| panic!("{what} is not built: run `make skills` first"))
}

/// The compiler, or what `VALET_SKILLC` names where it cannot be started by itself (scripts/test-arm).
pub(crate) fn compiler() -> PathBuf {
    let named = std::env::var_os("VALET_SKILLC").map(PathBuf::from);
    named.unwrap_or_else(|| built("valet-skillc", "debug/valet-skillc"))
}

pub(crate) fn guest(name: &str) -> Vec<u8> {
    let path = built("the test guest", &format!("wasm32-wasip2/guest/{name}.wasm"));
    fs::read(path).expect("readable")
}

/// How many times the time of a desk a turn may take here, as `VALET_SLOWER` says (scripts/test-arm).
pub(crate) fn slower() -> u32 {
    std::env::var("VALET_SLOWER").map_or(1, |times| times.parse().expect("a number"))
}

pub(crate) fn manifest(text: &str) -> Manifest {
    let mut manifest = Manifest::parse("skill.toml", text).expect("a manifest");
    manifest.limits.turn_ms *= u64::from(slower());
    manifest
}

/// The probe's folder as `SkillFolder::read` would give it, around any component.
pub(crate) fn folder(wasm: Vec<u8>) -> SkillFolder {
    let probe = workspace().join("tests/guests/probe");
    let text = fs::read_to_string(probe.join("skill.toml")).expect("readable");
    let words = fs::File::open(probe.join("assets/words.txt")).expect("readable");
    let bytes = words.metadata().expect("its length").len();
    let asset = Asset { file: Arc::new(words), bytes };
    SkillFolder {
        manifest: manifest(&text),
        manifest_sha256: [0; 32],
        sentences: BTreeMap::from([("en".to_owned(), sentences())]),
        wasm_sha256: {
            use sha2::Digest;
            sha2::Sha256::digest(&wasm).into()
        },
        wasm,
        assets: BTreeMap::from([("words.txt".to_owned(), asset)]),
        embeddings: BTreeMap::new(),
        code: None,
    }
}

/// The folder of the guest that reaches outside of the car.
pub(crate) fn outdoors() -> SkillFolder {
    let text = fs::read_to_string(workspace().join("tests/guests/outdoors/skill.toml"));
    let manifest = manifest(&text.expect("readable"));
    SkillFolder { manifest, ..folder(guest("valet_guest_outdoors")) }
}

pub(crate) fn outdoors_id() -> SkillId {
    SkillId::parse("org.example.outdoors").expect("an id")
}

fn sentences() -> Sentences {
    let entities = BTreeMap::from([("lamp".to_owned(), ListedEntity::default())]);
    Sentences { entities, ..Sentences::default() }
}

pub(crate) fn services(car: &Arc<Car>) -> Services {
    let rules = toml::from_str(POLICY).expect("a policy file");
    let policy = Policy::build(vec![("test".into(), rules)]).expect("a policy");
    Services {
        vehicle: car.clone(),
        store: car.clone(),
        alarms: car.clone(),
        clock: car.clone(),
        announcer: car.clone(),
        outside: Outside {
            http: Some(car.outdoors.clone()),
            broker: Some(car.outdoors.clone()),
            peers: Some(car.outdoors.clone()),
            vocabularies: Some(car.outdoors.clone()),
        },
        policy: Arc::new(RwLock::new(Arc::new(policy))),
    }
}

pub(crate) fn empty_bench() -> Bench {
    bench_with(Rates::default(), services)
}

/// A bench without a skill, with these rates and services.
pub(crate) fn bench_with(rates: Rates, services: impl FnOnce(&Arc<Car>) -> Services) -> Bench {
    let cache = tempfile::tempdir().expect("a folder");
    let car = Arc::new(Car::default());
    for (path, value) in [
        (LAMP, SignalValue::Boolean(false)),
        (WINDOW, SignalValue::Integer(0)),
        (DEFROST, SignalValue::Boolean(false)),
        (FAN, SignalValue::Integer(20)),
        (MEDIA, SignalValue::Text("PLAY".into())),
        (LOCK, SignalValue::Boolean(true)),
        (SPEED, SignalValue::Float(0.0)),
        ("Vehicle.CurrentLocation.Latitude", SignalValue::Float(60.17)),
        ("Vehicle.CurrentLocation.Longitude", SignalValue::Float(24.94)),
    ] {
        car.set(path, value);
    }
    let code = CodeSource { cache: cache.path().into(), compiler: Some(compiler()) };
    let mut config = HostConfig { rates, ..HostConfig::new(code) };
    config.max_turn_ms *= u64::from(slower());
    let host = SkillHost::new(config, services(&car)).expect("a host");
    Bench { host, car, cache }
}

pub(crate) fn bench() -> Bench {
    let bench = empty_bench();
    bench.load(folder(guest("valet_guest_probe")));
    bench
}

pub(crate) fn command(intent: &str) -> Invocation {
    Invocation {
        skill: probe_id(),
        intent: intent.into(),
        class: Class::Security,
        slots: Vec::new(),
        settings: vec![("units".into(), Value::Text("celsius".into()))],
        speaker: Zone::PASSENGER,
        language: "en".into(),
        text: Some("secret words".into()),
        confirmed: None,
        guest_confirmed: false,
        budget: Duration::from_secs(1) * slower(),
        observe: Duration::from_millis(250),
    }
}

pub(crate) fn with(mut command: Invocation, slot: &str, value: Value) -> Invocation {
    command.slots.push(Slot::implied(slot, value));
    command
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.into())
}

impl Bench {
    /// Loads a skill, with code that was compiled once for all tests: how code comes to be is for `loading` to try.
    pub(crate) fn load(&self, folder: SkillFolder) {
        /// Name and bytes of the code of each component, by its hash.
        type Compiled = BTreeMap<[u8; 32], (OsString, Vec<u8>)>;
        static COMPILED: Mutex<Compiled> = Mutex::new(BTreeMap::new());
        let mut compiled = COMPILED.lock().expect("unpoisoned");
        let (component, cached) = (folder.wasm_sha256, self.cache.path().join("aot"));
        if let Some((name, code)) = compiled.get(&component) {
            fs::create_dir(&cached).expect("writable");
            let file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(cached.join(name));
            file.and_then(|mut file| file.write_all(code)).expect("writable");
        }
        self.host.load(folder).expect("loads");
        compiled.entry(component).or_insert_with(|| {
            let file = fs::read_dir(&cached).expect("the cache").next().expect("the code");
            let file = file.expect("an entry");
            (file.file_name(), fs::read(file.path()).expect("readable"))
        });
    }

    pub(crate) fn rehearse(&self, command: Invocation, assumed: Vec<Planned>) -> Invoked {
        let (send, receive) = mpsc::channel();
        let done = Box::new(move |invoked| send.send(invoked).expect("somebody waits"));
        self.host.rehearse(command, assumed, done).expect("taken");
        receive.recv().expect("it comes back")
    }

    /// Puts values back for the probe, and what went along with them.
    pub(crate) fn restore(&self, values: Vec<Planned>, along: Vec<Planned>) -> Invoked {
        let (send, receive) = mpsc::channel();
        let done = Box::new(move |invoked| send.send(invoked).expect("somebody waits"));
        let observe = Duration::from_millis(250);
        self.host.restore(probe_id(), values, along, observe, done).expect("taken");
        receive.recv().expect("it comes back")
    }

    pub(crate) fn run(&self, command: Invocation) -> Invoked {
        let (send, receive) = mpsc::channel();
        let done = Box::new(move |invoked| send.send(invoked).expect("somebody waits"));
        self.host.invoke(command, done).expect("taken");
        receive.recv().expect("it comes back")
    }

    pub(crate) fn ring(&self, name: &str) -> Invoked {
        let (send, receive) = mpsc::channel();
        let ring = Ring {
            skill: probe_id(),
            name: name.into(),
            payload: b"The pasta is ready.".to_vec(),
            late_ms: 0,
            language: "en".into(),
            settings: Vec::new(),
            budget: Duration::from_secs(1) * slower(),
        };
        let done = Box::new(move |invoked| send.send(invoked).expect("somebody waits"));
        self.host.ring(ring, done).expect("taken");
        receive.recv().expect("it comes back")
    }

    pub(crate) fn receive(&self, topic: &str, payload: &str) -> Invoked {
        let (send, receive) = mpsc::channel();
        let received = Received {
            skill: outdoors_id(),
            topic: topic.into(),
            payload: payload.into(),
            retained: true,
            language: "en".into(),
            settings: Vec::new(),
            budget: Duration::from_secs(1) * slower(),
        };
        let done = Box::new(move |invoked| send.send(invoked).expect("somebody waits"));
        self.host.receive(received, done).expect("taken");
        receive.recv().expect("it comes back")
    }

    /// The speech of an answer.
    pub(crate) fn answer(&self, command: Invocation) -> String {
        match self.run(command).result {
            Ok(Outcome::Answer(answer)) => answer.speech,
            other => panic!("an answer was expected, {other:?} came"),
        }
    }

    pub(crate) fn fault(&self, intent: &str) -> SkillFault {
        let fault = self.run(command(intent)).result.expect_err("a fault");
        self.host.release(&probe_id()).expect("loaded");
        fault
    }
}
