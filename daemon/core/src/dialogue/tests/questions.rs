//! Verdicts on questions: missing slots, choices, readings, confirmations by voice and agent.

use super::*;
use crate::outcome::Choice;

const HEAT: &str = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";

/// A turn that ended with "shall I open it?".
fn asked_for_a_yes(talk: &mut Talk) {
    let (turn, _) = talk.hears(one("open-boot"));
    let effects = talk.comes(turn, 0, needs_yes());
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Question, "confirm"));
    assert_eq!(result.speech, "The car is moving. Shall I open the boot?");
    assert!(result.expects_reply);
    assert_eq!(talk.dialogue.state(), DialogState::Expecting);
}

#[test]
fn a_missing_slot_is_asked_for_and_its_answer_completes_the_command() {
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(one("set-heat"));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Question, "missing-slot"));
    assert_eq!(result.speech, "What temperature would you like?");
    assert_eq!(statuses(result), ["waiting"]);
    let (turn, effects) = talk.utter_in(home(), anna());
    let expected = effects.iter().find_map(|effect| match effect {
        Effect::Understand { request, .. } => request.expected.clone(),
        _ => None,
    });
    assert_eq!(expected.unwrap().slot, "temperature");
    let effects = talk.understood(turn, reply("temperature", Value::Temperature(21.0)));
    let slots = &call(&effects).1.slots;
    assert!(slots.contains(&Slot::implied("temperature", Value::Temperature(21.0))));
    assert!(slots.contains(&Slot::implied("zone", Value::Zone(Zone::DRIVER))));
}

#[test]
fn words_that_fit_nothing_ask_the_same_question_again() {
    let mut talk = Talk::new();
    talk.hears(one("set-heat"));
    let (_, effects) = talk.hears(Understanding::default());
    assert_eq!(end(&effects).speech, "What temperature would you like?");
    let (_, effects) = talk.hears(reply("temperature", Value::Temperature(21.0)));
    assert_eq!(call(&effects).1.intent, intent("set-heat"));
}

#[test]
fn a_question_that_nothing_fits_is_given_up() {
    let mut talk = Talk::new();
    talk.hears(one("set-heat"));
    for _ in 0..2 {
        let (_, effects) = talk.hears(Understanding::default());
        assert_eq!(end(&effects).kind, ResultType::Question);
    }
    let (_, effects) = talk.hears(Understanding::default());
    assert_eq!((end(&effects).kind, end(&effects).code), (ResultType::Refusal, "cancelled"));
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm");
}

#[test]
fn more_commands_than_it_takes_are_refused_as_a_whole() {
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(Understanding { too_many: true, ..Understanding::default() });
    assert_eq!((end(&effects).kind, end(&effects).code), (ResultType::Refusal, "too-many"));
    assert!(end(&effects).speech.contains('8'));
}

#[test]
fn a_new_command_drops_the_question_and_what_it_suspended() {
    let mut talk = Talk::new();
    talk.hears(one("set-heat"));
    let (turn, effects) = talk.hears(one("play"));
    assert_eq!(call(&effects).1.intent, intent("play"));
    let effects = talk.comes(turn, 0, answers("Playing."));
    assert_eq!(statuses(end(&effects)), ["done"]);
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm");
}

#[test]
fn a_question_runs_out_after_fifteen_seconds() {
    let mut talk = Talk::new();
    asked_for_a_yes(&mut talk);
    talk.wait(QUESTION_LIVES);
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!((end(&effects).kind, end(&effects).code), (ResultType::Refusal, "expired"));
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm");
}

#[test]
fn the_clock_alone_closes_a_question() {
    let mut talk = Talk::new();
    asked_for_a_yes(&mut talk);
    let due = talk.dialogue.next_tick().unwrap();
    assert_eq!(due.since(talk.now), QUESTION_LIVES);
    talk.now = due;
    let effects = talk.step(Event::Tick);
    assert!(effects.iter().any(|e| matches!(e, Effect::Expecting { expecting: false, .. })));
    assert_eq!(talk.dialogue.state(), DialogState::Idle);
}

#[test]
fn a_yes_runs_exactly_what_was_asked_about_and_only_once() {
    let mut talk = Talk::new();
    asked_for_a_yes(&mut talk);
    let (turn, effects) = talk.hears(act(DialogueAct::Affirm));
    let confirmed = call(&effects).1.confirmed.as_ref().unwrap();
    assert_eq!(confirmed[0].path.as_str(), BOOT);
    assert_eq!(confirmed[0].value, SignalValue::Boolean(true));
    talk.comes(turn, 0, did(vec![action(BOOT, ActionStatus::Requested, 0, 1)]));
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm");
}

