//! The real polkit on a private bus, with the actions that Valet ships and rules of a test's own. The system's own
//! actions and rules stay as they are: it runs in a mount namespace.

use crate::{KitError, PrivateBus, Watched, places, wait::until};
use futures_util::StreamExt as _;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};
use tempfile::TempDir;
use zbus::{fdo::DBusProxy, names::BusName};

const PROGRAM: &str = "/usr/lib/polkit-1/polkitd";
const NAME: &str = "org.freedesktop.PolicyKit1";
const START: &str = "mount --bind \"$1\" /usr/share/polkit-1/actions && \
    mount --bind \"$2\" /etc/polkit-1/rules.d && exec \"$3\" --no-debug";

/// polkit; it ends with this value.
pub struct Polkit {
    _process: Watched,
    _folder: TempDir,
}

impl Polkit {
    /// Starts it with rules in polkit's JavaScript, and waits until it has its name.
    ///
    /// # Errors
    /// [`KitError::NeedsRoot`] and [`KitError::Missing`] where it cannot run.
    pub async fn start(bus: &PrivateBus, rules: &str) -> Result<Self, KitError> {
        if !rustix::process::geteuid().is_root() {
            return Err(KitError::NeedsRoot { what: "polkit" });
        }
        if !Path::new(PROGRAM).exists() {
            return Err(KitError::Missing {
                what: "polkit",
                path: PROGRAM.to_owned(),
                how: "install the package polkitd",
            });
        }
        let folder = prepare(rules)?;
        let client = bus.connect().await?;
        let names = DBusProxy::new(&client).await?;
        let mut changes = names.receive_name_owner_changed().await?;
        let process = Watched::spawn(
            Command::new("unshare")
                .args(["--mount", "sh", "-c", START, "sh"])
                .arg(folder.path().join("actions"))
                .arg(folder.path().join("rules"))
                .arg(PROGRAM)
                .env("DBUS_SYSTEM_BUS_ADDRESS", bus.address()),
        )?;
        let wanted = BusName::try_from(NAME)?;
        let mut changes = changes.by_ref();
        tokio::select! {
            () = until("polkit", &mut changes, |change| {
                let change = change.args().ok()?;
                (*change.name() == wanted && change.new_owner().is_some()).then_some(())
            }) => {}
            ended = process.exited(crate::LIMIT) => {
                ended?;
                return Err(process.ended());
            }
        }
        Ok(Self { _process: process, _folder: folder })
    }
}

/// The folders that it sees in place of the system's; its own user reads them.
fn prepare(rules: &str) -> Result<TempDir, KitError> {
    let folder = tempfile::tempdir().map_err(|e| KitError::file(&std::env::temp_dir(), e))?;
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755));
    let actions = places::polkit_actions()?;
    let make = || {
        open(folder.path())?;
        for name in ["actions", "rules"] {
            fs::create_dir(folder.path().join(name))?;
            open(&folder.path().join(name))?;
        }
        fs::copy(&actions, folder.path().join("actions/org.valetd.skills.policy"))?;
        fs::write(folder.path().join("rules/10-test.rules"), rules)
    };
    make().map_err(|e| KitError::file(folder.path(), e))?;
    Ok(folder)
}
