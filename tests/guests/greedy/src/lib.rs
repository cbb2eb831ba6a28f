//! A guest that imports what the contract does not have: files. The skill host refuses to
//! load it.
//!
//! Must not be shipped.

use valet_skill_sdk::prelude::*;

struct Greedy;

impl Skill for Greedy {
    fn handle(_call: &Call) -> Result<Outcome, SkillError> {
        let stolen = std::fs::read("/etc/passwd").map_or(0, |bytes| bytes.len());
        Ok(Outcome::answer(stolen.to_string()))
    }
}

export_skill!(Greedy);
