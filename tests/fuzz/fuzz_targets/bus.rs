//! The body of a call of any bytes: options are decoded and read, or refused; values become
//! signals, or do not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_bus::{Dict, convert, options::TurnOptions};
use zbus::wire::{
    LE,
    serialized::{Context, Data},
};

fuzz_target!(|bytes: &[u8]| {
    let body = Data::new(bytes.to_vec(), Context::new(LE, 0));
    let Ok((dict, _)) = body.deserialize::<Dict>() else { return };
    for value in dict.values() {
        let _ = (convert::signal_from(value), convert::setting_from(value));
    }
    if let Ok(options) = TurnOptions::read(dict, true) {
        assert!(options.timeout <= valet_bus::options::MAX_TIMEOUT);
    }
});
