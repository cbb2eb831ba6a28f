//! The command line: what can be asked for, and the words of `--help`.
//!
//! Must not do anything; `tests` and the man pages read the same structure.

mod skill;
mod trust;

pub(crate) use skill::{
    AuthorAction, InstallArgs, InstalledAction, PackageAction, SkillAction, TrialArgs,
};
pub(crate) use trust::{TrustAction, TrustArgs, TrustedKeyArgs};

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use std::path::PathBuf;

const AFTER: &str = "\
Exit codes:
  0  done as asked (a question back counts: it was understood)
  1  answered, but not with success: refused, failed, not understood, no such signal; a tour that
     went otherwise than it should, a doctor with something to mend
  2  the command line makes no sense
  3  the daemon cannot be reached
  4  the daemon, or the bus, refused the call with a named error
  5  a file or the terminal could not be read or written

Colours are used on a terminal only, and never when NO_COLOR is set.
What travels on the bus, with its documentation:
`busctl --user introspect --xml-interface org.valetd.Assistant1 /org/valetd/Assistant1`";

/// Talk to the Valet assistant, look at what it did, and change what it runs with.
#[derive(Debug, Parser)]
#[command(name = "valetctl", version, after_help = AFTER, max_term_width = 100)]
pub struct Cli {
    /// Use the system bus (a daemon started by systemd) instead of the session bus
    #[arg(long, global = true, conflicts_with = "address")]
    system: bool,

    /// Use the bus at this address, such as unix:path=/tmp/bus
    #[arg(long, global = true, value_name = "ADDRESS")]
    address: Option<String>,

    /// Print JSON with stable keys instead of text; streams print one document a line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bus {
    Session,
    System,
    Address(String),
}

impl Cli {
    pub(crate) fn bus(&self) -> Bus {
        match (&self.address, self.system) {
            (Some(address), _) => Bus::Address(address.clone()),
            (None, true) => Bus::System,
            (None, false) => Bus::Session,
        }
    }
}

/// Which lines of the audit log.
#[derive(Debug, Clone, Args)]
pub(crate) struct AuditArgs {
    /// Where the log lies, instead of the usual folder
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// How many lines, the last ones
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) last: usize,
}

