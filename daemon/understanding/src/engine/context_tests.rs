//! Verdicts on what leans on words said before: pronouns, other values, corrections, verbs that
//! stand once for several things.

use super::{
    tests::{request, shown, understander},
    *,
};
use valet_core::{
    entity::{EntityKind, Value},
    understanding::{Expected, Previous},
};

/// What sentences one after the other mean, the last one shown.
fn conversation(sentences: &[&str]) -> String {
    let all = understander();
    let mut previous: Option<Previous> = None;
    let mut last = None;
    for text in sentences {
        let asked = Request { previous: previous.clone(), ..request(text) };
        last = all.match_templates(&asked);
        if let Some(command) = last.as_ref().and_then(|u| u.commands.last()) {
            let Candidate { intent, slots, .. } = command.best.clone();
            let mut said = vec![text[command.start as usize..command.end as usize].to_owned()];
            if let Some(before) = previous.filter(|p| p.intent.skill() == intent.skill()) {
                said.extend(before.said);
            }
            previous = Some(Previous { intent, slots, said });
        }
    }
    shown(last)
}

fn judged(cases: &[(&[&str], &str)]) {
    for (sentences, expected) in cases {
        assert_eq!(conversation(sentences), *expected, "{sentences:?}");
    }
}

#[test]
fn a_pronoun_stands_for_what_the_command_before_was_about() {
    judged(&[
        (&["open the rear left window", "close it"], "close-window(zone=row2-driver)"),
        (&["open my window", "close it", "open it again"], "open-window(zone=row1-driver)"),
        (&["turn on the ac", "turn it off"], "switch(device=ac,state=false)"),
        (
            &["set the passenger to 22", "make it 23"],
            "set-temperature(temperature=23,zone=row1-passenger)",
        ),
        (&["close it"], "-"),
        (&["navigate to berlin", "close it"], "-"),
        (&["open the sunroof", "open the rear window", "close it"], "close-window(zone=row2)"),
    ]);
}

#[test]
fn a_sentences_own_direction_beats_the_one_before() {
    judged(&[
        (
            &["make it hotter", "make it cooler for the passenger"],
            "change-temperature(direction=colder,zone=row1-passenger)",
        ),
        (&["make it cooler", "a bit up please"], "change-temperature(direction=warmer)"),
    ]);
}

#[test]
fn what_is_named_first_or_instead_takes_the_verb_before() {
    judged(&[
        (&["open the window", "no the passenger window"], "open-window(zone=row1-passenger)"),
        (&["open the window", "and the sunroof"], "open-sunroof()"),
        (&["open the window", "no the sunroof"], "open-sunroof()"),
    ]);
}

#[test]
fn what_is_taken_back_is_not_done() {
    for (text, expected) in [
        (
            "set the temperature to twenty two no wait twenty three",
            "set-temperature(temperature=23)",
        ),
        ("set the temperature to 22, no, 23", "set-temperature(temperature=23)"),
        (
            "make it 22 no sorry 23 and open the window",
            "set-temperature(temperature=23) + open-window()",
        ),
        (
            "set the passenger to 20 no wait 21 no wait 22",
            "set-temperature(temperature=22,zone=row1-passenger)",
        ),
        ("open the window no wait the passenger side", "open-window(zone=row1-passenger)"),
        ("open the window no the sunroof", "open-sunroof()"),
        ("turn off the ac no wait the seat heating", "switch(device=seat-heating,state=false)"),
        ("open the window no close it", "close-window()"),
        ("navigate to berlin no wait hamburg", "navigate(place=hamburg)"),
        ("navigate to no name street", "navigate(place=no name street)"),
        ("open the window no more jokes", "-"),
    ] {
        assert_eq!(conversation(&[text]), expected, "{text:?}");
    }
}

#[test]
fn a_bare_thing_takes_the_verb_of_the_one_before_it() {
    for (text, expected) in [
        (
            "turn off the ac and the seat heating",
            "switch(device=ac,state=false) + switch(device=seat-heating,state=false)",
        ),
        (
            "open my window and then close it",
            "open-window(zone=row1-driver) + close-window(zone=row1-driver)",
        ),
        ("navigate to berlin and open the window", "navigate(place=berlin) + open-window()"),
        (
            "set the temperature to twenty one and a half and open the window",
            "set-temperature(temperature=21.5) + open-window()",
        ),
        ("set the temperature to 22,5", "set-temperature(temperature=22.5)"),
    ] {
        assert_eq!(conversation(&[text]), expected, "{text:?}");
    }
}

#[test]
fn more_commands_than_it_takes_are_none() {
    let text = ["open the window"; 9].join(" and ");
    let understood = understander().match_templates(&request(&text)).expect("something");
    assert!(understood.too_many && understood.commands.is_empty());
    let text = ["open the window"; 8].join(" and ");
    let understood = understander().match_templates(&request(&text)).expect("eight");
    assert!(!understood.too_many);
    assert_eq!(understood.commands.len(), 8);
}

fn asked_for_a_temperature(text: &str) -> String {
    let intent = IntentId::parse("org.example.climate/set-temperature").expect("an intent");
    let slots = vec![Slot::implied("temperature", Value::Temperature(23.0))];
    let previous = Previous { intent: intent.clone(), slots, said: vec!["make it 23".to_owned()] };
    let entity = EntityKind::Temperature;
    let expected = Expected { intent, slot: "temperature".to_owned(), entity, choices: Vec::new() };
    let (expected, previous) = (Some(expected), Some(previous));
    shown(understander().match_templates(&Request { expected, previous, ..request(text) }))
}

#[test]
fn an_answer_for_another_slot_fills_that_one_and_nothing_older() {
    assert_eq!(asked_for_a_temperature("on the passenger side"), "answer zone=row1-passenger");
    assert_eq!(asked_for_a_temperature("for the back please"), "answer zone=row2");
    assert_eq!(asked_for_a_temperature("21"), "answer temperature=21");
    assert_eq!(asked_for_a_temperature("again"), "-");
}

#[test]
fn the_beginning_of_a_listed_value_answers_where_it_is_the_only_one() {
    let answer = |text: &str| {
        let intent = IntentId::parse("org.example.climate/change-temperature").expect("an intent");
        let entity = EntityKind::Listed("direction".into());
        let (slot, choices) = ("direction".to_owned(), Vec::new());
        let expected = Some(Expected { intent, slot, entity, choices });
        shown(understander().match_templates(&Request { expected, ..request(text) }))
    };
    assert_eq!(answer("cool"), "answer direction=colder");
    assert_eq!(answer("warm please"), "answer direction=warmer");
    assert_eq!(answer("banana"), "-");
    assert_eq!(answer("co"), "-");
}
