//! The prompt: line editing with history and completion, in a thread of its own.
//!
//! Must not speak with the bus; it gets what it completes with from its caller.

use super::COMMANDS;
use crate::{
    CtlError,
    screen::{Screen, Style},
};
use rustyline::{
    CompletionType, Config, Editor, ExternalPrinter, Helper,
    completion::{Completer, Pair},
    error::ReadlineError,
    highlight::Highlighter,
    hint::{Hinter, HistoryHinter},
    history::FileHistory,
    validate::Validator,
};
use std::{borrow::Cow, path::PathBuf, sync::mpsc as sync_channel};
use tokio::sync::mpsc;

/// Most lines of the history file.
const HISTORY: usize = 1000;

/// What came from the terminal.
pub(super) enum Line {
    /// A line.
    Said(String),
    /// The end of the input.
    End,
}

/// A prompt that waits in its own thread.
pub(super) struct Prompt {
    ask: sync_channel::Sender<Vec<String>>,
    lines: mpsc::Receiver<Result<Line, CtlError>>,
    printer: Box<dyn ExternalPrinter + Send>,
}

impl Prompt {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`CtlError::Terminal`].
    pub(super) fn start(screen: &Screen) -> Result<Self, CtlError> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY)
            .and_then(|builder| builder.history_ignore_dups(true))
            .map_err(failed)?
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::<Known, FileHistory>::with_config(config).map_err(failed)?;
        let printer = editor.create_external_printer().map_err(failed)?;
        let plain = "› ".to_owned();
        let coloured = screen.paint(Style::Accent, &plain);
        let (ask, asked) = sync_channel::channel::<Vec<String>>();
        let (to, lines) = mpsc::channel(1);
        std::thread::spawn(move || {
            let history = history_file();
            if let Some(file) = &history {
                // A first conversation has no history yet.
                let _ = editor.load_history(file);
            }
            while let Ok(suggestions) = asked.recv() {
                editor.set_helper(Some(Known { suggestions, hinter: HistoryHinter::new() }));
                let line = read(&mut editor, &plain, &coloured);
                let last = !matches!(line, Ok(Line::Said(_)));
                if let Some(file) = &history {
                    // Without a place for it the history lives as long as the prompt.
                    let _ = editor.save_history(file);
                }
                if to.blocking_send(line).is_err() || last {
                    break;
                }
            }
        });
        Ok(Self { ask, lines, printer: Box::new(printer) })
    }

    /// Shows the prompt; `suggestions` are what Tab completes with.
    ///
    /// # Errors
    /// [`CtlError::Terminal`] when the thread has ended.
    pub(super) fn ask(&self, suggestions: Vec<String>) -> Result<(), CtlError> {
        self.ask
            .send(suggestions)
            .map_err(|_| CtlError::Terminal { why: "the prompt has ended".to_owned() })
    }

    /// The line that was typed.
    ///
    /// # Errors
    /// [`CtlError::Terminal`].
    pub(super) async fn answer(&mut self) -> Result<Line, CtlError> {
        self.lines.recv().await.unwrap_or(Ok(Line::End))
    }

    /// Prints a line above the prompt.
    pub(super) fn print(&mut self, line: String) {
        // What a timer said is shown again by nobody, but a terminal that is gone ends the prompt anyway.
        let _ = self.printer.print(format!("{line}\n"));
    }
}

fn failed(error: ReadlineError) -> CtlError {
    CtlError::Terminal { why: error.to_string() }
}

fn read(
    editor: &mut Editor<Known, FileHistory>,
    plain: &str,
    coloured: &str,
) -> Result<Line, CtlError> {
    loop {
        match editor.readline(&(plain, coloured)) {
            Ok(line) => {
                // A history that is full forgets its oldest line.
                let _ = editor.add_history_entry(line.as_str());
                return Ok(Line::Said(line));
            }
            // Ctrl-C drops the line that was being typed.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(Line::End),
            Err(error) => return Err(failed(error)),
        }
    }
}

/// `XDG_STATE_HOME/valetctl/history`, its folder made and for this user alone.
fn history_file() -> Option<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let state = std::env::var_os("XDG_STATE_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let state =
        state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let folder = state.join("valetctl");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder.join("history"))
}

/// What Tab knows: commands and suggestions.
struct Known {
    suggestions: Vec<String>,
    hinter: HistoryHinter,
}

impl Completer for Known {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..pos).unwrap_or(line);
        Ok((0, complete(typed, &self.suggestions)))
    }
}

fn complete(typed: &str, suggestions: &[String]) -> Vec<Pair> {
    let wanted = typed.to_lowercase();
    let commands = COMMANDS.iter().map(|(name, arguments)| Pair {
        display: format!("{name} {arguments}"),
        replacement: (*name).to_owned(),
    });
    let said = suggestions.iter().map(|s| Pair { display: s.clone(), replacement: s.clone() });
    let all: Vec<Pair> = if typed.starts_with(':') { commands.collect() } else { said.collect() };
    all.into_iter().filter(|pair| pair.replacement.to_lowercase().starts_with(&wanted)).collect()
}

impl Hinter for Known {
    type Hint = String;

    fn hint(&self, line: &str, pos: usize, context: &rustyline::Context<'_>) -> Option<String> {
        if line.is_empty() { None } else { self.hinter.hint(line, pos, context) }
    }
}

impl Highlighter for Known {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

impl Validator for Known {}
impl Helper for Known {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_completes_commands_and_what_one_can_say() {
        let suggestions = ["Play some music".to_owned(), "Lock the doors".to_owned()];
        let found = |typed: &str| -> Vec<String> {
            complete(typed, &suggestions).into_iter().map(|pair| pair.replacement).collect()
        };
        assert_eq!(found("pl"), ["Play some music"]);
        assert_eq!(found(":s"), [":signals", ":set", ":stats", ":stop"]);
        assert_eq!(found("").len(), 2);
        assert!(found("x").is_empty());
    }
}
