//! Rules about MQTT topics: what a filter is, which topics it matches, which filters lie within it.
//!
//! Exactly MQTT 3.1.1, section 4.7, with bounds, and stricter where a broker gives a topic a meaning
//! of its own: of topics that begin with `$` only `$SYS/…` can be followed, none can be published to,
//! and shared subscriptions are none. Must not know what is in a message.

use super::MAX_PATTERN_BYTES;

/// Longest topic, bytes.
pub const MAX_TOPIC_BYTES: usize = MAX_PATTERN_BYTES;
/// Most levels of a topic.
const MAX_LEVELS: usize = 32;
/// The only topics with a leading `$` that a skill may follow.
const SYSTEM: &str = "$SYS";

fn is_bounded(text: &str) -> bool {
    (1..=MAX_TOPIC_BYTES).contains(&text.len())
        && !text.chars().any(char::is_control)
        && text.split('/').count() <= MAX_LEVELS
}

fn first_level(text: &str) -> &str {
    text.split('/').next().unwrap_or_default()
}

/// Whether a text is a topic to publish to or to ask for: no wildcard in it.
#[must_use]
pub fn is_topic(text: &str) -> bool {
    is_bounded(text) && !text.contains(['+', '#'])
}

/// Whether a text is a filter of topics: `+` one whole level, `#` all that is left, last.
#[must_use]
pub fn is_filter(text: &str) -> bool {
    let levels = text.split('/').count();
    let whole = text.split('/').enumerate().all(|(i, level)| match level {
        "+" => true,
        "#" => i + 1 == levels,
        level => !level.contains(['+', '#']),
    });
    let first = first_level(text);
    is_bounded(text) && whole && (!first.starts_with('$') || first == SYSTEM)
}

/// Whether a filter may be published to: nothing below a `$`.
#[must_use]
pub fn is_publish_filter(text: &str) -> bool {
    is_filter(text) && !text.starts_with('$')
}

/// Whether a topic is one of a filter's.
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    is_topic(topic) && includes(filter, topic)
}

/// Whether every topic of the narrow filter is one of the wide filter's.
#[must_use]
pub fn includes(wide: &str, narrow: &str) -> bool {
    // A wildcard at the beginning stands for no topic with a leading `$`.
    if narrow.starts_with('$') && first_level(wide) != first_level(narrow) {
        return false;
    }
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            // Also for the level above it: `a/#` is `a` too.
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn topics_match_as_the_standard_says() {
        for (filter, topic, fits) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("#", "sport/tennis", true),
            ("#", "/", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/broker/uptime", false),
            ("+/broker/uptime", "$SYS/broker/uptime", false),
            ("$SYS/#", "$SYS/broker/uptime", true),
            ("$SYS/broker/+", "$SYS/broker/uptime", true),
            ("a/+/c", "a/b/c", true),
            ("a/b", "a/B", false),
            ("a/b", "a/b/", false),
            // A topic with a wildcard in it is none.
            ("#", "a/+", false),
            ("a/#", "a/#", false),
        ] {
            assert_eq!(matches(filter, topic), fits, "{filter} {topic}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for fine in ["a", "a/b", "+", "#", "a/+/#", "/", "a//b", "$SYS/broker/version", "a/$x"] {
            assert!(is_filter(fine), "{fine}");
        }
        for bad in [
            "",
            "a#",
            "a/#/b",
            "a+/b",
            "##",
            "$share/group/a",
            "$queue/a",
            "$CONTROL/dynamic-security/v1",
            "a\u{0}b",
            "a\nb",
        ] {
            assert!(!is_filter(bad), "{bad:?}");
        }
        assert!(!is_filter(&"a".repeat(MAX_TOPIC_BYTES + 1)));
        assert!(!is_filter(&"/".repeat(MAX_LEVELS)));
        assert!(!is_publish_filter("$SYS/broker/version"));
        assert!(is_publish_filter("home/+/set"));
    }

    proptest! {
        #[test]
        fn what_a_filter_includes_matches_no_other_topic(
            wide in "([$]SYS|a|b|[+])(/(a|b|[+]|)){0,3}(/#)?",
            narrow in "([$]SYS|a|b|[+])(/(a|b|[+]|)){0,3}(/#)?",
            topic in "([$]SYS|a|b)(/(a|b|)){0,4}",
        ) {
            if includes(&wide, &narrow) && matches(&narrow, &topic) {
                prop_assert!(matches(&wide, &topic));
            }
        }
    }
}
