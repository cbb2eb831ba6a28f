//! What can go wrong on this side, in words that say what to do next, and the exit codes.

/// The daemon answered, and the answer is no.
pub(crate) const NOT_FINE: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// The daemon cannot be reached.
pub(crate) const UNREACHABLE: u8 = 3;
/// The daemon refused the call with a named error.
pub(crate) const CALL: u8 = 4;
/// A file or the terminal could not be read or written.
pub(crate) const LOCAL: u8 = 5;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// No bus.
    #[error("there is no {bus} to be reached: {why}")]
    NoBus {
        /// Which bus.
        bus: String,
        /// Why.
        why: String,
    },
    /// A bus, but no daemon on it.
    #[error("valetd does not run on the {bus}")]
    NoDaemon {
        /// Which bus.
        bus: String,
    },
    /// The daemon went away in the middle.
    #[error("the connection to valetd was lost: {why}")]
    Lost {
        /// Why.
        why: String,
    },
    /// The daemon, or the bus, refused the call.
    #[error("{message} ({name})")]
    Call {
        /// The error's name on the bus.
        name: String,
        /// Its words.
        message: String,
    },
    /// A file.
    #[error("{path} cannot be {verb}: {why}")]
    File {
        /// Which.
        path: String,
        /// `read` or `written`.
        verb: &'static str,
        /// Why.
        why: String,
    },
    /// A package or a skill's folder that is not as it should be.
    #[error("{file} is refused: {why}")]
    Package {
        /// Which.
        file: String,
        /// What was expected and what came.
        why: String,
    },
    /// A skill that cannot be built.
    #[error("{why}")]
    Build {
        /// Why, and what to do.
        why: String,
    },
    /// A daemon of one's own that cannot be started.
    #[error("a skill cannot be tried here: {why}")]
    Private {
        /// Why.
        why: String,
    },
    /// A key or a signature.
    #[error("{why}")]
    Key {
        /// What is wrong with it.
        why: String,
    },
    /// A script of a tour that breaks a rule.
    #[error("{message}")]
    Script {
        /// Where and what.
        message: String,
    },
    /// An argument that the parser of arguments cannot judge alone.
    #[error("{message}")]
    Usage {
        /// What was expected and what came.
        message: String,
    },
    /// Whoever read our output has gone, as `head` does.
    #[error("nobody reads the output any more")]
    Unread,
    /// The terminal.
    #[error("the terminal fails: {why}")]
    Terminal {
        /// Why.
        why: String,
    },
    /// The runtime could not start.
    #[error("the runtime cannot start: {why}")]
    Runtime {
        /// Why.
        why: String,
    },
}

impl CtlError {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage { .. } => USAGE,
            Self::NoBus { .. } | Self::NoDaemon { .. } | Self::Lost { .. } => UNREACHABLE,
            Self::Call { .. } => CALL,
            Self::Package { .. } | Self::Build { .. } | Self::Key { .. } => NOT_FINE,
            Self::File { .. }
            | Self::Script { .. }
            | Self::Private { .. }
            | Self::Unread
            | Self::Terminal { .. }
            | Self::Runtime { .. } => LOCAL,
        }
    }

    /// A short name for programs.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::NoBus { .. } => "no-bus",
            Self::NoDaemon { .. } => "no-daemon",
            Self::Lost { .. } => "lost",
            Self::Call { name, .. } => name,
            Self::File { .. } => "file",
            Self::Script { .. } => "script",
            Self::Package { .. } => "package",
            Self::Build { .. } => "build",
            Self::Private { .. } => "private-daemon",
            Self::Key { .. } => "key",
            Self::Usage { .. } => "usage",
            Self::Unread => "unread",
            Self::Terminal { .. } => "terminal",
            Self::Runtime { .. } => "runtime",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::NoBus { bus, .. } if bus.starts_with("session") => Some(
                "in a checkout `make run` brings its own bus; on an installed system use `valetctl --system`",
            ),
            Self::NoBus { .. } => Some("is dbus running? `systemctl status dbus` says so"),
            Self::NoDaemon { bus } if bus.starts_with("system") => Some(
                "start it with `systemctl start valetd`; `valetctl --system doctor` looks for the reason",
            ),
            Self::NoDaemon { .. } => Some(
                "start it with `make run` (in a checkout) or `valetd --session`, or try `valetctl --system`; `valetctl doctor` looks for the reason",
            ),
            Self::Lost { .. } => Some("`valetctl doctor` says whether it runs again"),
            Self::Call { name, .. } => advice_for(name),
            Self::File { why, .. } if why.contains("Permission denied") => {
                Some("this user may not do that; run it as one who may, such as root")
            }
            _ => None,
        }
    }
}

fn advice_for(name: &str) -> Option<&'static str> {
    Some(match name.rsplit('.').next()? {
        "NotAuthorized" => {
            "this user may not do that: see the access table of /etc/valetd/valetd.toml, or use another user"
        }
        "AccessDenied" => {
            "the bus policy forbids it: is org.valetd.Assistant1.conf installed and up to date?"
        }
        "ModelError" => {
            "`valetctl models` lists the models, `valetctl models verify ID` names what is wrong with one"
        }
        "UnknownSkill" => "`valetctl skills` lists what is installed",
        "UnknownSignal" => "`valetctl signals '**.Window.*'` searches the vehicle's signals",
        "UnknownTurn" => "ask something first; `valetctl trace` without a turn then shows it",
        "Busy" | "NotReady" => "try again in a moment",
        "Timeout" => "try again with a longer --timeout, or look at `valetctl doctor`",
        "UnknownMethod" | "UnknownObject" | "UnknownInterface" => {
            "the daemon does not offer that: is it an older version, or is there no simulated vehicle?"
        }
        _ => return None,
    })
}

impl From<std::io::Error> for CtlError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Terminal { why: error.to_string() },
        }
    }
}
