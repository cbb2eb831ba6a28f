//! `valetctl trust …`: what can be asked of the key files of a system.
//!
//! Must not do anything.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Folder of key files, instead of /etc/valetd/trust.d; then the image's are not looked at either
    #[arg(long, value_name = "FOLDER", global = true)]
    pub(crate) folder: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: Option<TrustAction>,
}

#[derive(Debug, Default, Subcommand)]
pub(crate) enum TrustAction {
    /// All keys with what they may sign, and the list of what is revoked
    #[default]
    List,
    /// Trust a key from now on
    Add(TrustedKeyArgs),
    /// Trust a key no more; what it signed and is installed goes on running unless it is revoked
    Remove {
        /// The key's number, 16 digits
        key: String,
    },
    /// Sign a list of what is revoked, as LIST.minisig beside it
    SignList {
        /// As revoked.toml
        list: PathBuf,
        /// The secret key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Take a signed list of what is revoked; a newer one takes the place of an older
    Revoke {
        /// The list; its signature is beside it, as LIST.minisig
        list: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TrustedKeyArgs {
    /// The public key, as `valetctl skill key` and minisign write it
    pub(crate) public: PathBuf,
    /// Whose it is, for people
    #[arg(long)]
    pub(crate) name: String,
    /// Ids that it may sign, as org.example.lamp, org.example.** or **; may be given more than once
    #[arg(long, required = true, value_name = "IDS")]
    pub(crate) namespace: Vec<String>,
    /// Most that an intent of its skills may do
    #[arg(long, default_value = "comfort", value_parser = ["info", "comfort", "body", "security"])]
    pub(crate) class: String,
    /// Its last day, UTC, as 2028-12-31
    #[arg(long, value_name = "DAY")]
    pub(crate) not_after: Option<String>,
    /// It may sign lists of what is revoked
    #[arg(long)]
    pub(crate) may_revoke: bool,
    /// Machine code that its packages carry runs (`valetctl skill compile`); nothing can look through that, so it may do all
    /// that the daemon may: for the key of who makes the image
    #[arg(long)]
    pub(crate) may_sign_code: bool,
}
