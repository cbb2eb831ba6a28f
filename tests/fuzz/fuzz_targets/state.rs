//! A state database with any bytes in it is opened or set aside, and what comes up can be read
//! and written. The bytes are changes of a database that was really written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{fs, path::PathBuf, sync::LazyLock};
use valet_core::{
    entity::Value,
    intent::SkillId,
    ports::{Alarm, Alarms as _, Store as _},
};
use valet_fuzz::{Changes, hear_panics_when_asked, scratch_folder};

/// Nobody ends this process at an instant of the daemon.
macro_rules! instant {
    ($name:literal) => {};
}

#[allow(dead_code)]
#[path = "../../../daemon/valetd/src"]
mod valetd {
    pub mod state;
}
use valetd::state::{State, rows::ModelChoice};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(scratch_folder);

/// A database with a row in each table.
static WRITTEN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    empty();
    let state = State::open(&FOLDER).expect("nobody else has it open").state;
    use_it(&state);
    drop(state);
    fs::read(FOLDER.join("state.redb")).expect("it was just written")
});

fn empty() {
    let _ = fs::remove_dir_all(&*FOLDER);
    fs::create_dir_all(&*FOLDER).expect("a folder for the databases");
}

/// Reads and writes every table.
fn use_it(state: &State) {
    let skill = SkillId::parse("org.example.a").expect("an id");
    let _ = state.all_alarms();
    let _ = state.settings(&skill);
    let _ = state.is_disabled(&skill);
    let _ = state.model_choice("encoder");
    let _ = state.keys(&skill, "", 9);
    let _ = state.cancel(&skill, "tea");
    let _ = state.set(&skill, Alarm { name: "tea".into(), at_utc_ms: 5, payload: vec![1] }, 9);
    let _ = state.write(&skill, "key", Some(b"value"), 4096);
    let _ = state.set_settings(&skill, &[("home".into(), Value::Text("60.1,24.9".into()))]);
    let _ = state.set_disabled(&skill, true);
    let choice = ModelChoice { active: "new".into(), previous: Some("old".into()) };
    let _ = state.choose_model("encoder", &choice);
}

fuzz_target!(
    // The daemon catches what the database panics with while it opens a file, so here only a
    // panic that nobody caught may end the process.
    init: hear_panics_when_asked(),
    |changes: Changes| {
        let bytes = changes.applied_to(&WRITTEN);
        empty();
        fs::write(FOLDER.join("state.redb"), bytes).expect("the folder takes it");
        let opened = State::open(&FOLDER).expect("nobody else has it open");
        assert!(opened.reason.is_none() || !changes.is_empty(), "{:?}", opened.reason);
        use_it(&opened.state);
    }
);
