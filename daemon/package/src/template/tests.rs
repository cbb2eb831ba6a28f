//! Verdicts on the template notation.

use super::*;
use proptest::prelude::*;

fn word(text: &str) -> Node {
    Node::Word(text.to_owned())
}

fn root(text: &str) -> Node {
    Template::parse(text).unwrap_or_else(|e| panic!("{text:?}: {e}")).root
}

#[test]
fn the_notation_becomes_a_tree() {
    let Node::Sequence(parts) = root("<set> [the] [{zone}] (temperature|heating) to {temperature}")
    else {
        panic!("a sequence");
    };
    assert_eq!(parts[0], Node::Rule("set".into()));
    assert_eq!(parts[1], Node::Optional(Box::new(word("the"))));
    assert_eq!(parts[2], Node::Optional(Box::new(Node::Slot("zone".into()))));
    assert_eq!(parts[3], Node::Choice(vec![word("temperature"), word("heating")]));
    assert_eq!(parts[5], Node::Slot("temperature".into()));
    assert_eq!(
        root("(a;b c)"),
        Node::Permutation(vec![word("a"), Node::Sequence(vec![word("b"), word("c")])])
    );
    assert_eq!(root("a\\[b\\]"), word("a[b]"));
}

#[test]
fn touching_literals_are_glued_and_signs_beside_slots_are_not() {
    assert_eq!(root("window[s]"), Node::Choice(vec![word("windows"), word("window")]));
    assert_eq!(root("(un|)lock"), Node::Choice(vec![word("unlock"), word("lock")]));
    assert_eq!(
        root("[the ]light"),
        Node::Choice(vec![Node::Sequence(vec![word("the"), word("light")]), word("light")])
    );
    assert_eq!(root("{level}%"), Node::Sequence(vec![Node::Slot("level".into()), word("%")]));
    assert_eq!(
        root("[{zone} ]window"),
        Node::Sequence(vec![Node::Optional(Box::new(Node::Slot("zone".into()))), word("window")])
    );
}

#[test]
fn broken_notation_is_refused_with_its_character() {
    for (text, column) in [
        ("a [b", 3),
        ("a (b", 3),
        ("a b]", 4),
        ("a ) b", 3),
        ("a {b", 3),
        ("a {}", 3),
        ("a <b c>", 5),
        ("a > b", 3),
        ("a | b", 3),
        ("(a|b;c)", 5),
        ("(a;b;c;d;e)", 1),
        ("a\\", 3),
        ("", 1),
        ("   ", 1),
        ("<set>s", 6),
        ("{zone}s", 7),
    ] {
        let error = Template::parse(text).expect_err(text);
        assert_eq!(error.column, column, "{text:?}: {error}");
    }
    let deep = format!("{}a{}", "[".repeat(17), "]".repeat(17));
    assert!(Template::parse(&deep).is_err());
    let fine = format!("{}a{}", "[".repeat(16), "]".repeat(16));
    assert!(Template::parse(&fine).is_ok());
}

fn rules(pairs: &[(&str, &str)]) -> Result<Rules, (String, NotationError)> {
    Rules::parse(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

#[test]
fn recursion_and_growth_of_rules_are_refused() {
    assert!(rules(&[("a", "x <b>"), ("b", "y")]).is_ok());
    let (name, error) = rules(&[("a", "x <b>"), ("b", "<a> y")]).expect_err("recursion");
    assert!(name == "a" && error.what.contains("uses itself"), "{error}");
    assert!(rules(&[("a", "<a>")]).is_err());
    let twenty = "<b> ".repeat(20);
    let (_, error) = rules(&[
        ("a", &twenty),
        ("b", &"<c> ".repeat(20)),
        ("c", &"<d> ".repeat(20)),
        ("d", "x y"),
    ])
    .expect_err("too large");
    assert!(error.what.contains("too large"), "{error}");
}

#[test]
fn unknown_rules_and_slots_are_named_with_the_nearest() {
    let rules = rules(&[("set", "(set|put)"), ("place", "in {zone}")]).expect("rules");
    let slots = ["temperature", "zone"];
    let check = |text: &str| rules.template(text, slots.iter().copied());
    assert!(check("<set> it to {temperature} <place>").is_ok());
    let error = check("<sett> it").expect_err("unknown rule");
    assert!(error.column == 1 && error.what.contains("did you mean \"set\""), "{error}");
    let error = check("<set> {temprature}").expect_err("unknown slot");
    assert!(error.column == 7 && error.what.contains("did you mean \"temperature\""), "{error}");
    assert!(rules.template("<place>", ["temperature"].into_iter()).is_err());
    assert!(check("[<set>] [the]").is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\](){}<>|;\\\\ a-cé:\u{1F600}]{0,120}") {
        let _ = Template::parse(&text);
        let _ = crate::sample::Sample::parse(&text);
    }

    #[test]
    fn marked_spans_lie_on_character_boundaries(text in "[ab é{}:\\\\]{0,60}") {
        if let Ok(sample) = crate::sample::Sample::parse(&text) {
            for span in &sample.spans {
                prop_assert!(sample.text.get(span.start..span.end).is_some_and(|s| !s.is_empty()));
            }
        }
    }
}
