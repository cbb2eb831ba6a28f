//! A daemon of one's own: a private bus, `valetd` on it with a simulated car, and folders that go when it does.
//!
//! Must not touch the bus or the daemon of this machine.

use crate::{CtlError, args::Bus, link::Link, value};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Longest wait for the daemon; the first start compiles skills and learns their sentences.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at a program that has no event for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=@SOCKET@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// A program that ends when its standard input does, as it does when we are gone, however we went: the bus, and with it
/// the daemon on it. It also ends when the program cannot run.
const WITH_US: &str = "exec 3<&0; \"$@\" 3<&- & program=$!; \
    { cat <&3 >/dev/null; kill $program; } 2>/dev/null & exec 3<&-; wait $program";

/// Bus and daemon; both end with this value.
pub(super) struct Private {
    /// A connection to it.
    pub(super) link: Link,
    /// Whether an encoder serves; else only templates are understood.
    pub(super) encoder: bool,
    daemon: Child,
    bus: Child,
    nest: TempDir,
}

fn failed(why: impl Into<String>) -> CtlError {
    CtlError::Private { why: why.into() }
}

impl Private {
    /// Starts both with the skills of a folder, and waits until they are understood.
    ///
    /// # Errors
    /// [`CtlError::Private`] with the last words of whichever failed.
    pub(super) async fn start(skills: &Path, models: Option<&Path>) -> Result<Self, CtlError> {
        let made = nest()?;
        let nest = made.path();
        let socket = nest.join("bus");
        let config = BUS.replace("@SOCKET@", &socket.display().to_string());
        write(&nest.join("bus.conf"), &config)?;
        let bus = Command::new("sh")
            .args(["-c", WITH_US, "sh", "dbus-daemon"])
            .arg(format!("--config-file={}", nest.join("bus.conf").display()))
            .args(["--nofork", "--nopidfile", "--nosyslog"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("sh does not start: {error}")))?;
        let mut bus = Ending(Some(bus));
        let missing = "the private bus (is dbus-daemon installed?)";
        wait(missing, &mut bus, || socket.exists()).await?;
        let models = models.map(PathBuf::from).or_else(usual_models);
        let address = format!("unix:path={}", socket.display());
        let daemon = daemon(nest, &address, (skills, models.as_deref()))?;
        let mut daemon = Ending(Some(daemon));
        let link = Link::open(&Bus::Address(address)).await?;
        let log = nest.join("valetd.log");
        let encoder = tokio::select! {
            settled = settled(&link) => settled?,
            () = ended(&mut daemon) => return Err(failed(last_words(&log))),
            () = tokio::time::sleep(READY_LIMIT) => return Err(failed("it is not ready in time")),
        };
        let (Some(bus), Some(daemon)) = (bus.0.take(), daemon.0.take()) else {
            return Err(failed("it is gone"));
        };
        Ok(Self { link, encoder, daemon, bus, nest: made })
    }

    /// Lets it read its skills again, and waits until they are understood.
    ///
    /// # Errors
    /// [`CtlError::Private`]; the call's.
    pub(super) async fn reload(&self) -> Result<(), CtlError> {
        use futures_util::StreamExt as _;
        use rustix::process::{Pid, Signal, kill_process};
        let skills = self.link.skills().await?;
        let ready = skills.receive_skills_ready().await;
        let mut ready = ready.map_err(|error| self.link.error(error))?;
        let pid = i32::try_from(self.daemon.id()).ok().and_then(Pid::from_raw);
        let sent = pid.map(|pid| kill_process(pid, Signal::HUP));
        if !matches!(sent, Some(Ok(()))) {
            return Err(failed(last_words(&self.nest.path().join("valetd.log"))));
        }
        match tokio::time::timeout(READY_LIMIT, ready.next()).await {
            Ok(Some(_)) => Ok(()),
            _ => Err(failed(last_words(&self.nest.path().join("valetd.log")))),
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.bus] {
            // One that has ended needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A child that is ended unless it is taken out.
struct Ending(Option<Child>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for the end of a child.
async fn ended(child: &mut Ending) {
    loop {
        if child.0.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None))) {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn wait(what: &str, child: &mut Ending, there: impl Fn() -> bool) -> Result<(), CtlError> {
    let appears = async {
        while !there() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = appears => Ok(()),
        () = ended(child) => Err(failed(format!("{what} ended before it was there"))),
        () = tokio::time::sleep(READY_LIMIT) => Err(failed(format!("{what} does not come"))),
    }
}

/// Waits until the daemon serves and its encoder does or will not; whether it does.
async fn settled(link: &Link) -> Result<bool, CtlError> {
    let assistant = link.assistant().await?;
    loop {
        if let Ok(models) = assistant.models().await {
            let state = models.get("encoder").map(value::object);
            let state = state.as_ref().map_or("unloaded", |encoder| value::text(encoder, "state"));
            if state != "loading" {
                return Ok(state == "ready");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn daemon(
    nest: &Path,
    address: &str,
    (skills, models): (&Path, Option<&Path>),
) -> Result<Child, CtlError> {
    let log = nest.join("valetd.log");
    let log =
        fs::File::create(&log).map_err(|error| failed(format!("{}: {error}", log.display())))?;
    let none = nest.join("no-models");
    Command::new(beside_us("valetd"))
        .args(["--session", "--vehicle", "simulated"])
        .env("DBUS_SESSION_BUS_ADDRESS", address)
        .env("XDG_CONFIG_HOME", nest)
        .env("XDG_DATA_HOME", nest)
        .env("XDG_RUNTIME_DIR", nest)
        .arg("--skills")
        .arg(skills)
        .arg("--models")
        .arg(models.unwrap_or(&none))
        .arg("--cache")
        .arg(cache(nest))
        .arg("--state")
        .arg(nest.join("state"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| failed(format!("valetd does not start: {error}; is it installed?")))
}

/// What was compiled and learned is kept for the next time.
pub(super) fn cache(nest: &Path) -> PathBuf {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    home.map_or_else(|| nest.join("cache"), |home| home.join("valetctl"))
}

/// A program of ours: beside this one, else wherever the system finds it.
pub(super) fn beside_us(program: &str) -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|us| Some(us.parent()?.join(program)));
    beside.filter(|path| path.exists()).unwrap_or_else(|| program.into())
}

/// The models of this system, else those of a checkout that this program was built in.
pub(super) fn usual_models() -> Option<PathBuf> {
    let system = ["/var/lib/valetd/models", "/usr/share/valetd/models"].map(PathBuf::from);
    let us = std::env::current_exe().ok();
    let checkout = us.and_then(|us| Some(us.ancestors().nth(3)?.join("models/cache")));
    system.into_iter().chain(checkout).find(|folder| folder.is_dir())
}

/// Socket names are short by law, so it lies among the temporary files.
pub(super) fn nest() -> Result<TempDir, CtlError> {
    let made = tempfile::Builder::new().prefix("valetctl-").tempdir();
    made.map_err(|error| failed(error.to_string()))
}

fn write(path: &Path, text: &str) -> Result<(), CtlError> {
    fs::write(path, text).map_err(|error| failed(format!("{}: {error}", path.display())))
}

fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    format!("valetd ended; its last words:\n{}", lines.join("\n"))
}
