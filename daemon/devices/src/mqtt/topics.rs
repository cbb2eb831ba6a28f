//! What skills follow, and the last message of each of those topics, within bounds a skill.
//!
//! Must not keep anything over the end of a connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};
use valet_core::{
    capability::mqtt::matches,
    intent::SkillId,
    ports::broker::{Followed, MAX_MQTT_PAYLOAD_BYTES, MAX_TOPICS, TopicMessage, Woken},
};

/// Most bytes of topics and payloads kept for a skill.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived<'a> {
    pub(super) topic: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) retained: bool,
    pub(super) at: Instant,
}

struct Kept {
    payload: Vec<u8>,
    retained: bool,
    at: Instant,
}

#[derive(Default)]
struct OfSkill {
    followed: Followed,
    last: BTreeMap<String, Kept>,
    bytes: usize,
    /// Whether it was said that not all is kept.
    full: bool,
}

fn is_of(filters: &[String], topic: &str) -> bool {
    filters.iter().any(|filter| matches(filter, topic))
}

impl OfSkill {
    fn forget(&mut self, topic: &str) {
        if let Some(kept) = self.last.remove(topic) {
            self.bytes -= topic.len() + kept.payload.len();
        }
    }

    /// Keeps the last message of a topic; whether there was room.
    fn keep(&mut self, message: Arrived<'_>) -> bool {
        self.forget(message.topic);
        // A broker forgets by an empty message, and so do we.
        if message.payload.is_empty() {
            return true;
        }
        let bytes = message.topic.len() + message.payload.len();
        if self.last.len() >= MAX_TOPICS || self.bytes + bytes > MAX_KEPT_BYTES {
            return false;
        }
        self.bytes += bytes;
        let Arrived { payload, retained, at, .. } = message;
        let kept = Kept { payload: payload.to_vec(), retained, at };
        self.last.insert(message.topic.to_owned(), kept);
        true
    }
}

/// All of it.
#[derive(Default)]
pub(super) struct Topics(BTreeMap<SkillId, OfSkill>);

impl Topics {
    /// The filters of all skills.
    pub(super) fn filters(&self) -> BTreeSet<String> {
        self.0.values().flat_map(|skill| skill.followed.filters.iter().cloned()).collect()
    }

    /// The filters of one skill.
    pub(super) fn filters_of(&self, skill: &SkillId) -> BTreeSet<String> {
        self.0
            .get(skill)
            .map(|of| of.followed.filters.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Takes the topics of a skill in the place of those before.
    pub(super) fn follow(&mut self, skill: &SkillId, followed: Followed) {
        if followed.filters.is_empty() {
            self.0.remove(skill);
            return;
        }
        let of = self.0.entry(skill.clone()).or_default();
        of.followed = followed;
        let gone: Vec<String> =
            of.last.keys().filter(|t| !is_of(&of.followed.filters, t)).cloned().collect();
        gone.iter().for_each(|topic| of.forget(topic));
    }

    /// Keeps a message for whoever follows its topic; whom it wakes.
    pub(super) fn take(&mut self, message: Arrived<'_>) -> Vec<Woken> {
        let mut woken = Vec::new();
        if message.payload.len() > MAX_MQTT_PAYLOAD_BYTES {
            log::debug!("a message of {} bytes is left out", message.payload.len());
            return woken;
        }
        for (skill, of) in &mut self.0 {
            if !is_of(&of.followed.filters, message.topic) {
                continue;
            }
            if !of.keep(message) && !of.full {
                of.full = true;
                log::warn!(
                    "{skill} follows more than {MAX_TOPICS} topics or {MAX_KEPT_BYTES} bytes; the rest is left out"
                );
            }
            if is_of(&of.followed.wake, message.topic) {
                woken.push(Woken {
                    skill: skill.clone(),
                    topic: message.topic.to_owned(),
                    payload: message.payload.to_vec(),
                    retained: message.retained,
                });
            }
        }
        woken
    }

    pub(super) fn last(&self, skill: &SkillId, topic: &str, now: Instant) -> Option<TopicMessage> {
        let kept = self.0.get(skill)?.last.get(topic)?;
        Some(TopicMessage {
            payload: kept.payload.clone(),
            age: now.saturating_duration_since(kept.at),
            retained: kept.retained,
        })
    }

    pub(super) fn matching(&self, skill: &SkillId, filter: &str) -> Vec<String> {
        let topics = self.0.get(skill).into_iter().flat_map(|of| of.last.keys());
        topics.filter(|topic| matches(filter, topic)).cloned().collect()
    }

    /// The connection ended: nobody knows any more what is so.
    pub(super) fn forget_all(&mut self) {
        for of in self.0.values_mut() {
            of.last.clear();
            (of.bytes, of.full) = (0, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SkillId {
        SkillId::parse(text).expect("an id")
    }

    fn followed(filters: &[&str], wake: &[&str]) -> Followed {
        let owned = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        Followed { filters: owned(filters), wake: owned(wake) }
    }

    fn message<'a>(topic: &'a str, payload: &'a [u8]) -> Arrived<'a> {
        Arrived { topic, payload, retained: false, at: Instant::now() }
    }

    #[test]
    fn each_skill_has_what_it_follows_and_no_more() {
        let (a, b) = (id("org.example.a"), id("org.example.b"));
        let mut topics = Topics::default();
        topics.follow(&a, followed(&["home/#"], &["home/+/config"]));
        topics.follow(&b, followed(&["home/lamp/+"], &[]));
        assert_eq!(topics.take(message("home/lamp/state", b"ON")), []);
        let woken = topics.take(message("home/lamp/config", b"{}"));
        assert_eq!(woken.iter().map(|w| &w.skill).collect::<Vec<_>>(), [&a]);
        topics.take(message("home/door", b"open"));
        let now = Instant::now();
        assert!(topics.last(&b, "home/door", now).is_none(), "not followed");
        assert_eq!(topics.last(&b, "home/lamp/state", now).expect("kept").payload, b"ON");
        assert_eq!(topics.matching(&a, "home/+"), ["home/door"]);
        // Following less forgets the rest.
        topics.follow(&a, followed(&["home/door"], &[]));
        assert_eq!(topics.matching(&a, "#"), ["home/door"]);
        assert_eq!(topics.filters(), ["home/door".into(), "home/lamp/+".into()].into());
        topics.follow(&b, Followed::default());
        assert!(topics.last(&b, "home/lamp/state", now).is_none());
        topics.take(message("home/door", b""));
        assert!(topics.last(&a, "home/door", now).is_none(), "cleared");
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_known_topic_is_still_updated() {
        let a = id("org.example.a");
        let mut topics = Topics::default();
        topics.follow(&a, followed(&["#"], &[]));
        for n in 0..MAX_TOPICS + 10 {
            topics.take(message(&format!("t/{n}"), b"x"));
        }
        assert_eq!(topics.matching(&a, "#").len(), MAX_TOPICS);
        topics.take(message("t/0", b"new"));
        assert_eq!(topics.last(&a, "t/0", Instant::now()).expect("kept").payload, b"new");
        topics.forget_all();
        assert!(topics.matching(&a, "#").is_empty());
        let large = vec![b'x'; MAX_MQTT_PAYLOAD_BYTES];
        for n in 0..100 {
            topics.take(message(&format!("t/{n}"), &large));
        }
        let kept = topics.matching(&a, "#").len();
        assert!((60..64).contains(&kept), "{kept} times 16 KiB are within 1 MiB");
        topics.take(message("u", &[large, b"x".to_vec()].concat()));
        assert!(topics.last(&a, "u", Instant::now()).is_none(), "too long");
    }
}
