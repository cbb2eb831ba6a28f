//! Locks of the doors.
//!
//! Must not unlock more than was asked for.

use crate::place;
use valet_skill_sdk::{prelude::*, zone::Station};

const LEAF: &str = "IsLocked";
const BOOT: &str = "Vehicle.Body.Trunk.Rear.IsLocked";

pub(crate) fn lock(call: &Call) -> Result<Outcome, SkillError> {
    // "Lock up in this area" is about where the car stands, not about a door.
    let words = call.words("zone").unwrap_or_default().to_ascii_lowercase();
    let here = words.starts_with("this ") || words == "here";
    let zone = call.zone("zone").filter(|_| !here).unwrap_or(Zone::All);
    write(zone, true, zone == Zone::All)
}

pub(crate) fn unlock(call: &Call) -> Result<Outcome, SkillError> {
    write(call.zone("zone").unwrap_or(Zone::All), false, false)
}

/// The boot is locked with the whole car, and stays locked when the doors are opened.
fn write(zone: Zone, locked: bool, with_boot: bool) -> Result<Outcome, SkillError> {
    let doors: Vec<Station> = zone.stations().collect();
    if doors.is_empty() {
        return Ok(Outcome::cannot_do("There is no door at that place."));
    }
    let mut batch = Batch::new();
    for door in &doors {
        batch.push(door.door(LEAF), locked);
    }
    if with_boot && place::flag(BOOT).is_some() {
        batch.push(BOOT, locked);
    }
    batch.send()?;
    Ok(Outcome::done()
        .with("doors", place::group(&doors, "door", "doors"))
        .with("are", place::verb(doors.len())))
}
