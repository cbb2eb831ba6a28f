//! Between the words of core and the values of the bus. The one place that knows both.

use crate::path;
use std::collections::BTreeMap;
use valet_core::{
    dialogue::{IntentResult, TurnResult},
    entity::Value,
    outcome::Action,
    signal::SignalValue,
    slot::Slot,
    understanding::{Candidate, Command},
};
use zbus::{OwnedVariant, Variant};

/// A dictionary on its way out; texts in it are borrowed. Where a result is built for every
/// turn, owning each text again would cost more than sending it.
pub type View<'a> = BTreeMap<&'static str, Variant<'a>>;

/// Wraps a basic value or an array. Only descriptors can fail to be owned, and none is ever here.
pub fn owned<'a>(value: impl Into<Variant<'a>>) -> OwnedVariant {
    OwnedVariant::try_from(value.into()).unwrap_or_else(|_| OwnedVariant::from(false))
}

/// A slot's value, in the types of the contract.
#[must_use]
pub fn value(value: &Value) -> OwnedVariant {
    owned(value_view(value))
}

fn value_view(value: &Value) -> Variant<'_> {
    match value {
        Value::Number(v)
        | Value::Percentage(v)
        | Value::Temperature(v)
        | Value::Distance(v)
        | Value::Speed(v) => Variant::from(*v),
        Value::Ordinal(v) => Variant::from(*v),
        Value::Duration(v) => Variant::from(*v),
        Value::Time(v) | Value::Date(v) | Value::Colour(v) | Value::Text(v) => {
            Variant::from(v.as_str())
        }
        Value::Zone(v) => Variant::from(v.to_string()),
        Value::Boolean(v) => Variant::from(*v),
    }
}

/// A signal's value: integers as `x`, floats as `d`.
#[must_use]
pub fn signal(value: &SignalValue) -> OwnedVariant {
    owned(signal_view(value))
}

fn signal_view(value: &SignalValue) -> Variant<'_> {
    match value {
        SignalValue::Boolean(v) => Variant::from(*v),
        SignalValue::Integer(v) => Variant::from(*v),
        SignalValue::Float(v) => Variant::from(*v),
        SignalValue::Text(v) => Variant::from(v.as_str()),
        SignalValue::Booleans(v) => Variant::from(v.clone()),
        SignalValue::Integers(v) => Variant::from(v.clone()),
        SignalValue::Floats(v) => Variant::from(v.clone()),
        SignalValue::Texts(v) => Variant::from(v.clone()),
    }
}

/// A client's value for a signal. Every integer type is taken; structures are not.
#[must_use]
pub fn signal_from(variant: &Variant<'_>) -> Option<SignalValue> {
    Some(match variant {
        Variant::Bool(v) => SignalValue::Boolean(*v),
        Variant::U8(v) => SignalValue::Integer(i64::from(*v)),
        Variant::I16(v) => SignalValue::Integer(i64::from(*v)),
        Variant::U16(v) => SignalValue::Integer(i64::from(*v)),
        Variant::I32(v) => SignalValue::Integer(i64::from(*v)),
        Variant::U32(v) => SignalValue::Integer(i64::from(*v)),
        Variant::I64(v) => SignalValue::Integer(*v),
        Variant::U64(v) => SignalValue::Integer(i64::try_from(*v).ok()?),
        Variant::F64(v) if v.is_finite() => SignalValue::Float(*v),
        Variant::Str(v) => SignalValue::Text(v.to_string()),
        Variant::Array(items) => return array_from(items),
        _ => return None,
    })
}

fn array_from(items: &zbus::Array<'_>) -> Option<SignalValue> {
    let values: Option<Vec<SignalValue>> = items.iter().map(signal_from).collect();
    let values = values?;
    match values.first() {
        None | Some(SignalValue::Text(_)) => values
            .into_iter()
            .map(|v| if let SignalValue::Text(t) = v { Some(t) } else { None })
            .collect::<Option<_>>()
            .map(SignalValue::Texts),
        Some(SignalValue::Boolean(_)) => values
            .into_iter()
            .map(|v| if let SignalValue::Boolean(t) = v { Some(t) } else { None })
            .collect::<Option<_>>()
            .map(SignalValue::Booleans),
        Some(SignalValue::Integer(_)) => values
            .into_iter()
            .map(|v| if let SignalValue::Integer(t) = v { Some(t) } else { None })
            .collect::<Option<_>>()
            .map(SignalValue::Integers),
        Some(SignalValue::Float(_)) => values
            .into_iter()
            .map(|v| if let SignalValue::Float(t) = v { Some(t) } else { None })
            .collect::<Option<_>>()
            .map(SignalValue::Floats),
        Some(_) => None,
    }
}

