//! Verdicts on the automaton.

use super::*;
use crate::{
    expand::{self, Piece},
    random::Random,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use valet_package::template::Template;

fn set(texts: &[&str], rules: &Rules) -> Templates {
    let mut all = Templates::default();
    for (number, text) in texts.iter().enumerate() {
        let template = Template::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        all.add(&template.root, rules, number as u32, &kind_of)
            .unwrap_or_else(|e| panic!("{text}: {e}"));
    }
    all.finish();
    all
}

fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "temperature" => Kind::Temperature,
        "zone" => Kind::Zone,
        "number" => Kind::Number,
        "time" => Kind::Time,
        "text" | "stop" => Kind::Text,
        _ => return None,
    })
}

fn best(all: &Templates, text: &str) -> Option<(u32, Vec<String>)> {
    let (tokens, entities, context) = (Tokens::read(text), Entities::default(), Context::default());
    let reading = Reading::new(&tokens, &entities, &context);
    let found = all.matches(&reading, &[0], &[tokens.len()]).into_iter().next()?;
    let slots = found.slots.iter().map(|s| format!("{}={}", s.name, s.value)).collect();
    Some((found.target, slots))
}

#[test]
fn a_template_matches_its_sentences_and_no_others() {
    let rules = Rules::parse(&BTreeMap::from([("set".to_owned(), "(set|make|turn)".to_owned())]))
        .expect("rules");
    let all = set(
        &[
            "<set> [the] [{zone}] (temperature|heating) to {temperature}",
            "navigate to {text}",
            "navigate to {text} via {stop}",
            "(warm;[please] {zone};now)",
        ],
        &rules,
    );
    let hit = |text: &str| best(&all, text);
    assert_eq!(hit("Set the temperature to 22"), Some((0, vec!["temperature=22".into()])));
    assert_eq!(
        hit("make the driver's side heating to minus five degrees"),
        Some((0, vec!["zone=row1-driver".into(), "temperature=-5".into()]))
    );
    assert_eq!(hit("navigate to Via Roma 5"), Some((1, vec!["text=Via Roma 5".into()])));
    assert_eq!(
        hit("navigate to Bonn via Köln"),
        Some((2, vec!["text=Bonn".into(), "stop=Köln".into()]))
    );
    assert_eq!(hit("now the passenger warm"), Some((3, vec!["zone=row1-passenger".into()])));
    for none in [
        "set the temperature",
        "set the the temperature to 22",
        "to 22",
        "navigate to",
        "warm now",
        "",
    ] {
        assert_eq!(hit(none), None, "{none:?}");
    }
}

#[test]
fn many_optional_parts_stay_within_bounds() {
    let wide = "[a] ".repeat(20) + "b {text} c {stop} d";
    let all = set(&[&wide], &Rules::default());
    assert!(best(&all, &("a ".repeat(20) + "b x c y d")).is_some());
    assert!(best(&all, &("a ".repeat(21) + "b x c y d")).is_none());
    // Runs out of steps instead of time.
    assert!(best(&all, &("b x c ".repeat(120) + "d")).is_none());
}

/// Templates of a small grammar, nested at most four deep.
fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[a-e]{1,3}".prop_map(|word| word),
        1 => Just("{temperature}".to_owned()),
        1 => Just("{zone}".to_owned()),
        1 => Just("{text}".to_owned()),
        1 => Just("don't".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|all| all.join(" ")),
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join("|"))),
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join(";"))),
            inner.prop_map(|one| format!("[{one}]")),
        ]
    })
}

fn say(node: &Node, seed: u64) -> String {
    let mut pieces = Vec::new();
    expand::random(node, &Rules::default(), &mut Random::new(seed), &mut pieces);
    let words: Vec<String> = pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Word(word) => word,
            Piece::Slot(name) => match name.as_str() {
                "temperature" => "twenty two degrees".to_owned(),
                "zone" => "rear left".to_owned(),
                _ => "zz yy".to_owned(),
            },
        })
        .collect();
    words.join(" ")
}

proptest! {
    #[test]
    fn every_expansion_is_matched_by_its_template(text in template(), seed in any::<u64>()) {
        let parsed = Template::parse(&text).expect("a template");
        let mut all = Templates::default();
        prop_assume!(all.add(&parsed.root, &Rules::default(), 7, &kind_of).is_ok());
        all.finish();
        let said = say(&parsed.root, seed);
        prop_assume!(!said.is_empty());
        prop_assert!(best(&all, &said).is_some(), "{text:?} does not match {said:?}");
    }

    #[test]
    fn spans_lie_within_the_text(text in template(), said in "[a-e é'°5]{0,60}") {
        let parsed = Template::parse(&text).expect("a template");
        let mut all = Templates::default();
        prop_assume!(all.add(&parsed.root, &Rules::default(), 7, &kind_of).is_ok());
        all.finish();
        let tokens = Tokens::read(&said);
        let (entities, context) = (Entities::default(), Context::default());
        let reading = Reading::new(&tokens, &entities, &context);
        for found in all.matches(&reading, &[0], &[tokens.len()]) {
            for slot in found.slots {
                let (start, end) = tokens.span(slot.tokens);
                prop_assert!(said.get(start as usize..end as usize).is_some_and(|s| !s.is_empty()));
            }
        }
    }
}
