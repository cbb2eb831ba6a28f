//! Rules about peers on D-Bus: `<bus> <name> <object path> <interface> <members>`, such as
//! `session org.mpris.MediaPlayer2.* /org/mpris/MediaPlayer2 org.mpris.MediaPlayer2.Player Play,get:Metadata`.
//! A member is a method, or `get:` and a property that may be read.
//!
//! Must not let a skill through to whoever decides over others: the bus itself, the service manager, the
//! authority, and this daemon, which would take the call for its own user's.

use super::MAX_PATTERN_BYTES;

/// Longest name, path, interface or member, bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Most members of a rule.
const MAX_MEMBERS: usize = 32;

/// Names that no rule reaches, with all below them.
const NEVER: [&str; 5] = [
    "org.freedesktop.DBus",
    "org.freedesktop.PolicyKit1",
    "org.freedesktop.systemd1",
    "org.freedesktop.login1",
    "org.valetd",
];
/// Through this interface everything of an object could be read and set.
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Which bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BusKind {
    /// The user's.
    Session,
    /// The machine's.
    System,
}

impl BusKind {
    /// The word in a rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::System => "system",
        }
    }

    /// The bus of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Session, Self::System].into_iter().find(|bus| bus.name() == name)
    }
}

/// Who is called: one interface of one object of one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInterface {
    bus: BusKind,
    name: String,
    path: String,
    interface: String,
}

impl PeerInterface {
    /// Checks the parts; `None` where one is not what it should be, or a peer is never called.
    #[must_use]
    pub fn new(bus: BusKind, name: &str, path: &str, interface: &str) -> Option<Self> {
        let fine = is_peer_name(name) && is_path(path) && is_interface(interface);
        let [name, path, interface] = [name, path, interface].map(str::to_owned);
        fine.then_some(Self { bus, name, path, interface })
    }

    /// Which bus.
    #[must_use]
    pub fn bus(&self) -> BusKind {
        self.bus
    }

    /// The well-known name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The object path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The interface.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.interface
    }
}

/// What is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerMember<'a> {
    /// A method.
    Method(&'a str),
    /// Reading a property.
    Property(&'a str),
}

impl PeerMember<'_> {
    fn is(self, listed: &str) -> bool {
        match self {
            // A guest's word: a method called `get:X` would be listed as a property.
            Self::Method(name) => is_member(name) && listed == name,
            Self::Property(name) => listed.strip_prefix(READ) == Some(name),
        }
    }
}

const READ: &str = "get:";

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbusRule<'a> {
    bus: BusKind,
    name: &'a str,
    path: &'a str,
    interface: &'a str,
    members: Vec<&'a str>,
}

impl<'a> DbusRule<'a> {
    /// Parses a pattern; `None` where it is none.
    #[must_use]
    pub fn parse(pattern: &'a str) -> Option<Self> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return None;
        }
        let parts: Vec<&str> = pattern.split(' ').collect();
        let [bus, name, path, interface, members] = parts[..] else { return None };
        let members: Vec<&str> = members.split(',').collect();
        let twice = (1..members.len()).any(|i| members[..i].contains(&members[i]));
        let listed = |member: &&str| is_member(member.strip_prefix(READ).unwrap_or(member));
        let fine = is_name_pattern(name)
            && is_path(path)
            && is_interface(interface)
            && members.iter().all(listed)
            && members.len() <= MAX_MEMBERS
            && !twice;
        fine.then_some(Self { bus: BusKind::from_name(bus)?, name, path, interface, members })
    }

    /// Whether the rule lets this member of this peer through.
    #[must_use]
    pub fn allows(&self, peer: &PeerInterface, member: PeerMember<'_>) -> bool {
        self.bus == peer.bus
            && name_matches(self.name, &peer.name)
            && self.path == peer.path
            && self.interface == peer.interface
            && self.members.iter().any(|listed| member.is(listed))
    }

    /// Whether who is there on a bus by these names may be asked.
    #[must_use]
    pub fn shows(&self, bus: BusKind, names: &str) -> bool {
        self.bus == bus && name_includes(self.name, names)
    }

    /// Whether this one lets through all that another does.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        self.bus == other.bus
            && name_includes(self.name, other.name)
            && self.path == other.path
            && self.interface == other.interface
            && other.members.iter().all(|member| self.members.contains(member))
    }
}

