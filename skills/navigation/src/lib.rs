//! The skill `org.valetd.navigation`: destinations, stops, and what is where, without a network.
//!
//! Must not pretend to know roads: distances are great circles and said as such. Places come from
//! the index in `assets/`, made by `recipe/build_places.py`.

mod ask;
mod atlas;
mod fold;
mod geo;
mod go;
mod index;
mod route;
mod search;
mod words;

use valet_skill_sdk::prelude::*;

struct Navigation;

impl Skill for Navigation {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "navigate-to" => go::to_place(call),
            "navigate-nearest" => go::to_nearest(call),
            "go-home" => go::to_kept(call, "home"),
            "go-to-work" => go::to_kept(call, "work"),
            "add-stop" => go::add_stop(call),
            "cancel-route" => go::cancel(call),
            "find-place" => ask::find_place(call),
            "query-distance" => ask::distance(call),
            "query-location" => ask::location(),
            _ => Err(SkillError::UnknownIntent),
        }
    }
}

export_skill!(Navigation);