#[test]
fn every_question_has_a_nonce_of_its_own() {
    let mut talk = Talk::new();
    let nonce = |talk: &Talk| {
        talk.dialogue.session(&home()).and_then(|s| s.pending.as_ref()).map(|p| p.nonce)
    };
    asked_for_a_yes(&mut talk);
    let first = nonce(&talk);
    asked_for_a_yes(&mut talk);
    assert!(first.is_some() && first != nonce(&talk));
}

#[test]
fn a_no_leaves_it() {
    let mut talk = Talk::new();
    asked_for_a_yes(&mut talk);
    let (_, effects) = talk.hears(act(DialogueAct::Deny));
    assert_eq!(end(&effects).speech, "Okay, I left it.");
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm");
}

#[test]
fn a_yes_is_void_when_the_car_began_to_move() {
    let mut talk = Talk::new();
    asked_for_a_yes(&mut talk);
    talk.snapshot = speed(30.0);
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Refusal, "changed-meanwhile"));
}

#[test]
fn asking_again_does_not_carry_a_confirmation_over_a_change() {
    let mut talk = Talk::new();
    asked_for_a_yes(&mut talk);
    talk.snapshot = speed(30.0);
    let (_, effects) = talk.hears(Understanding::default());
    assert_eq!(end(&effects).code, "changed-meanwhile");
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm");
}

#[test]
fn a_yes_of_another_client_confirms_nothing_in_an_opened_session() {
    let mut talk = Talk::new();
    let key = SessionKey::Opened(4);
    let (language, zone) = ("en".to_owned(), Zone::DRIVER);
    talk.step(Event::Opened { key, owner: anna(), language, zone });
    let (turn, _) = talk.utter_in(key, anna());
    talk.understood(turn, one("open-boot"));
    talk.comes(turn, 0, needs_yes());
    let (turn, _) = talk.utter_in(key, caller(1000, ":1.8"));
    let effects = talk.understood(turn, act(DialogueAct::Affirm));
    assert_eq!(end(&effects).kind, ResultType::Refusal);
}

#[test]
fn another_user_confirms_nothing_in_a_default_session() {
    let mut talk = Talk::new();
    asked_for_a_yes(&mut talk);
    let (turn, _) = talk.utter_in(home(), caller(1001, ":1.8"));
    let effects = talk.understood(turn, act(DialogueAct::Affirm));
    assert_eq!(end(&effects).kind, ResultType::Refusal);
}

#[test]
fn locks_are_not_confirmed_by_voice() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("unlock"));
    let effects = talk.comes(turn, 0, needs_yes());
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Refusal, "needs-confirmation"));
    assert!(!result.expects_reply);
}

#[test]
fn a_question_suspends_the_rest_until_it_is_answered() {
    let mut talk = Talk::new();
    let three =
        vec![command("play", vec![]), command("set-heat", vec![]), command("pause", vec![])];
    let (turn, _) = talk.hears(commands(three));
    let effects = talk.comes(turn, 0, answers("Playing."));
    let result = end(&effects);
    assert_eq!(statuses(result), ["done", "waiting", "waiting"]);
    assert_eq!(result.speech, "Playing. What temperature would you like?");
    let (turn, effects) = talk.hears(reply("temperature", Value::Temperature(21.0)));
    assert_eq!(call(&effects).1.intent, intent("set-heat"));
    let effects = talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 21)]));
    assert_eq!(call(&effects).1.intent, intent("pause"));
}

#[test]
fn repeat_and_help_leave_the_question_open() {
    let mut talk = Talk::new();
    talk.hears(one("set-heat"));
    for said in [DialogueAct::Help, DialogueAct::Repeat] {
        talk.hears(act(said));
    }
    let (_, effects) = talk.hears(reply("temperature", Value::Temperature(21.0)));
    assert_eq!(call(&effects).1.intent, intent("set-heat"));
}

#[test]
fn two_readings_that_are_too_close_are_asked_about() {
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(commands(vec![unclear("play", "pause")]));
    let result = end(&effects);
    assert_eq!(result.code, "ambiguous");
    assert_eq!(result.speech, "Did you mean: play music or pause the music?");
    let (_, effects) = talk.hears(reply("reading", Value::Text("1".into())));
    assert_eq!(call(&effects).1.intent, intent("pause"));
}

