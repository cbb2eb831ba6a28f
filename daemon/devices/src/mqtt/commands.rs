//! Commands on their way: sent, confirmed by the broker, seen to have an effect.
//!
//! Must not take for an effect what came before the broker confirmed the command, or what it had kept.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};
use valet_core::{
    ports::broker::{Awaited, BrokerError, SeenMessage},
    wanted::Wanted,
};

struct Waiting {
    awaited: Option<Awaited>,
    confirmed: bool,
    lost: Option<&'static str>,
    seen: Option<SeenMessage>,
}

/// All that somebody waits for.
#[derive(Default)]
pub(super) struct Commands {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Handed to the connection, not yet sent.
    handed: VecDeque<u64>,
    /// Sent, not yet confirmed, by packet.
    sent: HashMap<u16, u64>,
}

impl Commands {
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len().max(self.handed.len())
    }

    /// A command was handed to the connection; its number.
    pub(super) fn begin(&mut self, awaited: Option<&Awaited>) -> u64 {
        let number = self.next;
        self.next += 1;
        let awaited = awaited.cloned();
        let waiting = Waiting { awaited, confirmed: false, lost: None, seen: None };
        self.waiting.insert(number, waiting);
        self.handed.push_back(number);
        number
    }

    /// The connection sent the next one.
    pub(super) fn sent(&mut self, packet: u16) {
        if let Some(number) = self.handed.pop_front() {
            self.sent.insert(packet, number);
        }
    }

    /// The broker has one.
    pub(super) fn confirmed(&mut self, packet: u16) {
        let number = self.sent.remove(&packet);
        if let Some(waiting) = number.and_then(|number| self.waiting.get_mut(&number)) {
            waiting.confirmed = true;
        }
    }

    /// A message came. What a broker had kept says nothing about now.
    pub(super) fn arrived(&mut self, topic: &str, payload: &[u8], retained: bool) {
        if retained {
            return;
        }
        for waiting in self.waiting.values_mut().filter(|waiting| waiting.confirmed) {
            let Some(awaited) = waiting.awaited.as_ref().filter(|a| a.topic == topic) else {
                continue;
            };
            // Once it was as wanted, it was.
            if waiting.seen.as_ref().is_some_and(|seen| seen.reached) {
                continue;
            }
            let text = words(&awaited.wanted, payload);
            let reached = text.as_deref().is_some_and(|text| awaited.wanted.is(text));
            waiting.seen = Some(SeenMessage { payload: payload.to_vec(), text, reached });
        }
    }

    /// The connection ended.
    pub(super) fn lost(&mut self) {
        self.handed.clear();
        self.sent.clear();
        for waiting in self.waiting.values_mut().filter(|waiting| !waiting.confirmed) {
            waiting.lost = Some("the connection ended");
        }
    }

    /// What came of a command, once that is known; then nobody waits for it any more.
    pub(super) fn outcome(
        &mut self,
        number: u64,
        waited: Duration,
        confirm_limit: Duration,
    ) -> Option<Result<Option<SeenMessage>, BrokerError>> {
        let waiting = self.waiting.get(&number)?;
        let unconfirmed = |why: &str| Some(Err(BrokerError::Unconfirmed { why: why.to_owned() }));
        let result = match (waiting.lost, waiting.confirmed, &waiting.awaited, &waiting.seen) {
            (Some(why), ..) => unconfirmed(why),
            (_, false, ..) if waited >= confirm_limit => unconfirmed("it is too slow"),
            (_, false, ..) => None,
            (_, true, None, _) => Some(Ok(None)),
            // Where nobody knows what is wanted, anything that is said ends the wait.
            (_, true, Some(awaited), Some(seen))
                if seen.reached || awaited.wanted.any_of.is_empty() =>
            {
                Some(Ok(Some(seen.clone())))
            }
            (_, true, Some(awaited), seen) if waited >= awaited.limit => Some(Ok(seen.clone())),
            (_, true, ..) => None,
        };
        if result.is_some() {
            self.waiting.remove(&number);
        }
        result
    }

    /// How long a command may still be waited for.
    pub(super) fn wait_left(&self, number: u64, waited: Duration, confirm: Duration) -> Duration {
        let limit = match self.waiting.get(&number) {
            Some(Waiting { confirmed: true, awaited: Some(awaited), .. }) => awaited.limit,
            _ => confirm,
        };
        limit.saturating_sub(waited).max(Duration::from_millis(1))
    }
}

