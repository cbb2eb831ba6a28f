//! Sessions, callers and turns: who talks in which conversation, and what it remembers.
//!
//! Must not look anybody up: the bus says who calls.

use crate::{
    deadline::Instant,
    dialogue::Pending,
    intent::SkillId,
    signal::{SignalPath, SignalValue},
    understanding::Previous,
    zone::Zone,
};
use std::{fmt, time::Duration};

/// A session forgets what was said after this long without a turn.
pub const FORGET_AFTER: Duration = Duration::from_secs(30);
/// An opened session that nobody uses ends after this long.
pub const EXPIRE_AFTER: Duration = Duration::from_secs(30 * 60);
/// Most sessions one caller may open.
pub const MAX_SESSIONS_PER_CALLER: usize = 16;
/// Most things of a screen that a session knows of.
pub const MAX_SHOWN: usize = 50;
/// Most sessions in all.
pub const MAX_SESSIONS: usize = 256;

/// Who calls, as the bus says; never what the caller claims.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caller {
    /// Unix user.
    pub uid: u32,
    /// Unique bus name; never reused while the bus runs.
    pub name: String,
}

/// Which conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKey {
    /// The default one of a user and a zone.
    Default {
        /// Unix user.
        uid: u32,
        /// Who speaks.
        zone: Zone,
    },
    /// One that a caller opened.
    Opened(u64),
}

/// A turn's number, unique while the daemon runs; `t<N>` on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(pub u64);

impl TurnId {
    /// Parses `t<N>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix('t')?.parse().ok().map(Self)
    }
}

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

/// A change that undo can take back.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which skill changed it; its grants hold for putting it back.
    pub skill: SkillId,
    /// Which signal.
    pub path: SignalPath,
    /// What it was before.
    pub previous: SignalValue,
    /// Whether the policy added it to go with another change.
    pub companion: bool,
}

/// What the last turn that changed something changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// Which turn; none = nothing was changed.
    pub turn: Option<TurnId>,
    /// What can be put back, in the order it was changed.
    pub reversible: Vec<Change>,
    /// Whether it also changed what cannot be put back, such as the track or a timer.
    pub lasting: bool,
}

/// One conversation.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who opened it; default sessions belong to a user, not to a name.
    pub owner: Option<Caller>,
    /// Language of its turns unless one says otherwise.
    pub language: String,
    /// Zone of its turns unless one says otherwise.
    pub zone: Zone,
    /// When a turn last began or ended in it.
    pub used: Instant,
    /// What it waits for.
    pub pending: Option<Pending>,
    /// The command before, for "and the passenger side too".
    pub previous: Option<Previous>,
    /// The words said last, for "say that again".
    pub last_speech: Option<String>,
    /// What the last turn changed, for "undo that".
    pub changes: Changes,
    /// What the screen shows: (id, label), for "the second one".
    pub shown: Vec<(String, String)>,
}

impl Session {
    /// An empty session.
    #[must_use]
    pub fn new(owner: Option<Caller>, language: String, zone: Zone, now: Instant) -> Self {
        Self {
            owner,
            language,
            zone,
            used: now,
            pending: None,
            previous: None,
            last_speech: None,
            changes: Changes::default(),
            shown: Vec::new(),
        }
    }

    /// Drops what it remembers; the conversation itself stays.
    pub fn forget(&mut self) {
        self.pending = None;
        self.previous = None;
        self.last_speech = None;
        self.changes = Changes::default();
    }
}
