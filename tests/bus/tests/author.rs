//! The way of an author, as the guide for skill authors has it: from nothing to a skill that is installed on a device.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use valet_bus::Dict;
use valet_bus_tests::{Scene, Shop, ask, installed};
use valet_testkit::{Skills, built, models, text};

/// A folder of an author, whose cargo keeps what it built for the next test.
struct Desk {
    folder: tempfile::TempDir,
    target: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let target = built("valetctl").unwrap().ancestors().nth(2).unwrap().join("tmp/author");
        Self { folder: tempfile::tempdir().unwrap(), target }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `valetctl skill` with arguments: its exit code, and what it printed.
    fn skill(&self, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(built("valetctl").unwrap())
            .current_dir(self.folder.path())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("XDG_CACHE_HOME", self.target.join("cache"))
            .env("NO_COLOR", "1")
            .arg("skill")
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code().unwrap(), said + &String::from_utf8_lossy(&output.stderr))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.skill(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    /// Begins a skill that builds with the versions that this repository is locked to.
    fn begin(&self, name: &str) {
        self.done(&["new", name, "--id", &format!("org.example.{name}")]);
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        fs::copy(lock, self.path(name).join("Cargo.lock")).unwrap();
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let before = fs::read_to_string(&path).unwrap();
        assert!(before.contains(from), "{file} has no {from:?}");
        fs::write(path, before.replacen(from, to, 1)).unwrap();
    }
}

fn words(result: &Dict) -> String {
    text(result, "speech").to_owned()
}

#[tokio::test]
async fn a_new_skill_builds_keeps_its_promises_and_is_installed_as_the_guide_says() {
    let desk = Desk::new();
    desk.begin("reading");
    let models = models().unwrap().display().to_string();
    desk.done(&["build", "reading"]);
    let said = desk.done(&["test", "reading", "--models", &models]);
    assert!(said.contains("7 of 7 tests are right"), "{said}");
    assert!(said.contains("6 of 6 intents are found by free speech alone"), "{said}");
    desk.change("reading/tests.toml", "IsDomeOn\" = true", "IsDomeOn\" = false");
    let (code, said) = desk.skill(&["test", "reading", "--models", "/nonexistent"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("IsDomeOn = false was not written"), "{said}");
    assert!(said.contains("no encoder is here"), "{said}");
    desk.done(&["check", "reading"]);
    desk.done(&["key", "me", "--no-password"]);
    desk.done(&["pack", "reading", "-o", "reading.valet"]);
    desk.done(&["sign", "reading.valet", "--key", "me.key"]);
    let shop = Shop::open();
    let public = fs::read_to_string(desk.path("me.pub")).unwrap();
    let key = public.lines().last().unwrap().to_owned();
    trust(&shop, &key);
    let scene = Scene::with(|builder| shop.trusted_by(builder.skills(Skills::None))).await;
    let (code, said) =
        desk.skill(&["install", "reading.valet", "--grant-all", "--address", &scene.bus.address()]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        installed(&scene.client, "org.example.reading").await.state().await.unwrap(),
        "ready"
    );
    let result = ask(&scene.assistant, "turn on the reading light").await;
    assert_eq!(words(&result), "The reading light is on.");
}

/// Lets the device trust a key, as root does with an editor.
fn trust(shop: &Shop, key: &str) {
    let file = shop.trust.path().join("me.toml");
    let text = format!(
        "schema = 1\nname = \"Me\"\nkey = \"{key}\"\nnamespaces = [\"org.example.**\"]\nhighest-class = \"comfort\"\n"
    );
    fs::write(&file, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(file, mode).unwrap();
}

#[test]
fn what_is_no_skill_and_what_is_there_already_is_refused_with_what_to_do() {
    let desk = Desk::new();
    // A name of its own: all desks build in one folder, where cargo takes projects of one name for the same.
    desk.begin("broken");
    for (arguments, code, expected) in [
        (&["new", "broken"][..], 2, "choose another folder"),
        (&["new", "x", "--id", "No Id"], 2, "--id"),
        (&["build", "."], 1, "valetctl skill new"),
        (&["test", "nowhere"], 1, "valetctl skill new"),
    ] {
        let (got, said) = desk.skill(arguments);
        assert_eq!(got, code, "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    desk.change("broken/src/lib.rs", "fn handle", "fn handel");
    let (code, said) = desk.skill(&["build", "broken"]);
    assert_eq!(code, 1);
    assert!(said.contains("handel") && said.contains("cargo could not build it"), "{said}");
}

#[tokio::test]
async fn a_skill_under_work_is_rebuilt_reloaded_and_tried_at_each_change() {
    let desk = Desk::new();
    desk.begin("lamp");
    let mut dev = Command::new(built("valetctl").unwrap());
    dev.current_dir(desk.folder.path())
        .env("CARGO_TARGET_DIR", &desk.target)
        .env("XDG_CACHE_HOME", desk.target.join("cache"))
        .args(["skill", "dev", "lamp", "--models", "/nonexistent"]);
    let dev = valet_testkit::Watched::spawn(&mut dev).unwrap();
    dev.line("waiting for changes").await.unwrap();
    assert!(
        dev.output().contains("4 of 7 tests are right"),
        "templates know four: {}",
        dev.output()
    );
    desk.change("lamp/src/lib.rs", "!= Some(\"off\")", "== Some(\"off\")");
    dev.line("IsDomeOn = false was not written").await.unwrap();
    dev.line("Cabin.Light.IsDomeOn  allow").await.unwrap();
    assert!(dev.output().matches("Finished").count() >= 2, "it was built again: {}", dev.output());
}

#[test]
fn reports_are_json_with_stable_keys() {
    let desk = Desk::new();
    desk.begin("reading");
    // Without an encoder free speech is not understood, and its tests fail.
    let (code, said) = desk.skill(&["test", "reading", "--models", "/nonexistent", "--json"]);
    assert_eq!(code, 1, "{said}");
    let start = said.find('{').unwrap();
    let mut documents = serde_json::Deserializer::from_str(&said[start..]).into_iter();
    let report: Value = documents.next().unwrap().unwrap();
    assert_eq!(report["id"], "org.example.reading");
    assert_eq!(report["tests"], 7);
    assert_eq!(report["failed"].as_array().unwrap().len(), 3);
    assert_eq!(report["encoder"], false);
    assert!(report["untested"].as_array().unwrap().is_empty());
}
