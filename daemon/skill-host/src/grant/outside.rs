//! Grants for what lies outside of the vehicle: servers, topics, peers, and the values of the skill's
//! own entities. A rule counts where it is declared and where it is granted, each asked for itself.
//!
//! Must not connect to anything, and must not let a rule of one kind stand for another.

use super::Granter;
use valet_core::{
    capability::{
        Capability, CapabilityKind, CapabilitySet,
        dbus::{BusKind, DbusRule, PeerInterface, PeerMember, is_name_pattern},
        http::{HttpMethod, HttpRule, HttpUrl},
        mqtt,
    },
    intent::SkillId,
};

/// Leave to ask one URL.
#[derive(Debug)]
pub(crate) struct FetchGrant {
    pub(super) url: HttpUrl,
    pub(super) method: HttpMethod,
    pub(super) most_bytes: u32,
}

/// Leave to publish to one topic.
#[derive(Debug)]
pub(crate) struct PublishGrant {
    topic: String,
}

/// Leave to know what was said on one topic.
#[derive(Debug)]
pub(crate) struct TopicGrant {
    skill: SkillId,
    topic: String,
}

/// Leave to know which topics of a filter there are.
#[derive(Debug)]
pub(crate) struct FilterGrant {
    skill: SkillId,
    filter: String,
}

/// Leave to call one method of one peer.
#[derive(Debug)]
pub(crate) struct MethodGrant {
    peer: PeerInterface,
    member: String,
}

/// Leave to read one property of one peer.
#[derive(Debug)]
pub(crate) struct PropertyGrant {
    peer: PeerInterface,
    property: String,
}

/// Leave to know who is there by some names.
#[derive(Debug)]
pub(crate) struct NamesGrant {
    bus: BusKind,
    pattern: String,
}

/// Leave to say which values one of the skill's own entities has.
#[derive(Debug)]
pub(crate) struct EntityGrant {
    skill: SkillId,
    entity: String,
}

macro_rules! parts {
    ($($grant:ident: $($part:ident -> $type:ty),*;)*) => {
        $(impl $grant {
            $(pub(crate) fn $part(&self) -> &$type {
                &self.$part
            })*
        })*
    };
}

parts! {
    FetchGrant: url -> HttpUrl;
    PublishGrant: topic -> str;
    TopicGrant: skill -> SkillId, topic -> str;
    FilterGrant: skill -> SkillId, filter -> str;
    MethodGrant: peer -> PeerInterface, member -> str;
    PropertyGrant: peer -> PeerInterface, property -> str;
    NamesGrant: pattern -> str;
    EntityGrant: skill -> SkillId, entity -> str;
}

impl FetchGrant {
    pub(crate) fn method(&self) -> HttpMethod {
        self.method
    }

    pub(crate) fn most_bytes(&self) -> u32 {
        self.most_bytes
    }
}

impl NamesGrant {
    pub(crate) fn bus(&self) -> BusKind {
        self.bus
    }
}

/// Most bytes that a rule of a set lets a response have.
fn most_bytes(set: &CapabilitySet, url: &HttpUrl, method: HttpMethod) -> Option<u32> {
    set.patterns(CapabilityKind::Http)
        .filter_map(HttpRule::parse)
        .filter_map(|rule| rule.allows(url.origin(), method))
        .max()
}

fn has_topic(set: &CapabilitySet, kind: CapabilityKind, topic: &str) -> bool {
    set.patterns(kind).any(|filter| mqtt::matches(filter, topic))
}

fn has_member(set: &CapabilitySet, peer: &PeerInterface, member: PeerMember<'_>) -> bool {
    let mut rules = set.patterns(CapabilityKind::DbusCall).filter_map(DbusRule::parse);
    rules.any(|rule| rule.allows(peer, member))
}

impl Granter {
    /// Whether both what is declared and what is granted say so.
    fn both(&self, says: impl Fn(&CapabilitySet) -> bool) -> bool {
        says(&self.declared) && says(&self.granted())
    }

    pub(crate) fn fetch(&self, url: HttpUrl, method: HttpMethod) -> Option<FetchGrant> {
        let declared = most_bytes(&self.declared, &url, method)?;
        let granted = most_bytes(&self.granted(), &url, method)?;
        Some(FetchGrant { url, method, most_bytes: declared.min(granted) })
    }

    pub(crate) fn publish(&self, topic: &str) -> Option<PublishGrant> {
        self.both(|set| has_topic(set, CapabilityKind::MqttPublish, topic))
            .then(|| PublishGrant { topic: topic.to_owned() })
    }

