//! A bus of a test's own: `dbus-daemon` as a session bus, the same with the shipped system
//! policy, and `dbus-broker`.

use crate::{KitError, Watched, places, wait::within};
use rustix::process::{Gid, Signal, Uid};
use std::{
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixDatagram, UnixStream},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tempfile::TempDir;
use zbus::Connection;

/// Whatever a session bus allows; limits as on a desktop.
const OPEN: &str = r#"
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_replies_per_connection">50000</limit>
  <limit name="max_match_rules_per_connection">50000</limit>
"#;

/// What a system bus allows before any service's own policy: nothing may be owned, no method
/// called, but signals and answers come through.
const CLOSED: &str = r#"
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
"#;

/// Where `dbus-broker` insists on logging to.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// A private bus; it ends with this value.
pub struct PrivateBus {
    socket: PathBuf,
    process: Watched,
    /// What `dbus-broker` takes for a service manager's bus.
    _helper: Option<Box<PrivateBus>>,
    _journal: Option<Arc<Journal>>,
    _folder: TempDir,
}

/// A socket that swallows what is logged; removed with this value where it was made here.
struct Journal {
    socket: UnixDatagram,
    path: &'static Path,
}

impl Journal {
    /// Takes what is logged off the socket: once ten lines wait there the broker ends.
    fn swallow(&self) -> std::io::Result<()> {
        let socket = self.socket.try_clone()?;
        std::thread::spawn(move || {
            let mut line = [0_u8; 4096];
            while socket.recv(&mut line).is_ok_and(|length| length > 0) {}
        });
        Ok(())
    }
}

/// The stand-in that is in use.
static STAND_IN: Mutex<Weak<Journal>> = Mutex::new(Weak::new());

impl Drop for Journal {
    fn drop(&mut self) {
        // Ends the thread that swallows.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let in_use = STAND_IN.lock().unwrap_or_else(PoisonError::into_inner);
        if in_use.strong_count() > 0 {
            // Another test has bound the path anew meanwhile.
            return;
        }
        // It lies in a folder of the running system's temporary files either way.
        let _ = std::fs::remove_file(self.path);
    }
}

impl PrivateBus {
    /// A session bus on which everything is allowed.
    ///
    /// # Errors
    /// [`KitError`].
    pub async fn session() -> Result<Self, KitError> {
        Self::daemon(OPEN, None).await
    }

    /// A bus with the rules of a system bus and the policy that Valet ships; this process' own
    /// user takes the part of the user `valetd`.
    ///
    /// # Errors
    /// [`KitError`].
    pub async fn system() -> Result<Self, KitError> {
        Self::daemon(CLOSED, Some(shipped_policy()?)).await
    }

    /// `dbus-broker` with the same rules as [`PrivateBus::system`].
    ///
    /// # Errors
    /// [`KitError::NeedsRoot`] where no journal runs and none can be stood in for.
    pub async fn broker() -> Result<Self, KitError> {
        let journal = stand_in_for_journal()?;
        let helper = Self::session().await?;
        let folder = folder()?;
        let socket = folder.path().join("bus");
        let config = write_config(&folder, None, CLOSED, Some(shipped_policy()?))?;
        let launcher = Path::new("/usr/bin/dbus-broker-launch");
        if !launcher.exists() {
            return Err(KitError::Missing {
                what: "dbus-broker-launch",
                path: launcher.display().to_string(),
                how: "install the package dbus-broker",
            });
        }
        let process = Watched::spawn(
            Command::new("systemd-socket-activate")
                .arg("-E")
                .arg(format!("DBUS_SESSION_BUS_ADDRESS={}", helper.address()))
                .arg("-l")
                .arg(&socket)
                .arg(launcher)
                .arg(format!("--config-file={}", config.display()))
                .arg("--scope=user"),
        )?;
        process.line("Listening on").await?;
        open_to_all(&socket)?;
        Ok(Self {
            socket,
            process,
            _helper: Some(Box::new(helper)),
            _journal: journal,
            _folder: folder,
        })
    }

    async fn daemon(rules: &str, policy: Option<String>) -> Result<Self, KitError> {
        let folder = folder()?;
        let socket = folder.path().join("bus");
        let config = write_config(&folder, Some(&socket), rules, policy)?;
        let process =
            Watched::spawn(
                Command::new("dbus-daemon")
                    .arg(format!("--config-file={}", config.display()))
                    .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address"]),
            )?;
        // Printed once it listens.
        process.line("unix:path=").await?;
        Ok(Self { socket, process, _helper: None, _journal: None, _folder: folder })
    }

    /// The address for `DBUS_SESSION_BUS_ADDRESS` and its like.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }

