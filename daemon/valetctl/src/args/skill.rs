//! `valetctl skill …`: what an author, an integrator and a device's owner can ask for.
//!
//! Must not do anything.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum SkillAction {
    #[command(flatten)]
    Package(PackageAction),
    #[command(flatten)]
    Installed(InstalledAction),
    #[command(flatten)]
    Author(AuthorAction),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorAction {
    /// Begin a skill: a project in Rust that builds and keeps its promises as it is
    New {
        /// A folder that is not there yet
        folder: PathBuf,
        /// Its id, reverse DNS; else org.example.<folder>
        #[arg(long)]
        id: Option<String>,
    },
    /// Build the component, with cargo, or with make where there is a Makefile
    Build {
        /// The skill's folder
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Embed its sentences for an encoder, so that devices with that encoder understand it sooner
    ///
    /// Writes embeddings/<fingerprint of the encoder>.bin into the folder; a package takes it along. Do it again when
    /// sentences change: what is not in the file is computed on the device.
    Embed {
        /// The skill's folder
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Folder of the models, of which the first is used, instead of those of this system
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
    },
    /// Make machine code of its component ahead of time, for boards that have no compiler
    ///
    /// Writes code/<id of the engine>.bin into the folder; a package takes it along. It runs on boards whose daemon has that
    /// engine and trusts the key that signs the package with code (`valetctl trust add --may-sign-code`). Do it again when the
    /// component or the version of Valet changes.
    Compile {
        /// The skill's folder
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// What the boards are, as aarch64-unknown-linux-gnu; may be given more than once
        #[arg(long, required = true, value_name = "TRIPLE")]
        target: Vec<String>,
    },
    /// Try what tests.toml promises, with the real understanding and a simulated car
    Test(TrialArgs),
    /// Build, load and try it at each change, in a daemon of its own, and show how a failing sentence went
    Dev(TrialArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TrialArgs {
    /// The skill's folder
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Folder of another skill that is there too; may be given more than once
    #[arg(long, value_name = "FOLDER")]
    pub(crate) with: Vec<PathBuf>,
    /// Folder of the models, instead of those of this system
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// The package
    pub(crate) package: PathBuf,
    /// What it may touch, `kind:pattern`; may be given more than once
    #[arg(long, value_name = "GRANT")]
    pub(crate) grant: Vec<String>,
    /// It may touch all that it asks for
    #[arg(long, conflicts_with = "grant")]
    pub(crate) grant_all: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Also where a newer version was here
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InstalledAction {
    /// Install or update one from its package, without a restart
    ///
    /// What it asks for is shown first. An update keeps what the skill may touch already.
    Install(InstallArgs),
    /// Remove an installed one with its data
    Remove {
        /// Its id, or the last part of it
        id: String,
    },
    /// Go back to the version before
    Rollback {
        /// Its id, or the last part of it
        id: String,
    },
    /// Make a disabled one ready again, also after a restart; lifts a quarantine
    Enable {
        /// Its id, or the last part of it
        id: String,
    },
    /// Its intents are no longer understood and its timers do not ring, also after a restart
    Disable {
        /// Its id, or the last part of it
        id: String,
    },
    /// Let one touch more of what it asks for
    Grant {
        /// Its id, or the last part of it
        id: String,
        /// `kind:pattern`
        #[arg(required = true, value_name = "GRANT")]
        grants: Vec<String>,
    },
    /// Take back what one may touch; holds at once
    Revoke {
        /// Its id, or the last part of it
        id: String,
        /// `kind:pattern`
        #[arg(required = true, value_name = "GRANT")]
        grants: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackageAction {
    /// Check the folder of a skill as its author works in it, and remark what is hardly meant
    Check {
        /// With skill.toml, sentences/ and tests.toml
        folder: PathBuf,
    },
    /// Make a package of a skill's folder; the same folder gives the same bytes
    Pack {
        /// With skill.toml, skill.wasm, sentences/, assets/, embeddings/ and code/
        folder: PathBuf,
        /// The package; else <id>-<version>.valet here
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make a pair of keys to sign with: NAME.key, the secret, and NAME.pub
    ///
    /// They are minisign's; keys that it made are as good.
    Key {
        /// NAME
        file: PathBuf,
        /// Keep the secret as it is, for machines that sign by themselves
        #[arg(long)]
        no_password: bool,
    },
    /// Add a signature to a package, or renew one's own
    Sign {
        /// The package
        package: PathBuf,
        /// The secret key
        #[arg(long, value_name = "FILE", required_unless_present = "signature")]
        key: Option<PathBuf>,
        /// A signature of the package's skill.toml that was made elsewhere, as by `minisign -SH`
        #[arg(long, value_name = "FILE", conflicts_with = "key")]
        signature: Option<PathBuf>,
    },
    /// Check a package whole: its form, its hashes, and who signed it
    Verify {
        /// The package
        package: PathBuf,
        /// Folder of key files, instead of those of this system; may be given more than once
        #[arg(long, value_name = "FOLDER")]
        trust: Vec<PathBuf>,
    },
    /// Show what a package is, what it may touch and who signed it, trusted or not
    Inspect {
        /// The package
        package: PathBuf,
    },
}
