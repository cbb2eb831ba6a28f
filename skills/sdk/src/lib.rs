//! The guest side of `valet:skill` for Rust: implement [`Skill`], name it in
//! [`export_skill!`], build for `wasm32-wasip2`.
//!
//! Must not hold state (every turn runs in a fresh instance) and must not depend on
//! anything of the daemon: the WIT is the contract. Guests are read from flash, so
//! nothing heavy comes in here.

pub mod alarms;
pub mod announce;
pub mod assets;
pub mod call;
pub mod clock;
pub mod error;
pub mod http;
pub mod location;
pub mod log;
pub mod mqtt;
pub mod outcome;
pub mod peers;
pub mod say;
pub mod signals;
pub mod store;
pub mod vocabulary;
pub mod zone;

/// What `wit-bindgen` makes of `skills/wit`; use the typed modules beside it instead.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications)]
#[allow(clippy::undocumented_unsafe_blocks, clippy::mem_forget, clippy::all)]
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "skill",
        pub_export_macro: true,
        default_bindings_module: "valet_skill_sdk::bindings",
        additional_derives: [PartialEq],
        generate_unused_types: true,
    });
}

pub use bindings::valet::skill::types::{Outcome, SkillError, Value};
pub use call::{Call, Received, Ringing};

/// A skill. One value of its type is never made: a turn is a call of [`Skill::handle`].
pub trait Skill {
    /// One command. What it changes goes through [`signals`], [`store`] and [`alarms`]; the
    /// host words what came of it.
    ///
    /// # Errors
    /// A [`SkillError`] is a fault of the skill, not of the person: the host tells the person
    /// that the skill failed. What merely cannot be done is [`Outcome::cannot_do`].
    fn handle(call: &Call) -> Result<Outcome, SkillError>;

    /// An alarm of the skill rings; what it says goes through [`announce`].
    ///
    /// # Errors
    /// As [`Skill::handle`].
    fn on_alarm(alarm: &Ringing) -> Result<(), SkillError> {
        let _ = alarm;
        Ok(())
    }

    /// A message came on a topic that the manifest's `[wake]` names. It may change nothing in the world:
    /// it is for learning names ([`vocabulary`]), and for saying that something is ready.
    ///
    /// # Errors
    /// As [`Skill::handle`].
    fn on_message(message: &Received) -> Result<(), SkillError> {
        let _ = message;
        Ok(())
    }
}

/// Everything a skill usually needs.
pub mod prelude {
    pub use crate::{
        Call, Outcome, Received, Ringing, Skill, SkillError, Value, alarms, announce, assets,
        clock, export_skill, http, location, log, mqtt, peers, say,
        signals::{self, Batch, SignalValue, Status},
        store, vocabulary,
        zone::{Side, Station, Zone},
    };
}

/// Makes the component's exports from a type that implements [`Skill`], and marks the
/// component with the version of the contract it was built for.
#[macro_export]
macro_rules! export_skill {
    ($skill:ty) => {
        #[allow(unsafe_code)]
        const _: () = {
            struct Exported;

            impl $crate::bindings::Guest for Exported {
                fn handle(
                    invocation: $crate::bindings::valet::skill::types::Invocation,
                ) -> ::core::result::Result<$crate::Outcome, $crate::SkillError> {
                    <$skill as $crate::Skill>::handle(&$crate::Call::from(invocation))
                }

                fn on_alarm(
                    alarm: $crate::bindings::valet::skill::types::Ringing,
                ) -> ::core::result::Result<(), $crate::SkillError> {
                    <$skill as $crate::Skill>::on_alarm(&$crate::Ringing::from(alarm))
                }

                fn on_message(
                    message: $crate::bindings::valet::skill::types::Received,
                ) -> ::core::result::Result<(), $crate::SkillError> {
                    <$skill as $crate::Skill>::on_message(&$crate::Received::from(message))
                }
            }

    $crate::bindings::export!(Exported with_types_in $crate::bindings);

            // SAFETY: a section of its own with plain bytes and no relocations; nothing
            // reads it at run time, the host finds it by name in the file.
            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "valet:skill-api")]
            static API: [u8; 3] = *b"0.1";
        };
    };
}
