//! How one signal's value goes from what it was to what was asked, as a function of time.
//!
//! Must not read a clock or know other signals.

use crate::values::whole;
use std::time::Duration;
use valet_core::signal::{SignalInfo, SignalType, SignalValue};

/// Longest time a motion may take; past it a wait is given up anyway.
const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// What a signal does over time while nothing interferes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Motion {
    /// Nobody has said.
    Unknown,
    /// Stays.
    Held(SignalValue),
    /// Straight from one number to another.
    Ramp {
        /// Where it was.
        from: f64,
        /// Where it goes.
        to: f64,
        /// When it starts to move.
        starts: Duration,
        /// Units a second, above zero.
        rate: f64,
    },
    /// From one value to another at an instant, and back again for a momentary one.
    Steps {
        /// Before.
        before: Option<SignalValue>,
        /// From `at` on.
        after: SignalValue,
        /// When.
        at: Duration,
        /// What comes back and when.
        back: Option<(SignalValue, Duration)>,
    },
}

impl Motion {
    /// The value at a time.
    pub(crate) fn at(&self, info: &SignalInfo, now: Duration) -> Option<SignalValue> {
        match self {
            Self::Unknown => None,
            Self::Held(value) => Some(value.clone()),
            Self::Ramp { from, to, starts, rate } => {
                let way = now.saturating_sub(*starts).as_secs_f64() * rate;
                let there = (to - from).abs() <= way;
                let number = if there { *to } else { from + way * (to - from).signum() };
                Some(shown(info, number))
            }
            Self::Steps { before, after, at, back } => match back {
                Some((value, when)) if now >= *when => Some(value.clone()),
                _ if now >= *at => Some(after.clone()),
                _ => before.clone(),
            },
        }
    }

    /// How long from `now` until the value can next be `wanted`; none when it never will be by itself.
    pub(crate) fn until(
        &self,
        info: &SignalInfo,
        wanted: &SignalValue,
        now: Duration,
    ) -> Option<Duration> {
        if self.at(info, now).is_some_and(|value| wanted.matches(&value)) {
            return Some(Duration::ZERO);
        }
        match self {
            Self::Unknown | Self::Held(_) => None,
            Self::Ramp { from, to, starts, rate } => {
                let wanted = wanted.as_number()?;
                let on_the_way = (wanted - from) * (to - from) >= 0.0
                    && (wanted - from).abs() <= (to - from).abs();
                let takes = Duration::try_from_secs_f64((wanted - from).abs() / rate).ok()?;
                // A millisecond on top hides the rounding of the division.
                let when = starts.saturating_add(takes) + Duration::from_millis(1);
                (on_the_way && takes < FOREVER && when > now).then(|| when - now)
            }
            Self::Steps { after, at, back, .. } => {
                let first = Some((after, at)).filter(|(value, _)| wanted.matches(value));
                let second = back.as_ref().map(|(value, when)| (value, when));
                [first, second.filter(|(value, _)| wanted.matches(value))]
                    .into_iter()
                    .flatten()
                    .filter(|(_, when)| **when > now)
                    .map(|(_, when)| *when - now)
                    .min()
            }
        }
    }

    /// The value that was asked for and lasts, whether it is there yet or not; none when
    /// nothing was asked for, or only for a moment.
    pub(crate) fn heads_for(&self, info: &SignalInfo) -> Option<SignalValue> {
        match self {
            Self::Ramp { to, .. } => Some(shown(info, *to)),
            Self::Steps { after, back: None, .. } => Some(after.clone()),
            Self::Unknown | Self::Held(_) | Self::Steps { .. } => None,
        }
    }

    /// When it comes to rest; none when it rests already.
    pub(crate) fn ends(&self) -> Option<Duration> {
        match self {
            Self::Unknown | Self::Held(_) => None,
            Self::Ramp { from, to, starts, rate } => {
                let takes = Duration::try_from_secs_f64((to - from).abs() / rate).ok()?;
                (takes < FOREVER).then(|| starts.saturating_add(takes) + Duration::from_millis(1))
            }
            Self::Steps { at, back, .. } => Some(back.as_ref().map_or(*at, |(_, when)| *when)),
        }
    }

    /// The value it comes to rest at, and since or from when; for values that do not ramp.
    pub(crate) fn settles(&self) -> Option<(SignalValue, Duration)> {
        match self {
            Self::Unknown | Self::Ramp { .. } => None,
            Self::Held(value) => Some((value.clone(), Duration::ZERO)),
            Self::Steps { back: Some((value, when)), .. } => Some((value.clone(), *when)),
            Self::Steps { after, at, back: None, .. } => Some((after.clone(), *at)),
        }
    }
}

/// A number as the signal shows it.
pub(crate) fn shown(info: &SignalInfo, number: f64) -> SignalValue {
    match info.data_type {
        SignalType::Integer => SignalValue::Integer(whole(number.round()).unwrap_or(0)),
        _ => SignalValue::Float(number),
    }
}
