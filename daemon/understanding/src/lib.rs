//! From an utterance to ranked candidates: templates first, then heads on the sentence encoder;
//! built-in and listed entities; several commands in one sentence; answers and dialogue acts.
//!
//! Must not decide what is done (routing and dialogue do), touch a file other than the cache
//! that `heads` is given, read a clock for meaning, or name a model runtime.

pub mod engine;
pub mod entities;
pub mod error;
pub mod heads;
pub mod normalise;
pub mod scripted;
pub mod training;

mod dialogue;
mod edges;
mod expand;
mod guesses;
mod hash;
mod language;
mod random;
mod share;
mod templates;
mod wake_words;

pub use engine::{Collision, SkillSource, Understander};
pub use entities::Vocabulary;
pub use error::UnderstandingError;
pub use guesses::{Guess, likeliest, worth_a_look};
pub use scripted::Script;
pub use wake_words::WakeWords;
