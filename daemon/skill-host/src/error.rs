//! What can go wrong when skills are loaded; what goes wrong while one runs is a
//! [`SkillFault`](valet_core::outcome::SkillFault).

use valet_core::{contract::ImportRefusal, intent::SkillId};

/// Why the host or a skill could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The engine or a thread did not start.
    #[error("the skill engine does not start: {why}")]
    Engine {
        /// Why.
        why: String,
    },
    /// No compiled code and no compiler.
    #[error(
        "the skill {skill} carries no code that counts for this machine (engine {engine}), and the board is sealed: there is no valet-skillc. Have its package made with `valetctl skill compile` and signed by a key that may sign code"
    )]
    Sealed {
        /// Which.
        skill: SkillId,
        /// The id of the engine that its code has to be for.
        engine: String,
    },
    /// The compiler refused or broke.
    #[error("the skill {skill} does not compile: {why}")]
    Compile {
        /// Which.
        skill: SkillId,
        /// The compiler's words, cut.
        why: String,
    },
    /// The component exports something else than the contract, or is for another version of it.
    #[error("the skill {skill} does not fit the contract: {why}")]
    Contract {
        /// Which.
        skill: SkillId,
        /// What does not fit.
        why: String,
    },
    /// The component imports what this skill may not.
    #[error("the skill {skill} {refusal}")]
    Import {
        /// Which.
        skill: SkillId,
        /// What it imports, and what would have to be declared.
        refusal: ImportRefusal,
    },
    /// No such skill is loaded.
    #[error("the skill {skill} is not loaded")]
    NotLoaded {
        /// Which.
        skill: SkillId,
    },
    /// As many turns wait as may.
    #[error("{waiting} turns wait for the skill threads already, no more are taken")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The host has been stopped.
    #[error("the skill host has stopped")]
    Stopped,
}
