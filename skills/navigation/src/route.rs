//! The route: the destination, the stops before it, and the vehicle's signals for where it goes next.
//!
//! VSS has one destination and no stops. So the signals hold the next leg's end, and the store the
//! whole list; when the signals say something else (the person chose on the screen), they win.
//! A cancelled route is written as 0, 0, for a VSS signal cannot be made empty.

use crate::geo::Point;
use valet_skill_sdk::prelude::*;

const LATITUDE: &str = "Vehicle.Cabin.Infotainment.Navigation.DestinationSet.Latitude";
const LONGITUDE: &str = "Vehicle.Cabin.Infotainment.Navigation.DestinationSet.Longitude";
const KEY: &str = "route";
/// Most stops of a route, the destination among them.
pub(crate) const MAX_LEGS: usize = 10;

/// The end of a leg.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leg {
    /// Where it ends.
    pub(crate) point: Point,
    /// What is there.
    pub(crate) name: String,
}

/// What is said where the car does not tell where it goes.
pub(crate) fn untold() -> Outcome {
    Outcome::cannot_do("The car does not tell me about its route now.")
}

/// The legs' ends in order, the destination last; empty = no route, none = nobody knows.
pub(crate) fn current() -> Result<Option<Vec<Leg>>, SkillError> {
    let (Ok(latitude), Ok(longitude)) =
        (signals::read_number(LATITUDE), signals::read_number(LONGITUDE))
    else {
        return Ok(None);
    };
    known(latitude, longitude).map(Some)
}

fn known(latitude: Option<f64>, longitude: Option<f64>) -> Result<Vec<Leg>, SkillError> {
    let Some(next) = latitude.zip(longitude).and_then(|(a, b)| Point::new(a, b)) else {
        return Ok(Vec::new());
    };
    if next.latitude == 0.0 && next.longitude == 0.0 {
        return Ok(Vec::new());
    }
    let kept = read(&store::read_text(KEY)?.unwrap_or_default());
    if kept.first().is_some_and(|leg| leg.point.is_same(next)) {
        return Ok(kept);
    }
    Ok(vec![Leg { point: next, name: "the destination".into() }])
}

/// Makes these the legs; the vehicle goes to the first. Whether the vehicle took it.
pub(crate) fn follow(legs: &[Leg]) -> Result<bool, SkillError> {
    let next = legs.first().map_or((0.0, 0.0), |leg| (leg.point.latitude, leg.point.longitude));
    let sent = Batch::new().set(LATITUDE, next.0).set(LONGITUDE, next.1).send()?;
    if !sent.is_success() {
        return Ok(false);
    }
    if legs.is_empty() {
        store::remove(KEY)?;
    } else {
        store::write(KEY, write(legs))?;
    }
    Ok(true)
}

fn write(legs: &[Leg]) -> String {
    let lines: Vec<String> = legs
        .iter()
        .map(|leg| format!("{}\t{}\t{}", leg.point.latitude, leg.point.longitude, leg.name))
        .collect();
    lines.join("\n")
}

fn read(text: &str) -> Vec<Leg> {
    let leg = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (latitude, longitude) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Leg { point: Point::new(latitude, longitude)?, name: parts.next()?.to_owned() })
    };
    // One line that cannot be read makes the whole list doubtful.
    text.lines().map(leg).collect::<Option<Vec<_>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_are_read_as_they_were_written() {
        let leg = |latitude, longitude, name: &str| Leg {
            point: Point::new(latitude, longitude).expect("a point"),
            name: name.into(),
        };
        let legs = vec![leg(60.17, 24.94, "Kappeli"), leg(60.45148, 22.26869, "Turku, Finland")];
        assert_eq!(read(&write(&legs)), legs);
        assert_eq!(read("60.1\t24.9\tA\nnonsense"), Vec::new());
        assert_eq!(read(""), Vec::new());
    }
}
