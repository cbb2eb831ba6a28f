//! What is left after the worst: a daemon that crashes again and again, a state that is corrupt or cannot be written, a clock
//! that jumps; and what was written down of it.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::{fs, path::Path, process::Command, time::Duration};
use valet_bus::proxies::{PrivacyProxy, SkillsProxy};
use valet_bus_tests::{Release, Scene, Shop, ask, install, installed};
use valet_testkit::{error_name, none, text};
use zbus::{Variant, proxy::CacheProperties};

const LAMP: &str = "org.example.lamp";
const NOTE: &str = "note the lamp";
const NOT_READY: &str = "org.valetd.Error.NotReady";
/// How long the daemon may take to stop.
const STOP: Duration = Duration::from_secs(2);

async fn with_lamp(shop: &Shop) -> Scene {
    let scene = Scene::with(|b| shop.trusted_by(b)).await;
    let (code, result) =
        install(&scene.client, &shop.sells(&Release::of(1)), &["store:4096"]).await.unwrap();
    assert_eq!(code, 0, "{result:?}");
    scene
}

async fn kill_and_spoil_the_state(scene: &Scene) {
    scene.daemon.kill().await.unwrap();
    fs::write(scene.daemon.state_folder().join("state.redb"), vec![0xa5; 70_000]).unwrap();
}

async fn knows_the_lamp(scene: &Scene) -> bool {
    let commands = scene.assistant.parse(NOTE, none()).await.unwrap();
    commands.first().is_some_and(|command| text(command, "intent").starts_with(LAMP))
}

async fn reasons(scene: &Scene) -> String {
    scene.assistant.state_reasons().await.unwrap().join("; ")
}

