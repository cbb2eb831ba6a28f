//! Questions: what is near, how far it is, where we are.
//!
//! Must not change anything.

use crate::{
    atlas::{self, ATTRIBUTION, Atlas},
    geo::Point,
    go::{self, NEAREST_M},
    index::{Place, STREET, TOWN},
    route,
    search::Found,
    words,
};
use valet_skill_sdk::prelude::*;

/// A street at most that far away is the one we are on, metres.
const ON_STREET_M: f64 = 60.0;
/// A town farther away than this is not where we are, metres.
const IN_TOWN_M: f64 = 60_000.0;

/// "find-place": the nearest of a kind, or where a place is.
pub(crate) fn find_place(call: &Call) -> Result<Outcome, SkillError> {
    let mut atlas = atlas::open()?;
    if let Some(category) = call.text("category") {
        return nearby(call, &mut atlas, category);
    }
    let Some(said) = call.text("place") else {
        return Ok(Outcome::ask_slot("category", "What are you looking for?"));
    };
    Ok(match atlas::look_up(&mut atlas, said)? {
        Found::One(place) => tell_place(call, &atlas, &place),
        Found::Several(places) => atlas::choose(&atlas, "place", &places),
        Found::Nothing => {
            Outcome::answer(format!("I cannot find {} on the offline map.", go::shown(said)))
        }
    })
}

fn tell_place(call: &Call, atlas: &Atlas, place: &Place) -> Outcome {
    let label = atlas::label(atlas, place);
    let speech = match atlas::distance_from_here(call, place.point) {
        Some(away) => format!("{label} is {away} away as the crow flies."),
        None => format!("{label} is on the map, but I do not know where we are."),
    };
    sourced(Outcome::answer(speech).show("place", label))
}

fn nearby(call: &Call, atlas: &mut Atlas, category: &str) -> Result<Outcome, SkillError> {
    let kind = words::category(category);
    let Some(here) = atlas::here() else {
        return Ok(Outcome::cannot_do("I do not know where we are."));
    };
    let found = match atlas.category(category) {
        Some(number) => atlas.nearest(number, here, 3, NEAREST_M)?,
        None => Vec::new(),
    };
    let unit = atlas::unit(call);
    let mut named = Vec::new();
    for near in &found {
        let place = atlas.place(near.at)?;
        named.push((place, words::distance(near.distance_m, unit)));
    }
    let Some(((first, away), rest)) = named.split_first() else {
        return Ok(Outcome::answer(format!("The offline map has no {kind} near here.")));
    };
    let label = atlas::label(atlas, first);
    let mut speech = format!("The nearest {kind} is {label}, {away} away as the crow flies.");
    let others: Vec<String> =
        rest.iter().map(|(place, away)| format!("{}, {away}", place.name)).collect();
    if !others.is_empty() {
        speech.push_str(&format!(" Then there is {}.", others.join("; and ")));
    }
    Ok(sourced(Outcome::answer(speech).show("place", label)))
}

/// "query-distance": to a place, or to where the route goes.
pub(crate) fn distance(call: &Call) -> Result<Outcome, SkillError> {
    let leg = if call.text("place").is_some() {
        match go::target(call, "place", "How far to where?")? {
            Ok(leg) => leg,
            Err(outcome) => return Ok(outcome),
        }
    } else {
        match route::current()?.map(|mut legs| legs.pop()) {
            None => return Ok(route::untold()),
            Some(Some(leg)) => leg,
            Some(None) => return Ok(Outcome::ask_slot("place", "How far to where?")),
        }
    };
    let name = &leg.name;
    Ok(match atlas::distance_from_here(call, leg.point) {
        Some(away) => sourced(Outcome::answer(format!(
            "It is {away} to {name} as the crow flies; by road it is more."
        ))),
        None => Outcome::cannot_do("I do not know where we are."),
    })
}

/// "query-location".
pub(crate) fn location() -> Result<Outcome, SkillError> {
    let Some(here) = atlas::here() else {
        return Ok(Outcome::cannot_do("I do not know where we are."));
    };
    let mut atlas = atlas::open()?;
    let street = atlas.nearest(STREET, here, 1, 500.0)?.first().copied();
    let town = town_of(&mut atlas, here)?;
    let street = match street {
        Some(near) => Some((atlas.place(near.at)?.name, near.distance_m < ON_STREET_M)),
        None => None,
    };
    let town = town.map(|town| atlas::label(&atlas, &town));
    let speech = match (street, town) {
        (Some((street, true)), Some(town)) => format!("We are on {street} in {town}."),
        (Some((street, false)), Some(town)) => format!("We are near {street} in {town}."),
        (Some((street, _)), None) => format!("We are near {street}."),
        (None, Some(town)) => format!("We are in or near {town}."),
        (None, None) => "There is no town near here on the offline map.".into(),
    };
    let coordinates =
        format!("{}, {}", say::number(here.latitude, 3), say::number(here.longitude, 3));
    Ok(sourced(Outcome::answer(speech).show("coordinates", coordinates)))
}

/// The town whose size and nearness weigh most: suburbs do not hide their city.
fn town_of(atlas: &mut Atlas, here: Point) -> Result<Option<Place>, SkillError> {
    let mut best: Option<(f64, Place)> = None;
    for near in atlas.nearest(TOWN, here, 8, IN_TOWN_M)? {
        let place = atlas.place(near.at)?;
        // A town's reach grows with the root of its population: a rank of 10 is a factor of 4.
        let weight = near.distance_m.max(500.0) / 2.0_f64.powf(f64::from(place.rank) / 10.0);
        if best.as_ref().is_none_or(|(least, _)| weight < *least) {
            best = Some((weight, place));
        }
    }
    Ok(best.map(|(_, place)| place))
}

fn sourced(answer: Outcome) -> Outcome {
    answer.show("source", ATTRIBUTION)
}
