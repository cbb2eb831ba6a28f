//! Each hostile guest has its verdict here; that all others go on as if it were not there is part of every one.
#![allow(missing_docs)]

mod verdicts;

use valet_hostile_skills::Attack;

include!(concat!(env!("OUT_DIR"), "/all.rs"));

#[test]
fn there_are_enough_of_them() {
    assert!(GUESTS.len() >= 25, "{}", GUESTS.len());
}

/// Those that the host does not even load.
const NOT_LOADED: [&str; 6] =
    ["forbidden-import", "no-api", "sleeper", "sockets", "start-up", "wrong-api"];

#[tokio::test]
async fn when_all_of_them_have_run_the_memory_is_as_before() {
    let guests: Vec<&str> = GUESTS
        .into_iter()
        .filter(|name| !NOT_LOADED.contains(name) && !name.starts_with("shadows"))
        .collect();
    let attack = Attack::by_all(&guests).await;
    attack.others_are_well().await;
    let before = attack.memory_kib();
    for guest in &guests {
        let words = guest.replace('-', " ");
        attack.say(&format!("do {words}")).await;
        attack.say(&format!("tell {words}")).await;
    }
    attack.others_are_well().await;
    let after = attack.memory_kib();
    let grown = after.saturating_sub(before);
    assert!(grown <= 5 * 1024, "{grown} KiB more than the {before} before");
}