/// Lines of the audit log.
fn audit(state: &Path) -> Vec<String> {
    let text = fs::read_to_string(state.join("audit/audit.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn entered(state: &Path, parts: &[&str]) -> bool {
    audit(state).iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[tokio::test]
async fn after_three_crashes_in_a_minute_what_was_installed_is_left_alone_until_a_restart() {
    let shop = Shop::open();
    let mut scene = with_lamp(&shop).await;
    for _ in 0..2 {
        scene.daemon = scene.daemon.restart().await.unwrap();
        assert!(knows_the_lamp(&scene).await, "one or two crashes are no pattern");
    }
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert!(!knows_the_lamp(&scene).await);
    assert!(reasons(&scene).await.contains("safe mode"), "{}", reasons(&scene).await);
    assert_eq!(text(&scene.ask("set the temperature to 22 degrees").await, "type"), "action");
    let refused = install(&scene.client, &shop.sells(&Release::of(2)), &[]).await;
    assert_eq!(error_name(&refused), NOT_READY);
    let skills = SkillsProxy::new(&scene.client).await.unwrap();
    assert_eq!(error_name(&skills.rollback(LAMP, none()).await), NOT_READY);
    assert!(entered(&scene.daemon.state_folder(), &["\"started\"", "\"safe-mode\":true"]));

    scene.daemon.terminate(STOP).await.unwrap();
    scene.daemon = scene.daemon.again(|builder| builder).await.unwrap();
    assert!(knows_the_lamp(&scene).await, "it was asked to stop, so it may try again");
    assert_eq!(scene.assistant.state().await.unwrap(), "ready");
}

#[tokio::test]
async fn in_safe_mode_the_skill_that_is_to_blame_can_be_removed() {
    let shop = Shop::open();
    let mut scene = with_lamp(&shop).await;
    for _ in 0..3 {
        scene.daemon = scene.daemon.restart().await.unwrap();
    }
    assert!(reasons(&scene).await.contains("safe mode"));
    SkillsProxy::new(&scene.client).await.unwrap().remove(LAMP, none()).await.unwrap();
    scene.daemon.terminate(STOP).await.unwrap();
    scene.daemon = scene.daemon.again(|builder| builder).await.unwrap();
    assert!(!knows_the_lamp(&scene).await);
    assert_eq!(scene.assistant.state().await.unwrap(), "ready");
}

#[tokio::test]
async fn a_state_that_is_corrupt_is_built_anew_from_the_packages_without_their_grants() {
    let shop = Shop::open();
    let mut scene = with_lamp(&shop).await;
    kill_and_spoil_the_state(&scene).await;
    scene.daemon = scene.daemon.again(|builder| builder).await.unwrap();
    assert!(knows_the_lamp(&scene).await);
    let said = reasons(&scene).await;
    assert!(said.contains("set aside") && said.contains(LAMP), "{said}");
    let lamp = installed(&scene.client, LAMP).await;
    assert_eq!(lamp.granted().await.unwrap(), [""; 0]);
    lamp.grant(&["store:4096"], none()).await.unwrap();
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert!(knows_the_lamp(&scene).await);
    assert_eq!(lamp.granted().await.unwrap(), ["store:4096"]);
    assert_eq!(scene.assistant.state().await.unwrap(), "ready");
}

/// As when the power goes after the old file was set aside and before anybody looked for what is installed.
#[tokio::test]
async fn without_a_state_no_package_is_swept_away_and_its_skill_comes_back() {
    let shop = Shop::open();
    let mut scene = with_lamp(&shop).await;
    scene.daemon.kill().await.unwrap();
    fs::remove_file(scene.daemon.state_folder().join("state.redb")).unwrap();
    scene.daemon = scene.daemon.again(|builder| builder).await.unwrap();
    assert!(knows_the_lamp(&scene).await);
    assert_eq!(installed(&scene.client, LAMP).await.granted().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn packages_that_nobody_vouches_for_are_not_taken_again() {
    let shop = Shop::open();
    let mut scene = with_lamp(&shop).await;
    kill_and_spoil_the_state(&scene).await;
    let other = Shop::open();
    scene.daemon = scene.daemon.again(|builder| other.trusted_by(builder)).await.unwrap();
    assert!(!knows_the_lamp(&scene).await);
    assert!(!reasons(&scene).await.contains(LAMP));
}

/// A file system of its own of a given size, where this process may make one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn of(bytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("skipped: a file system cannot be mounted here (root may)");
        None
    }

    fn remount(&self, options: &str) {
        let remounted = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.0.path())
            .status();
        assert!(remounted.unwrap().success(), "{options}");
    }

    fn fill(&self) {
        let full = fs::write(self.0.path().join("filler"), vec![7; 64 << 20]);
        assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_disk_that_is_full_or_read_only_is_said_and_nothing_is_lost_by_it() {
    let Some(disk) = Disk::of(16 << 20) else { return };
    let shop = Shop::open();
    let state = disk.0.path().to_owned();
    let scene = Scene::with(|b| shop.trusted_by(b).state(state.clone())).await;
    let (code, _) =
        install(&scene.client, &shop.sells(&Release::of(1)), &["store:4096"]).await.unwrap();
    assert_eq!(code, 0);
    let mut scene = scene;
    // While it runs: what cannot be written is an error with a name, the rest goes on.
    disk.fill();
    let (code, _) = install(&scene.client, &shop.sells(&Release::of(2)), &[]).await.unwrap();
    assert_eq!(code, 2);
    assert!(knows_the_lamp(&scene).await);
    assert_eq!(text(&scene.ask("are the doors locked").await, "type"), "answer");
    for bad in ["full", "read-only"] {
        // And when it starts: what was known is read, and what is changed is kept for now.
        scene.daemon.kill().await.unwrap();
        if bad == "read-only" {
            disk.remount("ro");
        }
        scene.daemon = scene.daemon.again(|builder| builder).await.unwrap();
        assert!(knows_the_lamp(&scene).await, "{bad}: {}", reasons(&scene).await);
        assert_eq!(installed(&scene.client, LAMP).await.granted().await.unwrap(), ["store:4096"]);
        // On a full disk there may be a page left for it.
        let timer = scene.ask("set a timer for ten minutes").await;
        assert!(text(&timer, "type") == "action" || bad == "full", "{timer:?}");
        scene.daemon.terminate(STOP).await.unwrap();
        match bad {
            "full" => fs::remove_file(state.join("filler")).unwrap(),
            _ => disk.remount("rw"),
        }
        scene.daemon = scene.daemon.again(|builder| builder).await.unwrap();
        assert_eq!(scene.assistant.state().await.unwrap(), "ready", "{}", reasons(&scene).await);
        assert!(knows_the_lamp(&scene).await, "{bad}");
    }
}

/// The database refuses everything after a write that failed, until it is opened anew.
#[tokio::test]
async fn a_disk_that_was_full_takes_changes_again_without_a_restart() {
    let Some(disk) = Disk::of(16 << 20) else { return };
    let state = disk.0.path().to_owned();
    let kept = "[understanding]\nencoder = false\n[privacy]\nhistory-days = 7\n";
    let scene = Scene::with(|b| b.state(state.clone()).config(kept)).await;
    let builder = PrivacyProxy::builder(&scene.client).cache_properties(CacheProperties::No);
    let privacy = builder.build().await.unwrap();
    let last = async || {
        let one = [("limit", Variant::from(1_u32))].into();
        let turns = privacy.history(one).await.unwrap();
        text(&turns[0], "text").to_owned()
    };
    scene.ask("are the doors locked").await;
    disk.fill();
    // What is kept of turns grows until nothing fits.
    let mut refused = false;
    for n in 0..500 {
        let said = format!("{n} {}", "colourless green ideas ".repeat(150));
        scene.ask(&said).await;
        refused = last().await != said.trim_end();
        if refused {
            break;
        }
    }
    assert!(refused, "the disk was never full");
    assert_eq!(text(&scene.ask("are the doors locked").await, "type"), "answer");
    fs::remove_file(state.join("filler")).unwrap();
    assert_eq!(text(&scene.ask("set a timer for ten minutes").await, "type"), "action");
    assert_eq!(last().await, "set a timer for ten minutes");
}

#[tokio::test]
async fn with_32_open_files_it_serves_and_says_what_it_cannot() {
    let scene = Scene::with(|b| b.under(&["prlimit", "--nofile=32:32"])).await;
    for _ in 0..50 {
        assert_eq!(text(&scene.ask("are the doors locked").await, "type"), "answer");
    }
    assert_eq!(text(&scene.ask("set a timer for ten minutes").await, "type"), "action");
}

#[tokio::test]
async fn what_was_done_and_refused_is_in_the_audit_log_without_a_word_of_it() {
    let shop = Shop::open();
    let scene = with_lamp(&shop).await;
    let lamp = installed(&scene.client, LAMP).await;
    lamp.grant(&["location:*"], none()).await.unwrap();
    lamp.disable(none()).await.unwrap();
    scene.ask("open the driver's window").await;
    scene.ask("set the temperature to 25 degrees").await;
    scene.drive("motorway").await;
    assert_eq!(text(&scene.ask("open the boot").await, "type"), "refusal");
    SkillsProxy::new(&scene.client).await.unwrap().remove(LAMP, none()).await.unwrap();
    let folder = scene.daemon.state_folder();
    scene.daemon.terminate(STOP).await.unwrap();
    let parts: [&[&str]; 7] = [
        &["\"started\"", "\"safe-mode\":false"],
        &["\"installed\"", LAMP, "\"1.0.0\"", "store:4096", "\"uid\":"],
        &["\"granted\"", "location:*"],
        &["\"switched\"", "\"on\":false"],
        &["\"actuated\"", "Window", "\"class\":\"body\""],
        &["\"refused\"", "Trunk"],
        &["\"removed\"", LAMP],
    ];
    for part in parts {
        assert!(entered(&folder, part), "{part:?} is not in {:#?}", audit(&folder));
    }
    let all = audit(&folder).join("\n");
    for word in ["driver's", "degrees", "\"open"] {
        assert!(!all.contains(word), "{word:?} was said: {all}");
    }
    assert!(!all.contains("HVAC"), "comfort is nobody's business");
}

#[tokio::test]
async fn turns_are_kept_where_that_is_wanted_each_users_own_and_forgotten_on_a_word() {
    let kept = "[understanding]\nencoder = false\n[privacy]\nhistory-days = 7\n";
    let mut scene = Scene::with(|b| b.config(kept)).await;
    let builder = PrivacyProxy::builder(&scene.client).cache_properties(CacheProperties::No);
    let privacy = builder.build().await.unwrap();
    assert!(privacy.store_history().await.unwrap());
    scene.ask("are the doors locked").await;
    scene.ask("set the temperature to 25 degrees").await;
    let history = privacy.history(none()).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(text(&history[0], "text"), "set the temperature to 25 degrees", "newest first");
    let result = valet_bus::Dict::try_from((*history[1]["result"]).clone()).unwrap();
    assert_eq!(text(&result, "type"), "answer");
    let one = [("limit", Variant::from(1_u32))].into();
    assert_eq!(privacy.history(one).await.unwrap().len(), 1);
    scene.daemon = scene.daemon.restart().await.unwrap();
    assert_eq!(privacy.history(none()).await.unwrap().len(), 2, "after a restart, too");
    privacy.forget(none()).await.unwrap();
    assert!(privacy.history(none()).await.unwrap().is_empty());
    ask(&scene.assistant, "are the doors locked").await;
    assert_eq!(privacy.history(none()).await.unwrap().len(), 1);
    // Nobody wants it any more: what was kept goes.
    let plain = "[understanding]\nencoder = false\n";
    scene.daemon.kill().await.unwrap();
    scene.daemon = scene.daemon.again(|b| b.config(plain)).await.unwrap();
    assert!(!privacy.store_history().await.unwrap());
    scene.daemon.kill().await.unwrap();
    scene.daemon = scene.daemon.again(|b| b.config(kept)).await.unwrap();
    assert!(privacy.history(none()).await.unwrap().is_empty());
}
