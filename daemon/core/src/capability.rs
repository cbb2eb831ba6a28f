//! Capabilities: what a skill may touch, as `kind:pattern`.
//!
//! Must not grant anything by itself: the granter in `valet-skill-host` intersects what a
//! manifest declares with what was granted and what the device's policy allows.

pub mod dbus;
pub mod http;
pub mod mqtt;

use dbus::DbusRule;
use http::HttpRule;
use std::{collections::BTreeSet, fmt};

/// Longest pattern in bytes.
pub const MAX_PATTERN_BYTES: usize = 256;

/// Kinds of things a skill may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CapabilityKind {
    /// Reading vehicle signals; the pattern is a path.
    VehicleRead,
    /// Writing target values of vehicle signals; the pattern is a path.
    VehicleActuate,
    /// Asking servers over HTTP; the pattern is a [`http::HttpRule`].
    Http,
    /// Publishing to a broker; the pattern is a filter of topics ([`mqtt`]).
    MqttPublish,
    /// Following topics of a broker; the pattern is a filter of topics ([`mqtt`]).
    MqttSubscribe,
    /// Calling peers on D-Bus; the pattern is a [`dbus::DbusRule`].
    DbusCall,
    /// A key-value store of its own; the pattern is its size in bytes.
    Store,
    /// Alarms that ring later; the pattern is how many at once.
    Alarms,
    /// Speaking first; the pattern is `*`.
    Announce,
    /// The vehicle's position; the pattern is `*`.
    Location,
    /// The text of the utterance; the pattern is `*`.
    UtteranceText,
}

impl CapabilityKind {
    /// All kinds, in the order they are shown.
    pub const ALL: [Self; 11] = [
        Self::VehicleRead,
        Self::VehicleActuate,
        Self::Http,
        Self::MqttPublish,
        Self::MqttSubscribe,
        Self::DbusCall,
        Self::Store,
        Self::Alarms,
        Self::Announce,
        Self::Location,
        Self::UtteranceText,
    ];

    /// The kind's name in manifests and grants.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VehicleRead => "vehicle-read",
            Self::VehicleActuate => "vehicle-actuate",
            Self::Http => "http",
            Self::MqttPublish => "mqtt-publish",
            Self::MqttSubscribe => "mqtt-subscribe",
            Self::DbusCall => "dbus-call",
            Self::Store => "store",
            Self::Alarms => "alarms",
            Self::Announce => "announce",
            Self::Location => "location",
            Self::UtteranceText => "utterance-text",
        }
    }

    /// A line of a manifest's `[capabilities]` that declares it, to be adapted.
    #[must_use]
    pub fn line(self) -> &'static str {
        match self {
            Self::VehicleRead => "vehicle-read = [\"Vehicle.Speed\"]",
            Self::VehicleActuate => "vehicle-actuate = [\"Vehicle.Cabin.Lights.**\"]",
            Self::Http => "http = [\"https://api.example.org GET 65536\"]",
            Self::MqttPublish => "mqtt-publish = [\"home/+/set\"]",
            Self::MqttSubscribe => "mqtt-subscribe = [\"home/+/state\"]",
            Self::DbusCall => {
                "dbus-call = [\"session org.mpris.MediaPlayer2.* /org/mpris/MediaPlayer2 org.mpris.MediaPlayer2.Player PlayPause,get:Metadata\"]"
            }
            Self::Store => "store = 4096",
            Self::Alarms => "alarms = 4",
            Self::Announce => "announce = true",
            Self::Location => "location = true",
            Self::UtteranceText => "utterance-text = true",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A text that is no capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// The kind is unknown: refused, never ignored.
    #[error(
        "capability {got:?} is unknown, expected <kind>:<pattern> with a kind of {}",
        kind_names()
    )]
    UnknownKind {
        /// What came (cut).
        got: String,
    },
    /// The pattern does not fit the kind.
    #[error("pattern {got:?} does not fit {kind}, expected {expected}")]
    BadPattern {
        /// The kind.
        kind: &'static str,
        /// What came (cut).
        got: String,
        /// What fits.
        expected: &'static str,
    },
}

fn kind_names() -> String {
    CapabilityKind::ALL.map(CapabilityKind::name).join(", ")
}

/// One capability: a kind and a pattern. In paths `*` stands for one element, `**` for
/// any number of elements, also none at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Capability {
    kind: CapabilityKind,
    pattern: String,
}

