//! The D-Bus face: what clients call, who they are, and what they are told.
//!
//! The XML under `interfaces/` is the contract; this crate serves it, checks every call
//! against it and holds the proxies for clients. Must not understand, decide or act: a
//! checked call goes to the daemon as a [`Call`], and comes back through a [`Reply`].

pub mod access;
pub mod call;
pub mod contract;
pub mod convert;
pub mod error;
pub mod limits;
pub mod options;
pub mod path;
pub mod proxies;
pub mod server;

pub use call::{Call, Guesses, Incoming, Reply};
pub use error::{BusError, ErrorName};
pub use server::{Face, Server};

/// The well-known name.
pub const BUS_NAME: &str = "org.valetd.Assistant1";
/// The root object.
pub const ROOT: &str = "/org/valetd/Assistant1";

/// An `a{sv}`.
pub type Dict = std::collections::BTreeMap<String, zbus::OwnedVariant>;
