//! One batch of actuations: everything is checked before the first value is written, the
//! person is asked where the policy wants it, values are written in order, and then a
//! moment is spent to see them observed.
//!
//! A batch that is only rehearsed is checked in the same way and nothing is written.
//!
//! Must not say that something happened that was not observed.

mod fit;

use crate::{grant::ActuateGrant, limits::MAX_BATCH, world::World};
use fit::fit;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use valet_core::{
    outcome::{Action, ActionStatus, Planned, Target},
    policy::{Policy, Snapshot, Verdict},
    ports::VehicleError,
    signal::{Class, SignalKind, SignalPath, SignalValue},
};

/// One wish of a batch; the grant is there only if the granter gave it.
pub(crate) struct Wish {
    /// The path as the skill wrote it.
    pub(crate) path: Result<SignalPath, String>,
    pub(crate) grant: Option<ActuateGrant>,
    pub(crate) value: SignalValue,
}

/// Under which terms a batch is performed.
pub(crate) struct Terms<'a> {
    /// The highest class that may be actuated: the class of the invoked intent.
    pub(crate) ceiling: Class,
    /// Exactly what the person said yes to.
    pub(crate) confirmed: Option<&'a [Planned]>,
    /// Time to wait for observed values, all together.
    pub(crate) observe: Duration,
    /// Set where the batch is only judged: what would have been written before it.
    pub(crate) rehearsal: Option<&'a [Planned]>,
}

/// What came of a batch.
#[derive(Debug)]
pub(crate) enum Performed {
    /// Actions as they happened, companions among them, and how long was waited.
    Acted { actions: Vec<Action>, waited: Duration },
    /// Nothing was written; a person has to say yes to exactly this.
    AskFirst { planned: Vec<Planned>, why: String },
    /// More than [`MAX_BATCH`] wishes; nothing was looked at.
    TooMany,
}

/// How it ends, and why in words for a person where there are better ones than for the status.
type Refusal = (ActionStatus, Option<String>);

/// A wish that may be written.
struct Ready {
    grant: ActuateGrant,
    value: SignalValue,
    /// The value now.
    current: Option<SignalValue>,
    /// What undo goes back to.
    previous: Option<SignalValue>,
    already: bool,
    companions: Vec<Planned>,
    ask: Option<String>,
}

/// What a batch is judged by: the world as it is, and as it will be once everything under way
/// and everything wanted is there.
struct Judgement {
    policy: Arc<Policy>,
    now: Snapshot,
    then: Snapshot,
    ceiling: Class,
}

impl Judgement {
    fn new(world: &World, wanted: &[Planned], terms: &Terms<'_>) -> Self {
        let policy = world.policy();
        let assumed = terms.rehearsal.unwrap_or_default();
        let now = world.snapshot(&policy).with(pairs(assumed));
        let then = now.with(&world.targets(&policy).0).with(pairs(assumed)).with(pairs(wanted));
        Self { policy, now, then, ceiling: terms.ceiling }
    }

    fn verdict(&self, path: &SignalPath, value: &SignalValue) -> Verdict {
        self.policy.check_under_way(path, value, &self.now, &self.then)
    }

    /// Whether a wish needs something else of a signal than the batch wants of it.
    fn clashes(&self, path: &SignalPath, value: &SignalValue, wanted: &[Planned]) -> bool {
        match self.policy.check_actuation(path, value, &self.then) {
            Verdict::Allow { companions } | Verdict::Confirm { companions, .. } => {
                companions.iter().any(|(path, _)| wanted.iter().any(|w| w.path == *path))
            }
            Verdict::Refuse { .. } => false,
        }
    }

    /// What commands before this batch would have written has to be fine behind it too.
    fn spares(&self, assumed: &[Planned], wanted: &[Planned]) -> Result<(), Refusal> {
        for earlier in assumed.iter().filter(|e| !wanted.iter().any(|w| w.path == e.path)) {
            let (path, value) = (&earlier.path, &earlier.value);
            if let Verdict::Refuse { why, .. } =
                self.policy.check_actuation(path, value, &self.then)
            {
                return Err((ActionStatus::Denied, Some(why)));
            }
            if self.clashes(path, value, wanted) {
                return Err(clash());
            }
        }
        Ok(())
    }
}

fn clash() -> Refusal {
    (ActionStatus::Denied, Some("That does not go together with the rest.".to_owned()))
}

fn pairs(planned: &[Planned]) -> impl Iterator<Item = (&SignalPath, &SignalValue)> {
    planned.iter().map(|p| (&p.path, &p.value))
}

fn planned(companions: Vec<(SignalPath, SignalValue)>) -> Vec<Planned> {
    companions.into_iter().map(|(path, value)| Planned { path, value }).collect()
}