impl Capability {
    /// Makes a capability of a kind's checked pattern.
    ///
    /// # Errors
    /// [`CapabilityError::BadPattern`].
    pub fn new(kind: CapabilityKind, pattern: &str) -> Result<Self, CapabilityError> {
        let bad = |expected| CapabilityError::BadPattern {
            kind: kind.name(),
            got: pattern.chars().take(80).collect(),
            expected,
        };
        let (fits, expected) = match kind {
            CapabilityKind::VehicleRead | CapabilityKind::VehicleActuate => {
                (is_path_pattern(pattern), "a signal path with whole elements of * or **")
            }
            CapabilityKind::Http => (
                HttpRule::parse(pattern).is_some(),
                "<http or https>://<host>[:<port>] <METHOD>[,<METHOD>] <most bytes of a response>, with a name for the host and the port only where it is not the usual one",
            ),
            CapabilityKind::MqttPublish => {
                (mqtt::is_publish_filter(pattern), "a filter of MQTT topics without a leading $")
            }
            CapabilityKind::MqttSubscribe => {
                (mqtt::is_filter(pattern), "a filter of MQTT topics, no shared one")
            }
            CapabilityKind::DbusCall => (
                DbusRule::parse(pattern).is_some(),
                "<session or system> <name> <object path> <interface> <member>[,<member>] with methods and get:<property>",
            ),
            CapabilityKind::Store | CapabilityKind::Alarms => {
                (pattern.parse::<u32>().is_ok_and(|n| n > 0), "a positive whole number")
            }
            CapabilityKind::Announce | CapabilityKind::Location | CapabilityKind::UtteranceText => {
                (pattern == "*", "*")
            }
        };
        if fits { Ok(Self { kind, pattern: pattern.to_owned() }) } else { Err(bad(expected)) }
    }

    /// Parses `kind:pattern`.
    ///
    /// # Errors
    /// [`CapabilityError`].
    pub fn parse(text: &str) -> Result<Self, CapabilityError> {
        let unknown = || CapabilityError::UnknownKind { got: text.chars().take(80).collect() };
        let (kind, pattern) = text.split_once(':').ok_or_else(unknown)?;
        Self::new(CapabilityKind::from_name(kind).ok_or_else(unknown)?, pattern)
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> CapabilityKind {
        self.kind
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether this one allows all that another does.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        let (wide, narrow) = (self.pattern.as_str(), other.pattern.as_str());
        self.kind == other.kind
            && match self.kind {
                CapabilityKind::Store | CapabilityKind::Alarms => other.amount() <= self.amount(),
                CapabilityKind::Http => HttpRule::parse(wide)
                    .zip(HttpRule::parse(narrow))
                    .is_some_and(|(wide, narrow)| wide.includes(&narrow)),
                CapabilityKind::MqttPublish | CapabilityKind::MqttSubscribe => {
                    mqtt::includes(wide, narrow)
                }
                CapabilityKind::DbusCall => DbusRule::parse(wide)
                    .zip(DbusRule::parse(narrow))
                    .is_some_and(|(wide, narrow)| wide.includes(&narrow)),
                _ => wide == narrow || includes_paths(wide, narrow),
            }
    }

    /// The number in the pattern of a `store` or `alarms` capability.
    #[must_use]
    pub fn amount(&self) -> Option<u32> {
        self.pattern.parse().ok()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.pattern)
    }
}

/// The capabilities of one skill.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapabilitySet(Vec<Capability>);

impl CapabilitySet {
    /// A set of these.
    #[must_use]
    pub fn new(mut capabilities: Vec<Capability>) -> Self {
        capabilities.sort();
        capabilities.dedup();
        Self(capabilities)
    }

    /// Whether a path is covered by a capability of this kind.
    #[must_use]
    pub fn covers(&self, kind: CapabilityKind, path: &str) -> bool {
        self.0.iter().any(|c| c.kind == kind && path_matches(&c.pattern, path))
    }

