//! A policy of any bytes is built or refused; whatever it says, what drives stays refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_core::{
    policy::{Policy, PolicyFile, Snapshot, Verdict},
    signal::{Class, SignalPath, SignalValue},
};

fuzz_target!(|text: &str| {
    let Ok(file) = toml::from_str::<PolicyFile>(text) else { return };
    let Ok(policy) = Policy::build(vec![("fuzz.toml".to_owned(), file)]) else { return };
    for name in ["Vehicle.Speed", "Vehicle.Cabin.Sunroof.Switch", "Vehicle.ADAS.ABS.IsEnabled"] {
        let path = SignalPath::parse(name).expect("a path");
        let verdict =
            policy.check_actuation(&path, &SignalValue::Boolean(true), &Snapshot::default());
        if policy.class_of(&path).is_none_or(|class| class == Class::Driving) {
            assert!(matches!(verdict, Verdict::Refuse { .. }));
        }
    }
});
