//! Between the contract's values and the daemon's.
//!
//! Must not check more than shape: bounds on what a guest returns are `check.rs`'s.

use crate::bindings::valet::skill::{types as wit, vehicle_signals as sig};
use valet_core::{
    entity::Value,
    outcome::{Action, ActionStatus},
    signal::SignalValue,
    slot::Slot,
    zone::{MAX_ROW, Side, Zone},
};

pub(crate) fn zone_to_wit(zone: Zone) -> wit::Zone {
    let side = |side| match side {
        Side::Driver => wit::Side::Driver,
        Side::Middle => wit::Side::Middle,
        Side::Passenger => wit::Side::Passenger,
    };
    match zone {
        Zone::All => wit::Zone::All,
        Zone::Row(row) => wit::Zone::Row(row),
        Zone::Seat(row, s) => wit::Zone::Seat((row, side(s))),
    }
}

/// `None` for a row that no vehicle has.
pub(crate) fn zone_from_wit(zone: wit::Zone) -> Option<Zone> {
    let row = |row: u8| (1..=MAX_ROW).contains(&row).then_some(row);
    let side = |side| match side {
        wit::Side::Driver => Side::Driver,
        wit::Side::Middle => Side::Middle,
        wit::Side::Passenger => Side::Passenger,
    };
    Some(match zone {
        wit::Zone::All => Zone::All,
        wit::Zone::Row(r) => Zone::Row(row(r)?),
        wit::Zone::Seat((r, s)) => Zone::Seat(row(r)?, side(s)),
    })
}

pub(crate) fn value_to_wit(value: &Value) -> wit::Value {
    match value {
        Value::Number(v) => wit::Value::Number(*v),
        Value::Ordinal(v) => wit::Value::Ordinal(*v),
        Value::Percentage(v) => wit::Value::Percentage(*v),
        Value::Temperature(v) => wit::Value::Temperature(*v),
        Value::Duration(v) => wit::Value::Duration(*v),
        Value::Time(v) => wit::Value::Time(v.clone()),
        Value::Date(v) => wit::Value::Date(v.clone()),
        Value::Distance(v) => wit::Value::Distance(*v),
        Value::Speed(v) => wit::Value::Speed(*v),
        Value::Colour(v) => wit::Value::Colour(v.clone()),
        Value::Zone(v) => wit::Value::Zone(zone_to_wit(*v)),
        Value::Boolean(v) => wit::Value::Boolean(*v),
        Value::Text(v) => wit::Value::Text(v.clone()),
    }
}

/// `None` for a zone that no vehicle has.
pub(crate) fn value_from_wit(value: wit::Value) -> Option<Value> {
    Some(match value {
        wit::Value::Number(v) => Value::Number(v),
        wit::Value::Ordinal(v) => Value::Ordinal(v),
        wit::Value::Percentage(v) => Value::Percentage(v),
        wit::Value::Temperature(v) => Value::Temperature(v),
        wit::Value::Duration(v) => Value::Duration(v),
        wit::Value::Time(v) => Value::Time(v),
        wit::Value::Date(v) => Value::Date(v),
        wit::Value::Distance(v) => Value::Distance(v),
        wit::Value::Speed(v) => Value::Speed(v),
        wit::Value::Colour(v) => Value::Colour(v),
        wit::Value::Zone(v) => Value::Zone(zone_from_wit(v)?),
        wit::Value::Boolean(v) => Value::Boolean(v),
        wit::Value::Text(v) => Value::Text(v),
    })
}

pub(crate) fn slots_to_wit(slots: &[Slot]) -> Vec<wit::Slot> {
    slots
        .iter()
        .map(|s| wit::Slot {
            name: s.name.clone(),
            value: value_to_wit(&s.value),
            text: s.text.clone(),
        })
        .collect()
}

pub(crate) fn settings_to_wit(settings: &[(String, Value)]) -> Vec<wit::Setting> {
    settings
        .iter()
        .map(|(name, value)| wit::Setting { name: name.clone(), value: value_to_wit(value) })
        .collect()
}

pub(crate) fn signal_to_wit(value: &SignalValue) -> sig::SignalValue {
    match value {
        SignalValue::Boolean(v) => sig::SignalValue::Boolean(*v),
        SignalValue::Integer(v) => sig::SignalValue::Integer(*v),
        SignalValue::Float(v) => sig::SignalValue::Float(*v),
        SignalValue::Text(v) => sig::SignalValue::Text(v.clone()),
        SignalValue::Booleans(v) => sig::SignalValue::Booleans(v.clone()),
        SignalValue::Integers(v) => sig::SignalValue::Integers(v.clone()),
        SignalValue::Floats(v) => sig::SignalValue::Floats(v.clone()),
        SignalValue::Texts(v) => sig::SignalValue::Texts(v.clone()),
    }
}

pub(crate) fn signal_from_wit(value: sig::SignalValue) -> SignalValue {
    match value {
        sig::SignalValue::Boolean(v) => SignalValue::Boolean(v),
        sig::SignalValue::Integer(v) => SignalValue::Integer(v),
        sig::SignalValue::Float(v) => SignalValue::Float(v),
        sig::SignalValue::Text(v) => SignalValue::Text(v),
        sig::SignalValue::Booleans(v) => SignalValue::Booleans(v),
        sig::SignalValue::Integers(v) => SignalValue::Integers(v),
        sig::SignalValue::Floats(v) => SignalValue::Floats(v),
        sig::SignalValue::Texts(v) => SignalValue::Texts(v),
    }
}

fn status_to_wit(status: ActionStatus) -> sig::Status {
    match status {
        ActionStatus::Already => sig::Status::Already,
        ActionStatus::Done => sig::Status::Done,
        ActionStatus::Requested => sig::Status::Requested,
        ActionStatus::Skipped => sig::Status::Skipped,
        ActionStatus::NotReached => sig::Status::NotReached,
        ActionStatus::OutOfRange => sig::Status::OutOfRange,
        ActionStatus::NoProvider => sig::Status::NoProvider,
        ActionStatus::Failed => sig::Status::Failed,
        ActionStatus::Denied => sig::Status::Denied,
    }
}

/// What a guest hears of an action of its batch.
pub(crate) fn action_to_wit(action: &Action) -> sig::ActuationOutcome {
    sig::ActuationOutcome {
        path: action.target.to_string(),
        status: status_to_wit(action.status),
        previous: action.previous.as_ref().map(signal_to_wit),
        observed: action.observed.as_ref().map(signal_to_wit),
    }
}
