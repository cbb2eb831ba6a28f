//! Skills on the bus: inspected, installed, updated, taken back, removed; what holds after a restart, and what is refused.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs,
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
};
use valet_bus::{
    Dict,
    proxies::{Options, SkillsProxy},
};
use valet_bus_tests::{Release, Scene, Shop, install, install_with, installed};
use valet_testkit::{Daemon, Packed, Skills, dicts, error_name, none, text, until, within};
use zbus::{Connection, Variant};

const LAMP: &str = "org.example.lamp";
const PLACE: &str = "where is the lamp";
const COUNT: &str = "count the lamps";
const BREAK: &str = "break the lamp";

/// A daemon without skills of its own, and a shop that it trusts.
async fn scene(shop: &Shop) -> Scene {
    Scene::with(|builder| shop.trusted_by(builder.skills(Skills::None))).await
}

fn texts(dict: &Dict, key: &str) -> Vec<String> {
    dict.get(key).map(|value| Vec::<String>::try_from(value.clone()).unwrap()).unwrap_or_default()
}

/// Installs and finds nothing wrong.
async fn put(scene: &Scene, packed: &Packed, grants: &[&str]) -> Dict {
    let (code, result) = install(&scene.client, packed, grants).await.unwrap();
    assert_eq!(code, 0, "{result:?}");
    result
}

/// Installs and gives the error with which it ended, and its words.
async fn refused(client: &Connection, packed: &Packed, grants: &[&str]) -> (String, String) {
    let (code, result) = install(client, packed, grants).await.unwrap();
    assert_eq!(code, 2, "{result:?}");
    (
        text(&result, "error").trim_start_matches("org.valetd.Error.").to_owned(),
        text(&result, "message").to_owned(),
    )
}

async fn version(scene: &Scene) -> String {
    installed(&scene.client, LAMP).await.skill_version().await.unwrap()
}

async fn skills(scene: &Scene) -> SkillsProxy<'static> {
    SkillsProxy::new(&scene.client).await.unwrap()
}

async fn understood(scene: &Scene, sentence: &str) -> bool {
    !within("Parse", scene.assistant.parse(sentence, none())).await.unwrap().is_empty()
}

