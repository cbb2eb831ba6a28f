//! The skill `org.valetd.appliances`: the lights, blinds and machines of a home, as they announce themselves on the
//! device's MQTT broker.
//!
//! Must not claim that anything changed: the host words what a device reported after the command. Must not open
//! what keeps people out: doors, gates, garages and windows are left alone.

mod act;
mod ask;
mod config;
mod device;
mod find;
mod home;
mod plan;
mod state;
mod time;
mod words;

use plan::Deed;
use valet_skill_sdk::prelude::*;

struct Appliances;

impl Skill for Appliances {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "turn-on" => act::act(call, Deed::On),
            "turn-off" => act::act(call, Deed::Off),
            "set-brightness" => act::set_brightness(call),
            "set-colour" => act::set_colour(call),
            "open-cover" => act::act(call, Deed::Open),
            "close-cover" => act::act(call, Deed::Close),
            "stop-cover" => act::act(call, Deed::Halt),
            "set-cover" => act::set_cover(call),
            "start-machine" => act::act(call, Deed::Start),
            "stop-machine" => act::act(call, Deed::Stop),
            "dock-vacuum" => act::act(call, Deed::Dock),
            "set-oven" => act::set_oven(call),
            "make-coffee" => act::act(call, Deed::Make),
            "query-device" => Ok(ask::device(call)),
            "query-finish" => Ok(ask::finish(call)),
            "list-devices" => Ok(ask::list()),
            _ => Err(SkillError::UnknownIntent),
        }
    }

    fn on_message(message: &Received) -> Result<(), SkillError> {
        home::learn(message)
    }
}

export_skill!(Appliances);
