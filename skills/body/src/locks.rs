//! Locks of the doors.
//!
//! Must not unlock more than was asked for, and must not leave a door alone because another one
//! does not answer.

use crate::place;
use valet_skill_sdk::{prelude::*, signals::ActuationOutcome};

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
    let (answering, silent): (Vec<Station>, Vec<Station>) =
        doors.iter().partition(|door| signals::read(&door.door(LEAF)).is_ok());
    let mut batch = batch_of(&answering, locked);
    if with_boot && place::flag(BOOT).is_some() {
        batch.push(BOOT, locked);
    }
    let whole = Outcome::done()
        .with("doors", place::group(&doors, "door", "doors"))
        .with("are", place::verb(doors.len()));
    if batch.is_empty() {
        batch_of(&silent, locked).send()?;
        return Ok(whole);
    }
    let sent = batch.send()?;
    let refused = |o: &ActuationOutcome| matches!(o.status, Status::Denied | Status::OutOfRange);
    let failed = |o: &ActuationOutcome| o.status > Status::Skipped;
    // Nothing was tried: the person is asked first, or it is only gone through before acting.
    let is_tried = sent.is_success() || sent.outcomes.iter().any(failed);
    if sent.waits_for_yes
        || !is_tried
        || (silent.is_empty() && sent.is_success())
        || sent.outcomes.iter().any(refused)
    {
        return Ok(whole);
    }
    let mut outcomes = retried(sent.outcomes, locked)?;
    // Asked for all the same, so that the result names what was not done.
    for door in &silent {
        outcomes.extend(batch_of(&[*door], locked).send()?.outcomes);
    }
    let those = |fits: fn(Status) -> bool| -> Vec<Station> {
        let fits = |door: &&Station| {
            let path = door.door(LEAF);
            outcomes.iter().any(|o| o.path == path && fits(o.status))
        };
        doors.iter().filter(fits).copied().collect()
    };
    let reached = those(|status| matches!(status, Status::Already | Status::Done));
    let missed =
        those(|status| !matches!(status, Status::Already | Status::Done | Status::Requested));
    if reached.is_empty() || missed.is_empty() {
        return Ok(whole);
    }
    Ok(whole
        .with("reached", place::listed(&reached, "door", "doors"))
        .with("reached-are", place::verb(reached.len()))
        .with("missed", place::listed(&missed, "door", "doors")))
}

fn batch_of(doors: &[Station], locked: bool) -> Batch {
    let mut batch = Batch::new();
    for door in doors {
        batch.push(door.door(LEAF), locked);
    }
    batch
}

/// One door that fails skips the rest of its batch: those are asked for one by one.
fn retried(
    outcomes: Vec<ActuationOutcome>,
    locked: bool,
) -> Result<Vec<ActuationOutcome>, SkillError> {
    let mut all = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        if outcome.status == Status::Skipped {
            all.extend(Batch::new().set(outcome.path, locked).send()?.outcomes);
        } else {
            all.push(outcome);
        }
    }
    Ok(all)
}