#[test]
fn a_reading_that_is_not_sure_enough_to_act_is_asked_about() {
    let unsure = || {
        let mut unsure = unclear("pause", "play");
        unsure.alternatives.clear();
        unsure.best.confidence = 0.4;
        commands(vec![unsure])
    };
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(unsure());
    assert_eq!(end(&effects).code, "ambiguous");
    assert_eq!(end(&effects).speech, "Did you mean: pause the music?");
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(call(&effects).1.intent, intent("pause"));
    let mut talk = Talk::new();
    talk.hears(unsure());
    let (_, effects) = talk.hears(act(DialogueAct::Deny));
    assert_eq!(end(&effects).code, "");
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).kind, ResultType::NotUnderstood, "it is forgotten");
}

#[test]
fn a_yes_chooses_none_of_two_readings() {
    let mut talk = Talk::new();
    talk.hears(commands(vec![unclear("play", "pause")]));
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "ambiguous");
}

#[test]
fn unclear_readings_lose_no_command_and_are_asked_one_after_the_other() {
    let mut talk = Talk::new();
    let three = vec![unclear("play", "pause"), command("query", vec![]), unclear("pause", "query")];
    let (_, effects) = talk.hears(commands(three));
    assert_eq!(statuses(end(&effects)), ["waiting", "waiting", "waiting"], "nothing acts before");
    let (_, effects) = talk.hears(reply("reading", Value::Text("0".into())));
    assert_eq!(end(&effects).code, "ambiguous");
    let (turn, effects) = talk.hears(reply("reading", Value::Text("1".into())));
    let mut run = vec![call(&effects).1.intent.clone()];
    for index in 0..2 {
        let effects = talk.comes(turn, index, answers("Fine."));
        run.push(call(&effects).1.intent.clone());
    }
    assert_eq!(run, [intent("play"), intent("query"), intent("query")]);
}

#[test]
fn a_choice_that_was_not_offered_runs_nothing() {
    let mut talk = Talk::new();
    talk.hears(commands(vec![unclear("play", "pause")]));
    let (_, effects) = talk.hears(reply("reading", Value::Text("7".into())));
    assert_eq!(end(&effects).kind, ResultType::NotUnderstood);
}

fn offers() -> Invoked {
    let choices = [("a", "The first song"), ("b", "The second song")]
        .map(|(id, label)| Choice { id: id.into(), label: label.into() });
    let (slot, speech) = ("title".to_owned(), "Which one?".to_owned());
    invoked(Ok(Outcome::Choose { slot, speech, choices: choices.into() }), Vec::new())
}

#[test]
fn a_guests_choice_comes_back_as_the_slot_it_named() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("play"));
    let effects = talk.comes(turn, 0, offers());
    assert_eq!((end(&effects).code, end(&effects).speech.as_str()), ("choose", "Which one?"));
    let (_, effects) = talk.hears(reply("title", Value::Text("b".into())));
    assert_eq!(call(&effects).1.slots, [Slot::implied("title", Value::Text("b".into()))]);
}

#[test]
fn a_guest_that_asks_for_a_slot_it_does_not_have_failed() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("play"));
    let (slot, speech) = ("pin".to_owned(), "Your bank's PIN?".to_owned());
    let effects = talk.comes(turn, 0, invoked(Ok(Outcome::NeedsSlot { slot, speech }), Vec::new()));
    assert_eq!(end(&effects).code, "skill-failed");
    assert!(!end(&effects).speech.contains("PIN"));
}

#[test]
fn an_agents_yes_lets_the_turn_go_on() {
    let mut talk = Talk::new();
    talk.agent("confirm");
    let (turn, _) = talk.hears(one("unlock"));
    let effects = talk.comes(turn, 0, needs_yes());
    assert!(effects.iter().any(|e| matches!(e, Effect::AskAgent { .. })));
    assert!(results(&effects).is_empty());
    talk.wait(Duration::from_secs(9));
    talk.step(Event::Tick);
    let effects = talk.agent_says(turn, AgentAnswer::Confirmed(true));
    assert!(call(&effects).1.confirmed.is_some());
    let effects = talk.comes(turn, 0, did(vec![action(BOOT, ActionStatus::Done, 0, 1)]));
    assert_eq!(end(&effects).kind, ResultType::Action);
}

