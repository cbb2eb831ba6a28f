//! Timers and alarms as they are kept: what each is called, how it is written down, which one is meant.
//!
//! Must not touch the host; `timers` and `clock_alarms` do.

use crate::words;

/// Most timers, and most alarms.
pub(crate) const MAX_ENTRIES: usize = 12;
/// Longest name that is kept, bytes.
pub(crate) const MAX_NAME_BYTES: usize = 60;

/// A timer that runs or is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timer {
    /// Its number, from 1.
    pub(crate) id: u32,
    /// Its name; empty = none.
    pub(crate) name: String,
    /// How long it was set for, ms.
    pub(crate) length_ms: u64,
    /// What is left, ms.
    pub(crate) left_ms: u64,
    /// Whether it is held.
    pub(crate) is_held: bool,
}

/// An alarm at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClockAlarm {
    /// Its number, from 1.
    pub(crate) id: u32,
    /// Its name; empty = none.
    pub(crate) name: String,
    /// When it rings.
    pub(crate) at_utc_ms: i64,
}

/// Which of several entries is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meant<'a, T> {
    /// There is none to mean.
    Nothing,
    /// None has that name.
    NoSuch,
    /// This one.
    One(&'a T),
    /// It could be any of these.
    Several(Vec<&'a T>),
}

impl Timer {
    /// The host's name for its alarm, also what a choice of it brings back.
    pub(crate) fn key(&self) -> String {
        format!("timer-{}", self.id)
    }

    /// "pasta timer", "5 minute timer", "timer".
    pub(crate) fn label(&self, is_only: bool) -> String {
        if !self.name.is_empty() {
            format!("{} timer", self.name)
        } else if is_only {
            "timer".into()
        } else {
            format!("{} timer", words::length_adjective(self.length_ms))
        }
    }

    /// What the alarm carries: the length, what is left when it is held (else a dash), the name.
    pub(crate) fn payload(&self) -> String {
        let left = if self.is_held { self.left_ms.to_string() } else { "-".into() };
        format!("{}\t{left}\t{}", self.length_ms, self.name)
    }

    /// Reads what [`Timer::payload`] wrote, for a timer that rings in `rings_in_ms` if it runs.
    pub(crate) fn read(id: u32, payload: &str, rings_in_ms: u64) -> Option<Self> {
        let mut parts = payload.splitn(3, '\t');
        let (length, left, name) = (parts.next()?, parts.next()?, parts.next()?);
        let is_held = left != "-";
        let left_ms = if is_held { left.parse().ok()? } else { rings_in_ms };
        Some(Self { id, name: name.into(), length_ms: length.parse().ok()?, left_ms, is_held })
    }
}

impl ClockAlarm {
    /// The host's name for it, also what a choice of it brings back.
    pub(crate) fn key(&self) -> String {
        format!("alarm-{}", self.id)
    }
}

/// The number in `prefix-<number>`.
pub(crate) fn id_of(key: &str, prefix: &str) -> Option<u32> {
    key.strip_prefix(prefix)?.parse().ok()
}

/// The smallest number that is not taken.
pub(crate) fn free_id(taken: impl Iterator<Item = u32>) -> u32 {
    let taken: Vec<u32> = taken.collect();
    (1..).find(|id| !taken.contains(id)).unwrap_or(u32::MAX)
}

/// A name as it is kept: without articles, the word timer and control characters; cut.
pub(crate) fn clean_name(spoken: &str) -> String {
    let lower = spoken.to_lowercase();
    let kept: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| {
            !matches!(
                *word,
                "" | "the"
                    | "a"
                    | "an"
                    | "my"
                    | "our"
                    | "timer"
                    | "timers"
                    | "alarm"
                    | "one"
                    | "me"
                    | "us"
            )
        })
        .collect();
    let mut name = kept.join(" ");
    while name.len() > MAX_NAME_BYTES {
        name.pop();
    }
    name
}

