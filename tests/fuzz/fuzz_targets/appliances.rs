//! What a device announces of itself, and what it reports, of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../skills/extra/appliances/src"]
mod appliances {
    pub mod config;
    pub mod device;
    pub mod words;
}
use appliances::{config, device, words};

/// Longest name that the host takes, bytes.
const MAX_NAME_BYTES: usize = 128;

fuzz_target!(|input: (&str, &str, &[u8])| {
    let (topic, text, payload) = input;
    if let Ok(device) = device::Device::announced(topic, payload) {
        let _ = (device.words(), device.family(), device.sort());
    }
    if let Some(name) = device::sayable(text) {
        assert!(name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control), "{name:?}");
    }
    let _ = (words::words(text), words::the(text), words::is_several(text));
    let _ = (config::seen(payload, None), config::seen(payload, Some(text)));
    let _ = config::fill(text, "position", topic);
});
