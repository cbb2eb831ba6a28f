//! What must come of each guest, under its name.
//!
//! Must not be kind: a guest that is harmless by luck is not refused.

use futures_util::StreamExt as _;
use valet_bus::{Dict, proxies::SkillsProxy};
use valet_hostile_skills::Attack;
use valet_testkit::{Daemon, none, text, until};

const LIGHT: &str = "Vehicle.Cabin.Light.IsDomeOn";
const WINDOW: &str = "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";
const LOCK: &str = "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";

fn speech(result: &Dict) -> &str {
    text(result, "speech")
}

/// A turn that ended in a fault, and what the person heard says no more than that.
fn failed(result: &Dict) {
    assert_eq!(text(result, "type"), "error", "{result:?}");
    assert!(!speech(result).contains("is done") && speech(result).len() < 200, "{result:?}");
}

/// Three faults in a row put it into quarantine with a reason.
async fn is_quarantined_for(attack: &Attack, reason: &str) {
    let skills = SkillsProxy::new(&attack.client).await.unwrap_or_else(|error| panic!("{error}"));
    let ready = skills.receive_skills_ready().await;
    let mut ready = ready.unwrap_or_else(|error| panic!("{error}"));
    for _ in 0..3 {
        failed(&attack.command().await);
    }
    until("an understanding without it", &mut ready, Some).await;
    let skill = attack.skill().await;
    let why = skill.last_error().await.unwrap_or_default();
    assert_eq!(skill.state().await.unwrap_or_default(), "quarantined", "{why}");
    assert!(why.contains(reason), "expected {reason:?}: {why}");
    let result = attack.command().await;
    assert_eq!(text(&result, "type"), "not-understood", "nobody speaks to it any more: {result:?}");
    attack.others_are_well().await;
}

/// It is not installed, and why is said.
async fn is_refused_for(attack: &Attack, reason: &str) {
    let why = attack.refusal();
    assert!(why.contains(reason), "expected {reason:?}: {why:?}");
    let result = attack.command().await;
    assert_eq!(text(&result, "type"), "not-understood", "{result:?}");
    attack.others_are_well().await;
}

async fn answers(attack: &Attack, expected: &str) {
    let result = attack.question().await;
    assert_eq!(speech(&result), expected, "{result:?}");
    attack.others_are_well().await;
}

macro_rules! quarantined {
    ($($guest:ident: $reason:literal;)*) => {
        $(pub(crate) async fn $guest(attack: Attack) {
            is_quarantined_for(&attack, $reason).await;
        })*
    };
}

macro_rules! refused {
    ($($guest:ident: $reason:literal;)*) => {
        $(pub(crate) async fn $guest(attack: Attack) {
            is_refused_for(&attack, $reason).await;
        })*
    };
}

macro_rules! answered {
    ($($guest:ident: $answer:literal;)*) => {
        $(pub(crate) async fn $guest(attack: Attack) {
            answers(&attack, $answer).await;
        })*
    };
}

quarantined! {
    endless_loop: "200 ms";
    host_call_flood: "200 ms";
    log_flood: "200 ms";
    store_flood: "writes of a turn";
    memory_growth: "bytes of memory";
    table_growth: "table elements";
    deep_recursion: "out of bounds";
    gigabyte_string: "string";
    gigabyte_argument: "string";
    ten_thousand_handles: "handles of a turn";
    trap_storm: "unreachable";
    panic: "unreachable";
    exit: "exit";
    wrong_variant: "slot that the intent does not have";
    huge_speech: "speech";
    control_characters: "control";
    bad_facts: "fact whose name";
    huge_at_start: "memory";
    wild_result: "discriminant";
}

refused! {
    forbidden_import: "wasi:filesystem";
    sockets: "wasi:sockets";
    wrong_api: "9.9";
    no_api: "section";
    start_up: "start";
    sleeper: "wasi:";
}

answered! {
    ungranted_signal: "[false, false, false, true]";
    wildcard_signal: "through 0";
    asset_paths: "through 0";
}

/// More turns than memories lie ready, so that one of them comes to a memory that another has used.
pub(crate) async fn state_between_turns(attack: Attack) {
    for _ in 0..8 {
        answers(&attack, "turn 1, 0 bytes left over").await;
    }
}

pub(crate) async fn act_and_loop(attack: Attack) {
    let result = attack.command().await;
    assert_eq!(attack.signal(LIGHT).await, "true", "what was done before the fault is done");
    assert_eq!(text(&result, "type"), "error", "{result:?}");
    assert_eq!(valet_testkit::dicts(&result, "actions").len(), 1, "and is said: {result:?}");
    attack.others_are_well().await;
}

