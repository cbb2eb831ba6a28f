//! One batch of actuations: everything is checked before the first value is written, the
//! person is asked where the policy wants it, values are written in order, and then a
//! moment is spent to see them observed.
//!
//! Must not say that something happened that was not observed.

use crate::{grant::ActuateGrant, limits::MAX_BATCH, world::World};
use std::time::{Duration, Instant};
use valet_core::{
    outcome::{Action, ActionStatus, Planned, Target},
    policy::{Policy, Snapshot, Verdict},
    ports::VehicleError,
    signal::{Class, SignalInfo, SignalKind, SignalPath, SignalType, SignalValue},
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

type Refusal = (ActionStatus, String);

/// A wish that may be written.
struct Ready {
    grant: ActuateGrant,
    value: SignalValue,
    previous: Option<SignalValue>,
    already: bool,
    companions: Vec<Planned>,
    ask: Option<String>,
}

/// Performs a batch.
pub(crate) fn perform(world: &World, wishes: Vec<Wish>, terms: &Terms<'_>) -> Performed {
    if wishes.len() > MAX_BATCH {
        return Performed::TooMany;
    }
    let policy = world.policy();
    let snapshot = world.snapshot(&policy);
    let mut outlines: Vec<Action> = wishes.iter().map(outline).collect();
    let wanted: Vec<Planned> = wishes
        .iter()
        .filter_map(|w| Some(Planned { path: w.path.clone().ok()?, value: w.value.clone() }))
        .collect();
    let mut ready = Vec::with_capacity(wishes.len());
    for (i, wish) in wishes.into_iter().enumerate() {
        match check(world, &policy, &snapshot, wish, terms.ceiling)
            .and_then(|r| check_conflicts(r, &wanted))
        {
            Ok(one) => ready.push(one),
            Err((status, why)) => {
                outlines[i].status = status;
                outlines[i].why = Some(why);
                return Performed::Acted { actions: outlines, waited: Duration::ZERO };
            }
        }
    }
    let planned: Vec<Planned> = ready
        .iter()
        .map(|r| Planned { path: r.grant.path().clone(), value: r.value.clone() })
        .collect();
    if let Some(why) = ready.iter().find_map(|r| r.ask.clone())
        && terms.confirmed != Some(&planned[..])
    {
        return Performed::AskFirst { planned, why };
    }
    let mut written = write_all(world, ready);
    let waited = observe(world, &mut written, terms.observe);
    Performed::Acted { actions: written.into_iter().map(|(_, a)| a).collect(), waited }
}

/// The action of a wish before anything is known: skipped.
fn outline(wish: &Wish) -> Action {
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

fn check(
    world: &World,
    policy: &Policy,
    snapshot: &Snapshot,
    wish: Wish,
    ceiling: Class,
) -> Result<Ready, Refusal> {
    let denied = |why: &str| (ActionStatus::Denied, why.to_owned());
    if ceiling == Class::Info {
        return Err(denied("a question changes nothing"));
    }
    let path = wish.path.map_err(|_| denied("that is no signal"))?;
    let grant = wish.grant.ok_or_else(|| denied("the skill is not allowed to change this"))?;
    let info =
        world.describe_actuator(&grant).ok_or_else(|| denied("the car has no such signal"))?;
    if info.kind != SignalKind::Actuator {
        return Err(denied("this can be read but not changed"));
    }
    match policy.class_of(&path) {
        Some(class) if class <= ceiling => {}
        _ => return Err(denied("this command may not change that")),
    }
    let value = fit(wish.value, &info).map_err(|why| (ActionStatus::OutOfRange, why))?;
    let previous = world.previous(&grant).map_err(refusal)?;
    if previous.as_ref().is_some_and(|now| value.matches(now)) {
        let (companions, ask) = (Vec::new(), None);
        return Ok(Ready { grant, value, previous, already: true, companions, ask });
    }
    let (companions, ask) = match policy.check_actuation(&path, &value, snapshot) {
        Verdict::Allow { companions } => (companions, None),
        Verdict::Confirm { why, companions } => (companions, Some(why)),
        Verdict::Refuse { why, .. } => return Err((ActionStatus::Denied, why)),
    };
    let companions = companions.into_iter().map(|(path, value)| Planned { path, value }).collect();
    Ok(Ready { grant, value, previous, already: false, companions, ask })
}

/// A batch that wants something else of a signal than the policy needs is refused; one
/// that wants the same makes the companion needless.
fn check_conflicts(mut ready: Ready, wanted: &[Planned]) -> Result<Ready, Refusal> {
    let mut kept = Vec::new();
    for companion in std::mem::take(&mut ready.companions) {
        match wanted.iter().find(|w| w.path == companion.path) {
            None => kept.push(companion),
            Some(same) if companion.value.matches(&same.value) => {}
            Some(_) => {
                let why = format!("it needs {} at {}", companion.path, companion.value);
                return Err((ActionStatus::Denied, why));
            }
        }
    }
    ready.companions = kept;
    Ok(ready)
}

/// The value in the signal's own type, within its bounds.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn fit(value: SignalValue, info: &SignalInfo) -> Result<SignalValue, String> {
    if info.is_array {
        return fit_array(value, info);
    }
    let value = match (info.data_type, value) {
        (SignalType::Float, SignalValue::Integer(v)) => SignalValue::Float(v as f64),
        (SignalType::Integer, SignalValue::Float(v)) if v.fract() == 0.0 && v.abs() < 9e15 => {
            SignalValue::Integer(v as i64)
        }
        (SignalType::Boolean, v @ SignalValue::Boolean(_))
        | (SignalType::Integer, v @ SignalValue::Integer(_))
        | (SignalType::Float, v @ SignalValue::Float(_))
        | (SignalType::Text, v @ SignalValue::Text(_)) => v,
        (_, v) => return Err(format!("{v} is of another type")),
    };
    if let Some(number) = value.as_number() {
        fit_number(number, info)?;
    }
    if let SignalValue::Text(text) = &value {
        fit_text(text, info)?;
    }
    Ok(value)
}

#[allow(clippy::cast_precision_loss)]
fn fit_array(value: SignalValue, info: &SignalInfo) -> Result<SignalValue, String> {
    match (info.data_type, &value) {
        (SignalType::Boolean, SignalValue::Booleans(_)) => {}
        (SignalType::Integer, SignalValue::Integers(all)) => {
            all.iter().try_for_each(|v| fit_number(*v as f64, info))?;
        }
        (SignalType::Float, SignalValue::Floats(all)) => {
            all.iter().try_for_each(|v| fit_number(*v, info))?;
        }
        (SignalType::Text, SignalValue::Texts(all)) => {
            all.iter().try_for_each(|v| fit_text(v, info))?;
        }
        _ => return Err(format!("{value} is of another type")),
    }
    Ok(value)
}

fn fit_number(number: f64, info: &SignalInfo) -> Result<(), String> {
    let fits = number.is_finite()
        && info.min.is_none_or(|min| number >= min)
        && info.max.is_none_or(|max| number <= max);
    if fits {
        return Ok(());
    }
    let bound = |b: Option<f64>| b.map_or_else(|| "any".to_owned(), |b| b.to_string());
    Err(format!("{number} is not between {} and {}", bound(info.min), bound(info.max)))
}

fn fit_text(text: &str, info: &SignalInfo) -> Result<(), String> {
    if info.allowed.is_empty() || info.allowed.iter().any(|a| a == text) {
        Ok(())
    } else {
        Err(format!("{text} is not one of {}", info.allowed.join(", ")))
    }
}

fn refusal(error: VehicleError) -> Refusal {
    let status = match &error {
        VehicleError::Unknown { .. } | VehicleError::NotActuator { .. } => ActionStatus::Denied,
        VehicleError::NoProvider { .. } => ActionStatus::NoProvider,
        VehicleError::OutOfRange { .. } => ActionStatus::OutOfRange,
        VehicleError::Failed { .. } => ActionStatus::Failed,
    };
    (status, error.to_string())
}

type Written = (Option<ActuateGrant>, Action);

fn write_all(world: &World, ready: Vec<Ready>) -> Vec<Written> {
    let mut written: Vec<Written> = Vec::with_capacity(ready.len());
    let mut stopped = false;
    for one in ready {
        let mut action = action(&one);
        if stopped {
            written.push((None, action));
            continue;
        }
        if one.already {
            action.status = ActionStatus::Already;
            action.observed = one.previous;
            written.push((None, action));
            continue;
        }
        let result = write_companions(world, &one, &mut written)
            .and_then(|()| world.write_target(&one.grant, &one.value).map_err(refusal));
        match result {
            Ok(()) => {
                action.status = ActionStatus::Requested;
                written.push((Some(one.grant), action));
            }
            Err((status, why)) => {
                stopped = true;
                action.status = status;
                action.why = Some(why);
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
        observed: ready.previous.clone(),
        status: ActionStatus::Skipped,
        why: None,
        companion: false,
    }
}

/// Writes what must go with an actuation, leaving out what is so already.
fn write_companions(
    world: &World,
    main: &Ready,
    written: &mut Vec<Written>,
) -> Result<(), Refusal> {
    for companion in &main.companions {
        let grant = main.grant.companion(companion.path.clone());
        let previous = world.previous(&grant).map_err(refusal)?;
        let is_so = previous.as_ref().is_some_and(|now| companion.value.matches(now));
        let is_written = written.iter().any(|(_, a)| {
            a.target == Target::Signal(companion.path.clone()) && a.status.is_success()
        });
        if is_so || is_written {
            continue;
        }
        let result = world.write_target(&grant, &companion.value).map_err(refusal);
        let (status, why) = match &result {
            Ok(()) => (ActionStatus::Requested, None),
            Err((status, why)) => (*status, Some(why.clone())),
        };
        let action = Action {
            target: Target::Signal(companion.path.clone()),
            requested: Some(companion.value.clone()),
            observed: previous.clone(),
            previous,
            status,
            why,
            companion: true,
        };
        written.push((result.is_ok().then_some(grant), action));
        result?;
    }
    Ok(())
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
            Err(error) => action.why = Some(error.to_string()),
        }
    }
    started.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(data_type: SignalType) -> SignalInfo {
        SignalInfo {
            kind: SignalKind::Actuator,
            data_type,
            is_array: false,
            unit: String::new(),
            min: Some(0.0),
            max: Some(100.0),
            allowed: vec!["ON".into()],
        }
    }

    #[test]
    fn numbers_take_the_type_of_the_signal_where_nothing_is_lost() {
        let integer = info(SignalType::Integer);
        assert_eq!(fit(SignalValue::Float(21.0), &integer), Ok(SignalValue::Integer(21)));
        assert!(fit(SignalValue::Float(21.5), &integer).is_err());
        let float = info(SignalType::Float);
        assert_eq!(fit(SignalValue::Integer(21), &float), Ok(SignalValue::Float(21.0)));
        assert!(fit(SignalValue::Boolean(true), &float).is_err());
    }

    #[test]
    fn what_is_out_of_bounds_does_not_fit() {
        let float = info(SignalType::Float);
        for bad in [f64::NAN, f64::INFINITY, -0.1, 100.1] {
            assert!(fit(SignalValue::Float(bad), &float).is_err(), "{bad}");
        }
        let text = info(SignalType::Text);
        assert!(fit(SignalValue::Text("ON".into()), &text).is_ok());
        assert!(fit(SignalValue::Text("on".into()), &text).is_err());
    }
}
