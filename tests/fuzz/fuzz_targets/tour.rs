//! A script of a tour of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../daemon/valetctl/src"]
mod valetctl {
    pub mod error;
    pub mod tour {
        mod script;

        /// Whether a script is one.
        pub fn is_script(text: &str) -> bool {
            script::Script::parse("tour.toml", text).is_ok()
        }
    }
}
use valetctl::error::CtlError;

fuzz_target!(|text: &str| {
    let _ = valetctl::tour::is_script(text);
});
