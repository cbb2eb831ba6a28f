//! What we say we can do.
//!
//! Must not depend on whether models are loaded: a pipeline asks once, when it is set up.

use crate::frame::Frame;
use serde_json::{Value, json};

/// What a socket offers. One of them only: a pipeline that finds both would take the recogniser of
/// intents and never have anything done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Program {
    /// Understand and act.
    Handle,
    /// Understand only.
    Intent,
}

impl Program {
    /// The word of the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Handle => "handle",
            Self::Intent => "intent",
        }
    }
}

/// The `info` of a socket with this program, for these languages.
#[must_use]
pub fn info(program: Program, version: &str, languages: &[String]) -> Frame {
    let artifact = |name: &str, description: &str| {
        json!({
            "name": name,
            "attribution": {"name": "Valet", "url": ""},
            "installed": true,
            "description": description,
            "version": version,
        })
    };
    let mut model = artifact("skills", "The installed skills, understood on this device");
    model["languages"] = json!(languages);
    let mut offered = artifact("Valet", "The assistant that lives on the device");
    offered["models"] = json!([model]);
    if program == Program::Handle {
        offered["supports_handled_streaming"] = Value::Bool(true);
        offered["supports_home_control"] = Value::Bool(true);
    }
    ["asr", "tts", "handle", "intent", "wake", "mic", "snd"].into_iter().fold(
        Frame::new("info"),
        |frame, kind| {
            let programs = if kind == program.name() { vec![offered.clone()] } else { Vec::new() };
            frame.with(kind, programs)
        },
    )
}
