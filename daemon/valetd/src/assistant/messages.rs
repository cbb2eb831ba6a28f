//! Messages on topics that wake skills: one turn of a skill at a time, of several messages on a topic the last,
//! and not more often than a person could mind.
//!
//! Must not let a broker that says the same thing a thousand times a second keep a skill busy.

use super::{Assistant, installing::effective};
use crate::{
    happening::Happening,
    logging::message_id,
    skills::{self, Skill, SkillStatus},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use valet_core::{
    capability::{Capability, CapabilityKind, mqtt},
    intent::SkillId,
    outcome::Invoked,
    ports::broker::{Followed, MAX_TOPICS, Woken},
};
use valet_skill_host::Received;

/// How long a skill may take for a message.
const MESSAGE_BUDGET: Duration = Duration::from_secs(1);
/// Messages that a skill may be woken by at once, as when all names come at the start.
const MOST_AT_ONCE: u32 = 256;
/// How often it is woken once these are used up.
const INTERVAL: Duration = Duration::from_millis(200);

/// What the broker's thread leaves for the task: by skill and topic, the last message of each. However often a
/// broker says something, the task is told once until it has looked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<BTreeMap<SkillId, BTreeMap<String, Woken>>>>);

impl Inbox {
    /// Leaves a message; whether the task has to be told.
    pub(crate) fn put(&self, woken: Woken) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_skill = all.entry(woken.skill.clone()).or_default();
        let first = of_skill.is_empty();
        if of_skill.len() < MAX_TOPICS || of_skill.contains_key(&woken.topic) {
            of_skill.insert(woken.topic.clone(), woken);
        }
        first
    }

    fn take(&self, skill: &SkillId) -> BTreeMap<String, Woken> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(skill).unwrap_or_default()
    }
}

/// What waits for one skill.
#[derive(Debug)]
struct Waiting {
    /// By topic, the last of each.
    messages: BTreeMap<String, Woken>,
    running: bool,
    left: u32,
    filled: Instant,
}

impl Waiting {
    fn new(now: Instant) -> Self {
        Self { messages: BTreeMap::new(), running: false, left: MOST_AT_ONCE, filled: now }
    }

    /// Keeps a message; false where there is no room for one more topic.
    fn keep(&mut self, woken: Woken) -> bool {
        let room = self.messages.len() < MAX_TOPICS || self.messages.contains_key(&woken.topic);
        if room {
            self.messages.insert(woken.topic.clone(), woken);
        }
        room
    }

    fn fill(&mut self, now: Instant) {
        let gone = now.saturating_duration_since(self.filled);
        let more = u32::try_from(gone.as_millis() / INTERVAL.as_millis()).unwrap_or(MOST_AT_ONCE);
        self.left = self.left.saturating_add(more).min(MOST_AT_ONCE);
        self.filled += INTERVAL * more.min(MOST_AT_ONCE);
        if self.left == MOST_AT_ONCE {
            self.filled = now;
        }
    }

    /// The next message, if the skill may be woken now.
    fn next(&mut self, now: Instant) -> Option<Woken> {
        self.fill(now);
        if self.running || self.left == 0 {
            return None;
        }
        let (_, woken) = self.messages.pop_first()?;
        self.left -= 1;
        self.running = true;
        Some(woken)
    }

    /// When there is something to do that cannot be done now.
    fn due(&self) -> Option<Instant> {
        (!self.running && !self.messages.is_empty()).then(|| self.filled + INTERVAL)
    }
}

/// What waits for all skills, and what they follow.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    inbox: Inbox,
    waiting: BTreeMap<SkillId, Waiting>,
    followed: BTreeMap<SkillId, Followed>,
}

impl Messages {
    /// What skills have from that inbox.
    #[must_use]
    pub(crate) fn from(inbox: Inbox) -> Self {
        Self { inbox, ..Self::default() }
    }

    /// When somebody may be woken who had been too often.
    #[must_use]
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.waiting.values().filter_map(Waiting::due).min()
    }
}

/// What a skill follows: of what it asks for, what it is granted.
fn followed(skill: &Skill) -> Followed {
    if skill.status != SkillStatus::Ready {
        return Followed::default();
    }
    let effective = effective(skill);
    let filters: Vec<String> =
        effective.patterns(CapabilityKind::MqttSubscribe).map(str::to_owned).collect();
    let mut wake: Vec<String> = Vec::new();
    for wanted in &skill.manifest.wake {
        let whole = Capability::new(CapabilityKind::MqttSubscribe, wanted);
        if whole.is_ok_and(|whole| effective.includes(&whole)) {
            wake.push(wanted.clone());
        } else {
            wake.extend(filters.iter().filter(|filter| mqtt::includes(wanted, filter)).cloned());
        }
    }
    Followed { filters, wake }
}

impl Assistant {
    /// Has the broker told which topics skills follow now.
    pub(super) fn follow_topics(&mut self) {
        let Some(broker) = &self.outside.broker else { return };
        let now: BTreeMap<SkillId, Followed> = self
            .skills
            .by_id
            .iter()
            .map(|(id, skill)| (id.clone(), followed(skill)))
            .filter(|(_, followed)| !followed.filters.is_empty())
            .collect();
        for gone in self.messages.followed.keys().filter(|id| !now.contains_key(*id)) {
            broker.follow(gone, Followed::default());
            self.messages.waiting.remove(gone);
        }
        for (id, followed) in &now {
            if self.messages.followed.get(id) != Some(followed) {
                broker.follow(id, followed.clone());
            }
        }
        self.messages.followed = now;
    }

