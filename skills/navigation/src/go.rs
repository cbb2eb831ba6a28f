//! Going somewhere: a place, the nearest of a kind, home, work, by way of a stop, or nowhere any more.
//!
//! Must not word success: facts go to the host, which looks at what happened.

use crate::{
    atlas::{self, Atlas},
    fold::fold,
    geo::Point,
    index::Place,
    route::{self, Leg, MAX_LEGS},
    search::Found,
    words,
};
use valet_skill_sdk::prelude::*;

/// How far the nearest of a kind may be, metres.
pub(crate) const NEAREST_M: f64 = 100_000.0;

/// Where to, or what to say instead.
pub(crate) type Target = Result<Leg, Outcome>;

/// "navigate-to".
pub(crate) fn to_place(call: &Call) -> Result<Outcome, SkillError> {
    match target(call, "place", "Where to?")? {
        Ok(leg) => set_out(call, leg),
        Err(outcome) => Ok(outcome),
    }
}

/// "navigate-nearest".
pub(crate) fn to_nearest(call: &Call) -> Result<Outcome, SkillError> {
    let Some(category) = call.text("category") else {
        return Ok(Outcome::ask_slot("category", "What kind of place?"));
    };
    let kind = words::category(category);
    match nearest(category)? {
        Ok(leg) => {
            // A place without a name of its own is listed by its kind.
            let named = (fold(&leg.name) != fold(&kind)).then(|| leg.name.clone());
            let outcome = set_out(call, leg)?.with("kind", kind);
            Ok(match named {
                Some(name) => outcome.with("named", name),
                None => outcome,
            })
        }
        Err(outcome) => Ok(outcome),
    }
}

/// "go-home" and "go-to-work": the place of that setting.
pub(crate) fn to_kept(call: &Call, setting: &str) -> Result<Outcome, SkillError> {
    match kept(call, setting)? {
        Ok(leg) => set_out(call, leg),
        Err(outcome) => Ok(outcome),
    }
}

/// "add-stop": before the destination, behind the stops there are.
pub(crate) fn add_stop(call: &Call) -> Result<Outcome, SkillError> {
    let stop = match call.text("category") {
        Some(category) => nearest(category)?,
        None => target(call, "place", "Where do you want to stop?")?,
    };
    let stop = match stop {
        Ok(stop) => stop,
        Err(outcome) => return Ok(outcome),
    };
    let Some(mut legs) = route::current()? else {
        return Ok(route::untold());
    };
    if legs.len() >= MAX_LEGS {
        return Ok(Outcome::cannot_do(format!("A route can have {} stops at most.", MAX_LEGS - 1)));
    }
    let outcome = about(call, &stop);
    let Some(destination) = legs.pop() else {
        return set_out(call, stop);
    };
    let then = destination.name.clone();
    legs.extend([stop, destination]);
    route::follow(&legs)?;
    Ok(outcome.with("then", then))
}

/// "cancel-route": the whole of it, or only the next stop.
pub(crate) fn cancel(call: &Call) -> Result<Outcome, SkillError> {
    let Some(mut legs) = route::current()? else {
        return Ok(route::untold());
    };
    if legs.is_empty() {
        return Ok(Outcome::cannot_do("There is no route."));
    }
    // In "stop navigating" the word is the verb.
    let is_verb = call.words("part").is_some_and(|words| words.eq_ignore_ascii_case("stop"));
    if is_verb || call.text("part") != Some("stop") {
        route::follow(&[])?;
        return Ok(Outcome::done().with("what", "The route"));
    }
    if legs.len() == 1 {
        return Ok(Outcome::cannot_do("The route has no stop before its destination."));
    }
    legs.remove(0);
    let next = legs.first().map(|leg| leg.name.clone()).unwrap_or_default();
    route::follow(&legs)?;
    Ok(Outcome::done().with("what", "The stop").with("next", next))
}

/// Makes a place the only destination.
fn set_out(call: &Call, leg: Leg) -> Result<Outcome, SkillError> {
    let outcome = about(call, &leg);
    route::follow(&[leg])?;
    Ok(outcome)
}

