//! Named errors of the bus face: faults of a call, never "not understood" or "refused".

use std::fmt;

/// The names under `org.valetd.Error.`, and the few of D-Bus itself that we answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ErrorName {
    InvalidArguments,
    NotReady,
    Busy,
    LimitExceeded,
    UnknownSession,
    UnknownTurn,
    UnknownSkill,
    UnknownSignal,
    NotAuthorized,
    UnsupportedLanguage,
    Canceled,
    Timeout,
    AlreadyExists,
    BadPackage,
    BadSignature,
    Conflict,
    SkillFailed,
    ModelError,
    Failed,
    /// `org.freedesktop.DBus.Error.UnknownMethod`.
    UnknownMethod,
    /// `org.freedesktop.DBus.Error.UnknownObject`.
    UnknownObject,
    /// `org.freedesktop.DBus.Error.UnknownProperty`.
    UnknownProperty,
    /// `org.freedesktop.DBus.Error.PropertyReadOnly`.
    PropertyReadOnly,
}

impl ErrorName {
    /// The full name on the bus.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArguments => "org.valetd.Error.InvalidArguments",
            Self::NotReady => "org.valetd.Error.NotReady",
            Self::Busy => "org.valetd.Error.Busy",
            Self::LimitExceeded => "org.valetd.Error.LimitExceeded",
            Self::UnknownSession => "org.valetd.Error.UnknownSession",
            Self::UnknownTurn => "org.valetd.Error.UnknownTurn",
            Self::UnknownSkill => "org.valetd.Error.UnknownSkill",
            Self::UnknownSignal => "org.valetd.Error.UnknownSignal",
            Self::NotAuthorized => "org.valetd.Error.NotAuthorized",
            Self::UnsupportedLanguage => "org.valetd.Error.UnsupportedLanguage",
            Self::Canceled => "org.valetd.Error.Canceled",
            Self::Timeout => "org.valetd.Error.Timeout",
            Self::AlreadyExists => "org.valetd.Error.AlreadyExists",
            Self::BadPackage => "org.valetd.Error.BadPackage",
            Self::BadSignature => "org.valetd.Error.BadSignature",
            Self::Conflict => "org.valetd.Error.Conflict",
            Self::SkillFailed => "org.valetd.Error.SkillFailed",
            Self::ModelError => "org.valetd.Error.ModelError",
            Self::Failed => "org.valetd.Error.Failed",
            Self::UnknownMethod => "org.freedesktop.DBus.Error.UnknownMethod",
            Self::UnknownObject => "org.freedesktop.DBus.Error.UnknownObject",
            Self::UnknownProperty => "org.freedesktop.DBus.Error.UnknownProperty",
            Self::PropertyReadOnly => "org.freedesktop.DBus.Error.PropertyReadOnly",
        }
    }
}

/// An error reply: a name for programs, a message that says what was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusError {
    /// For programs.
    pub name: ErrorName,
    /// For people.
    pub message: String,
}

impl BusError {
    /// An error reply.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into() }
    }

    /// `InvalidArguments`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorName::InvalidArguments, message)
    }
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name.as_str(), self.message)
    }
}

impl std::error::Error for BusError {}
