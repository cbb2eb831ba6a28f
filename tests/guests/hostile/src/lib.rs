//! What the hostile guests in `examples/` have in common: each does one thing that no skill should, in its own component.
//!
//! Must not be shipped, and must not do anything harmful outside of a sandbox: the worst a guest can do here is what the
//! sandbox is there for.

/// A light that the guests are granted.
pub const LIGHT: &str = "Vehicle.Cabin.Light.IsDomeOn";

/// Makes the exports of a guest from what it does with a command, and, where it does anything, with an alarm.
#[macro_export]
macro_rules! hostile {
    ($handle:expr) => {
        $crate::hostile!($handle, |_| Ok(()));
    };
    ($handle:expr, $ring:expr) => {
        struct Hostile;

        impl ::valet_skill_sdk::Skill for Hostile {
            fn handle(
                call: &::valet_skill_sdk::Call,
            ) -> Result<::valet_skill_sdk::Outcome, ::valet_skill_sdk::SkillError> {
                let handle: fn(&::valet_skill_sdk::Call) -> _ = $handle;
                handle(call)
            }

            fn on_alarm(
                alarm: &::valet_skill_sdk::Ringing,
            ) -> Result<(), ::valet_skill_sdk::SkillError> {
                let ring: fn(&::valet_skill_sdk::Ringing) -> _ = $ring;
                ring(alarm)
            }
        }

        ::valet_skill_sdk::export_skill!(Hostile);
    };
}
