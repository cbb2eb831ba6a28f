//! An MQTT broker of a test's own, a real `mosquitto` on a socket in a folder.
//!
//! Must not be spoken to from here: a test brings a client, or `mosquitto_pub` and `mosquitto_sub` do.

use crate::{KitError, Watched};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A broker; it ends with this value.
pub struct Mosquitto {
    folder: TempDir,
    process: Watched,
}

impl Mosquitto {
    /// Starts it; it listens when this returns.
    ///
    /// # Errors
    /// [`KitError`] where it is not installed or does not start.
    pub async fn start() -> Result<Self, KitError> {
        let folder = tempfile::Builder::new()
            .prefix("valet-mqtt-")
            .tempdir()
            .map_err(|e| KitError::file(&std::env::temp_dir(), e))?;
        let process = Self::spawn(folder.path()).await?;
        Ok(Self { folder, process })
    }

    async fn spawn(folder: &Path) -> Result<Watched, KitError> {
        let config = folder.join("mosquitto.conf");
        let root = rustix::process::geteuid().is_root();
        let text = format!(
            "{}allow_anonymous true\nlistener 0 {}\nlog_dest stderr\nlog_type all\n",
            if root { "user root\n" } else { "" },
            folder.join("socket").display()
        );
        std::fs::write(&config, text).map_err(|e| KitError::file(&config, e))?;
        let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].map(Path::new);
        let program =
            places.into_iter().find(|path| path.exists()).ok_or_else(|| KitError::Missing {
                what: "mosquitto",
                path: "/usr/sbin/mosquitto".to_owned(),
                how: "install the package mosquitto",
            })?;
        let process = Watched::spawn(Command::new(program).arg("-c").arg(&config))?;
        process.line("running").await?;
        Ok(process)
    }

    /// Ends it, as a crash would, and starts it anew on the same socket; nothing is kept.
    ///
    /// # Errors
    /// As [`Mosquitto::start`].
    pub async fn restart(&mut self) -> Result<(), KitError> {
        self.process.signal(rustix::process::Signal::KILL);
        // What a killed broker leaves is in the way of the next one.
        let _ = std::fs::remove_file(self.socket());
        self.process = Self::spawn(self.folder.path()).await?;
        Ok(())
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The address for the configuration of a daemon.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}