/// Performs a batch, or only judges it.
pub(crate) fn perform(world: &World, wishes: Vec<Wish>, terms: &Terms<'_>) -> Performed {
    if wishes.len() > MAX_BATCH {
        return Performed::TooMany;
    }
    let mut outlines: Vec<Action> = wishes.iter().map(outline).collect();
    let wanted: Vec<Planned> = wishes
        .iter()
        .filter_map(|w| Some(Planned { path: w.path.clone().ok()?, value: w.value.clone() }))
        .collect();
    let ready = match judge(world, wishes, &wanted, terms) {
        Ok(ready) => ready,
        Err((i, (status, why))) => {
            let refused = &mut outlines[i];
            log::debug!("{}: {}", refused.target, why.as_deref().unwrap_or(status.name()));
            (refused.status, refused.why) = (status, why);
            return Performed::Acted { actions: outlines, waited: Duration::ZERO };
        }
    };
    let planned: Vec<Planned> = ready
        .iter()
        .map(|r| Planned { path: r.grant.path().clone(), value: r.value.clone() })
        .collect();
    if let Some(why) = ready.iter().find_map(|r| r.ask.clone())
        && terms.confirmed != Some(&planned[..])
    {
        return Performed::AskFirst { planned, why };
    }
    if terms.rehearsal.is_some() {
        let actions = ready.iter().flat_map(rehearsed).collect();
        return Performed::Acted { actions, waited: Duration::ZERO };
    }
    let mut written = write_all(world, ready);
    let waited = observe(world, &mut written, terms.observe);
    Performed::Acted { actions: written.into_iter().map(|(_, a)| a).collect(), waited }
}

/// All wishes of a batch, or which of them is refused and why.
fn judge(
    world: &World,
    wishes: Vec<Wish>,
    wanted: &[Planned],
    terms: &Terms<'_>,
) -> Result<Vec<Ready>, (usize, Refusal)> {
    let judgement = Judgement::new(world, wanted, terms);
    if !wishes.is_empty() {
        let assumed = terms.rehearsal.unwrap_or_default();
        judgement.spares(assumed, wanted).map_err(|refusal| (0, refusal))?;
    }
    let ready = wishes.into_iter().enumerate().map(|(i, wish)| {
        let mut one = check(world, &judgement, wish).map_err(|refusal| (i, refusal))?;
        if judgement.clashes(one.grant.path(), &one.value, wanted) {
            return Err((i, clash()));
        }
        // What the batch wants anyway need not go along.
        one.companions.retain(|companion| !wanted.iter().any(|w| w.path == companion.path));
        Ok(one)
    });
    ready.collect()
}

/// What a wish would write, as a guest hears it of a batch that is written.
fn rehearsed(ready: &Ready) -> Vec<Action> {
    let status = if ready.already { ActionStatus::Already } else { ActionStatus::Requested };
    let main = Action { status, ..action(ready) };
    ready.companions.iter().map(companion_action).chain([main]).collect()
}

fn companion_action(companion: &Planned) -> Action {
    Action {
        target: Target::Signal(companion.path.clone()),
        requested: Some(companion.value.clone()),
        previous: None,
        observed: None,
        status: ActionStatus::Requested,
        why: None,
        companion: true,
    }
}

/// The action of a wish before anything is known: skipped.
pub(crate) fn outline(wish: &Wish) -> Action {
    Action {
        target: match &wish.path {
            Ok(path) => Target::Signal(path.clone()),
            Err(text) => Target::Other(format!("signal:{text}")),
        },
        requested: Some(wish.value.clone()),
        previous: None,
        observed: None,
        status: ActionStatus::Skipped,
        why: None,
        companion: false,
    }
}

fn check(world: &World, judgement: &Judgement, wish: Wish) -> Result<Ready, Refusal> {
    let denied = |why: &str| (ActionStatus::Denied, Some(why.to_owned()));
    if judgement.ceiling == Class::Info {
        return Err(denied("A question changes nothing."));
    }
    let path = wish.path.map_err(|_| denied("The car has no such signal."))?;
    let grant = wish.grant.ok_or_else(|| denied("This skill is not allowed to change that."))?;
    let info =
        world.describe_actuator(&grant).ok_or_else(|| denied("The car has no such signal."))?;
    if info.kind != SignalKind::Actuator {
        return Err(denied("That can be read but not changed."));
    }
    match judgement.policy.class_of(&path) {
        Some(class) if class <= judgement.ceiling => {}
        _ => return Err(denied("I am not allowed to change that with this command.")),
    }
    let value = fit(wish.value, &info).map_err(|why| {
        log::debug!("{path}: {why}");
        (ActionStatus::OutOfRange, None)
    })?;
    let current = world.previous(&grant).map_err(refusal)?;
    let target = world.target(&grant).map_err(refusal)?;
    let is_at = |at: &SignalValue| value.matches(at);
    // A value on its way elsewhere is not there, wherever it is seen just now.
    let already = !info.is_momentary(&value)
        && current.as_ref().is_some_and(is_at)
        && target.as_ref().is_none_or(is_at);
    let verdict = judgement.verdict(&path, &value);
    let (companions, ask) = match verdict {
        Verdict::Allow { companions } => (companions, None),
        // What is so already needs nobody's leave, and moves nothing else without it.
        Verdict::Confirm { .. } | Verdict::Refuse { .. } if already => (Vec::new(), None),
        Verdict::Confirm { why, companions } => (companions, Some(why)),
        Verdict::Refuse { why, .. } => return Err((ActionStatus::Denied, Some(why))),
    };
    let lasts = |value: &SignalValue| !info.is_momentary(value);
    let previous = target.or_else(|| current.clone()).filter(|p| lasts(p) && lasts(&value));
    let companions = planned(companions);
    Ok(Ready { grant, value, current, previous, already, companions, ask })
}

