//! Answers: what became of a text, as the frames of the protocol.
//!
//! Must not say that something was handled when it was not: that word is the daemon's.

use crate::{context::Context, frame::Frame};
use serde_json::{Value, json};
use valet_core::{speech::sentences, understanding::Command};

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was done, answered, or something is asked.
    Handled {
        /// What is said.
        text: String,
    },
    /// It was refused, failed, or was not understood.
    NotHandled {
        /// What is said.
        text: String,
    },
    /// What it means.
    Recognized {
        /// The commands, in the order they were said.
        commands: Vec<Command>,
    },
    /// It means nothing to us.
    NotRecognized {
        /// What is said.
        text: String,
    },
    /// It could not be taken.
    Error {
        /// What was expected and what came.
        text: String,
        /// A word for programs.
        code: String,
    },
}

impl Answer {
    /// The frames, in order; each with the context that came.
    ///
    /// Something handled streams: its sentences one by one, then the whole for those who do not know
    /// of streams.
    #[must_use]
    pub fn frames(&self, context: &Context) -> Vec<Frame> {
        let with = |frame: Frame| match context.to_json() {
            Some(context) => frame.with("context", context),
            None => frame,
        };
        match self {
            Self::Handled { text } => {
                let mut frames = vec![with(Frame::new("handled-start"))];
                let chunk = |text: &str| Frame::new("handled-chunk").with("text", text);
                frames.extend(sentences(text).map(chunk));
                frames.push(with(Frame::new("handled").with("text", text.as_str())));
                frames.push(Frame::new("handled-stop"));
                frames
            }
            Self::NotHandled { text } => {
                vec![with(Frame::new("not-handled").with("text", text.as_str()))]
            }
            Self::Recognized { commands } if commands.len() == 1 => {
                vec![with(intent(&commands[0]))]
            }
            Self::Recognized { commands } => {
                let mut frames = vec![with(Frame::new("intents-start"))];
                frames.extend(commands.iter().map(intent).map(with));
                frames.push(with(Frame::new("intents-stop")));
                frames
            }
            Self::NotRecognized { text } => {
                vec![with(Frame::new("not-recognized").with("text", text.as_str()))]
            }
            Self::Error { text, code } => {
                vec![Frame::new("error").with("text", text.as_str()).with("code", code.as_str())]
            }
        }
    }
}

fn intent(command: &Command) -> Frame {
    let entity = |slot: &valet_core::slot::Slot| json!({"name": slot.name, "value": crate::to_json(&slot.value)});
    let entities: Vec<Value> = command.best.slots.iter().map(entity).collect();
    Frame::new("intent").with("name", command.best.intent.to_string()).with("entities", entities)
}
