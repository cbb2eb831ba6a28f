//! The index as the skill's asset, and what its places are called.
//!
//! Must not decide what to do with a place.

use crate::{
    geo::Point,
    index::{ADDRESS, Index, IndexError, Place, STREET, Source, TOWN},
    search::{self, Found},
    words::{self, Unit},
};
use valet_skill_sdk::prelude::*;

const ASSET: &str = "places.idx";
const DISTANCE_UNIT: &str = "Vehicle.Cabin.Infotainment.HMI.DistanceUnit";
/// Due with every answer that uses the index.
pub(crate) const ATTRIBUTION: &str = "GeoNames CC BY 4.0; © OpenStreetMap contributors, ODbL";

/// The asset.
pub(crate) struct Asset;

impl Source for Asset {
    fn read_at(&self, offset: u64, length: u32) -> Option<Vec<u8>> {
        assets::read_at(ASSET, offset, length).ok()
    }
}

/// The index of the package.
pub(crate) type Atlas = Index<Asset>;

impl From<IndexError> for SkillError {
    fn from(error: IndexError) -> Self {
        Self::Internal(
            match error {
                IndexError::Unreadable => "the index of places cannot be read",
                IndexError::Corrupt => "the index of places is corrupt",
                IndexError::TooManyReads => "the index of places took too many reads",
            }
            .into(),
        )
    }
}

/// Opens the index.
pub(crate) fn open() -> Result<Atlas, SkillError> {
    Ok(Index::open(Asset)?)
}

/// Where the vehicle is, where that is known.
pub(crate) fn here() -> Option<Point> {
    let position = location::current().ok()?;
    Point::new(position.latitude, position.longitude)
}

/// The place that is meant, by a choice's id or by name.
pub(crate) fn look_up(atlas: &mut Atlas, said: &str) -> Result<Found, SkillError> {
    if let Some(at) = said.strip_prefix('@').and_then(|at| at.parse().ok()) {
        return Ok(atlas.place(at).map_or(Found::Nothing, Found::One));
    }
    Ok(search::find(atlas, said, here())?)
}

/// A question which of a few is meant.
pub(crate) fn choose(atlas: &Atlas, slot: &str, places: &[Place]) -> Outcome {
    let mut choices: Vec<(String, String)> = Vec::new();
    for place in places {
        let label = label(atlas, place);
        if choices.iter().all(|(_, other)| *other != label) {
            choices.push((format!("@{}", place.at), label));
        }
    }
    let labels: Vec<String> = choices.iter().map(|(_, label)| label.clone()).collect();
    Outcome::choose(slot, format!("Which one: {}?", words::either(&labels)), choices)
}

/// "Paris, Texas", "Kappeli, Eteläesplanadi 1", "Mannerheimintie".
pub(crate) fn label(atlas: &Atlas, place: &Place) -> String {
    match place.category {
        TOWN => match atlas.region_name(place) {
            Some(region) if region != place.name => format!("{}, {region}", place.name),
            _ => place.name.clone(),
        },
        STREET | ADDRESS => place.name.clone(),
        _ if place.detail.is_empty() => place.name.clone(),
        _ => format!("{}, {}", place.name, place.detail),
    }
}

/// Which unit distances are said in, by the setting or as the vehicle shows them.
pub(crate) fn unit(call: &Call) -> Unit {
    match call.setting_text("units") {
        Some("kilometres") => Unit::Metric,
        Some("miles") => Unit::Imperial,
        _ => match signals::read_text(DISTANCE_UNIT) {
            Ok(Some(unit)) if unit == "MILES" => Unit::Imperial,
            _ => Unit::Metric,
        },
    }
}

/// The great-circle distance from here in words; none where the position is not known.
pub(crate) fn distance_from_here(call: &Call, point: Point) -> Option<String> {
    Some(words::distance(here()?.distance_m(point), unit(call)))
}
