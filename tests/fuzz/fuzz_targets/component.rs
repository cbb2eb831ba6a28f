//! The version of the contract is read off a component of any bytes, or there is none.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../daemon/skill-host/src"]
mod skill_host {
    pub mod contract;
}
use skill_host::contract::{API_SECTION, api_version, is_component};

fuzz_target!(|bytes: &[u8]| {
    if let Some(version) = api_version(bytes) {
        let named = [API_SECTION.as_bytes(), version.as_bytes()].concat();
        assert!(is_component(bytes) && bytes.windows(named.len()).any(|part| part == named));
    }
});
