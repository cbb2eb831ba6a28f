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
        heard: false,
        others: Vec::new(),
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
        Effect::Watch { session, path, value, not_reached_speech } => Some(Event::Watched {
            session: *session,
            path: path.clone(),
            value: value.clone(),
            reached: false,
            not_reached_speech: not_reached_speech.clone(),
        }),
        _ => None,
    });
    let effects = talk.step(watch.expect("the value is waited for"));
    let Some(Effect::Announce { speech, .. }) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(speech, "The boot did not get where it should.");
    let (_, effects) = talk.undo_call();
    assert_eq!(end(&effects).speech, "There is nothing to undo.", "it never changed");
}

#[test]
fn a_wish_that_another_one_replaced_is_not_missed() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("open-boot"));
    talk.comes(turn, 0, did(vec![action(BOOT, ActionStatus::Requested, 0, 1)]));
    let (turn, _) = talk.hears(one("open-boot"));
    talk.comes(turn, 0, did(vec![action(BOOT, ActionStatus::Requested, 0, 0)]));
    let watched = |value| Event::Watched {
        session: home(),
        path: SignalPath::parse(BOOT).unwrap(),
        value: SignalValue::Integer(value),
        reached: false,
        not_reached_speech: "It did not come.".into(),
    };
    assert!(talk.step(watched(1)).is_empty(), "nobody wants that any more");
    let effects = talk.step(watched(0));
    assert!(matches!(effects.first(), Some(Effect::Announce { .. })), "{effects:?}");
    assert!(talk.step(watched(0)).is_empty(), "it is said once");
}

#[test]
fn a_signal_rule_that_refuses_one_of_several_holds_the_others_back() {
    let mut talk = Talk::new();
    talk.checked = Some(|call| match call.intent.name() {
        "open-boot" => {
            let mut refused = action(BOOT, ActionStatus::Denied, 0, 1);
            refused.why = Some("The boot opens only when the car stands still.".into());
            did(vec![refused])
        }
        _ => did(vec![action(HEAT, ActionStatus::Skipped, 20, 22)]),
    });
    let (_, effects) = talk.hears(commands(vec![heat(), command("open-boot", vec![])]));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Refusal, "policy"));
    assert_eq!(statuses(result), ["skipped", "refused"]);
    let said = "The boot opens only when the car stands still. I left out the rest.";
    assert_eq!(result.speech, said);
    assert_eq!(result.actions.len(), 1, "nothing but the refusal: {:?}", result.actions);
}

#[test]
fn each_of_several_is_checked_as_if_the_ones_before_were_done() {
    let mut talk = Talk::new();
    talk.checked = None;
    let all = vec![heat(), one("query").commands.remove(0), command("open-boot", vec![])];
    let (turn, effects) = talk.hears(commands(all));
    let Some(Effect::Check { index: 0, assumed, .. }) = effects.last() else {
        panic!("{effects:#?}")
    };
    assert!(assumed.is_empty() && calls(&effects).is_empty());
    let heated = Box::new(did(vec![action(HEAT, ActionStatus::Skipped, 20, 22)]));
    let effects = talk.step(Event::Checked { turn, index: 0, invoked: heated });
    let Some(Effect::Check { index: 2, assumed, .. }) = effects.last() else {
        panic!("a question cannot be refused: {effects:#?}")
    };
    let path = SignalPath::parse(HEAT).unwrap();
    assert_eq!(*assumed, [Planned { path, value: SignalValue::Integer(22) }]);
    let asks = Box::new(needs_yes());
    let effects = talk.step(Event::Checked { turn, index: 2, invoked: asks });
    assert_eq!(call(&effects).0, 0, "what is to be asked is asked when its turn comes");
    assert!(
        talk.step(Event::Checked { turn, index: 2, invoked: Box::new(needs_yes()) }).is_empty()
    );
}

#[test]
fn what_only_the_skill_cannot_do_holds_nothing_back() {
    let mut talk = Talk::new();
    talk.checked = Some(|_| {
        let cannot = Outcome::CannotDo { speech: "I know no such song.".into() };
        invoked(Ok(cannot), vec![action(AIR, ActionStatus::NoProvider, 0, 1)])
    });
    let (_, effects) = talk.hears(commands(vec![heat(), command("play", vec![])]));
    assert_eq!(call(&effects).0, 0);
}

