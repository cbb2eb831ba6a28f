//! Verdicts on what is no request to act now, over the intents of the engine's tests.

use super::*;
use crate::engine::tests::understander;

/// Whether a text is no request, read as an intent of the two small skills.
fn turned(text: &str, intent: &str) -> bool {
    let all = understander();
    let intents = &all.training_set().intents;
    let intent = intents.iter().position(|i| i.id.name() == intent).expect("it is there");
    let (tokens, context) = (Tokens::read(text), Context::default());
    let reading = Reading {
        tokens: &tokens,
        context: &context,
        entities: all.entities(),
        known: &Known::of(&all.training_set().examples),
        intent,
        spec: &intents[intent],
        slots: &[],
    };
    reading.is_no_request()
}

fn open(text: &str) -> bool {
    turned(text, "open-window")
}

#[test]
fn a_denied_request_is_none() {
    for text in [
        "don't open the window",
        "please do not open my window",
        "never open the window at the back",
        "you needn't open the window",
        "nobody wants you to open the window",
        "do not close the window, do not open it",
        "I'd rather you didn't open the window",
    ] {
        assert!(open(text), "{text:?}");
    }
}

#[test]
fn a_courtesy_with_a_not_in_it_denies_nothing() {
    for text in [
        "can't you open the window",
        "why don't you open the window",
        "don't forget to open the window",
        "open the window if you don't mind",
        "open the window, I can't breathe",
        "it's not cool enough, open the window",
        "we don't need the heat any more, open the window",
        "if you can, open the window",
    ] {
        assert!(!open(text), "{text:?}");
    }
}

#[test]
fn conditions_and_other_times_are_not_now() {
    for text in [
        "if it gets hot open the window",
        "open the window when we arrive",
        "open the window as soon as we leave the tunnel",
        "open the window tomorrow",
        "open the window in ten minutes",
        "open the window at 7:30 pm",
        "remind me to open the window",
    ] {
        assert!(open(text), "{text:?}");
    }
    for text in ["open the window as soon as you can", "open the window when you get a chance"] {
        assert!(!open(text), "{text:?}");
    }
}

#[test]
fn reports_plans_and_statements_ask_for_nothing() {
    for text in [
        "I opened the window myself",
        "my wife already opened the window",
        "we should open the window",
        "he is going to open the window",
        "the window is open",
        "all windows are still wide open",
        "she said open the window",
        "the manual says to open the window",
    ] {
        assert!(open(text), "{text:?}");
    }
}

#[test]
fn wishes_and_complaints_are_requests() {
    for text in [
        "I want the window opened",
        "make sure the window is open",
        "I'd like to have the window open",
        "the window is closed, open it",
        "you should open the window now",
        "I said open the window",
        "the sun is shining so open the window",
    ] {
        assert!(!open(text), "{text:?}");
    }
    for text in ["the heating is on too high", "it is so hot in here"] {
        assert!(!turned(text, "change-temperature"), "{text:?}");
    }
}

#[test]
fn a_value_is_a_statement_too() {
    assert!(turned("it is 21 degrees in here", "set-temperature"));
    assert!(!turned("it should be 21 degrees in here", "set-temperature"));
}

#[test]
fn a_question_mark_asks_unless_it_is_polite() {
    for text in ["window open?", "open the window?", "the window? ", "is it ok to open it?"] {
        assert!(asks(&Tokens::read(text)), "{text:?}");
    }
    for text in [
        "window open",
        "what? open the window",
        "could you open the window?",
        "can't you open the window?",
        "hey, would you mind opening it?",
        "open the window, would you?",
        "open the window please?",
    ] {
        assert!(!asks(&Tokens::read(text)), "{text:?}");
    }
}

#[test]
fn a_strange_verb_and_a_bare_name_are_doubted() {
    let all = understander();
    let known = Known::of(&all.training_set().examples);
    let intents = &all.training_set().intents;
    let open = intents.iter().position(|i| i.id.name() == "open-window").expect("it is there");
    let sure = |text: &str, confidence| known.doubted(open, &Tokens::read(text), confidence);
    for text in ["stop the window", "window", "the window"] {
        assert!(sure(text, 0.7) < valet_core::routing::SURE_TO_ACT, "{text:?}");
    }
    assert!((sure("open the window", 0.7) - 0.7).abs() < 1e-9);
    assert!((sure("window", 0.95) - 0.95).abs() < 1e-9, "a name said for sure");
}