fn folders(daemon: &Daemon, id: &str) -> Vec<PathBuf> {
    let folder = daemon.state_folder().join("skills").join(id);
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[tokio::test]
async fn an_installed_skill_is_understood_and_touches_only_what_it_was_granted() {
    let shop = Shop::open();
    let scene = scene(&shop).await;
    let mut ready = skills(&scene).await.receive_skills_ready().await.unwrap();
    assert!(!understood(&scene, PLACE).await);
    let result = put(&scene, &shop.sells(&Release::of(1)), &["store:4096"]).await;
    assert_eq!(texts(&result, "granted"), ["store:4096"]);
    assert_eq!(
        texts(&result, "missing"),
        ["vehicle-read:Vehicle.Speed", "alarms:2", "announce:*", "location:*"]
    );
    let said = until("SkillsReady", &mut ready, Some).await;
    let said = said.args().unwrap();
    assert_eq!((said.generation, said.skills), (2, vec![LAMP.to_owned()]));
    let skill = installed(&scene.client, LAMP).await;
    assert_eq!(skill.signer().await.unwrap(), shop.author.key());
    assert_eq!(skill.state().await.unwrap(), "ready");
    assert!(!scene.assistant.tainted().await.unwrap());
    let without = scene.ask(PLACE).await;
    assert_eq!(text(&without, "type"), "error", "it may not know the place: {without:?}");
    let noted = scene.ask("note the lamp").await;
    assert_eq!(text(&noted, "type"), "answer", "{noted:?}");
    skill.grant(&["location:*"], none()).await.unwrap();
    let with = scene.ask(PLACE).await;
    assert_eq!(text(&with, "type"), "answer", "{with:?}");
    skill.revoke(&["location:*"], none()).await.unwrap();
    assert_eq!(text(&scene.ask(PLACE).await, "type"), "error");
    assert_eq!(skill.granted().await.unwrap(), ["store:4096"]);
}

#[tokio::test]
async fn inspection_says_what_a_package_is_and_what_it_would_change() {
    let shop = Shop::open();
    let scene = Scene::with(|builder| shop.trusted_by(builder)).await;
    put(&scene, &shop.sells(&Release::of(1)), &["store:4096"]).await;
    let update = Release::of(2)
        .saying("count", "stop")
        .saying("nothing", "open the sunroof")
        .asking("vehicle-actuate = [\"Vehicle.Cabin.Door.**\"]\n");
    let packed = shop.sells(&update);
    let inspect = async |packed: &Packed| {
        let file = packed.file().unwrap();
        within("Inspect", skills(&scene).await.inspect((&file).into(), none())).await.unwrap()
    };
    let facts = inspect(&packed).await;
    assert_eq!(text(&facts, "id"), LAMP);
    assert_eq!(text(&facts, "direction"), "update");
    assert_eq!(text(&facts, "installed-version"), "1.0.0");
    assert_eq!(texts(&facts, "signers"), [shop.author.key()]);
    assert_eq!(texts(&facts, "new-requests"), ["vehicle-actuate:Vehicle.Cabin.Door.**"]);
    assert_eq!(
        texts(&facts, "security"),
        ["vehicle-actuate:Vehicle.Cabin.Door.**"],
        "doors have locks"
    );
    assert_eq!(texts(&facts, "granted"), ["store:4096"]);
    assert!(matches!(*facts["trusted"], Variant::Bool(true)), "{facts:?}");
    let hash = Vec::<u8>::try_from(facts["manifest-sha256"].clone()).unwrap();
    assert_eq!(hash, packed.manifest_sha256);
    let collisions: Vec<(String, String)> = dicts(&facts, "collisions")
        .iter()
        .map(|one| (text(one, "text").to_owned(), text(one, "with").to_owned()))
        .collect();
    assert!(collisions.contains(&("stop".to_owned(), "dialogue".to_owned())), "{collisions:?}");
    assert!(
        collisions
            .iter()
            .any(|(said, with)| said == "open the sunroof" && with.starts_with("org.valetd.body/")),
        "{collisions:?}"
    );
    let unsigned = inspect(&Release::of(3).packed()).await;
    assert!(matches!(*unsigned["installable"], Variant::Bool(false)));
    assert!(text(&unsigned, "why").contains("nobody signed it"), "{unsigned:?}");
    assert_eq!(version(&scene).await, "1.0.0", "looking changes nothing");
}

#[tokio::test]
async fn an_update_keeps_the_grants_and_the_data_and_says_what_it_lacks() {
    let shop = Shop::open();
    let scene = scene(&shop).await;
    put(&scene, &shop.sells(&Release::of(1)), &["store:4096"]).await;
    assert!(text(&scene.ask("note the lamp").await, "speech").contains("k"), "something is stored");
    let update = Release::of(2)
        .saying("count", COUNT)
        .asking("vehicle-actuate = [\"Vehicle.Cabin.Light.**\"]\n");
    let result = put(&scene, &shop.sells(&update), &[]).await;
    assert_eq!(texts(&result, "granted"), ["store:4096"]);
    assert!(
        texts(&result, "missing").contains(&"vehicle-actuate:Vehicle.Cabin.Light.**".to_owned())
    );
    assert_eq!(version(&scene).await, "2.0.0");
    assert!(understood(&scene, COUNT).await);
    assert_eq!(folders(&scene.daemon, LAMP).len(), 2, "the one before is kept");
    put(&scene, &shop.sells(&Release::of(3)), &[]).await;
    assert_eq!(folders(&scene.daemon, LAMP).len(), 2, "and no older one");
    assert!(!understood(&scene, COUNT).await);
}

#[tokio::test]
async fn the_same_package_again_changes_nothing_but_grants_and_another_of_its_counter_is_refused() {
    let shop = Shop::open();
    let scene = scene(&shop).await;
    let packed = shop.sells(&Release::of(4));
    put(&scene, &packed, &[]).await;
    let again = put(&scene, &packed, &["location:*"]).await;
    assert!(matches!(*again["unchanged"], Variant::Bool(true)), "{again:?}");
    assert_eq!(texts(&again, "granted"), ["location:*"]);
    let other = shop.sells(&Release::of(4).saying("count", COUNT));
    let (name, why) = refused(&scene.client, &other, &[]).await;
    assert_eq!(name, "Conflict");
    assert!(why.contains("counter 4"), "{why}");
}

#[tokio::test]
async fn an_older_version_comes_in_only_when_asked_for_and_removal_does_not_forget_how_new_it_was()
{
    let shop = Shop::open();
    let scene = scene(&shop).await;
    put(&scene, &shop.sells(&Release::of(5)), &[]).await;
    let older = shop.sells(&Release::of(3));
    assert_eq!(refused(&scene.client, &older, &[]).await.0, "Conflict");
    skills(&scene).await.remove(LAMP, none()).await.unwrap();
    assert!(folders(&scene.daemon, LAMP).is_empty());
    assert_eq!(refused(&scene.client, &older, &[]).await.0, "Conflict");
    let options = Options::from([("allow-downgrade", Variant::from(true))]);
    let (code, result) = install_with(&scene.client, &older, &[], options).await.unwrap();
    assert_eq!(code, 0, "{result:?}");
    assert_eq!(version(&scene).await, "3.0.0");
}

#[tokio::test]
async fn rollback_goes_back_and_forth_and_removal_leaves_nothing() {
    let shop = Shop::open();
    let scene = scene(&shop).await;
    put(&scene, &shop.sells(&Release::of(1)), &["store:4096"]).await;
    let skills = skills(&scene).await;
    let none_before = skills.rollback(LAMP, none()).await;
    assert_eq!(error_name(&none_before), "org.valetd.Error.Conflict");
    put(&scene, &shop.sells(&Release::of(2).saying("count", COUNT)), &[]).await;
    within("Rollback", skills.rollback(LAMP, none())).await.unwrap();
    assert_eq!(version(&scene).await, "1.0.0");
    assert!(!understood(&scene, COUNT).await);
    within("Rollback", skills.rollback(LAMP, none())).await.unwrap();
    assert_eq!(version(&scene).await, "2.0.0");
    assert!(understood(&scene, COUNT).await);
    within("Remove", skills.remove(LAMP, none())).await.unwrap();
    assert!(!understood(&scene, PLACE).await);
    assert!(folders(&scene.daemon, LAMP).is_empty());
    let gone = skills.remove(LAMP, none()).await;
    assert_eq!(error_name(&gone), "org.valetd.Error.UnknownSkill");
    put(&scene, &shop.sells(&Release::of(2)), &["store:4096"]).await;
    let noted = scene.ask("note the lamp").await;
    assert!(text(&noted, "speech").starts_with("0 "), "its data went with it: {noted:?}");
}

#[tokio::test]
async fn a_skill_of_the_image_is_updated_and_removal_goes_back_to_it() {
    let shop = Shop::open();
    let image = tempfile::tempdir().unwrap();
    let folder = Release::of(1).folder();
    fs::rename(folder.path(), image.path().join(LAMP)).unwrap();
    let of_image = Skills::Folder(image.path().to_owned());
    let scene = Scene::with(|builder| shop.trusted_by(builder.skills(of_image))).await;
    assert_eq!(installed(&scene.client, LAMP).await.signer().await.unwrap(), "image");
    let skills = skills(&scene).await;
    let of_image = skills.remove(LAMP, none()).await;
    assert_eq!(error_name(&of_image), "org.valetd.Error.Conflict");
    put(&scene, &shop.sells(&Release::of(2)), &[]).await;
    assert_eq!(version(&scene).await, "2.0.0");
    assert_eq!(text(&scene.ask(PLACE).await, "type"), "answer", "it may what the image's might");
    within("Remove", skills.remove(LAMP, none())).await.unwrap();
    assert_eq!(version(&scene).await, "1.0.0");
    assert_eq!(installed(&scene.client, LAMP).await.signer().await.unwrap(), "image");
    assert!(understood(&scene, PLACE).await);
}

#[tokio::test]
async fn a_new_version_that_breaks_three_times_goes_back_by_itself_and_says_why() {
    let shop = Shop::open();
    let mut scene = scene(&shop).await;
    put(&scene, &shop.sells(&Release::of(1)), &[]).await;
    put(&scene, &shop.sells(&Release::of(2).saying("panic", BREAK)), &[]).await;
    let mut ready = skills(&scene).await.receive_skills_ready().await.unwrap();
    for _ in 0..3 {
        scene.ask(BREAK).await;
    }
    until("SkillsReady", &mut ready, Some).await;
    let skill = installed(&scene.client, LAMP).await;
    assert_eq!(skill.skill_version().await.unwrap(), "1.0.0");
    assert_eq!(skill.state().await.unwrap(), "ready");
    let why = skill.last_error().await.unwrap();
    assert!(why.contains("went back") && why.contains("unreachable"), "{why}");
    assert_eq!(folders(&scene.daemon, LAMP).len(), 1, "the broken one is gone");
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert_eq!(version(&scene).await, "1.0.0");
}

#[tokio::test]
async fn a_version_that_worked_for_ten_turns_is_quarantined_like_any_other() {
    let shop = Shop::open();
    let scene = scene(&shop).await;
    put(&scene, &shop.sells(&Release::of(1)), &[]).await;
    let update = Release::of(2).saying("panic", BREAK).saying("nothing", "do nothing");
    put(&scene, &shop.sells(&update), &[]).await;
    for _ in 0..10 {
        scene.ask("do nothing").await;
    }
    for _ in 0..3 {
        scene.ask(BREAK).await;
    }
    let skill = installed(&scene.client, LAMP).await;
    assert_eq!(skill.skill_version().await.unwrap(), "2.0.0");
    assert_eq!(skill.state().await.unwrap(), "quarantined");
}

#[tokio::test]
async fn what_is_installed_is_there_after_a_kill_and_what_was_revoked_is_not() {
    let shop = Shop::open();
    // It is killed more often within a minute than it takes to leave alone what was installed.
    let config = "[understanding]\nencoder = false\n[recovery]\nsafe-mode-after = 0\n";
    let mut scene = Scene::with(|b| shop.trusted_by(b.skills(Skills::None)).config(config)).await;
    put(&scene, &shop.sells(&Release::of(7)), &["location:*"]).await;
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert_eq!(text(&scene.ask(PLACE).await, "type"), "answer");
    let list = "schema = 1\nserial = 2\n[[skills]]\nid = \"org.example.lamp\"\nup-to-counter = 7\n";
    shop.author.revoke_in(shop.trust.path(), list).unwrap();
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert!(!understood(&scene, PLACE).await);
    let reasons = scene.assistant.state_reasons().await.unwrap();
    assert!(reasons.iter().any(|why| why.contains("revoked")), "{reasons:?}");
    // An older list in its place, or none, brings nothing back.
    shop.author.revoke_in(shop.trust.path(), "schema = 1\nserial = 1\n").unwrap();
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert!(!understood(&scene, PLACE).await);
    let (name, why) = refused(&scene.client, &shop.sells(&Release::of(8)), &[]).await;
    assert_eq!(name, "BadSignature");
    assert!(why.contains("older one"), "{why}");
    shop.author.revoke_in(shop.trust.path(), &list.replace("serial = 2", "serial = 3")).unwrap();
    assert_eq!(refused(&scene.client, &shop.sells(&Release::of(7)), &[]).await.0, "BadSignature");
    put(&scene, &shop.sells(&Release::of(8)), &[]).await;
    assert!(understood(&scene, PLACE).await);
}

#[tokio::test]
async fn a_version_that_the_disk_spoilt_gives_way_to_the_one_before() {
    let shop = Shop::open();
    let mut scene = scene(&shop).await;
    put(&scene, &shop.sells(&Release::of(1)), &[]).await;
    let newer = shop.sells(&Release::of(2).saying("count", COUNT));
    put(&scene, &newer, &[]).await;
    let folder = folders(&scene.daemon, LAMP).pop().unwrap();
    let component = folder.join("skill.wasm");
    let mut bytes = fs::read(&component).unwrap();
    bytes[5000] ^= 1;
    fs::write(&component, bytes).unwrap();
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert_eq!(version(&scene).await, "1.0.0");
    assert_eq!(text(&scene.ask(PLACE).await, "type"), "error", "understood, without a grant");
    let reasons = scene.assistant.state_reasons().await.unwrap();
    assert!(
        reasons.iter().any(|why| why.contains("skill.wasm") && why.contains("hash")),
        "{reasons:?}"
    );
    put(&scene, &newer, &[]).await;
    assert_eq!(version(&scene).await, "2.0.0", "installed again it is mended");
    assert_eq!(scene.assistant.state().await.unwrap(), "ready");
}

#[tokio::test]
async fn nobody_trusted_means_no_installation_but_for_developers_who_are_told() {
    let shop = Shop::open();
    let strange = Shop::open();
    let mut scene = scene(&shop).await;
    let unsigned = Release::of(1).packed();
    let foreign = strange.sells(&Release::of(1));
    for (packed, expected) in [(&unsigned, "nobody signed it"), (&foreign, "does not trust")] {
        let (name, why) = refused(&scene.client, packed, &[]).await;
        assert_eq!(name, "BadSignature");
        assert!(why.contains(expected), "{why}");
    }
    let config = "[understanding]\nencoder = false\n[skills]\ndeveloper-mode = true\n";
    scene.daemon.kill().await.unwrap();
    scene.daemon = scene.daemon.again(|builder| builder.config(config)).await.unwrap();
    assert_eq!(
        refused(&scene.client, &unsigned, &[]).await.0,
        "BadSignature",
        "the guest has class body"
    );
    let comfort = comfort_only();
    put(&scene, &comfort, &[]).await;
    assert!(scene.assistant.tainted().await.unwrap());
    assert_eq!(installed(&scene.client, LAMP).await.signer().await.unwrap(), "");
    let plain = "[understanding]\nencoder = false\n";
    scene.daemon.kill().await.unwrap();
    scene.daemon = scene.daemon.again(|builder| builder.config(plain)).await.unwrap();
    assert!(!understood(&scene, PLACE).await, "without developer mode it does not run");
    assert!(!scene.assistant.tainted().await.unwrap());
}

/// An unsigned package whose intents are all below `body`.
fn comfort_only() -> Packed {
    let folder = Release::of(1).folder();
    let file = folder.path().join("skill.toml");
    let manifest =
        fs::read_to_string(&file).unwrap().replace("class = \"body\"", "class = \"comfort\"");
    fs::write(&file, manifest).unwrap();
    Packed::of(folder.path()).unwrap()
}

#[tokio::test]
async fn what_was_agreed_to_is_what_is_installed() {
    let shop = Shop::open();
    let scene = scene(&shop).await;
    let (agreed, other) = (shop.sells(&Release::of(1)), shop.sells(&Release::of(2)));
    let swapped = Packed { bytes: other.bytes, manifest_sha256: agreed.manifest_sha256 };
    let (name, why) = refused(&scene.client, &swapped, &[]).await;
    assert_eq!(name, "Conflict");
    assert!(why.contains("inspect it again"), "{why}");
    let (name, _) = refused(&scene.client, &agreed, &["vehicle-read:Vehicle.Cabin.**"]).await;
    assert_eq!(name, "InvalidArguments", "it never asked for that");
    let mut cut = agreed.clone();
    cut.bytes.truncate(cut.bytes.len() / 2);
    assert_eq!(refused(&scene.client, &cut, &[]).await.0, "BadPackage");
    let mut changed = agreed.clone();
    let middle = changed.bytes.len() / 2;
    changed.bytes[middle] ^= 1;
    assert_eq!(refused(&scene.client, &changed, &[]).await.0, "BadPackage");
    assert!(folders(&scene.daemon, LAMP).is_empty());
    assert!(!scene.daemon.state_folder().join("skills/.staging").exists());
}

#[tokio::test]
async fn descriptors_of_anything_but_a_package_are_refused_and_none_is_left_open() {
    let shop = Shop::open();
    let scene = scene(&shop).await;
    let skills = skills(&scene).await;
    let open = || fs::read_dir(descriptors(&scene.daemon)).unwrap().count();
    let before = open();
    let (pipe, _writer) = std::io::pipe().unwrap();
    let huge = tempfile::tempfile().unwrap();
    huge.set_len(1 << 40).unwrap();
    let mut nonsense = tempfile::tempfile().unwrap();
    nonsense.write_all(&[7; 4096]).unwrap();
    nonsense.seek(std::io::SeekFrom::Start(3000)).unwrap();
    let folder = fs::File::open(shop.trust.path()).unwrap();
    for _ in 0..20 {
        for (package, expected) in [
            (zbus::Fd::from(&pipe), "BadPackage"),
            (zbus::Fd::from(&huge), "LimitExceeded"),
            (zbus::Fd::from(&nonsense), "BadPackage"),
            (zbus::Fd::from(&folder), "BadPackage"),
        ] {
            let answer = within("Inspect", skills.inspect(package, none())).await;
            assert_eq!(error_name(&answer), format!("org.valetd.Error.{expected}"));
        }
    }
    assert!(open() <= before + 1, "{} open, {before} before", open());
}

fn descriptors(daemon: &Daemon) -> PathBuf {
    Path::new("/proc").join(daemon.process().pid().to_string()).join("fd")
}
