//! Names, paths, patterns and zones of any text are parsed or refused; what is parsed is
//! printed as it came.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_bus::path;
use valet_core::{
    capability::{Capability, is_path_pattern, path_matches},
    intent::IntentId,
    session::TurnId,
    signal::SignalPath,
    zone::Zone,
};

fuzz_target!(|text: &str| {
    if let Ok(zone) = Zone::parse(text) {
        assert_eq!(zone.to_string(), text);
    }
    if let Ok(intent) = IntentId::parse(text) {
        assert_eq!(intent.to_string(), text);
    }
    if let Ok(signal) = SignalPath::parse(text) {
        assert_eq!(signal.as_str(), text);
    }
    let _ = (TurnId::parse(text), Capability::parse(text), path::parse_session(text));
    assert_eq!(path::unescape(&path::escape(text)).as_deref(), Some(text));
    // A fault of the simulated vehicle may come with what is no pattern at all.
    let _ = is_path_pattern(text);
    let _ = path_matches(text, "Vehicle.Cabin.Door.Row1.DriverSide.Window.Position");
});
