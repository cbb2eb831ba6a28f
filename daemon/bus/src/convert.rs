//! Between the words of core and the values of the bus. The one place that knows both.

use crate::{Dict, path};
use valet_core::{
    dialogue::{IntentResult, TurnResult},
    entity::Value,
    outcome::Action,
    signal::SignalValue,
    slot::Slot,
    understanding::{Candidate, Command},
};
use zbus::{OwnedVariant, Variant};

/// Wraps a basic value or an array. Only descriptors can fail to be owned, and none is ever here.
pub fn owned<'a>(value: impl Into<Variant<'a>>) -> OwnedVariant {
    OwnedVariant::try_from(value.into()).unwrap_or_else(|_| OwnedVariant::from(false))
}

/// A slot's value, in the types of the contract.
#[must_use]
pub fn value(value: &Value) -> OwnedVariant {
    match value {
        Value::Number(v)
        | Value::Percentage(v)
        | Value::Temperature(v)
        | Value::Distance(v)
        | Value::Speed(v) => owned(*v),
        Value::Ordinal(v) => owned(*v),
        Value::Duration(v) => owned(*v),
        Value::Time(v) | Value::Date(v) | Value::Colour(v) | Value::Text(v) => owned(v.as_str()),
        Value::Zone(v) => owned(v.to_string()),
        Value::Boolean(v) => owned(*v),
    }
}

/// A signal's value: integers as `x`, floats as `d`.
#[must_use]
pub fn signal(value: &SignalValue) -> OwnedVariant {
    match value {
        SignalValue::Boolean(v) => owned(*v),
        SignalValue::Integer(v) => owned(*v),
        SignalValue::Float(v) => owned(*v),
        SignalValue::Text(v) => owned(v.as_str()),
        SignalValue::Booleans(v) => owned(v.clone()),
        SignalValue::Integers(v) => owned(v.clone()),
        SignalValue::Floats(v) => owned(v.clone()),
        SignalValue::Texts(v) => owned(v.clone()),
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

fn slot(slot: &Slot) -> Dict {
    Dict::from([
        ("name".into(), owned(slot.name.as_str())),
        ("value".into(), value(&slot.value)),
        ("text".into(), owned(slot.text.as_str())),
        ("start".into(), owned(slot.start)),
        ("end".into(), owned(slot.end)),
    ])
}

fn dicts(dicts: Vec<Dict>) -> OwnedVariant {
    owned(dicts)
}

fn slots(list: &[Slot]) -> OwnedVariant {
    dicts(list.iter().map(slot).collect())
}

fn intent(result: &IntentResult) -> Dict {
    Dict::from([
        ("intent".into(), owned(result.intent.to_string())),
        ("slots".into(), slots(&result.slots)),
        ("confidence".into(), owned(result.confidence)),
        ("engine".into(), owned(result.engine.name())),
        ("start".into(), owned(result.start)),
        ("end".into(), owned(result.end)),
        ("status".into(), owned(result.status.name())),
    ])
}

/// One action of a result.
#[must_use]
pub fn action(index: usize, action: &Action) -> Dict {
    let mut dict = Dict::from([
        ("command".into(), owned(u32::try_from(index).unwrap_or(u32::MAX))),
        ("target".into(), owned(action.target.to_string())),
        ("status".into(), owned(action.status.name())),
    ]);
    for (key, v) in [("requested", &action.requested), ("observed", &action.observed)] {
        if let Some(v) = v {
            dict.insert(key.into(), signal(v));
        }
    }
    if let Some(why) = &action.why {
        dict.insert("why".into(), owned(why.as_str()));
    }
    if action.companion {
        dict.insert("companion".into(), owned(true));
    }
    dict
}

/// The result of a turn, the same for every face.
#[must_use]
pub fn result(r: &TurnResult) -> Dict {
    let display: Dict = r.display.iter().map(|(k, v)| (k.clone(), owned(v.as_str()))).collect();
    let timing: std::collections::BTreeMap<String, u64> =
        r.timing.iter().map(|(stage, us)| ((*stage).to_owned(), *us)).collect();
    let session = zbus::ObjectPath::try_from(path::session(r.session)).ok();
    let mut dict = Dict::from([
        ("turn".into(), owned(r.turn.to_string())),
        ("type".into(), owned(r.kind.name())),
        ("speech".into(), owned(r.speech.as_str())),
        ("display".into(), owned(display)),
        ("language".into(), owned(r.language.as_str())),
        ("expects-reply".into(), owned(r.expects_reply)),
        ("intents".into(), dicts(r.intents.iter().map(intent).collect())),
        ("actions".into(), dicts(r.actions.iter().map(|(i, a)| action(*i, a)).collect())),
        ("engine".into(), owned(r.engine.map_or("skill", |engine| engine.name()))),
        ("local".into(), owned(true)),
        ("timing".into(), owned(timing)),
    ]);
    if !r.code.is_empty() {
        dict.insert("code".into(), owned(r.code));
    }
    if let Some(session) = session {
        dict.insert("session".into(), owned(session));
    }
    dict
}

fn candidate(c: &Candidate) -> Dict {
    Dict::from([
        ("intent".into(), owned(c.intent.to_string())),
        ("slots".into(), slots(&c.slots)),
        ("confidence".into(), owned(c.confidence)),
        ("engine".into(), owned(c.engine.name())),
    ])
}

/// A command of `Parse`.
#[must_use]
pub fn command(c: &Command) -> Dict {
    let mut dict = candidate(&c.best);
    dict.insert("start".into(), owned(c.start));
    dict.insert("end".into(), owned(c.end));
    dict.insert("alternatives".into(), dicts(c.alternatives.iter().map(candidate).collect()));
    dict
}
