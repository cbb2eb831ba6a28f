//! The command line of `valetd`.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Exit codes, shown under `--help`.
const AFTER_HELP: &str = "Exit codes:
  0  stopped when asked, --check-config found nothing, or --embed wrote its file
  1  internal fault
  2  wrong command line
  3  wrong configuration, policy, words or script; with --check-config also a skill;
     with --embed also a skill or a model
  4  the bus cannot be reached or refuses the name
  5  another valetd has the name on this bus
  6  the bus went away
  7  the state is open in another process (a state that cannot be written is kept in memory)

Signals: SIGHUP reads configuration, policy, skills and manifests of models again (language, vehicle,
encoder, access and the caps on skills stay as they are until a restart); SIGTERM and SIGINT stop within 2 s.";

/// The assistant that lives on the device.
#[derive(Debug, Clone, Parser)]
#[command(name = "valetd", version, about, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Serve on the session bus, for the calling user only.
    #[arg(long, conflicts_with = "system")]
    pub session: bool,
    /// Serve on the system bus (the default).
    #[arg(long)]
    pub system: bool,
    /// Read this configuration file instead of the usual ones.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Which vehicle to act on.
    #[arg(long, value_enum)]
    pub vehicle: Option<VehicleKind>,
    /// `models`, or a TOML file that scripts what each utterance means.
    #[arg(long, value_name = "models|FILE", default_value = "models")]
    pub understanding: String,
    /// Check the configuration, policy, words and skills, say what is wrong, and exit.
    #[arg(long)]
    pub check_config: bool,
    /// Embed the sentences of the skill in DIR with the first of the models, write the file into
    /// DIR/embeddings/, say what it is, and exit.
    #[arg(long, value_name = "DIR", conflicts_with = "check_config")]
    pub embed: Option<PathBuf>,
    /// Where the skills of the image lie.
    #[arg(long, value_name = "DIR")]
    pub skills: Option<PathBuf>,
    /// Where the keys lie whose skills may be installed, instead of the usual folders.
    #[arg(long, value_name = "DIR")]
    pub trust: Option<PathBuf>,
    /// Where the models lie, each a folder with its manifest.
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// The skill compiler instead of the `valet-skillc` beside this program; `none`: only skills
    /// that were compiled before are loaded.
    #[arg(long, value_name = "FILE")]
    pub skillc: Option<PathBuf>,
    /// Folder for what can be made again: compiled skills, trained heads.
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Folder for what must not be lost: installed skills, settings, timers, what skills store.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// Which vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VehicleKind {
    /// A simulated one that follows the VSS catalogue.
    Simulated,
    /// None: every signal answers that nobody provides it.
    None,
}
