//! Verdicts on commands: one, several in order, undo, repeat, help, and what is never claimed.

use super::*;

const HEAT: &str = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";
const AIR: &str = "Vehicle.Cabin.HVAC.Station.Row1.Driver.FanSpeed";

fn heat() -> Command {
    command("set-heat", vec![warm()])
}

#[test]
fn one_command_goes_from_words_to_the_observed_outcome() {
    let mut talk = Talk::new();
    let (turn, effects) = talk.utter_in(home(), anna());
    assert_eq!(understands(&effects), [turn]);
    talk.wait(Duration::from_millis(3));
    let effects = talk.understood(turn, commands(vec![heat()]));
    let (index, run) = call(&effects);
    assert_eq!((index, &run.intent), (0, &intent("set-heat")));
    assert!(run.slots.contains(&Slot::implied("zone", Value::Zone(Zone::DRIVER))), "the default");
    assert_eq!(run.text, "word", "the command's own words");
    talk.wait(Duration::from_millis(4));
    let effects = talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Action, ""));
    assert_eq!(result.speech, "The driver's side is set to 22.");
    assert_eq!(statuses(result), ["done"]);
    assert_eq!(result.actions.len(), 1);
    assert!(result.timing.contains(&("total", 7_000)), "{:?}", result.timing);
    assert_eq!(talk.dialogue.state(), DialogState::Idle);
}

#[test]
fn a_slot_that_the_manifest_does_not_know_never_reaches_the_skill() {
    let mut talk = Talk::new();
    let odd = Slot::implied("password", Value::Text("x".into()));
    let (_, effects) = talk.hears(commands(vec![command("set-heat", vec![warm(), odd])]));
    assert!(call(&effects).1.slots.iter().all(|slot| slot.name != "password"));
}

#[test]
fn parsing_runs_nothing_and_touches_no_question() {
    let mut talk = Talk::new();
    talk.hears(one("set-heat"));
    let turn = talk.next_turn();
    talk.step(Event::Utter(Box::new(Utter {
        turn,
        session: home(),
        caller: anna(),
        utterance: Utterance::parse("words").unwrap(),
        language: None,
        zone: None,
        mode: Mode::Parse,
        deadline: Deadline::new(talk.now, TURN_LIMIT),
        local_now: None,
    })));
    let effects = talk.understood(turn, one("open-boot"));
    assert_eq!(end(&effects).intents.len(), 1);
    assert!(talk.dialogue.session(&home()).unwrap().pending.is_some());
}

#[test]
fn several_commands_run_one_after_the_other_in_the_order_said() {
    let mut talk = Talk::new();
    let (turn, effects) = talk.hears(commands(vec![heat(), command("play", vec![])]));
    assert_eq!(call(&effects).1.intent, intent("set-heat"));
    let effects = talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    assert!(results(&effects).is_empty());
    assert_eq!(call(&effects).0, 1);
    let effects = talk.comes(turn, 1, did(vec![action(AIR, ActionStatus::Already, 1, 1)]));
    let result = end(&effects);
    assert_eq!(statuses(result), ["done", "done"]);
    assert_eq!(result.speech, "The driver's side is set to 22. It is already so.");
    assert_eq!(result.actions.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_command_that_fails_skips_the_rest_and_says_so() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat(), command("play", vec![])]));
    let effects = talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::NoProvider, 20, 22)]));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Error, "no-provider"));
    assert_eq!(statuses(result), ["failed", "skipped"]);
    assert!(result.speech.ends_with("I left out the rest."), "{}", result.speech);
}

#[test]
fn a_command_that_is_refused_while_it_runs_skips_the_rest() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat(), command("play", vec![])]));
    let effects = talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Denied, 20, 22)]));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Refusal, "policy"));
    assert_eq!(statuses(result), ["refused", "skipped"]);
}

#[test]
fn nothing_acts_when_the_policy_refuses_one_of_several() {
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(commands(vec![heat(), command("steer", vec![])]));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Refusal, "policy"));
    assert_eq!(statuses(result), ["skipped", "refused"]);
    assert!(result.speech.starts_with("Driving stays with you."), "{}", result.speech);
}

#[test]
fn a_skill_that_breaks_ends_the_turn_with_words_and_skips_the_rest() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat(), command("play", vec![])]));
    let fault = SkillFault::Trap { skill: SkillId::parse(SKILL).unwrap(), why: "panic".into() };
    let effects = talk.comes(turn, 0, invoked(Err(fault), Vec::new()));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Error, "skill-failed"));
    assert!(result.speech.starts_with("Sorry, The car failed."), "{}", result.speech);
    assert_eq!(statuses(result), ["failed", "skipped"]);
}

#[test]
fn done_without_an_action_is_a_failure() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    let effects = talk.comes(turn, 0, did(Vec::new()));
    let result = end(&effects);
    assert_eq!(result.kind, ResultType::Error);
    assert_eq!(statuses(result), ["failed"]);
    assert_eq!(result.speech, "Nothing has changed.");
}

#[test]
fn a_guests_answer_after_an_actuation_does_not_hide_the_outcome() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    let mut lie = answers("All done, lovely and warm!");
    lie.actions = vec![action(HEAT, ActionStatus::Failed, 20, 22)];
    let effects = talk.comes(turn, 0, lie);
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Error, "failed"));
    assert_eq!(result.speech, "That did not work.");
}

#[test]
fn a_question_is_answered_in_the_guests_words() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("query"));
    let effects = talk.comes(turn, 0, answers("It is closed."));
    let result = end(&effects);
    assert_eq!((result.kind, result.speech.as_str()), (ResultType::Answer, "It is closed."));
}