/// A setting's value from a client: a whole number is taken as a number.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn setting_from(variant: &Variant<'_>) -> Option<Value> {
    Some(match signal_from(variant)? {
        SignalValue::Boolean(v) => Value::Boolean(v),
        SignalValue::Integer(v) => Value::Number(v as f64),
        SignalValue::Float(v) => Value::Number(v),
        SignalValue::Text(v) => Value::Text(v),
        _ => return None,
    })
}

fn slot(slot: &Slot) -> View<'_> {
    View::from([
        ("name", Variant::from(slot.name.as_str())),
        ("value", value_view(&slot.value)),
        ("text", Variant::from(slot.text.as_str())),
        ("start", Variant::from(slot.start)),
        ("end", Variant::from(slot.end)),
    ])
}

fn list<'a>(views: impl Iterator<Item = View<'a>>) -> Variant<'a> {
    Variant::from(views.collect::<Vec<_>>())
}

fn intent(result: &IntentResult) -> View<'_> {
    View::from([
        ("intent", Variant::from(result.intent.to_string())),
        ("slots", list(result.slots.iter().map(slot))),
        ("confidence", Variant::from(result.confidence)),
        ("engine", Variant::from(result.engine.name())),
        ("start", Variant::from(result.start)),
        ("end", Variant::from(result.end)),
        ("status", Variant::from(result.status.name())),
    ])
}

fn action(index: usize, action: &Action) -> View<'_> {
    let mut view = View::from([
        ("command", Variant::from(u32::try_from(index).unwrap_or(u32::MAX))),
        ("target", Variant::from(action.target.to_string())),
        ("status", Variant::from(action.status.name())),
    ]);
    for (key, v) in [("requested", &action.requested), ("observed", &action.observed)] {
        view.extend(v.as_ref().map(|v| (key, signal_view(v))));
    }
    view.extend(action.why.as_deref().map(|why| ("why", Variant::from(why))));
    if action.companion {
        view.insert("companion", Variant::from(true));
    }
    view
}

/// The result of a turn, the same for every face.
#[must_use]
pub fn result(r: &TurnResult) -> View<'_> {
    let display: BTreeMap<&str, Variant<'_>> =
        r.display.iter().map(|(k, v)| (k.as_str(), Variant::from(v.as_str()))).collect();
    let timing: BTreeMap<&str, u64> = r.timing.iter().copied().collect();
    let mut view = View::from([
        ("turn", Variant::from(r.turn.to_string())),
        ("type", Variant::from(r.kind.name())),
        ("speech", Variant::from(r.speech.as_str())),
        ("display", Variant::from(display)),
        ("language", Variant::from(r.language.as_str())),
        ("expects-reply", Variant::from(r.expects_reply)),
        ("intents", list(r.intents.iter().map(intent))),
        ("actions", list(r.actions.iter().map(|(i, a)| action(*i, a)))),
        ("engine", Variant::from(r.engine.map_or("skill", |engine| engine.name()))),
        ("local", Variant::from(true)),
        ("timing", Variant::from(timing)),
    ]);
    if !r.code.is_empty() {
        view.insert("code", Variant::from(r.code));
    }
    let session = zbus::ObjectPath::try_from(path::session(r.session)).ok();
    view.extend(session.map(|session| ("session", Variant::from(session))));
    view
}

fn candidate(c: &Candidate) -> View<'_> {
    View::from([
        ("intent", Variant::from(c.intent.to_string())),
        ("slots", list(c.slots.iter().map(slot))),
        ("confidence", Variant::from(c.confidence)),
        ("engine", Variant::from(c.engine.name())),
    ])
}

/// A command of `Parse`.
#[must_use]
pub fn command(c: &Command) -> View<'_> {
    let mut view = candidate(&c.best);
    view.insert("start", Variant::from(c.start));
    view.insert("end", Variant::from(c.end));
    view.insert("alternatives", list(c.alternatives.iter().map(candidate)));
    view
}
