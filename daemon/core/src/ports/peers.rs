//! What a connection to peers on D-Bus must offer, and the values that go there and back.
//!
//! Must not implement anything, name a type of a D-Bus library, or say who may be called.

use crate::{
    capability::dbus::{BusKind, PeerInterface},
    wanted::Wanted,
};
use std::time::Duration;

/// Most arguments of a call and values of an answer.
pub const MAX_PEER_VALUES: usize = 16;
/// Most elements of a list or entries of a dictionary.
pub const MAX_PEER_ELEMENTS: usize = 256;
/// Longest text, bytes.
pub const MAX_PEER_TEXT_BYTES: usize = 4096;
/// Most names shown at once.
pub const MAX_PEER_NAMES: usize = 64;

/// A value of a basic type.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerBasic {
    /// `b`
    Boolean(bool),
    /// `y`
    Byte(u8),
    /// `n`
    Int16(i16),
    /// `q`
    Uint16(u16),
    /// `i`
    Int32(i32),
    /// `u`
    Uint32(u32),
    /// `x`
    Int64(i64),
    /// `t`
    Uint64(u64),
    /// `d`
    Double(f64),
    /// `s`
    Text(String),
    /// `o`
    ObjectPath(String),
}

impl PeerBasic {
    /// The value in words, as [`Wanted`] compares it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Boolean(v) => v.to_string(),
            Self::Byte(v) => v.to_string(),
            Self::Int16(v) => v.to_string(),
            Self::Uint16(v) => v.to_string(),
            Self::Int32(v) => v.to_string(),
            Self::Uint32(v) => v.to_string(),
            Self::Int64(v) => v.to_string(),
            Self::Uint64(v) => v.to_string(),
            Self::Double(v) => v.to_string(),
            Self::Text(v) | Self::ObjectPath(v) => v.clone(),
        }
    }
}

/// A value of a dictionary.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerItem {
    /// One.
    Basic(PeerBasic),
    /// Several of one type.
    List(Vec<PeerBasic>),
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerValue {
    /// One, or several.
    Item(PeerItem),
    /// `a{sv}`, in the order it came.
    Dictionary(Vec<(String, PeerItem)>),
}

/// A property that shows what became of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedProperty {
    /// Which, of the same interface.
    pub property: String,
    /// What it has to be; with nothing wanted any other value than before the call.
    pub wanted: Wanted,
    /// How long it is waited for.
    pub limit: Duration,
}

/// A call of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerCall {
    /// Of whom.
    pub peer: PeerInterface,
    /// Which.
    pub member: String,
    /// At most [`MAX_PEER_VALUES`].
    pub arguments: Vec<PeerValue>,
    /// What would show its effect.
    pub watched: Option<WatchedProperty>,
    /// How long the answer may take.
    pub limit: Duration,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerAnswer {
    /// What the method returned.
    pub values: Vec<PeerValue>,
    /// The last value of the watched property, where it is known.
    pub observed: Option<PeerValue>,
    /// Whether it became what was wanted.
    pub reached: bool,
}

/// Why a peer did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// That bus is not there, or the device's configuration lets nobody call peers.
    #[error("the {bus} bus is not there")]
    NotAvailable {
        /// Which.
        bus: &'static str,
    },
    /// Nobody has that name now. Nobody is started for a call.
    #[error("nobody is {name} on the bus")]
    NoPeer {
        /// Which.
        name: String,
    },
    /// The peer answers with an error, or with what is not taken.
    #[error("{name} answers {why}")]
    Refused {
        /// Which.
        name: String,
        /// With what.
        why: String,
    },
    /// No answer in time.
    #[error("{name} took longer than {limit_ms} ms")]
    TimedOut {
        /// Which.
        name: String,
        /// What it had, ms.
        limit_ms: u64,
    },
}

/// Calls peers. Called from several threads; blocks at most as long as a call says.
pub trait Peers: Send + Sync {
    /// Who is there by these names, sorted, at most [`MAX_PEER_NAMES`].
    ///
    /// # Errors
    /// [`PeerError::NotAvailable`], [`PeerError::TimedOut`].
    fn names(&self, bus: BusKind, pattern: &str, limit: Duration)
    -> Result<Vec<String>, PeerError>;

    /// Calls a method of a peer that is there, and watches what shows its effect.
    ///
    /// # Errors
    /// [`PeerError`].
    fn call(&self, call: &PeerCall) -> Result<PeerAnswer, PeerError>;

    /// Reads a property.
    ///
    /// # Errors
    /// [`PeerError`].
    fn property(
        &self,
        peer: &PeerInterface,
        property: &str,
        limit: Duration,
    ) -> Result<PeerValue, PeerError>;
}