/// Which timer is meant by a name, or by nothing.
pub(crate) fn meant<'a>(timers: &[&'a Timer], spoken: Option<&str>) -> Meant<'a, Timer> {
    if timers.is_empty() {
        return Meant::Nothing;
    }
    let wanted = match spoken.map(str::trim).filter(|spoken| !spoken.is_empty()) {
        Some(spoken) => spoken,
        None => return one_or_several(timers.to_vec()),
    };
    if let Some(timer) = timers.iter().find(|timer| timer.key() == wanted) {
        return Meant::One(timer);
    }
    let name = clean_name(wanted);
    if name.is_empty() {
        return one_or_several(timers.to_vec());
    }
    let by_name: Vec<&Timer> =
        timers.iter().copied().filter(|t| is_called(&t.name, &name)).collect();
    if !by_name.is_empty() {
        return one_or_several(by_name);
    }
    let length = words::plain_length(&name);
    let by_length: Vec<&Timer> =
        timers.iter().copied().filter(|t| words::length_adjective(t.length_ms) == length).collect();
    if by_length.is_empty() { Meant::NoSuch } else { one_or_several(by_length) }
}

fn one_or_several<T>(found: Vec<&T>) -> Meant<'_, T> {
    match found.as_slice() {
        [] => Meant::Nothing,
        [one] => Meant::One(one),
        _ => Meant::Several(found),
    }
}

/// Whether a name answers to what was said: the same, or one begins with the other (egg, eggs).
pub(crate) fn is_called(name: &str, said: &str) -> bool {
    let short = name.len().min(said.len());
    !name.is_empty()
        && (name == said || (short >= 3 && (name.starts_with(said) || said.starts_with(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(id: u32, name: &str, minutes: u64) -> Timer {
        let length_ms = minutes * 60_000;
        Timer { id, name: name.into(), length_ms, left_ms: length_ms, is_held: false }
    }

    #[test]
    fn a_timer_is_read_as_it_was_written() {
        let mut pasta = timer(3, "pasta", 8);
        assert_eq!(Timer::read(3, &pasta.payload(), 480_000), Some(pasta.clone()));
        pasta.is_held = true;
        pasta.left_ms = 1_000;
        assert_eq!(Timer::read(3, &pasta.payload(), 480_000), Some(pasta));
        for bad in ["soon\t-\tpasta", "60000\tsoon\tpasta", "60000\t-", ""] {
            assert_eq!(Timer::read(3, bad, 0), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_finds_its_timer() {
        let (pasta, eggs, plain) = (timer(1, "pasta", 8), timer(2, "eggs", 6), timer(3, "", 5));
        let all = [&pasta, &eggs, &plain];
        for (said, id) in [
            ("pasta", 1),
            ("the pasta one", 1),
            ("egg", 2),
            ("timer-3", 3),
            ("five minute", 3),
            ("5 minutes", 3),
        ] {
            match meant(&all, Some(said)) {
                Meant::One(found) => assert_eq!(found.id, id, "{said}"),
                other => panic!("{said}: {other:?}"),
            }
        }
        assert_eq!(meant(&all, Some("tea")), Meant::NoSuch);
        assert!(matches!(meant(&all, None), Meant::Several(found) if found.len() == 3));
        assert_eq!(meant(&[&eggs], None), Meant::One(&eggs));
        assert_eq!(meant(&[], Some("pasta")), Meant::Nothing);
    }

    #[test]
    fn labels_tell_timers_apart() {
        assert_eq!(timer(1, "", 5).label(true), "timer");
        assert_eq!(timer(1, "", 5).label(false), "5 minute timer");
        assert_eq!(timer(1, "pasta", 5).label(false), "pasta timer");
    }

    #[test]
    fn names_are_kept_clean_and_short() {
        assert_eq!(clean_name("the Pasta timer"), "pasta");
        assert!(clean_name(&"ä".repeat(200)).len() <= MAX_NAME_BYTES);
    }

    #[test]
    fn numbers_are_reused() {
        assert_eq!(free_id([1, 2, 4].into_iter()), 3);
        assert_eq!(id_of("timer-12", "timer-"), Some(12));
        assert_eq!(id_of("alarm-12", "timer-"), None);
    }
}
