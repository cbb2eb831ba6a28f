//! A configuration file of any bytes is read or refused; what is read is within its bounds, and
//! the same as a drop-in over itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;

#[allow(dead_code)]
#[path = "../../../daemon/valetd/src"]
mod valetd {
    pub mod cli;
    pub mod config;
    pub mod paths;
}
use valetd::{cli, config::Config, paths};

fuzz_target!(|text: &str| {
    let mut config = Config::default();
    if let Err(refused) = config.merge_text("valetd.toml", text) {
        assert!(refused.to_string().starts_with("valetd.toml"), "{refused}");
        return;
    }
    let once = config.clone();
    config.merge_text("drop-in.toml", text).expect("it was read before");
    assert_eq!(config, once);
    assert!(config.observe <= Duration::from_secs(2));
    assert!((500..=120_000).contains(&config.not_reached_after.as_millis()));
    assert!((1 << 20..=256 << 20).contains(&config.skill_memory_bytes));
    assert!((10..=10_000).contains(&config.skill_turn_ms));
});
