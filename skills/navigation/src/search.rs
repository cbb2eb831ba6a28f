//! Which place is meant by a name: exact, in a region or town, begun or misheard; the obvious one or a few.
//!
//! Must not read bytes (`index` does) nor speak.

use crate::{
    fold::fold,
    geo::Point,
    index::{Hit, Index, IndexError, Place, Source, TOWN},
};

/// Most places that one is asked to choose from.
const MAX_CHOICES: usize = 4;
/// Most records that are read for one name.
const MAX_RECORDS: usize = 24;
/// How far ahead the best must be to be taken without a question: a population 5 times as large.
const OBVIOUS: f64 = 12.0;
/// What an alternate name costs.
const ALTERNATE_COST: f64 = 15.0;
/// Places closer together than this are one destination, metres.
const SAME_PLACE_M: f64 = 500.0;
/// A place "in" a town lies at most that far from its middle, metres.
const IN_TOWN_M: f64 = 25_000.0;

/// What a name found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// Nothing that fits.
    Nothing,
    /// The one that is meant.
    One(Place),
    /// Two to four that may be meant, likeliest first.
    Several(Vec<Place>),
}

struct Candidate {
    place: Place,
    score: f64,
}

/// Finds the place that is meant by what was said; `here` makes near ones likelier.
pub(crate) fn find<S: Source>(
    index: &mut Index<S>,
    said: &str,
    here: Option<Point>,
) -> Result<Found, IndexError> {
    let key = fold(said);
    let mut tried = vec![key.clone()];
    for start in ["the ", "to ", "a ", "city of ", "town of ", "the city of ", "street "] {
        if let Some(rest) = key.strip_prefix(start).filter(|rest| !rest.is_empty()) {
            tried.push(rest.to_owned());
        }
    }
    for key in &tried {
        let hits = index.exact(key)?;
        let candidates = candidates(index, hits, here)?;
        if !candidates.is_empty() {
            return Ok(pick(candidates));
        }
    }
    let parted = find_within(index, &key, here)?;
    if !parted.is_empty() {
        return Ok(pick(parted));
    }
    let hits = misheard(index, tried.last().unwrap_or(&key))?;
    Ok(pick(candidates(index, hits, here)?))
}

/// "Paris Texas", "Kappeli in Helsinki": a name and where it lies.
fn find_within<S: Source>(
    index: &mut Index<S>,
    key: &str,
    here: Option<Point>,
) -> Result<Vec<Candidate>, IndexError> {
    let words: Vec<&str> = key.split(' ').collect();
    for split in (1..words.len()).rev().take(3) {
        let (name, area) = words.split_at(split);
        let (name, area) = (name.join(" "), area.join(" "));
        let name = name.strip_suffix(" in").unwrap_or(&name);
        let hits = index.exact(name)?;
        if hits.is_empty() {
            continue;
        }
        let mut found = candidates(index, hits, here)?;
        if let Some(lies_there) = index.region_filter(&area) {
            found.retain(|candidate| lies_there(&candidate.place));
        } else {
            let hits = index.exact(&area)?;
            let mut towns = candidates(index, hits, here)?;
            towns.retain(|town| town.place.category == TOWN);
            found.retain(|candidate| {
                towns.iter().any(|t| t.place.point.distance_m(candidate.place.point) < IN_TOWN_M)
            });
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Names that begin so, else names a slip or two away. A short word is near too many others.
fn misheard<S: Source>(index: &mut Index<S>, key: &str) -> Result<Vec<Hit>, IndexError> {
    if key.len() < 5 {
        return Ok(Vec::new());
    }
    let hits = index.beginning(key, 8)?;
    if !hits.is_empty() {
        return Ok(hits);
    }
    match index.near(key, if key.len() >= 9 { 2 } else { 1 }) {
        // A search for slips that goes too far finds nothing.
        Err(IndexError::TooManyReads) => Ok(Vec::new()),
        other => other,
    }
}

fn candidates<S: Source>(
    index: &mut Index<S>,
    mut hits: Vec<Hit>,
    here: Option<Point>,
) -> Result<Vec<Candidate>, IndexError> {
    hits.sort_by_key(|hit| (hit.is_alternate, core::cmp::Reverse(hit.rank)));
    let mut found: Vec<Candidate> = Vec::new();
    for hit in hits.into_iter().take(MAX_RECORDS) {
        if found.iter().any(|candidate| candidate.place.at == hit.at) {
            continue;
        }
        let place = match index.place(hit.at) {
            Err(IndexError::TooManyReads) => break,
            other => other?,
        };
        let near = here.map_or(0.0, |here| nearness(here.distance_m(place.point)));
        let cost = if hit.is_alternate { ALTERNATE_COST } else { 0.0 };
        let score = f64::from(hit.rank) + near - cost;
        found.push(Candidate { place, score });
    }
    Ok(found)
}

/// What being near is worth, on the scale of ranks.
fn nearness(distance_m: f64) -> f64 {
    match distance_m {
        d if d < 2_000.0 => 60.0,
        d if d < 10_000.0 => 45.0,
        d if d < 50_000.0 => 30.0,
        d if d < 200_000.0 => 15.0,
        _ => 0.0,
    }
}

/// The obvious one, or the likeliest few. Branches of a chain are one: the nearest comes first.
fn pick(mut candidates: Vec<Candidate>) -> Found {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let is_known = kept.iter().any(|other| {
            let (a, b) = (&other.place, &candidate.place);
            let is_chain = a.category != TOWN && a.category == b.category && a.name == b.name;
            is_chain || a.point.distance_m(b.point) < SAME_PLACE_M
        });
        if !is_known {
            kept.push(candidate);
        }
    }
    let best = kept.first().map(|candidate| candidate.score).unwrap_or_default();
    kept.retain(|candidate| best - candidate.score < OBVIOUS);
    kept.truncate(MAX_CHOICES);
    let mut places: Vec<Place> = kept.into_iter().map(|candidate| candidate.place).collect();
    match places.len() {
        0 => Found::Nothing,
        1 => Found::One(places.remove(0)),
        _ => Found::Several(places),
    }
}

#[cfg(test)]
mod tests;