    /// Messages came that wake a skill.
    pub(super) fn woken(&mut self, id: &SkillId) {
        let messages = self.messages.inbox.take(id);
        if !self.messages.followed.contains_key(id) {
            return;
        }
        let waiting = self.messages.waiting.entry(id.clone());
        let waiting = waiting.or_insert_with(|| Waiting::new(Instant::now()));
        for woken in messages.into_values() {
            if !waiting.keep(woken) {
                log::debug!("{id} is woken by more than {MAX_TOPICS} topics; one is left out");
            }
        }
        self.wake_next(id);
    }

    /// Wakes all who may be woken by now.
    pub(super) fn wake_due(&mut self) {
        let ids: Vec<SkillId> = self.messages.waiting.keys().cloned().collect();
        ids.iter().for_each(|id| self.wake_next(id));
    }

    fn wake_next(&mut self, id: &SkillId) {
        let Some(waiting) = self.messages.waiting.get_mut(id) else { return };
        let Some(woken) = waiting.next(Instant::now()) else { return };
        let settings = match self.skills.by_id.get(id) {
            Some(skill) => skills::settings(&skill.manifest, &self.state),
            None => return,
        };
        let received = Received {
            skill: id.clone(),
            topic: woken.topic,
            payload: woken.payload,
            retained: woken.retained,
            language: self.config.language.clone(),
            settings,
            budget: MESSAGE_BUDGET,
        };
        let (happenings, skill) = (self.happenings.clone(), id.clone());
        let done = Box::new(move |invoked: Invoked| {
            let _ = happenings.send(Happening::Received { skill, invoked: Box::new(invoked) });
        });
        if let Err(error) = self.host.receive(received, done)
            && let Some(waiting) = self.messages.waiting.get_mut(id)
        {
            log::warn!("{id} was not told of a message: {error}");
            waiting.running = false;
        }
    }

    /// A skill is through with a message.
    pub(super) fn received(&mut self, id: SkillId, invoked: &Invoked) {
        if let Err(fault) = &invoked.result {
            log::error!(MESSAGE_ID = message_id::FAULT, VALET_SKILL = id.as_str(); "a message was lost on it: {fault}");
        }
        if let Some(waiting) = self.messages.waiting.get_mut(&id) {
            waiting.running = false;
            self.wake_next(&id);
        }
        self.books.skill(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woken(topic: &str, payload: &str) -> Woken {
        let skill = SkillId::parse("org.example.x").expect("an id");
        Woken { skill, topic: topic.into(), payload: payload.into(), retained: false }
    }

    #[test]
    fn the_task_is_told_once_until_it_has_looked() {
        let inbox = Inbox::default();
        let skill = SkillId::parse("org.example.x").expect("an id");
        assert!(inbox.put(woken("a", "1")));
        assert!((0..1000).all(|n| !inbox.put(woken("a", &n.to_string()))));
        assert!((0..MAX_TOPICS + 5).all(|n| !inbox.put(woken(&n.to_string(), "x"))));
        let taken = inbox.take(&skill);
        assert_eq!((taken.len(), taken["a"].payload.as_slice()), (MAX_TOPICS, &b"999"[..]));
        assert!(inbox.put(woken("a", "2")), "told again");
    }

    #[test]
    fn of_several_messages_on_a_topic_the_last_counts_and_one_is_told_at_a_time() {
        let now = Instant::now();
        let mut waiting = Waiting::new(now);
        for n in 0..1000 {
            assert!(waiting.keep(woken("a", &n.to_string())));
        }
        waiting.keep(woken("b", "x"));
        assert_eq!(waiting.next(now).expect("a message").payload, b"999");
        assert_eq!(waiting.next(now), None, "it is busy");
        waiting.running = false;
        assert_eq!(waiting.next(now).expect("a message").topic, "b");
        waiting.running = false;
        assert_eq!(waiting.next(now), None, "that was all");
        assert_eq!(waiting.due(), None);
    }

    #[test]
    fn who_is_woken_all_the_time_is_woken_five_times_a_second() {
        let start = Instant::now();
        let mut waiting = Waiting::new(start);
        let mut turns = |after: Duration| {
            let mut count = 0;
            loop {
                waiting.keep(woken("a", "x"));
                if waiting.next(start + after).is_none() {
                    return count;
                }
                count += 1;
                waiting.running = false;
            }
        };
        assert_eq!(turns(Duration::ZERO), MOST_AT_ONCE);
        assert_eq!(turns(Duration::from_millis(150)), 0);
        assert_eq!(turns(Duration::from_secs(1)), 5);
        assert_eq!(turns(Duration::from_secs(3600)), MOST_AT_ONCE);
        assert_eq!(waiting.due(), Some(start + Duration::from_secs(3600) + INTERVAL));
        for n in 0..MAX_TOPICS + 5 {
            waiting.keep(woken(&n.to_string(), "x"));
        }
        assert_eq!(waiting.messages.len(), MAX_TOPICS);
    }
}