#[test]
fn a_skill_that_breaks_while_it_is_checked_holds_the_others_back() {
    let mut talk = Talk::new();
    talk.checked = Some(|call| match call.intent.name() {
        "play" => {
            let fault = SkillFault::Timeout { skill: call.intent.skill().clone(), limit_ms: 1 };
            invoked(Err(fault), Vec::new())
        }
        _ => did(Vec::new()),
    });
    let (_, effects) = talk.hears(commands(vec![heat(), command("play", vec![])]));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Error, "skill-failed"));
    assert_eq!(statuses(result), ["skipped", "failed"]);
}

#[test]
fn one_command_is_not_checked_beforehand() {
    let mut talk = Talk::new();
    talk.checked = None;
    let (_, effects) = talk.hears(commands(vec![one("query").commands.remove(0), heat()]));
    assert!(check(&effects).is_none(), "the policy judges it when it acts: {effects:#?}");
}

#[test]
fn a_companion_that_fails_is_told_as_what_it_is() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    let fan = Action { companion: true, ..action(AIR, ActionStatus::NoProvider, 0, 40) };
    let main = action(HEAT, ActionStatus::Skipped, 20, 22);
    let effects = talk.comes(turn, 0, did(vec![fan, main]));
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Error, "no-provider"));
    let said = "That needs the fan of the driver's side, which does not work right now.";
    assert_eq!(result.speech, said);
}

#[test]
fn what_cannot_be_put_back_is_said_so() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("pause"));
    let skipped = Action { previous: None, ..action(AIR, ActionStatus::Done, 0, 1) };
    let shade = Action { companion: true, ..action(HEAT, ActionStatus::Done, 0, 1) };
    talk.comes(turn, 0, did(vec![shade, skipped.clone()]));
    let (_, effects) = talk.undo_call();
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Refusal, "cannot-undo"));
    assert_eq!(result.speech, "I cannot undo that.", "nor is what went along with it");
    let (turn, _) = talk.hears(commands(vec![command("pause", vec![]), heat()]));
    talk.comes(turn, 0, did(vec![skipped]));
    talk.comes(turn, 1, did(vec![action(HEAT, ActionStatus::Done, 20, 22)]));
    let (turn, _) = talk.undo_call();
    let actions = vec![action(HEAT, ActionStatus::Done, 22, 20)];
    let effects = talk.step(Event::Restored { turn, actions });
    assert_eq!(end(&effects).speech, "I put back what could be put back.");
}

#[test]
fn a_companion_that_stays_is_no_failure_of_undo() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    let fan = Action { companion: true, ..action(AIR, ActionStatus::Done, 0, 40) };
    talk.comes(turn, 0, did(vec![fan.clone(), action(HEAT, ActionStatus::Done, 20, 22)]));
    let (turn, effects) = talk.undo_call();
    let restored = effects.iter().find_map(|effect| match effect {
        Effect::Restore { changes, .. } => Some(changes.clone()),
        _ => None,
    });
    let order: Vec<_> =
        restored.unwrap().iter().map(|c| (c.path.to_string(), c.companion)).collect();
    assert_eq!(order, [(HEAT.to_owned(), false), (AIR.to_owned(), true)]);
    let denied = Action { status: ActionStatus::Denied, ..fan };
    let actions = vec![action(HEAT, ActionStatus::Done, 22, 20), denied];
    let effects = talk.step(Event::Restored { turn, actions });
    let result = end(&effects);
    assert_eq!((result.kind, result.code), (ResultType::Action, ""));
    assert_eq!(result.speech, "I put back what could be put back.");
}

#[test]
fn what_a_stopped_turn_changed_can_still_be_undone() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![heat()]));
    talk.step(Event::Stop { caller: anna(), session: None });
    let effects = talk.comes(turn, 0, did(vec![action(HEAT, ActionStatus::Requested, 20, 22)]));
    assert!(effects.iter().all(|e| matches!(e, Effect::Watch { .. })), "{effects:#?}");
    assert!(talk.comes(turn, 0, did(vec![action(AIR, ActionStatus::Done, 0, 1)])).is_empty());
    let (_, effects) = talk.undo_call();
    let restored = effects.iter().find_map(|effect| match effect {
        Effect::Restore { changes, .. } => Some(changes.clone()),
        _ => None,
    });
    assert_eq!(restored.unwrap().iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), [HEAT]);
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
