//! Where things lie, on a system and in a session.
//!
//! Must not read or create anything but the folders of our own.

use crate::cli::Cli;
use std::{env, path::PathBuf};

/// All folders and files the daemon looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paths {
    /// Configuration files, later ones over earlier ones.
    pub config_files: Vec<PathBuf>,
    /// Folders of drop-ins, after the files.
    pub config_dropins: Vec<PathBuf>,
    /// Folders with policy files over the shipped policy, later ones over earlier ones. The first
    /// is the image's.
    pub policy: Vec<PathBuf>,
    /// Folders with skills of the image.
    pub skills: Vec<PathBuf>,
    /// Folders with the keys of whom is trusted, the image's first.
    pub trust: Vec<PathBuf>,
    /// Users whose key files count: root, and in a session its user.
    pub trust_owners: Vec<u32>,
    /// Folders with models; the first that has one wins.
    pub models: Vec<PathBuf>,
    /// The skill compiler; none = sealed.
    pub skillc: Option<PathBuf>,
    /// What can be made again.
    pub cache: PathBuf,
    /// What must not be lost.
    pub state: PathBuf,
    /// The audit log.
    pub audit: PathBuf,
    /// What lives as long as we run, such as sockets; none = nobody made a place for it.
    pub runtime: Option<PathBuf>,
}

fn home(variable: &str, below: &str) -> PathBuf {
    let base = env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    base.unwrap_or_else(|| home().join(below)).join("valetd")
}

impl Paths {
    /// The paths for a command line.
    #[must_use]
    pub(crate) fn of(cli: &Cli) -> Self {
        let mut paths = if cli.session { Self::session() } else { Self::system() };
        if let Some(file) = &cli.config {
            paths.config_files = vec![file.clone()];
            paths.config_dropins.clear();
        }
        if let Some(folder) = &cli.skills {
            paths.skills = vec![folder.clone()];
        }
        if let Some(folder) = &cli.trust {
            paths.trust = vec![folder.clone()];
        }
        if let Some(folder) = &cli.models {
            paths.models = vec![folder.clone()];
        }
        if let Some(file) = &cli.skillc {
            // The compiler is started in another folder.
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            paths.skillc = (!file.ends_with("none")).then_some(file);
        }
        if let Some(folder) = &cli.cache {
            paths.cache.clone_from(folder);
        }
        if let Some(folder) = &cli.state {
            paths.state.clone_from(folder);
            paths.audit = folder.join("audit");
        }
        paths
    }

    fn system() -> Self {
        Self {
            config_files: vec![
                "/usr/lib/valetd/valetd.toml".into(),
                "/etc/valetd/valetd.toml".into(),
            ],
            config_dropins: vec!["/etc/valetd/valetd.toml.d".into()],
            policy: vec!["/usr/share/valetd/policy".into(), "/etc/valetd/policy".into()],
            skills: vec!["/usr/share/valetd/skills".into()],
            trust_owners: vec![0],
            trust: vec!["/usr/share/valetd/trust.d".into(), "/etc/valetd/trust.d".into()],
            models: vec!["/var/lib/valetd/models".into(), "/usr/share/valetd/models".into()],
            skillc: beside_us(),
            cache: env_dir("CACHE_DIRECTORY", "/var/cache/valetd"),
            state: env_dir("STATE_DIRECTORY", "/var/lib/valetd"),
            audit: "/var/log/valetd".into(),
            runtime: Some(env_dir("RUNTIME_DIRECTORY", "/run/valetd")),
        }
    }

    fn session() -> Self {
        let config = home("XDG_CONFIG_HOME", ".config");
        let data = home("XDG_DATA_HOME", ".local/share");
        Self {
            config_files: vec![config.join("valetd.toml")],
            config_dropins: vec![config.join("valetd.toml.d")],
            policy: vec![data.join("policy"), config.join("policy")],
            skills: vec![data.join("skills")],
            trust_owners: vec![0, rustix::process::geteuid().as_raw()],
            trust: vec![data.join("trust.d"), config.join("trust.d")],
            models: vec![data.join("models")],
            skillc: beside_us(),
            cache: home("XDG_CACHE_HOME", ".cache"),
            state: home("XDG_STATE_HOME", ".local/state"),
            audit: home("XDG_STATE_HOME", ".local/state").join("audit"),
            runtime: env::var_os("XDG_RUNTIME_DIR")
                .filter(|v| !v.is_empty())
                .map(|folder| PathBuf::from(folder).join("valetd")),
        }
    }
}

/// systemd names the folders it made for the unit.
fn env_dir(variable: &str, usual: &str) -> PathBuf {
    env::var_os(variable).filter(|v| !v.is_empty()).map_or_else(|| usual.into(), PathBuf::from)
}

/// `valet-skillc` beside our own program, where there is one.
fn beside_us() -> Option<PathBuf> {
    let compiler = env::current_exe().ok()?.parent()?.join("valet-skillc");
    compiler.exists().then_some(compiler)
}
