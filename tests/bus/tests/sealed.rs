//! A board without a compiler: it runs code that a package carries, by the word of a key that may sign code, and nothing else.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::Path, process::Command, time::Duration};
use tempfile::TempDir;
use valet_bus_tests::{Release, Scene, Shop, install, installed};
use valet_package::carried::Kind;
use valet_testkit::{Author, Packed, Skills, built, none, text};

const LAMP: &str = "org.example.lamp";
const PLACE: &str = "where is the lamp";
const ENGINE_OF_ANOTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A shop whose key may sign code.
fn foundry() -> Shop {
    let (author, trust) = (Author::new(), tempfile::tempdir().unwrap());
    author.trusted_in(trust.path(), ("org.example.**", "body"), "may-sign-code = true\n").unwrap();
    Shop { author, trust }
}

/// The lamp's folder, with code for this machine.
fn with_code(counter: u64) -> TempDir {
    let folder = Release::of(counter).folder();
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let made = Command::new(built("valetctl").unwrap())
        .args(["skill", "compile", "--target", &target])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

fn packed(folder: &Path) -> Packed {
    Packed::of(folder).unwrap()
}

/// A folder of an image with this package unpacked in it.
fn image(package: &Packed) -> TempDir {
    let skills = tempfile::tempdir().unwrap();
    let lamp = skills.path().join("org.example.lamp");
    fs::create_dir(&lamp).unwrap();
    fs::write(skills.path().join("lamp.valet"), &package.bytes).unwrap();
    let tar =
        Command::new("tar").args(["-xf", "../lamp.valet"]).current_dir(&lamp).status().unwrap();
    assert!(tar.success());
    skills
}

/// A sealed board with this image.
async fn board(shop: &Shop, skills: Skills) -> Scene {
    Scene::with(|builder| shop.trusted_by(builder.skills(skills).sealed())).await
}

async fn where_the_lamp_is(scene: &Scene) -> String {
    text(&scene.ask(PLACE).await, "type").to_owned()
}

async fn reasons(scene: &Scene) -> String {
    scene.assistant.state_reasons().await.unwrap().join("; ")
}

/// The error with which an installation ended.
async fn refused(scene: &Scene, package: &Packed) -> String {
    let (code, result) = install(&scene.client, package, &[]).await.unwrap();
    assert_eq!(code, 2, "{result:?}");
    text(&result, "message").to_owned()
}

#[tokio::test]
async fn code_of_the_image_runs_by_the_word_of_a_key_that_may_sign_it() {
    let shop = foundry();
    let package = shop.author.sign(&packed(with_code(1).path()));
    let image = image(&package);
    let scene = board(&shop, Skills::Folder(image.path().into())).await;
    assert_eq!(reasons(&scene).await, "");
    assert_eq!(where_the_lamp_is(&scene).await, "answer");
}

#[tokio::test]
async fn a_package_with_code_is_installed_and_runs_after_a_restart() {
    let shop = foundry();
    let mut scene = board(&shop, Skills::None).await;
    let package = shop.author.sign(&packed(with_code(1).path()));
    let (code, result) = install(&scene.client, &package, &["location:*"]).await.unwrap();
    assert_eq!(code, 0, "{result:?}");
    assert_eq!(where_the_lamp_is(&scene).await, "answer");
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert_eq!(where_the_lamp_is(&scene).await, "answer");
}

#[tokio::test]
async fn without_code_and_without_the_right_key_nothing_runs_and_it_says_why() {
    let shop = Shop::open();
    let package = shop.author.sign(&packed(with_code(1).path()));
    let unpacked = image(&package);
    let scene = board(&shop, Skills::Folder(unpacked.path().into())).await;
    let why = reasons(&scene).await;
    assert!(why.contains("org.example.lamp") && why.contains("the board is sealed"), "{why}");
    assert!(scene.assistant.parse(PLACE, none()).await.unwrap().is_empty());
    assert!(refused(&scene, &package).await.contains("the board is sealed"));

    let shop = foundry();
    let scene = board(&shop, Skills::None).await;
    let plain = shop.sells(&Release::of(1));
    assert!(refused(&scene, &plain).await.contains("the board is sealed"));
    let folder = with_code(1);
    for file in fs::read_dir(folder.path().join("code")).unwrap() {
        let other = folder.path().join(Kind::Code.path_of(ENGINE_OF_ANOTHER));
        fs::rename(file.unwrap().path(), other).unwrap();
    }
    let of_another = shop.author.sign(&packed(folder.path()));
    assert!(refused(&scene, &of_another).await.contains("the board is sealed"));
}

/// Changes a byte of the code in a skill's folder.
fn damage_the_code(skill: &Path) {
    let file = fs::read_dir(skill.join("code")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
}

#[tokio::test]
async fn code_of_the_image_that_was_changed_on_the_disk_does_not_run_and_it_says_why() {
    let shop = foundry();
    let package = shop.author.sign(&packed(with_code(1).path()));
    let image = image(&package);
    damage_the_code(&image.path().join("org.example.lamp"));
    let scene = board(&shop, Skills::Folder(image.path().into())).await;
    let why = reasons(&scene).await;
    assert!(why.contains("org.example.lamp") && why.contains("damaged"), "{why}");
    assert!(scene.assistant.parse(PLACE, none()).await.unwrap().is_empty());
}

#[tokio::test]
async fn where_the_code_of_a_version_is_damaged_the_one_before_runs_and_it_says_why() {
    let shop = foundry();
    let mut scene = board(&shop, Skills::None).await;
    for counter in [1, 2] {
        let package = shop.author.sign(&packed(with_code(counter).path()));
        let (code, result) = install(&scene.client, &package, &["location:*"]).await.unwrap();
        assert_eq!(code, 0, "{result:?}");
    }
    scene.daemon.terminate(Duration::from_secs(2)).await.unwrap();
    let versions = scene.daemon.state_folder().join("skills/org.example.lamp");
    let newest = fs::read_dir(versions).unwrap().map(|version| version.unwrap().path()).max();
    damage_the_code(&newest.unwrap());
    scene.daemon = scene.daemon.again(|builder| builder).await.unwrap();
    assert_eq!(where_the_lamp_is(&scene).await, "answer");
    assert_eq!(installed(&scene.client, LAMP).await.skill_version().await.unwrap(), "1.0.0");
    let why = reasons(&scene).await;
    assert!(why.contains("counter 2") && why.contains("damaged"), "{why}");
}
