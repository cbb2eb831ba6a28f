//! `valetctl`: the assistant from a command line, for people, scripts and first steps.
//!
//! Speaks to the daemon by D-Bus only, and by the interfaces that are published: what it can do, any client can.
//! Packages are made and checked as files, without a daemon.
//! Must not know anything of the daemon's insides.

mod args;
mod audit;
mod author;
mod chat;
mod doctor;
mod error;
mod install;
mod link;
mod listen;
mod models;
mod monitor;
mod package;
mod parse;
mod request;
mod screen;
mod shell;
mod signals;
mod skills;
mod stats;
mod tour;
mod trace;
mod trust;
mod turn;
mod value;

pub use args::{Cli, command};
pub use error::CtlError;

use args::{Command, SkillAction};
use clap::Parser as _;
use link::Link;
use screen::Screen;
use std::{ffi::OsString, process::ExitCode};

/// How a command that could be carried out went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should.
    Fine,
    /// It was answered, and the answer is no: refused, failed, not understood, not as expected.
    NotFine,
}

/// Runs one command line, prints, and says how it went (see `valetctl --help`).
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { error::USAGE } else { 0 });
        }
    };
    let mut screen = Screen::new(cli.json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return screen.fail(&CtlError::Runtime { why: error.to_string() }),
    };
    let outcome = runtime.block_on(dispatch(cli, &mut screen));
    // A thread may still wait for a line of the terminal; nothing of it is needed.
    runtime.shutdown_background();
    match outcome {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::NotFine) => ExitCode::from(error::NOT_FINE),
        Err(error) => screen.fail(&error),
    }
}

async fn dispatch(cli: Cli, screen: &mut Screen) -> Result<Verdict, CtlError> {
    let cli = match cli {
        Cli { command: Command::Skill { action: SkillAction::Package(action) }, .. } => {
            return package::run(screen, action);
        }
        Cli { command: Command::Skill { action: SkillAction::Author(action) }, .. } => {
            return author::run(screen, action).await;
        }
        cli => cli,
    };
    match &cli.command {
        Command::Completion { shell } => return shell::completion(*shell, screen),
        Command::Man { dir } => return shell::man(dir, screen),
        Command::Trust(trust) => return trust::run(screen, trust),
        Command::Audit(audit) => return audit::run(screen, &cli.bus(), audit),
        Command::Doctor => return doctor::run(&cli.bus(), screen).await,
        _ => {}
    }
    let link = Link::open(&cli.bus()).await?;
    match cli.command {
        Command::Ask { text, options } => turn::ask(&link, screen, &text.join(" "), &options).await,
        Command::Chat { options } => chat::run(&link, screen, &options).await,
        Command::Parse { text, explain, options } => {
            parse::run(&link, screen, &text.join(" "), explain, &options).await
        }
        Command::Listen(options) => listen::run(&link, screen, options).await,
        Command::Monitor => monitor::run(&link, screen).await,
        Command::Skills { action } => skills::run(&link, screen, action.unwrap_or_default()).await,
        Command::Skill { action: SkillAction::Installed(action) } => {
            install::run(&link, screen, action).await
        }
        Command::Settings { skill, key, value } => {
            skills::settings(&link, screen, &skill, key.as_deref(), value.as_deref()).await
        }
        Command::Models { action } => models::run(&link, screen, action.unwrap_or_default()).await,
        Command::Signals(signals) => signals::run(&link, screen, signals).await,
        Command::Trace { turn, svg } => {
            trace::run(&link, screen, turn.as_deref(), svg.as_deref()).await
        }
        Command::Stats => stats::run(&link, screen).await,
        Command::Stop => turn::stop(&link, screen).await,
        Command::Undo { options } => turn::undo(&link, screen, &options).await,
        Command::Suggest { options } => turn::suggest(&link, screen, &options).await,
        Command::Tour { script } => tour::run(&link, screen, script.as_deref()).await,
        Command::Completion { .. }
        | Command::Man { .. }
        | Command::Doctor
        | Command::Audit(_)
        | Command::Trust(_)
        | Command::Skill { .. } => Ok(Verdict::Fine),
    }
}
