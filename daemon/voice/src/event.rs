//! Events that pipelines send: what is asked, read from a frame.
//!
//! Must not refuse what it does not know: unknown events and fields are passed over, as the protocol
//! wants. A field that is known and wrong is an error that names it.

use crate::{context::Context, frame::Frame};
use serde_json::{Map, Value};

/// Most entities of an intent.
pub const MAX_ENTITIES: usize = 32;
/// Longest name of an intent or an entity, bytes.
const MAX_NAME_BYTES: usize = 320;
/// Longest text of a `ping`, bytes; it is sent back.
const MAX_PING_BYTES: usize = 256;

/// A text and where it belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// What was said; its length is bounded by its frame only.
    pub text: String,
    /// Its language, where the pipeline names one.
    pub language: Option<String>,
    /// Its context.
    pub context: Context,
}

/// An intent with values, as a recogniser of intents gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Structured {
    /// The intent's name.
    pub name: String,
    /// Its entities: name and value.
    pub entities: Vec<(String, Value)>,
    /// Its context.
    pub context: Context,
}

/// What a pipeline says to us.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What can you do?
    Describe,
    /// Are you there?
    Ping {
        /// Comes back with the `pong`.
        text: Option<String>,
    },
    /// A recogniser of speech is through: do what it heard (or, where only intents are asked for, say
    /// what it means).
    Transcript(Said),
    /// Say what a text means and do nothing.
    Recognize(Said),
    /// Do what an intent says.
    Intent(Structured),
    /// Something else, which is none of our business.
    Other,
}

/// What is wrong with an event that we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// A field is missing or of another type.
    #[error("`{field}` is missing or of another type, expected {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A field is too long.
    #[error("`{field}` has {got} bytes, expected at most {most}")]
    TooLong {
        /// Which.
        field: &'static str,
        /// How long it is.
        got: usize,
        /// The bound.
        most: usize,
    },
    /// Too many entities.
    #[error("an intent has {got} entities, expected at most {MAX_ENTITIES}")]
    TooMany {
        /// How many.
        got: usize,
    },
}

impl Event {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`EventError`]; the stream goes on behind it.
    pub fn read(frame: &Frame) -> Result<Self, EventError> {
        let data = &frame.data;
        Ok(match frame.kind.as_str() {
            "describe" => Self::Describe,
            "ping" => Self::Ping { text: optional(data, "text", MAX_PING_BYTES)? },
            "transcript" => Self::Transcript(Said::read(data)?),
            "recognize" => Self::Recognize(Said::read(data)?),
            "intent" => Self::Intent(Structured::read(data)?),
            _ => Self::Other,
        })
    }
}

impl Said {
    fn read(data: &Map<String, Value>) -> Result<Self, EventError> {
        let text = match data.get("text") {
            Some(Value::String(text)) => text.clone(),
            _ => return Err(EventError::Field { field: "text", expected: "a text" }),
        };
        let language = optional(data, "language", MAX_NAME_BYTES)?.filter(|l| !l.is_empty());
        Ok(Self { text, language, context: Context::read(data)? })
    }
}

impl Structured {
    fn read(data: &Map<String, Value>) -> Result<Self, EventError> {
        let name = optional(data, "name", MAX_NAME_BYTES)?
            .ok_or(EventError::Field { field: "name", expected: "a text" })?;
        let listed = match data.get("entities") {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(listed)) => listed,
            Some(_) => return Err(EventError::Field { field: "entities", expected: "a list" }),
        };
        if listed.len() > MAX_ENTITIES {
            return Err(EventError::TooMany { got: listed.len() });
        }
        let entities = listed.iter().map(entity).collect::<Result<_, _>>()?;
        Ok(Self { name, entities, context: Context::read(data)? })
    }
}

fn entity(value: &Value) -> Result<(String, Value), EventError> {
    let expected = "objects with a `name` and a `value`";
    let fields = value.as_object().ok_or(EventError::Field { field: "entities", expected })?;
    let name = optional(fields, "name", MAX_NAME_BYTES)?
        .ok_or(EventError::Field { field: "entities", expected })?;
    Ok((name, fields.get("value").cloned().unwrap_or(Value::Null)))
}

fn optional(
    data: &Map<String, Value>,
    field: &'static str,
    most: usize,
) -> Result<Option<String>, EventError> {
    match data.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() > most => {
            Err(EventError::TooLong { field, got: text.len(), most })
        }
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(EventError::Field { field, expected: "a text" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_unknown_is_passed_over_and_what_is_known_and_wrong_is_named() {
        assert_eq!(Event::read(&Frame::new("audio-chunk").with("rate", 16_000)), Ok(Event::Other));
        let said = Frame::new("transcript").with("text", "hi").with("channel", 3);
        assert!(matches!(Event::read(&said), Ok(Event::Transcript(said)) if said.text == "hi"));
        let many: Vec<Value> = vec![json!({"name": "a"}); MAX_ENTITIES + 1];
        let long = "x".repeat(MAX_CONVERSATION_BYTES + 1);
        use crate::context::MAX_CONVERSATION_BYTES;
        for (frame, named) in [
            (Frame::new("transcript"), "`text`"),
            (Frame::new("transcript").with("text", 7), "`text`"),
            (Frame::new("transcript").with("text", "hi").with("language", 7), "`language`"),
            (Frame::new("recognize").with("text", "hi").with("context", "c"), "`context`"),
            (
                Frame::new("recognize")
                    .with("text", "hi")
                    .with("context", json!({"conversation_id": 1})),
                "`conversation_id`",
            ),
            (
                Frame::new("recognize")
                    .with("text", "hi")
                    .with("context", json!({"conversation_id": long})),
                "`conversation_id` has 129 bytes",
            ),
            (
                Frame::new("recognize")
                    .with("text", "hi")
                    .with("context", json!({"x": "y".repeat(3000)})),
                "`context` has 3008 bytes",
            ),
            (Frame::new("intent"), "`name`"),
            (Frame::new("intent").with("name", "a").with("entities", 1), "`entities`"),
            (Frame::new("intent").with("name", "a").with("entities", json!([1])), "`entities`"),
            (Frame::new("intent").with("name", "a").with("entities", many), "33 entities"),
            (Frame::new("ping").with("text", "x".repeat(257)), "`text` has 257 bytes"),
        ] {
            let error = Event::read(&frame).expect_err(named).to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
