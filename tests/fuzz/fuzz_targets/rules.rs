//! Rules about servers, topics and peers of any text are taken or refused, and what lies within a rule lets nothing
//! through that the rule does not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_core::capability::{
    Capability, CapabilityKind,
    dbus::{BusKind, DbusRule, PeerInterface, PeerMember},
    http::{HttpMethod, HttpRule, HttpUrl},
    mqtt,
};

/// A wide rule, a narrow one, and something to be judged by both.
fn judged(kind: CapabilityKind, wide: &str, narrow: &str, what: &str) {
    let rules = Capability::new(kind, wide).ok().zip(Capability::new(kind, narrow).ok());
    let Some((w, n)) = rules else { return };
    assert!(w.includes(&w) && n.includes(&n), "{w} {n}");
    let (by_wide, by_narrow) = (lets(kind, wide, what), lets(kind, narrow, what));
    assert!(!w.includes(&n) || !by_narrow || by_wide, "{w} {n} {what}");
}

fn lets(kind: CapabilityKind, rule: &str, what: &str) -> bool {
    match kind {
        CapabilityKind::Http => HttpUrl::parse(what).is_some_and(|url| {
            assert_eq!(HttpUrl::parse(&url.to_string()).as_ref(), Some(&url));
            assert!(url.origin().host().parse::<std::net::IpAddr>().is_err(), "{what}");
            let rule = HttpRule::parse(rule).expect("it was taken");
            HttpMethod::ALL.iter().any(|method| rule.allows(url.origin(), *method).is_some())
        }),
        CapabilityKind::MqttPublish | CapabilityKind::MqttSubscribe => mqtt::matches(rule, what),
        CapabilityKind::DbusCall => {
            let parts: Vec<&str> = what.split(' ').collect();
            let [name, path, interface, member] = parts[..] else { return false };
            let peer = PeerInterface::new(BusKind::Session, name, path, interface);
            let rule = DbusRule::parse(rule).expect("it was taken");
            peer.is_some_and(|peer| {
                rule.allows(&peer, PeerMember::Method(member))
                    || rule.allows(&peer, PeerMember::Property(member))
            })
        }
        _ => false,
    }
}

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let (Some(wide), Some(narrow)) = (lines.next(), lines.next()) else { return };
    let what = lines.next().unwrap_or_default();
    for kind in [
        CapabilityKind::Http,
        CapabilityKind::MqttPublish,
        CapabilityKind::MqttSubscribe,
        CapabilityKind::DbusCall,
    ] {
        judged(kind, wide, narrow, what);
    }
});