/// What of a payload counts, as text.
fn words(wanted: &Wanted, payload: &[u8]) -> Option<String> {
    let Some(member) = &wanted.member else {
        return std::str::from_utf8(payload).ok().map(str::to_owned);
    };
    let object: serde_json::Value = serde_json::from_slice(payload).ok()?;
    match object.get(member)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Null => None,
        value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
            Some(value.to_string())
        }
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    fn awaited(member: Option<&str>, any_of: &[&str]) -> Awaited {
        let any_of = any_of.iter().map(|text| (*text).to_owned()).collect();
        let wanted = Wanted { member: member.map(str::to_owned), any_of };
        Awaited { topic: "state".into(), wanted, limit: LIMIT }
    }

    fn reached(commands: &mut Commands, number: u64) -> Option<bool> {
        let outcome = commands.outcome(number, Duration::ZERO, LIMIT)?;
        Some(outcome.expect("confirmed").expect("seen").reached)
    }

    #[test]
    fn only_what_comes_after_the_confirmation_and_is_not_kept_counts() {
        let mut commands = Commands::default();
        let number = commands.begin(Some(&awaited(None, &["ON"])));
        commands.arrived("state", b"ON", false);
        commands.sent(7);
        commands.arrived("state", b"ON", false);
        commands.confirmed(7);
        assert_eq!(reached(&mut commands, number), None, "all that came before");
        commands.arrived("state", b"ON", true);
        commands.arrived("other", b"ON", false);
        commands.arrived("state", b"OFF", false);
        assert_eq!(reached(&mut commands, number), None, "kept, elsewhere, something else");
        commands.arrived("state", b"ON", false);
        commands.arrived("state", b"OFF", false);
        assert_eq!(reached(&mut commands, number), Some(true), "it was");
        assert_eq!(commands.waiting(), 0);
    }

    #[test]
    fn what_is_never_confirmed_is_said_so_and_never_done() {
        let mut commands = Commands::default();
        let late = commands.begin(None);
        assert!(commands.outcome(late, Duration::ZERO, LIMIT).is_none());
        assert!(matches!(
            commands.outcome(late, LIMIT, LIMIT),
            Some(Err(BrokerError::Unconfirmed { .. }))
        ));
        let lost = commands.begin(Some(&awaited(None, &["ON"])));
        commands.lost();
        commands.arrived("state", b"ON", false);
        assert!(matches!(
            commands.outcome(lost, Duration::ZERO, LIMIT),
            Some(Err(BrokerError::Unconfirmed { .. }))
        ));
        // The number of a packet of the connection before means nothing.
        let next = commands.begin(None);
        commands.sent(7);
        commands.confirmed(8);
        assert!(commands.outcome(next, Duration::ZERO, LIMIT).is_none());
        commands.confirmed(7);
        assert_eq!(commands.outcome(next, Duration::ZERO, LIMIT), Some(Ok(None)));
    }

    #[test]
    fn a_member_of_an_object_counts_where_it_is_asked_for() {
        let object = br#"{"state":"ON","brightness":120,"on":true,"color":{"x":1}}"#;
        for (member, any_of, fits) in [
            (Some("state"), "ON", true),
            (Some("brightness"), "120", true),
            (Some("on"), "true", true),
            (Some("color"), "x", false),
            (Some("missing"), "", false),
            (None, "ON", false),
        ] {
            let wanted = awaited(member, &[any_of]).wanted;
            let said = words(&wanted, object).is_some_and(|text| wanted.is(&text));
            assert_eq!(said, fits, "{member:?} {any_of}");
        }
        assert_eq!(words(&awaited(Some("state"), &[]).wanted, b"[1"), None);
    }

    #[test]
    fn without_an_effect_in_time_the_last_that_was_seen_is_told() {
        let mut commands = Commands::default();
        let number = commands.begin(Some(&awaited(None, &["open"])));
        commands.sent(1);
        commands.confirmed(1);
        commands.arrived("state", b"opening", false);
        assert!(commands.outcome(number, Duration::ZERO, LIMIT).is_none());
        let seen = commands.outcome(number, LIMIT, LIMIT).expect("over").expect("confirmed");
        assert_eq!(seen.expect("seen").text.as_deref(), Some("opening"));
    }
}