fn about(call: &Call, leg: &Leg) -> Outcome {
    let outcome = Outcome::done().with("destination", leg.name.as_str());
    match atlas::distance_from_here(call, leg.point) {
        Some(distance) => outcome.with("away", distance),
        None => outcome,
    }
}

/// The place that a slot names.
pub(crate) fn target(call: &Call, slot: &str, question: &str) -> Result<Target, SkillError> {
    let Some(said) = call.text(slot) else {
        return Ok(Err(Outcome::ask_slot(slot, question)));
    };
    match fold(said).as_str() {
        "home" | "my home" | "my house" | "my place" | "our home" | "house" => {
            return kept(call, "home");
        }
        "work" | "my work" | "the office" | "my office" | "office" | "my workplace" => {
            return kept(call, "work");
        }
        _ => {}
    }
    if let Some(point) = Point::read(said) {
        return Ok(Ok(Leg { point, name: "that point".into() }));
    }
    let mut atlas = atlas::open()?;
    Ok(match atlas::look_up(&mut atlas, said)? {
        Found::One(place) => Ok(leg(&atlas, &place)),
        Found::Several(places) => Err(atlas::choose(&atlas, slot, &places)),
        Found::Nothing => match said_category(&atlas, said) {
            Some(category) => nearest_in(&mut atlas, &category)?,
            None => Err(Outcome::cannot_do(format!(
                "I cannot find {} on the offline map.",
                shown(said)
            ))),
        },
    })
}

/// What was said, cut, without control characters.
pub(crate) fn shown(said: &str) -> String {
    said.chars().filter(|c| !c.is_control()).take(60).collect()
}

fn leg(atlas: &Atlas, place: &Place) -> Leg {
    Leg { point: place.point, name: atlas::label(atlas, place) }
}

/// A category by its own name, as in "a petrol station".
fn said_category(atlas: &Atlas, said: &str) -> Option<String> {
    let key = fold(said);
    let bare = ["the nearest ", "the closest ", "nearest ", "a ", "an ", "the "]
        .iter()
        .find_map(|start| key.strip_prefix(start))
        .unwrap_or(&key);
    let name = bare.replace(' ', "-");
    atlas.category(&name).filter(|number| *number > 2)?;
    Some(name)
}

fn nearest(category: &str) -> Result<Target, SkillError> {
    nearest_in(&mut atlas::open()?, category)
}

fn nearest_in(atlas: &mut Atlas, category: &str) -> Result<Target, SkillError> {
    let Some(here) = atlas::here() else {
        return Ok(Err(Outcome::cannot_do("I do not know where we are.")));
    };
    let kind = words::category(category);
    let Some(number) = atlas.category(category) else {
        return Ok(Err(Outcome::cannot_do(format!("The offline map has no {kind}."))));
    };
    let found = atlas.nearest(number, here, 1, NEAREST_M)?;
    let Some(near) = found.first() else {
        return Ok(Err(Outcome::cannot_do(format!("The offline map has no {kind} near here."))));
    };
    let place = atlas.place(near.at)?;
    Ok(Ok(leg(atlas, &place)))
}

/// The place of the setting home or work: coordinates or a name.
pub(crate) fn kept(call: &Call, setting: &str) -> Result<Target, SkillError> {
    let place = call.setting_text(setting).unwrap_or_default().trim();
    if place.is_empty() {
        return Ok(Err(Outcome::cannot_do(format!(
            "I do not know where {setting} is. Set {setting} in the settings of navigation, as a place or as coordinates."
        ))));
    }
    if let Some(point) = Point::read(place) {
        return Ok(Ok(Leg { point, name: setting.into() }));
    }
    let mut atlas = atlas::open()?;
    // A setting cannot be asked about, so the likeliest of several is taken and named.
    let found = match atlas::look_up(&mut atlas, place)? {
        Found::One(place) => Some(place),
        Found::Several(places) => places.into_iter().next(),
        Found::Nothing => None,
    };
    Ok(match found {
        Some(place) => Ok(leg(&atlas, &place)),
        None => Err(Outcome::cannot_do(format!(
            "The setting {setting} says {}, which is not on the offline map.",
            shown(place)
        ))),
    })
}