#[test]
fn what_is_only_requested_is_said_so_watched_and_told_if_it_never_comes() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("open-boot"));
    let effects = talk.comes(turn, 0, did(vec![action(BOOT, ActionStatus::Requested, 0, 1)]));
    let result = end(&effects);
    assert_eq!((result.code, result.speech.as_str()), ("requested", "Opening the boot."));
    let watch = effects.iter().find_map(|effect| match effect {
        Effect::Watch { session, path, not_reached_speech, .. } => {
            Some((*session, path.clone(), not_reached_speech.clone()))
        }
        _ => None,
    });
    let (session, path, not_reached_speech) = watch.expect("the value is waited for");
    let effects = talk.step(Event::Watched { session, path, reached: false, not_reached_speech });
    let Some(Effect::Announce { speech, .. }) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(speech, "The rear is open did not get where it should.");
    let (_, effects) = talk.undo_call();
    assert_eq!(end(&effects).speech, "There is nothing to undo.", "it never changed");
}

#[test]
fn undo_restores_in_reverse_order_and_only_once() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    let actions =
        vec![action(HEAT, ActionStatus::Done, 20, 22), action(AIR, ActionStatus::Done, 30, 60)];
    talk.comes(turn, 0, did(actions));
    let (turn, effects) = talk.hears(act(DialogueAct::Undo));
    let Some(Effect::Restore { changes, .. }) =
        effects.iter().find(|effect| matches!(effect, Effect::Restore { .. }))
    else {
        panic!("expected Restore in {effects:#?}")
    };
    let back: Vec<_> = changes.iter().map(|c| (c.path.as_str(), c.previous.clone())).collect();
    assert_eq!(back, [(AIR, SignalValue::Integer(30)), (HEAT, SignalValue::Integer(20))]);
    let actions = vec![action(AIR, ActionStatus::Done, 60, 30)];
    let effects = talk.step(Event::Restored { turn, actions });
    assert_eq!(end(&effects).speech, "I put it back.");
    let (_, effects) = talk.hears(act(DialogueAct::Undo));
    assert_eq!(end(&effects).speech, "There is nothing to undo.");
}

#[test]
fn undo_claims_nothing_that_was_not_observed() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    let (turn, _) = talk.undo_call();
    let actions = vec![action(HEAT, ActionStatus::Failed, 22, 20)];
    let effects = talk.step(Event::Restored { turn, actions });
    assert_eq!((end(&effects).kind, end(&effects).code), (ResultType::Error, "failed"));
}

#[test]
fn undo_reverses_the_last_turn_that_changed_something() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    let (turn, _) = talk.hears(commands(vec![command("play", vec![])]));
    talk.comes(turn, 0, did(vec![action(AIR, ActionStatus::Done, 30, 60)]));
    let (turn, _) = talk.hears(one("query"));
    talk.comes(turn, 0, answers("Yes."));
    let (_, effects) = talk.undo_call();
    let restored = effects.iter().find_map(|effect| match effect {
        Effect::Restore { changes, .. } => Some(changes.clone()),
        _ => None,
    });
    assert_eq!(restored.unwrap().iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), [AIR]);
}

#[test]
fn repeat_says_the_last_words_again() {
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(act(DialogueAct::Repeat));
    assert_eq!(end(&effects).speech, "I have not said anything yet.");
    let (turn, _) = talk.hears(one("query"));
    talk.comes(turn, 0, answers("It is closed."));
    let (_, effects) = talk.hears(act(DialogueAct::Repeat));
    assert_eq!(end(&effects).speech, "It is closed.");
}

#[test]
fn help_names_what_one_can_say() {
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(act(DialogueAct::Help));
    assert_eq!(end(&effects).speech, "You can say, for example: open the boot.");
}

#[test]
fn what_was_not_understood_offers_the_nearest_thing() {
    let mut talk = Talk::new();
    let nearest =
        Understanding { nearest: Some("open the boot".into()), ..Understanding::default() };
    let (_, effects) = talk.hears(nearest);
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::NotUnderstood, "no-intent"));
    assert!(result.speech.contains("\"open the boot\""), "{}", result.speech);
    let missing = Understanding { encoder_missing: true, ..Understanding::default() };
    let (_, effects) = talk.hears(missing);
    assert!(end(&effects).speech.contains("only know fixed sentences"));
}

#[test]
fn an_intent_whose_skill_went_is_an_error_in_words() {
    let mut talk = Talk::new();
    let (_, effects) = talk.hears(one("gone-away"));
    assert_eq!((end(&effects).kind, end(&effects).code), (ResultType::Error, "skill-failed"));
}

#[test]
fn the_same_log_gives_the_same_effects() {
    let mut talk = Talk::new();
    talk.agent("confirm");
    let (turn, _) = talk.hears(commands(vec![heat(), command("open-boot", vec![])]));
    talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    talk.comes(turn, 1, needs_yes());
    talk.wait(Duration::from_secs(2));
    talk.agent_says(turn, AgentAnswer::Confirmed(true));
    talk.comes(turn, 1, did(vec![action(BOOT, ActionStatus::Requested, 0, 1)]));
    talk.hears(act(DialogueAct::Undo));
    let replay = |log: &[(Instant, Event)]| {
        let mut dialogue = Dialogue::new(rules());
        let effects =
            log.iter().map(|(now, event)| format!("{:?}", dialogue.step(*now, event.clone())));
        effects.collect::<Vec<_>>()
    };
    assert_eq!(replay(&talk.log), replay(&talk.log.clone()));
    let last = replay(&talk.log).pop().unwrap();
    assert!(last.contains("Restore"), "{last}");
}
