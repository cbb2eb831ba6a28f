//! What a pipeline sends along with a text so that the next one is understood in its place.
//!
//! Must not be believed: a conversation's name says where a text belongs, never who speaks.

use crate::event::EventError;
use serde_json::{Map, Value};

/// Longest name of a conversation or a satellite, bytes.
pub const MAX_CONVERSATION_BYTES: usize = 128;
/// Largest context, bytes as JSON; it is given back with the answer.
const MAX_CONTEXT_BYTES: usize = 2048;

/// A context as it came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    /// `conversation_id`: turns of one conversation know of each other.
    pub conversation: Option<String>,
    /// `satellite_id`: which microphone; the configuration may say where it is.
    pub satellite: Option<String>,
    /// All of it, for the answer.
    fields: Option<Map<String, Value>>,
}

impl Context {
    /// Reads the `context` of an event.
    ///
    /// # Errors
    /// [`EventError`] where it is no object or past its bounds.
    pub(crate) fn read(data: &Map<String, Value>) -> Result<Self, EventError> {
        let fields = match data.get("context") {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(fields)) => fields.clone(),
            Some(_) => return Err(EventError::Field { field: "context", expected: "an object" }),
        };
        let bytes = Value::Object(fields.clone()).to_string().len();
        if bytes > MAX_CONTEXT_BYTES {
            return Err(EventError::TooLong {
                field: "context",
                got: bytes,
                most: MAX_CONTEXT_BYTES,
            });
        }
        Ok(Self {
            conversation: name(&fields, "conversation_id")?,
            satellite: name(&fields, "satellite_id")?,
            fields: Some(fields),
        })
    }

    /// What the answer carries: the context as it came, where one came.
    pub(crate) fn to_json(&self) -> Option<Value> {
        self.fields.clone().map(Value::Object)
    }
}

/// A name in a context. Home Assistant leaves out what it does not know, others send `null`.
fn name(fields: &Map<String, Value>, field: &'static str) -> Result<Option<String>, EventError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.len() > MAX_CONVERSATION_BYTES => {
            Err(EventError::TooLong { field, got: name.len(), most: MAX_CONVERSATION_BYTES })
        }
        Some(Value::String(name)) if name.is_empty() => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(_) => Err(EventError::Field { field, expected: "a text" }),
    }
}
