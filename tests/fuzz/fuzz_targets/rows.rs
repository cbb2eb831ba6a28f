//! Rows of the state database of any bytes are read or count as not there; what is read comes
//! back the same when it is written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_core::entity::Value;

#[allow(dead_code)]
#[path = "../../../daemon/valetd/src/state"]
mod state {
    pub mod rows;
}
use state::rows::{
    read_alarm, read_choice, read_grants, read_installed, read_value, write_alarm, write_choice,
    write_grants, write_installed, write_value,
};

fuzz_target!(|bytes: &[u8]| {
    if let Some(alarm) = read_alarm("tea", bytes) {
        assert_eq!(write_alarm(&alarm), bytes);
    }
    if let Some(choice) = read_choice(bytes) {
        assert_eq!(write_choice(&choice), bytes);
    }
    if let Some(installed) = read_installed(bytes) {
        assert_eq!(read_installed(&write_installed(&installed)), Some(installed));
    }
    let grants = read_grants(bytes);
    assert_eq!(read_grants(&write_grants(&grants)), grants);
    if let Some(value) = read_value(bytes) {
        assert!(!matches!(value, Value::Number(number) if !number.is_finite()));
        assert_eq!(read_value(&write_value(&value)), Some(value));
    }
});