    /// A new client.
    ///
    /// # Errors
    /// [`KitError::Bus`].
    pub async fn connect(&self) -> Result<Connection, KitError> {
        let address = self.address();
        let built = zbus::connection::Builder::address(address.as_str()).build();
        Ok(within("a connection to the private bus", built).await?)
    }

    /// A new client of another user: the bus itself sees that user's credentials.
    ///
    /// # Errors
    /// [`KitError::NeedsRoot`] for who is not the superuser.
    pub async fn connect_as(&self, uid: u32) -> Result<Connection, KitError> {
        if !rustix::process::geteuid().is_root() {
            return Err(KitError::NeedsRoot { what: "a client of another user" });
        }
        let socket = self.socket.clone();
        // Credentials belong to a thread: this one takes them on, connects, and ends.
        let thread = std::thread::spawn(move || -> std::io::Result<UnixStream> {
            let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
            rustix::thread::set_thread_groups(&[])?;
            rustix::thread::set_thread_res_gid(group, group, group)?;
            rustix::thread::set_thread_res_uid(user, user, user)?;
            UnixStream::connect(socket)
        });
        let stream = thread
            .join()
            .map_err(|_| KitError::NeedsRoot { what: "a client of another user" })?
            .map_err(|e| KitError::file(&self.socket, e))?;
        let built = zbus::connection::Builder::unix_stream(stream).user_id(uid).build();
        Ok(within("a connection of another user", built).await?)
    }

    /// Ends the bus, as a crash would.
    pub fn kill(&self) {
        self.process.signal(Signal::KILL);
    }
}

fn folder() -> Result<TempDir, KitError> {
    let folder = tempfile::Builder::new()
        .prefix("valet-bus-")
        .tempdir()
        .map_err(|e| KitError::file(&std::env::temp_dir(), e))?;
    // Other users of a test connect too.
    open_to_all(folder.path())?;
    Ok(folder)
}

fn open_to_all(path: &Path) -> Result<(), KitError> {
    let mode = if path.is_dir() { 0o755 } else { 0o777 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|e| KitError::file(path, e))
}

/// The shipped policy with this process' user for `valetd`; everything else is as shipped.
fn shipped_policy() -> Result<String, KitError> {
    let file = places::bus_policy()?;
    let policy = std::fs::read_to_string(&file).map_err(|e| KitError::file(&file, e))?;
    let us = format!("<policy user=\"{}\">", rustix::process::geteuid().as_raw());
    let wanted = "<policy user=\"valetd\">";
    if policy.matches(wanted).count() != 1 {
        return Err(KitError::file(&file, format!("expected {wanted} exactly once")));
    }
    Ok(policy.replace(wanted, &us))
}

fn write_config(
    folder: &TempDir,
    socket: Option<&Path>,
    rules: &str,
    policy: Option<String>,
) -> Result<PathBuf, KitError> {
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).map_err(|e| KitError::file(&file, e))?;
        Ok::<PathBuf, KitError>(file)
    };
    let include = match policy {
        Some(policy) => {
            format!("  <include>{}</include>\n", write("policy.conf", &policy)?.display())
        }
        None => String::new(),
    };
    let listen = socket.map_or_else(String::new, |socket| {
        format!("  <listen>unix:path={}</listen>\n  <auth>EXTERNAL</auth>\n", socket.display())
    });
    let text = format!(
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\" \
         \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
         <busconfig>\n  <type>session</type>\n{listen}{rules}{include}</busconfig>\n"
    );
    write("bus.conf", &text)
}

/// One stand-in for all brokers of a test process: they all log to the same path.
fn stand_in_for_journal() -> Result<Option<Arc<Journal>>, KitError> {
    let mut shared = STAND_IN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(journal) = shared.upgrade() {
        return Ok(Some(journal));
    }
    let path = Path::new(JOURNAL);
    if UnixDatagram::unbound().and_then(|socket| socket.connect(path)).is_ok() {
        return Ok(None);
    }
    if !rustix::process::geteuid().is_root() {
        return Err(KitError::NeedsRoot { what: "dbus-broker on a machine without a journal" });
    }
    // What lies there has no listener any more, or connecting would have worked.
    let _ = std::fs::remove_file(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|e| KitError::file(parent, e))?;
    }
    let socket = UnixDatagram::bind(path).map_err(|e| KitError::file(path, e))?;
    let journal = Journal { socket, path };
    journal.swallow().map_err(|e| KitError::file(path, e))?;
    let journal = Arc::new(journal);
    *shared = Arc::downgrade(&journal);
    Ok(Some(journal))
}