pub(crate) async fn alarm_loop(attack: Attack) {
    let skill = attack.skill().await;
    attack.command().await;
    let broke = async || {
        let stats = skill.stats().await.unwrap_or_default();
        stats.get("breaches").is_some_and(|n| valet_bus::proxies::plain(n) != "0")
    };
    // Whoever speaks meanwhile does not notice.
    while !broke().await {
        attack.others_are_well().await;
    }
}

pub(crate) async fn alarm_flood(attack: Attack) {
    let result = attack.command().await;
    failed(&result);
    let set = valet_testkit::dicts(&result, "actions");
    let set = set.iter().filter(|action| text(action, "target").starts_with("alarm:"));
    assert_eq!(set.count(), 2, "as many as it was granted: {result:?}");
    attack.others_are_well().await;
}

pub(crate) async fn announce_flood(attack: Attack) {
    let mut said = match attack.assistant.receive_announced().await {
        Ok(said) => said,
        Err(error) => panic!("{error}"),
    };
    attack.assistant.observe(none()).await.unwrap_or_else(|error| panic!("{error}"));
    attack.command().await;
    attack.others_are_well().await;
    let mut heard = 0;
    while let Ok(Some(_)) =
        tokio::time::timeout(std::time::Duration::from_millis(200), said.next()).await
    {
        heard += 1;
    }
    assert!(heard <= 32, "{heard} announcements of one turn");
}

pub(crate) async fn claimed_success(attack: Attack) {
    let result = attack.command().await;
    assert_eq!(attack.signal(LOCK).await, attack.signal(LOCK).await);
    assert!(!speech(&result).contains("It is done"), "{result:?}");
    let actions = valet_testkit::dicts(&result, "actions");
    assert_eq!(actions.len(), 1, "{result:?}");
    assert_eq!(text(&actions[0], "status"), "denied", "{result:?}");
    attack.others_are_well().await;
}

pub(crate) async fn claimed_in_words(attack: Attack) {
    // What a guest says is its own; what was done is the host's, and stands beside it.
    let result = attack.command().await;
    assert_eq!(text(&result, "type"), "answer", "it is no action: {result:?}");
    assert!(valet_testkit::dicts(&result, "actions").is_empty(), "{result:?}");
    assert_eq!(attack.signal(LIGHT).await, "false");
    attack.others_are_well().await;
}

pub(crate) async fn store_keys(attack: Attack) {
    attack.say("set a timer for ten minutes").await;
    let result = attack.question().await;
    assert!(speech(&result).ends_with("found 0"), "{result:?}");
    let result = attack.say("how long is left on my timer").await;
    assert_eq!(text(&result, "type"), "answer", "the timer is still there: {result:?}");
    attack.others_are_well().await;
}

pub(crate) async fn changed_after_yes(attack: Attack) {
    let simulator =
        Daemon::simulator(&attack.client).await.unwrap_or_else(|error| panic!("{error}"));
    simulator.drive("city", none()).await.unwrap_or_else(|error| panic!("{error}"));
    let asked = attack.command().await;
    assert_eq!(text(&asked, "type"), "question", "{asked:?}");
    let result = attack.say("yes").await;
    assert_eq!(attack.signal(WINDOW).await, "0", "yes to 10 percent is none to 100: {result:?}");
    assert!(!speech(&result).contains("It is done"), "{result:?}");
}

pub(crate) async fn second_batch(attack: Attack) {
    let locked = attack.signal(LOCK).await;
    let result = attack.command().await;
    assert_eq!(attack.signal(LOCK).await, locked);
    let actions = valet_testkit::dicts(&result, "actions");
    assert_eq!(actions.last().map(|action| text(action, "status")), Some("denied"), "{result:?}");
    assert!(!speech(&result).contains("It is done"), "{result:?}");
    attack.others_are_well().await;
}

pub(crate) async fn shadows_stop(attack: Attack) {
    for words in ["stop", "never mind", "undo", "yes", "no", "help"] {
        let result = attack.say(words).await;
        assert!(!speech(&result).contains("mine"), "{words:?}: {result:?}");
    }
    attack.others_are_well().await;
}

pub(crate) async fn shadows_another(attack: Attack) {
    for words in ["set the temperature to 22 degrees", "lock the doors", "are the doors locked"] {
        let result = attack.say(words).await;
        assert!(!speech(&result).contains("mine"), "{words:?} is taken from another: {result:?}");
    }
    let skill = attack.skill().await;
    skill.disable(none()).await.unwrap_or_else(|error| panic!("{error}"));
    attack.others_are_well().await;
}
