//! `log`: a few short lines a turn for the integrator, without control characters.

use crate::{bindings::valet::skill::log as wit, limits::MAX_LOG_LINE_BYTES, turn::Turn};

/// At most [`MAX_LOG_LINE_BYTES`], cut between characters, control characters as spaces.
fn clean(line: &str) -> String {
    let mut clean = String::new();
    for c in line.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if clean.len() + c.len_utf8() > MAX_LOG_LINE_BYTES {
            break;
        }
        clean.push(c);
    }
    clean
}

impl wit::Host for Turn {
    fn write(&mut self, level: wit::Level, line: String) -> wasmtime::Result<()> {
        self.host_call()?;
        let Some(left) = self.allowance.log_lines.checked_sub(1) else {
            return Ok(());
        };
        if self.rehearses() {
            return Ok(());
        }
        self.allowance.log_lines = left;
        let level = match level {
            wit::Level::Debug => log::Level::Debug,
            wit::Level::Info => log::Level::Info,
            wit::Level::Warning => log::Level::Warn,
        };
        log::log!(target: "skill", level, "{}: {}", self.skill, clean(&line));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_characters_and_clean() {
        let line = clean(&"ä\n".repeat(400));
        assert!(line.len() <= MAX_LOG_LINE_BYTES && line.len() > MAX_LOG_LINE_BYTES - 2);
        assert!(!line.chars().any(char::is_control));
    }
}