/// Whether a name is one of a pattern's: exact, or with `*` as whole elements at the end.
#[must_use]
pub fn name_matches(pattern: &str, name: &str) -> bool {
    is_peer_name(name) && name_includes(pattern, name)
}

fn name_includes(wide: &str, narrow: &str) -> bool {
    let [wide, narrow] = [wide, narrow].map(|name| name.split('.').collect::<Vec<&str>>());
    wide.len() == narrow.len() && wide.iter().zip(&narrow).all(|(w, n)| *w == "*" || w == n)
}

/// Whether a text is a name of a peer, or names of peers with one or two last elements of `*`.
#[must_use]
pub fn is_name_pattern(text: &str) -> bool {
    let fixed =
        text.strip_suffix(".*").map_or(text, |rest| rest.strip_suffix(".*").unwrap_or(rest));
    // Two fixed elements at least: nobody is granted all names of a domain's registrar.
    is_well_known(fixed) && (fixed == text || fixed.contains('.')) && !is_never(fixed)
}

/// Whether a text is the well-known name of a peer that may be called at all.
fn is_peer_name(text: &str) -> bool {
    is_well_known(text) && !is_never(text)
}

fn is_never(name: &str) -> bool {
    let below =
        |never: &str| name.strip_prefix(never).is_some_and(|r| r.is_empty() || r.starts_with('.'));
    NEVER.into_iter().any(below)
}

fn is_well_known(text: &str) -> bool {
    let element = |element: &str| {
        element.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && element.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    text.len() <= MAX_NAME_BYTES && text.contains('.') && text.split('.').all(element)
}

fn is_path(text: &str) -> bool {
    let element =
        |e: &str| !e.is_empty() && e.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    text.len() <= MAX_NAME_BYTES
        && (text == "/" || text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(element)))
}

fn is_interface(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.contains('.')
        && text.split('.').all(is_member)
        && text != PROPERTIES
}