#[test]
fn an_agents_no_and_a_vanished_agent_refuse() {
    for answer in [AgentAnswer::Confirmed(false), AgentAnswer::None, AgentAnswer::Text("ok".into())]
    {
        let mut talk = Talk::new();
        talk.agent("confirm");
        let (turn, _) = talk.hears(one("unlock"));
        talk.comes(turn, 0, needs_yes());
        let effects = talk.agent_says(turn, answer);
        assert_eq!(end(&effects).code, "not-confirmed");
        assert_eq!(statuses(end(&effects)), ["refused"]);
    }
}

#[test]
fn an_agent_that_takes_too_long_is_told_that_the_question_is_void() {
    let mut talk = Talk::new();
    talk.agent("confirm");
    let (turn, _) = talk.hears(one("unlock"));
    talk.comes(turn, 0, needs_yes());
    talk.wait(AGENT_LIMIT);
    let effects = talk.step(Event::Tick);
    assert!(effects.iter().any(|e| matches!(e, Effect::CancelAgent { .. })));
    assert_eq!(end(&effects).code, "timeout");
    let late = talk.agent_says(turn, AgentAnswer::Confirmed(true));
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn an_agents_yes_is_void_when_the_car_began_to_move() {
    let mut talk = Talk::new();
    talk.agent("confirm");
    let (turn, _) = talk.hears(one("unlock"));
    talk.comes(turn, 0, needs_yes());
    talk.snapshot = speed(30.0);
    let effects = talk.agent_says(turn, AgentAnswer::Confirmed(true));
    assert_eq!(end(&effects).code, "changed-meanwhile");
}

#[test]
fn words_from_an_agent_are_understood_like_a_persons_and_lose_no_earlier_command() {
    let mut talk = Talk::new();
    talk.agent("ask-slot");
    let two = vec![command("play", vec![]), command("set-heat", vec![])];
    let (turn, _) = talk.hears(commands(two));
    let effects = talk.comes(turn, 0, answers("Playing."));
    assert!(effects.iter().any(|e| matches!(e, Effect::AskAgent { .. })));
    let effects = talk.agent_says(turn, AgentAnswer::Text("twenty one".into()));
    assert_eq!(understands(&effects), [turn]);
    let effects = talk.understood(turn, reply("temperature", Value::Temperature(21.0)));
    let (index, run) = call(&effects);
    assert_eq!(run.intent, intent("set-heat"));
    let effects = talk.comes(turn, index, did(vec![action(HEAT, ActionStatus::Done, 20, 21)]));
    assert_eq!(statuses(end(&effects)), ["done", "done"]);
    assert!(end(&effects).speech.starts_with("Playing."), "{}", end(&effects).speech);
}

#[test]
fn an_agents_choice_must_be_one_of_those_offered() {
    for (said, runs) in [("b", true), ("c", false)] {
        let mut talk = Talk::new();
        talk.agent("choose");
        let (turn, _) = talk.hears(one("play"));
        talk.comes(turn, 0, offers());
        let effects = talk.agent_says(turn, AgentAnswer::Text(said.into()));
        assert_eq!(calls(&effects).len(), usize::from(runs), "{said}");
    }
}

#[test]
fn undo_leaves_what_is_asked_and_nothing_older_is_put_back() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![command("set-heat", vec![warm()])]));
    talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    asked_for_a_yes(&mut talk);
    let (_, effects) = talk.hears(act(DialogueAct::Undo));
    assert_eq!(end(&effects).speech, "Okay, I left it.");
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm", "the question is gone");
    let (_, effects) = talk.undo_call();
    assert!(effects.iter().any(|e| matches!(e, Effect::Restore { .. })), "a second undo means it");
}

#[test]
fn undo_while_the_rest_is_asked_about_puts_back_what_was_done_before_the_question() {
    let mut talk = Talk::new();
    let both = commands(vec![command("set-heat", vec![warm()]), command("open-boot", vec![])]);
    let (turn, _) = talk.hears(both);
    talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    talk.comes(turn, 1, needs_yes());
    let (_, effects) = talk.undo_call();
    assert!(effects.iter().any(|e| matches!(e, Effect::Restore { .. })), "{effects:#?}");
    assert!(talk.dialogue.session(&home()).unwrap().pending.is_none());
}
