//! Logging: into the journal with fields where we are connected to it, else for people on
//! standard error. Never the text of an utterance.

use log::{LevelFilter, Log, Metadata, Record, kv};
use std::io::Write as _;
use systemd_journal_logger::{JournalLog, connected_to_journal};

/// Kinds of events that an integrator may want to find, as journal `MESSAGE_ID`s.
pub(crate) mod message_id {
    /// A turn ended.
    pub(crate) const TURN: &str = "7a1c1f6e5b5c4f0fa1f0c6d35a0e2b01";
    /// A skill was loaded, refused or quarantined.
    pub(crate) const SKILL: &str = "7a1c1f6e5b5c4f0fa1f0c6d35a0e2b02";
    /// The daemon became ready, degraded, or stopped.
    pub(crate) const STATE: &str = "7a1c1f6e5b5c4f0fa1f0c6d35a0e2b03";
    /// A fault of a skill in a turn.
    pub(crate) const FAULT: &str = "7a1c1f6e5b5c4f0fa1f0c6d35a0e2b04";
    /// Policy refused something.
    pub(crate) const REFUSAL: &str = "7a1c1f6e5b5c4f0fa1f0c6d35a0e2b05";
    /// An alarm rang.
    pub(crate) const ALARM: &str = "7a1c1f6e5b5c4f0fa1f0c6d35a0e2b06";
}

/// Starts logging at a level; a second call only sets the level.
pub(crate) fn start(level: LevelFilter) {
    log::set_max_level(level);
    let installed = if connected_to_journal() {
        JournalLog::new().map(|journal| {
            journal.with_extra_fields([("VERSION", env!("CARGO_PKG_VERSION"))]).install().is_ok()
        })
    } else {
        Ok(false)
    };
    if !matches!(installed, Ok(true)) {
        // Fails when a logger is there already: then this is the second call.
        let _ = log::set_logger(&STDERR);
    }
}

static STDERR: StderrLog = StderrLog;

/// One line a record: level, target, message, fields.
struct StderrLog;

impl Log for StderrLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        // Other crates' chatter belongs to nobody's log but a debugger's.
        let ours = record.target().starts_with("valet");
        if !self.enabled(record.metadata()) || (!ours && record.level() > log::Level::Warn) {
            return;
        }
        let mut fields = Fields(String::new());
        let _ = record.key_values().visit(&mut fields);
        // One write a line: standard error is not buffered, and lines of others stay whole.
        let line = format!("{:<5} {}{}\n", record.level(), record.args(), fields.0);
        // Nobody to tell when standard error is gone.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

struct Fields(String);

impl<'kvs> kv::VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        use std::fmt::Write as _;
        if key.as_str() != "MESSAGE_ID" {
            let key = key.as_str().trim_start_matches("VALET_").to_ascii_lowercase();
            let _ = write!(self.0, " {key}={value}");
        }
        Ok(())
    }
}
