//! What is printed, and how: text with calm colours on a terminal, plain text elsewhere, JSON
//! on request.
//!
//! Must not decide what is worth printing.

use crate::CtlError;
use serde_json::{Value, json};
use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Strong,
    Dim,
    Good,
    Warn,
    Bad,
    Accent,
}

/// Standard output and error of this program.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    json: bool,
    colour: bool,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { json, colour: wanted && !json && std::io::stdout().is_terminal() }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A text with a style, where styles are shown.
    pub(crate) fn paint(&self, style: Style, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Warn => "33",
            Style::Bad => "31",
            Style::Accent => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// One line. Nothing when JSON was asked for.
    ///
    /// # Errors
    /// [`CtlError::Unread`], [`CtlError::Terminal`].
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), CtlError> {
        if self.json {
            return Ok(());
        }
        self.write(text.as_ref())
    }

    /// One document, pretty. Nothing when text was asked for.
    ///
    /// # Errors
    /// [`CtlError::Terminal`].
    pub(crate) fn document(&mut self, value: &Value) -> Result<(), CtlError> {
        if !self.json {
            return Ok(());
        }
        self.write(&format!("{value:#}"))
    }

    /// One document of a stream, in one line. Nothing when text was asked for.
    ///
    /// # Errors
    /// [`CtlError::Terminal`].
    pub(crate) fn event(&mut self, value: &Value) -> Result<(), CtlError> {
        if !self.json {
            return Ok(());
        }
        self.write(&value.to_string())
    }

    /// Bytes as they are, whatever was asked for.
    ///
    /// # Errors
    /// [`CtlError::Terminal`].
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), CtlError> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()?;
        Ok(())
    }

    fn write(&self, text: &str) -> Result<(), CtlError> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(())
    }

    /// Says what went wrong and what to do next, on standard error; gives the exit code. That
    /// nobody reads any more is nobody's fault and not said.
    pub(crate) fn fail(&mut self, error: &CtlError) -> ExitCode {
        if matches!(error, CtlError::Unread) {
            return ExitCode::from(error.code());
        }
        let mut err = std::io::stderr().lock();
        // Nothing is left to do when standard error is gone too.
        let _ = if self.json {
            let document = json!({
                "error": error.name(), "message": error.to_string(), "advice": error.advice(),
            });
            writeln!(err, "{document}")
        } else {
            writeln!(err, "valetctl: {error}").and_then(|()| match error.advice() {
                Some(advice) => writeln!(err, "          {advice}"),
                None => Ok(()),
            })
        };
        ExitCode::from(error.code())
    }
}

/// How many columns a text takes: one a character, which is right for what is shown here.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

/// A text filled up with spaces to a width.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}