/// The command, for completion scripts and man pages.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Options of whatever begins a turn.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TurnArgs {
    /// Who speaks: all, row1, row1-driver, row1-middle, row1-passenger; the same for row2 to row4
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,

    /// Language of the utterance, such as en
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<String>,

    /// Path of a conversation as results name it; without it the one of this user and the zone
    #[arg(long, value_name = "PATH")]
    pub(crate) session: Option<String>,

    /// What the turn may do
    #[arg(long, value_name = "MODE", value_parser = ["act", "parse", "local-only", "no-llm"])]
    pub(crate) mode: Option<String>,

    /// How long it may take, milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=25_000))]
    pub(crate) timeout: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// How fast the voice is, so that it can be interrupted; 0: all is said at once
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) letters_a_second: u32,
    #[command(flatten)]
    pub(crate) turn: TurnArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask for one thing and show what came of it
    ///
    /// Follow-ups reach the same conversation for 30 seconds: `valetctl ask "set a timer"`, then
    /// `valetctl ask "five minutes"`.
    Ask {
        /// What to say; several words need no quotes
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
        #[command(flatten)]
        options: TurnArgs,
    },
    /// Talk; lines from a file or pipe work too
    Chat {
        #[command(flatten)]
        options: TurnArgs,
    },
    /// Understand only: commands, slots, confidence; nothing acts
    Parse {
        /// What to understand
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
        /// Also show where the slots stand in the text, and the other readings
        #[arg(long)]
        explain: bool,
        #[command(flatten)]
        options: TurnArgs,
    },
    /// Be a voice pipeline: lines are what is heard, printed is what it would do
    ///
    /// A line is a transcript; `~ words` is one that may still change; `0.6: words | 0.3: other words` are guesses
    /// with their scores. What would be spoken, when the microphone would open and when the voice has to be
    /// silent is printed.
    Listen(ListenArgs),
    /// Watch the turns one may see live, announcements, and state changes of the daemon
    Monitor,
    /// The installed skills
    Skills {
        #[command(subcommand)]
        action: Option<SkillsAction>,
    },
    /// Make a skill a package, sign it, install it, and change what is installed
    Skill {
        #[command(subcommand)]
        action: SkillAction,
    },
    /// Settings of a skill: all, one, or set one
    Settings {
        /// Its id, or the last part of it (climate)
        skill: String,
        /// Which setting
        key: Option<String>,
        /// The new value
        value: Option<String>,
    },
    /// The models: which one serves, and switching
    Models {
        #[command(subcommand)]
        action: Option<ModelsAction>,
    },
    /// The vehicle's signals
    #[command(args_conflicts_with_subcommands = true)]
    Signals(SignalsArgs),
    /// How a turn went: stages with their times, candidates, policy
    Trace {
        /// Its id (t12), one of the last 64; without it your latest one
        turn: Option<String>,
        /// Draw it into this file
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// Counters and times since the daemon started
    Stats,
    /// Never mind: end what runs and what is being asked
    Stop,
    /// Put back what the last turn changed
    Undo {
        #[command(flatten)]
        options: TurnArgs,
    },
    /// What one can say now
    Suggest {
        #[command(flatten)]
        options: TurnArgs,
    },
    /// Whose skills a device takes: the key files of this system, edited as root, without a daemon
    Trust(TrustArgs),
    /// What was installed, granted, refused and moved, and whether anybody changed the log of it
    Audit(AuditArgs),
    /// Look for what keeps the assistant from working, and say what to do about it
    Doctor,
    /// A guided conversation with the simulated vehicle, checked step by step
    Tour {
        /// Another script than the built-in one
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,
    },
    /// Print a completion script
    Completion {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages
    Man {
        /// Into this folder
        dir: PathBuf,
    },
}

#[derive(Debug, Default, Subcommand)]
pub(crate) enum SkillsAction {
    /// All of them with their state
    #[default]
    List,
    /// One of them in full
    Show {
        /// Its id, or the last part of it
        id: String,
    },
}

#[derive(Debug, Default, Subcommand)]
pub(crate) enum ModelsAction {
    /// All of them with their state
    #[default]
    List,
    /// Compare the files of one with its manifest
    Verify {
        /// Its id
        id: String,
    },
    /// Let another one serve, also after a restart; the one before serves until it is ready
    Activate {
        /// Its id
        id: String,
    },
    /// Go back to the one before
    Rollback {
        /// Of which kind
        #[arg(default_value = "encoder", value_parser = ["encoder", "llm"])]
        kind: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SignalsArgs {
    #[command(subcommand)]
    pub(crate) action: Option<SignalsAction>,
    /// Paths or patterns: `*` is one element, `**` any number; a plain word searches
    #[arg(value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignalsAction {
    /// Set a current value of the simulated vehicle
    Set {
        /// Full path
        path: String,
        /// true, 21.5, OPEN, ["a", "b"]; quotes make a text of a number
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Break or mend signals of the simulated vehicle
    Fault {
        /// Path or pattern
        path: String,
        /// What is wrong with it
        #[arg(value_parser = ["none", "no-provider", "stuck", "slow"])]
        fault: String,
    },
    /// Start a driving cycle of the simulated vehicle
    Drive {
        /// Which
        #[arg(value_parser = ["parked", "city", "motorway"])]
        cycle: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn words_need_no_quotes_and_negative_values_are_values() {
        let cli =
            Cli::try_parse_from(["valetctl", "ask", "open", "the", "window"]).expect("parses");
        assert!(
            matches!(cli.command, Command::Ask { text, .. } if text.join(" ") == "open the window")
        );
        let cli =
            Cli::try_parse_from(["valetctl", "signals", "set", "Vehicle.A", "-3"]).expect("parses");
        assert!(matches!(
            cli.command,
            Command::Signals(SignalsArgs { action: Some(SignalsAction::Set { value, .. }), .. }) if value == "-3"
        ));
        let cli = Cli::try_parse_from(["valetctl", "signals", "Vehicle.Speed"]).expect("parses");
        assert!(
            matches!(cli.command, Command::Signals(SignalsArgs { action: None, patterns }) if patterns.len() == 1)
        );
        assert!(Cli::try_parse_from(["valetctl", "--system", "--address", "x", "stop"]).is_err());
    }
}