/// Whether a text can be the name of a method or a property.
#[must_use]
pub fn is_member(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYER: &str = "session org.mpris.MediaPlayer2.* /org/mpris/MediaPlayer2 \
                          org.mpris.MediaPlayer2.Player Play,Next,get:Metadata";

    fn peer(name: &str) -> PeerInterface {
        let (path, interface) = ("/org/mpris/MediaPlayer2", "org.mpris.MediaPlayer2.Player");
        PeerInterface::new(BusKind::Session, name, path, interface).expect("a peer")
    }

    #[test]
    fn a_rule_lets_through_what_it_names_and_no_more() {
        let rule = DbusRule::parse(PLAYER).expect("a rule");
        let vlc = peer("org.mpris.MediaPlayer2.vlc");
        assert!(rule.allows(&vlc, PeerMember::Method("Play")));
        assert!(rule.allows(&vlc, PeerMember::Property("Metadata")));
        for member in [
            PeerMember::Method("Metadata"),
            PeerMember::Method("get:Metadata"),
            PeerMember::Property("Play"),
            PeerMember::Method("Quit"),
        ] {
            assert!(!rule.allows(&vlc, member), "{member:?}");
        }
        let play = PeerMember::Method("Play");
        for name in
            ["org.mpris.MediaPlayer2.vlc.instance1", "org.mpris.MediaPlayer2", "org.mpris.X.vlc"]
        {
            assert!(!rule.allows(&peer(name), play), "{name}");
        }
        for changed in [
            PeerInterface { bus: BusKind::System, ..vlc.clone() },
            PeerInterface { path: "/org/mpris".into(), ..vlc.clone() },
            PeerInterface { interface: "org.mpris.MediaPlayer2".into(), ..vlc },
        ] {
            assert!(!rule.allows(&changed, play), "{changed:?}");
        }
        assert!(rule.shows(BusKind::Session, "org.mpris.MediaPlayer2.*"));
        assert!(!rule.shows(BusKind::Session, "org.mpris.*"));
        assert!(!rule.shows(BusKind::System, "org.mpris.MediaPlayer2.*"));
    }

    #[test]
    fn two_stars_are_two_elements() {
        let wide = PLAYER.replace("Player2.* ", "Player2.*.* ");
        let rule = DbusRule::parse(&wide).expect("a rule");
        let play = PeerMember::Method("Play");
        assert!(rule.allows(&peer("org.mpris.MediaPlayer2.firefox.instance_1_22"), play));
        assert!(!rule.allows(&peer("org.mpris.MediaPlayer2.vlc"), play));
    }

    #[test]
    fn what_lies_within_a_rule_is_no_wider() {
        let rule = |text: &str| {
            DbusRule::parse(Box::leak(text.to_owned().into_boxed_str())).expect("a rule")
        };
        let wide = rule(PLAYER);
        assert!(wide.includes(&rule(&PLAYER.replace("Play,Next,", ""))));
        assert!(wide.includes(&rule(&PLAYER.replace("Player2.* ", "Player2.vlc "))));
        assert!(!rule(&PLAYER.replace("Player2.* ", "Player2.vlc ")).includes(&wide));
        assert!(!wide.includes(&rule(&PLAYER.replace("Next", "Stop"))));
        assert!(!wide.includes(&rule(&PLAYER.replace("session", "system"))));
    }

    #[test]
    fn nobody_who_decides_over_others_is_reached() {
        let with = |name: &str| PLAYER.replace("org.mpris.MediaPlayer2.* ", &format!("{name} "));
        for bad in [
            "org.freedesktop.DBus",
            "org.freedesktop.systemd1",
            "org.freedesktop.PolicyKit1",
            "org.valetd.Assistant1",
            "org.valetd.*",
            "org.*",
            "*",
            "org.mpris.*.vlc",
            "org.mpris.Media*",
            "org.*.*",
            ":1.5",
            "org",
            "org..mpris",
            "",
        ] {
            assert!(DbusRule::parse(&with(bad)).is_none(), "{bad}");
        }
        // A wildcard that would cover one stops at the name itself.
        let wide = with("org.freedesktop.*");
        let rule = DbusRule::parse(&wide).expect("a rule");
        assert!(rule.shows(BusKind::Session, "org.freedesktop.*"));
        assert!(!name_matches("org.freedesktop.*", "org.freedesktop.systemd1"));
        assert!(name_matches("org.freedesktop.*", "org.freedesktop.UPower"));
        assert!(
            PeerInterface::new(BusKind::System, "org.freedesktop.systemd1", "/", "a.b").is_none()
        );
    }

    #[test]
    fn misfit_patterns_are_refused() {
        assert!(DbusRule::parse(PLAYER).is_some());
        for (from, to) in [
            ("session", "Session"),
            ("session ", ""),
            (" /org", " org"),
            ("MediaPlayer2 org", "MediaPlayer2/ org"),
            ("org.mpris.MediaPlayer2.Player ", "org.freedesktop.DBus.Properties "),
            ("org.mpris.MediaPlayer2.Player ", "Player "),
            ("Play,", "Play,Play,"),
            ("Play,", ",Play,"),
            ("get:", "set:"),
            ("Play,", "Pl*,"),
            ("Play,", "Play, "),
        ] {
            let text = PLAYER.replacen(from, to, 1);
            assert!(DbusRule::parse(&text).is_none(), "{from:?} -> {to:?}: {text}");
        }
    }
}