fn refusal(error: VehicleError) -> Refusal {
    log::debug!("{error}");
    let status = match &error {
        VehicleError::Unknown { .. } | VehicleError::NotActuator { .. } => ActionStatus::Denied,
        VehicleError::NoProvider { .. } => ActionStatus::NoProvider,
        VehicleError::OutOfRange { .. } => ActionStatus::OutOfRange,
        VehicleError::Failed { .. } => ActionStatus::Failed,
    };
    (status, None)
}

type Written = (Option<ActuateGrant>, Action);

fn write_all(world: &World, ready: Vec<Ready>) -> Vec<Written> {
    let mut written: Vec<Written> = Vec::with_capacity(ready.len());
    let mut stopped = false;
    for one in ready {
        let mut action = action(&one);
        // Where what has to go along fails, that failed, and this one is left out.
        if stopped || write_companions(world, &one, &mut written).is_err() {
            stopped = true;
            written.push((None, action));
            continue;
        }
        if one.already {
            action.status = ActionStatus::Already;
            written.push((None, action));
            continue;
        }
        match world.write_target(&one.grant, &one.value).map_err(refusal) {
            Ok(()) => {
                action.status = ActionStatus::Requested;
                written.push((Some(one.grant), action));
            }
            Err((status, why)) => {
                stopped = true;
                action.status = status;
                action.why = why;
                written.push((None, action));
            }
        }
    }
    written
}

fn action(ready: &Ready) -> Action {
    Action {
        target: Target::Signal(ready.grant.path().clone()),
        requested: Some(ready.value.clone()),
        previous: ready.previous.clone(),
        observed: ready.current.clone(),
        status: ActionStatus::Skipped,
        why: None,
        companion: false,
    }
}

/// Writes what must go with an actuation, leaving out what is so already, up to the first
/// that fails.
fn write_companions(world: &World, main: &Ready, written: &mut Vec<Written>) -> Result<(), ()> {
    for companion in &main.companions {
        let is_written = written.iter().any(|(_, a)| {
            a.target == Target::Signal(companion.path.clone()) && a.status.is_success()
        });
        if is_written {
            continue;
        }
        let grant = main.grant.companion(companion.path.clone());
        let mut action = companion_action(companion);
        match write_companion(world, &grant, companion, &mut action) {
            Ok(true) => written.push((Some(grant), action)),
            Ok(false) => {}
            Err((status, why)) => {
                (action.status, action.why) = (status, why);
                written.push((None, action));
                return Err(());
            }
        }
    }
    Ok(())
}

/// Whether it had to be written.
fn write_companion(
    world: &World,
    grant: &ActuateGrant,
    companion: &Planned,
    action: &mut Action,
) -> Result<bool, Refusal> {
    let is_at = |at: &SignalValue| companion.value.matches(at);
    let current = world.previous(grant).map_err(refusal)?;
    let target = world.target(grant).map_err(refusal)?;
    if current.as_ref().is_some_and(is_at) && target.as_ref().is_none_or(is_at) {
        return Ok(false);
    }
    action.previous = target.or_else(|| current.clone());
    action.observed = current;
    world.write_target(grant, &companion.value).map_err(refusal)?;
    Ok(true)
}

/// Waits for what was written, all together at most `most`; returns how long it took.
fn observe(world: &World, written: &mut [Written], most: Duration) -> Duration {
    let started = Instant::now();
    for (grant, action) in written.iter_mut() {
        let (Some(grant), Some(value)) = (grant.as_ref(), action.requested.as_ref()) else {
            continue;
        };
        let left = most.saturating_sub(started.elapsed());
        match world.wait_until(grant, value, left) {
            Ok(observed) => {
                if observed.as_ref().is_some_and(|now| value.matches(now)) {
                    action.status = ActionStatus::Done;
                }
                action.observed = observed.or(action.observed.take());
            }
            // It was requested; that nobody can be seen now is said when it never comes.
            Err(error) => log::debug!("{error}"),
        }
    }
    started.elapsed()
}
