//! Short words for tests that hold a conversation: open the house, say, set, look what was written.
//!
//! Must not judge: what is right stands in the tests.

use crate::{Conversation, House, Templates};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};
use valet_core::{
    signal::{SignalPath, SignalValue},
    zone::Zone,
};

/// The one house of a test program, one conversation at a time. `scratch` is cargo's folder for
/// tests, which lies in the target folder.
///
/// # Panics
/// When the skills or the models are not there; the test fails with what to do.
pub fn house(scratch: &str) -> MutexGuard<'static, House> {
    static HOUSE: OnceLock<Mutex<House>> = OnceLock::new();
    let house = HOUSE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target = Path::new(scratch).join("..");
        Mutex::new(House::open(&root, &target).unwrap_or_else(|e| panic!("{e}")))
    });
    house.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A conversation of the driver in a renewed car, with templates.
pub fn talk(house: &mut House) -> Conversation<'_> {
    Conversation::begin(house, Templates::On, Zone::DRIVER)
}

/// Says something and returns the words of the answer.
///
/// # Panics
/// When the turn does not end, or a skill failed.
pub fn say(talk: &mut Conversation<'_>, text: &str) -> String {
    let heard = talk.say(text).unwrap_or_else(|| panic!("{text:?} came to no end"));
    assert!(heard.faults.is_empty(), "{text:?}: {:?}", heard.faults);
    heard.result.speech
}

/// A signal's path.
///
/// # Panics
/// When it is none.
pub fn path(path: &str) -> SignalPath {
    SignalPath::parse(path).unwrap_or_else(|e| panic!("{e}"))
}

/// Sets a signal of the simulated car.
///
/// # Panics
/// When the catalogue has no such signal or it cannot have that value.
pub fn set(talk: &Conversation<'_>, signal: &str, value: SignalValue) {
    talk.house().car.simulator().set(&path(signal), &value).unwrap_or_else(|e| panic!("{e}"));
}

/// The targets written since the last look, as `path = value`.
pub fn written(talk: &Conversation<'_>) -> Vec<String> {
    let written = talk.house().car.take_written();
    written.into_iter().map(|(path, value)| format!("{path} = {value}")).collect()
}
