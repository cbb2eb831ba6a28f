//! Wyoming, the protocol of voice pipelines such as Home Assistant's and Rhasspy's: frames and events,
//! from bytes and to bytes.
//!
//! Must not open a socket, read a clock or understand anything: bytes go in, events come out, and what
//! the daemon answers becomes bytes again. The protocol has neither authentication nor encryption, so
//! nothing here may be taken as a word of who speaks.
//!
//! Source: the protocol's description and its own writer, version 1.10; golden frames of it are in
//! `tests/golden`.

mod address;
mod answer;
mod context;
mod event;
mod frame;
mod info;
mod values;

pub use address::{Address, AddressError};
pub use answer::Answer;
pub use context::{Context, MAX_CONVERSATION_BYTES};
pub use event::{Event, EventError, MAX_ENTITIES, Said, Structured};
pub use frame::{
    Frame, FrameError, FrameReader, MAX_DATA_BYTES, MAX_LINE_BYTES, MAX_PAYLOAD_BYTES,
};
pub use info::{Program, info};
pub use values::{from_json, to_json};