    /// The patterns of a kind.
    pub fn patterns(&self, kind: CapabilityKind) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |c| c.kind == kind).map(Capability::pattern)
    }

    /// The first capability of a kind.
    #[must_use]
    pub fn first(&self, kind: CapabilityKind) -> Option<&Capability> {
        self.0.iter().find(|c| c.kind == kind)
    }

    /// Whether one of these allows all that another capability does.
    #[must_use]
    pub fn includes(&self, other: &Capability) -> bool {
        self.0.iter().any(|c| c.includes(other))
    }

    /// All of these and those.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = Capability>) -> Self {
        Self::new(self.0.iter().cloned().chain(more).collect())
    }

    /// Those of these that `kept` says stay.
    #[must_use]
    pub fn only(&self, kept: impl Fn(&Capability) -> bool) -> Self {
        Self(self.0.iter().filter(|c| kept(c)).cloned().collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kinds of which it has one.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<CapabilityKind> {
        self.0.iter().map(Capability::kind).collect()
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.0.iter()
    }
}

/// Whether a text is a path pattern: VSS elements, `*` and `**` as whole elements.
#[must_use]
pub fn is_path_pattern(pattern: &str) -> bool {
    !pattern.is_empty()
        && pattern.len() <= MAX_PATTERN_BYTES
        && pattern.split('.').all(|element| {
            element == "*"
                || element == "**"
                || (!element.is_empty()
                    && element.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        })
}

/// Whether a dotted path matches a pattern: `*` one element, `**` any number of them.
///
/// Allocates nothing and gives up at the first letter that differs: it is asked for each
/// capability of a skill at each signal the skill reads. What follows a `**` that is not the
/// last element may have at most 127 elements; a longer pattern matches nothing.
#[must_use]
pub fn path_matches(pattern: &str, path: &str) -> bool {
    let (mut p, mut t) = (pattern.as_bytes(), path.as_bytes());
    loop {
        let same = p.iter().zip(t).take_while(|(a, b)| a == b).count();
        (p, t) = (&p[same..], &t[same..]);
        match (p, t) {
            ([], []) | (b"**", _) => return true,
            ([b'*', b'*', ..], _) => {
                let rest = pattern.len() - p.len();
                return deep_matches(&pattern[rest..], &path[path.len() - t.len()..]);
            }
            ([b'*', rest @ ..], [_, ..]) => {
                let end = t.iter().position(|b| *b == b'.').unwrap_or(t.len());
                if end == 0 {
                    return false;
                }
                (p, t) = (rest, &t[end..]);
            }
            // `A.**` also stands for `A`.
            ([b'.', rest @ ..], []) => return rest.split(|b| *b == b'.').all(|e| e == b"**"),
            _ => return false,
        }
    }
}

/// Whether every path that the narrow pattern matches is one of the wide pattern. Never wrongly
/// yes; no, too, for a pair where only all the `**` of both taken together would show it.
fn includes_paths(wide: &str, narrow: &str) -> bool {
    fn rest(wide: &[&str], narrow: &[&str]) -> bool {
        match (wide, narrow) {
            ([], []) => true,
            (["**"], _) => true,
            (["**", w @ ..], _) => (0..=narrow.len()).any(|skipped| rest(w, &narrow[skipped..])),
            (_, []) | ([], _) | (_, ["**", ..]) => false,
            (["*", w @ ..], [_, n @ ..]) => rest(w, n),
            ([a, w @ ..], [b, n @ ..]) => a == b && rest(w, n),
        }
    }
    let [wide, narrow] = [wide, narrow].map(|pattern| pattern.split('.').collect::<Vec<&str>>());
    // Each `**` that is not the last tries every place: few are enough for any real pattern.
    let deep = wide.iter().filter(|element| **element == "**").count();
    deep <= 2 && rest(&wide, &narrow)
}

/// The same from an element on that is `**`. Reachable positions in the pattern are bits, as in
/// an NFA: linear in time even for a hostile pattern of many `**`.
fn deep_matches(pattern: &str, path: &str) -> bool {
    let count = pattern.split('.').count();
    if count > 127 {
        return false;
    }
    let mut reached = skip_deep(pattern, 1);
    for element in path.split('.') {
        let mut next: u128 = 0;
        for (i, p) in pattern.split('.').enumerate().filter(|(i, _)| reached >> i & 1 == 1) {
            match p {
                "**" => next |= 1 << i,
                "*" => next |= 1 << (i + 1),
                p if p == element => next |= 1 << (i + 1),
                _ => {}
            }
        }
        if next == 0 {
            return false;
        }
        reached = skip_deep(pattern, next);
    }
    reached >> count & 1 == 1
}

/// A `**` also stands for nothing: whoever reached it reached what follows.
fn skip_deep(pattern: &str, mut reached: u128) -> u128 {
    for (i, p) in pattern.split('.').enumerate() {
        if p == "**" && reached >> i & 1 == 1 {
            reached |= 1 << (i + 1);
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_whole_elements_only() {
        for (pattern, path, fits) in [
            ("Vehicle.Cabin.HVAC.**", "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature", true),
            ("Vehicle.Cabin.HVAC.**", "Vehicle.Cabin.HVAC", true),
            ("Vehicle.Cabin.HVAC.**", "Vehicle.Cabin.HVACX", false),
            ("Vehicle.*.Speed", "Vehicle.A.Speed", true),
            ("Vehicle.*.Speed", "Vehicle.A.B.Speed", false),
            ("Vehicle.**.IsOpen", "Vehicle.A.B.IsOpen", true),
            ("Vehicle.**.IsOpen", "Vehicle.IsOpen", true),
            ("Vehicle.Speed", "Vehicle.Speed", true),
            ("Vehicle.Speed", "Vehicle.Speed.X", false),
        ] {
            assert_eq!(path_matches(pattern, path), fits, "{pattern} {path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_quick_way_finds_what_the_automaton_finds(
            pattern in "(A|BC|[*]|[*][*])([.](A|BC|B|[*]|[*][*])){0,4}",
            path in "(A|BC|B)([.](A|BC|B)){0,5}",
        ) {
            proptest::prop_assert_eq!(path_matches(&pattern, &path), deep_matches(&pattern, &path));
        }
    }

    #[test]
    fn a_narrower_pattern_and_a_smaller_amount_lie_within_a_capability() {
        let capability = |text: &str| Capability::parse(text).expect("valid");
        for (wide, narrow, fits) in [
            ("vehicle-read:A.**", "vehicle-read:A.B.*.C", true),
            ("vehicle-read:A.**", "vehicle-read:A.**", true),
            ("vehicle-read:A.**", "vehicle-read:A", true),
            ("vehicle-read:A.**", "vehicle-actuate:A.B", false),
            ("vehicle-read:A.*", "vehicle-read:A.**", false),
            ("vehicle-read:A.*", "vehicle-read:A.*", true),
            ("vehicle-read:A.*", "vehicle-read:A.B", true),
            ("vehicle-read:A.B", "vehicle-read:A.*", false),
            ("vehicle-read:A.**.C", "vehicle-read:A.B.D.C", true),
            ("vehicle-read:A.**.C", "vehicle-read:A.**", false),
            ("vehicle-read:A.**.B.**.C.**.D", "vehicle-read:A.B.C.D", false),
            ("store:4096", "store:4096", true),
            ("store:4096", "store:4097", false),
            ("announce:*", "announce:*", true),
            ("http:https://a.example GET,POST 9", "http:https://a.example POST 8", true),
            ("http:https://a.example GET 9", "http:http://a.example GET 9", false),
            ("mqtt-publish:home/#", "mqtt-publish:home/+/set", true),
            ("mqtt-publish:home/+/set", "mqtt-publish:home/#", false),
            ("mqtt-subscribe:#", "mqtt-publish:home", false),
            ("mqtt-subscribe:#", "mqtt-subscribe:$SYS/#", false),
            ("dbus-call:system a.b.* /c d.e F,G", "dbus-call:system a.b.x /c d.e G", true),
            ("dbus-call:system a.b.x /c d.e G", "dbus-call:system a.b.* /c d.e G", false),
        ] {
            let (wide, narrow) = (capability(wide), capability(narrow));
            assert_eq!(wide.includes(&narrow), fits, "{wide} {narrow}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_a_pattern_includes_matches_no_other_path(
            wide in "(A|B|[*]|[*][*])([.](A|B|[*]|[*][*])){0,3}",
            narrow in "(A|B|[*]|[*][*])([.](A|B|[*]|[*][*])){0,3}",
            path in "(A|B)([.](A|B)){0,4}",
        ) {
            if includes_paths(&wide, &narrow) && path_matches(&narrow, &path) {
                proptest::prop_assert!(path_matches(&wide, &path));
            }
        }
    }

    #[test]
    fn unknown_kinds_and_misfit_patterns_are_refused() {
        assert!(Capability::parse("vehicle-read:Vehicle.Speed").is_ok());
        for bad in [
            "root:*",
            "vehicle-read",
            "vehicle-read:Vehicle.Sp*",
            "store:-1",
            "store:0",
            "location:x",
            "vehicle-read:",
            "http:https://127.0.0.1 GET 9",
            "mqtt-subscribe:$share/x/home",
            "mqtt-publish:$SYS/x",
            "dbus-call:session org.valetd.Assistant1 / a.b C",
        ] {
            assert!(Capability::parse(bad).is_err(), "{bad:?}");
        }
    }
}
