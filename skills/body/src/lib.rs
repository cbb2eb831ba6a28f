//! Body: windows, sunroof, shades, doors and their locks, boot, lights, wipers, mirrors.
//!
//! Must not judge whether it is safe: driving state and confirmations are the policy's.

use valet_skill_sdk::prelude::*;

mod boot;
mod exterior_light;
mod interior_light;
mod locks;
mod look;
mod mirrors;
mod place;
mod query;
mod roof;
mod windows;
mod wipers;

struct Body;

impl Skill for Body {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "open-window" => windows::open(call),
            "close-window" => windows::close(call),
            "set-window" => windows::set(call),
            "set-sunroof" => roof::set_sunroof(call),
            "set-shade" => roof::set_shade(call),
            "lock-doors" => locks::lock(call),
            "unlock-doors" => locks::unlock(call),
            "open-boot" => boot::open(),
            "close-boot" => boot::close(),
            "set-interior-light" => interior_light::set(call),
            "set-exterior-light" => exterior_light::set(call),
            "set-wipers" => wipers::set(call),
            "set-mirrors" => mirrors::set(call),
            "query-body" => Ok(query::answer(call)),
            _ => Err(SkillError::UnknownIntent),
        }
    }
}

export_skill!(Body);
