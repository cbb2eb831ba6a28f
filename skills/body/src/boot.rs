//! The boot's lid.
//!
//! Must not open while the car moves; the policy holds that.

use valet_skill_sdk::prelude::*;

const LID: &str = "Vehicle.Body.Trunk.Rear.IsOpen";

pub(crate) fn open() -> Result<Outcome, SkillError> {
    Batch::new().set(LID, true).finish()
}

pub(crate) fn close() -> Result<Outcome, SkillError> {
    Batch::new().set(LID, false).finish()
}
