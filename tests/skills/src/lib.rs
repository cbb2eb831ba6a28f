//! The bench on which the shipped skills are tested: the real understanding, dialogue, policy
//! and skill host around a simulated car, without a bus.
//!
//! Must not know a skill by name, and must not let a wait take real time.

mod car;
mod conversation;
mod desk;
mod error;
mod house;
mod judge;
mod report;
pub mod talking;

pub use car::Car;
pub use conversation::{Conversation, Heard};
pub use desk::Desk;
pub use error::BenchError;
pub use house::{House, Shipped, Templates};
pub use judge::{Judged, Meaning, judge_all};
pub use report::{speech, table};