    pub(crate) fn topic(&self, topic: &str) -> Option<TopicGrant> {
        self.both(|set| has_topic(set, CapabilityKind::MqttSubscribe, topic))
            .then(|| TopicGrant { skill: self.skill.clone(), topic: topic.to_owned() })
    }

    pub(crate) fn filter(&self, filter: &str) -> Option<FilterGrant> {
        let wanted = Capability::new(CapabilityKind::MqttSubscribe, filter).ok()?;
        self.both(|set| set.includes(&wanted))
            .then(|| FilterGrant { skill: self.skill.clone(), filter: filter.to_owned() })
    }

    pub(crate) fn method(&self, peer: &PeerInterface, member: &str) -> Option<MethodGrant> {
        self.both(|set| has_member(set, peer, PeerMember::Method(member)))
            .then(|| MethodGrant { peer: peer.clone(), member: member.to_owned() })
    }

    pub(crate) fn property(&self, peer: &PeerInterface, property: &str) -> Option<PropertyGrant> {
        self.both(|set| has_member(set, peer, PeerMember::Property(property)))
            .then(|| PropertyGrant { peer: peer.clone(), property: property.to_owned() })
    }

    pub(crate) fn names(&self, bus: BusKind, pattern: &str) -> Option<NamesGrant> {
        let shown = |set: &CapabilitySet| {
            let mut rules = set.patterns(CapabilityKind::DbusCall).filter_map(DbusRule::parse);
            rules.any(|rule| rule.shows(bus, pattern))
        };
        (is_name_pattern(pattern) && self.both(shown))
            .then(|| NamesGrant { bus, pattern: pattern.to_owned() })
    }

    /// Needs no capability: the words of its own entities are the skill's.
    pub(crate) fn entity(&self, entity: &str) -> Option<EntityGrant> {
        self.entities
            .contains(entity)
            .then(|| EntityGrant { skill: self.skill.clone(), entity: entity.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYER: &str = "dbus-call:session a.b.* /c d.e Play,get:State";

    fn set(all: &[&str]) -> CapabilitySet {
        CapabilitySet::new(all.iter().map(|c| Capability::parse(c).expect("valid")).collect())
    }

    fn granter(declared: &[&str], granted: &[&str]) -> Granter {
        let id = SkillId::parse("org.example.x").expect("an id");
        Granter::new(id, set(declared), set(granted)).with_entities(["lamp".to_owned()].into())
    }

    fn url(text: &str) -> HttpUrl {
        HttpUrl::parse(text).expect("a URL")
    }

    #[test]
    fn of_a_rule_that_is_declared_and_one_that_is_granted_the_narrower_counts() {
        let granter = granter(
            &["http:https://a.example GET,POST 900", "mqtt-publish:home/#", PLAYER],
            &["http:https://a.example GET 500", "mqtt-publish:home/+/set"],
        );
        let fetch = |text: &str, method| granter.fetch(url(text), method).map(|g| g.most_bytes());
        assert_eq!(fetch("https://a.example/x", HttpMethod::Get), Some(500));
        assert_eq!(fetch("https://a.example/x", HttpMethod::Post), None, "declared only");
        assert_eq!(fetch("https://b.example/x", HttpMethod::Get), None);
        assert!(granter.publish("home/lamp/set").is_some());
        assert!(granter.publish("home/lamp").is_none(), "declared only");
        assert!(granter.topic("home/lamp/set").is_none(), "publishing is no following");
        let peer = PeerInterface::new(BusKind::Session, "a.b.x", "/c", "d.e").expect("a peer");
        assert!(granter.method(&peer, "Play").is_none(), "declared only");
        granter.grant(set(&[PLAYER]));
        assert!(granter.publish("home/lamp/set").is_none(), "taken back");
        assert!(granter.method(&peer, "Play").is_some());
        assert!(
            granter.method(&peer, "State").is_none() && granter.property(&peer, "Play").is_none()
        );
        assert!(granter.property(&peer, "State").is_some());
    }

    #[test]
    fn lists_are_shown_where_all_of_them_may_be_known() {
        let all = &["mqtt-subscribe:home/+/state", PLAYER][..];
        let granter = granter(all, all);
        assert!(granter.filter("home/+/state").is_some());
        assert!(granter.filter("home/lamp/state").is_some());
        assert!(granter.filter("home/#").is_none() && granter.filter("#").is_none());
        assert!(granter.names(BusKind::Session, "a.b.*").is_some());
        assert!(granter.names(BusKind::System, "a.b.*").is_none());
        assert!(granter.names(BusKind::Session, "a.*").is_none());
        assert!(granter.entity("lamp").is_some() && granter.entity("door").is_none());
    }
}
