//! Verdicts on sessions and turns: queues, Stop, time-outs, owners, forgetting.

use super::*;

fn open(talk: &mut Talk, number: u64, owner: Caller) -> SessionKey {
    let key = SessionKey::Opened(number);
    talk.step(Event::Opened { key, owner, language: "en".into(), zone: Zone::PASSENGER });
    key
}

#[test]
fn a_second_utterance_waits_for_the_first_and_they_answer_in_order() {
    let mut talk = Talk::new();
    let first = talk.utter();
    let (second, effects) = talk.utter_in(home(), anna());
    let third = talk.utter();
    assert!(understands(&effects).is_empty());
    talk.understood(first, one("query"));
    let effects = talk.comes(first, 0, answers("Yes."));
    assert_eq!(results(&effects)[0].turn, first);
    assert_eq!(understands(&effects), [second]);
    talk.understood(second, one("query"));
    let effects = talk.comes(second, 0, answers("No."));
    assert_eq!(understands(&effects), [third]);
}

#[test]
fn the_queue_of_a_session_is_bounded() {
    let mut talk = Talk::new();
    for _ in 0..=MAX_QUEUED {
        assert_eq!(talk.dialogue.admit(&home(), &anna()), Ok(()));
        talk.utter();
    }
    let busy = Err(Refused::Busy { limit: MAX_QUEUED });
    assert_eq!(talk.dialogue.admit(&home(), &anna()), busy);
    let other = SessionKey::Default { uid: 1000, zone: Zone::PASSENGER };
    assert_eq!(talk.dialogue.admit(&other, &anna()), Ok(()), "others are not held up");
}

#[test]
fn all_turns_together_are_bounded() {
    let mut talk = Talk::new();
    for number in 0..MAX_TURNS as u64 {
        talk.utter_in(SessionKey::Default { uid: 5000 + number as u32, zone: Zone::All }, anna());
    }
    let busy = Err(Refused::Busy { limit: MAX_TURNS });
    assert_eq!(talk.dialogue.admit(&home(), &anna()), busy);
}

#[test]
fn sessions_of_a_caller_and_agents_are_bounded() {
    let mut talk = Talk::new();
    for number in 0..MAX_SESSIONS_PER_CALLER as u64 {
        assert_eq!(talk.dialogue.admit_session(&anna()), Ok(()));
        open(&mut talk, number, anna());
    }
    let limit = MAX_SESSIONS_PER_CALLER;
    assert_eq!(talk.dialogue.admit_session(&anna()), Err(Refused::TooManySessions { limit }));
    assert_eq!(talk.dialogue.admit_session(&caller(1000, ":1.8")), Ok(()));
    for number in 0..MAX_AGENTS {
        assert_eq!(talk.dialogue.admit_agent(), Ok(()));
        let (name, object) = (format!(":1.{number}"), "/agent".to_owned());
        let agent = Agent { name, object, capabilities: vec![], zone: Zone::All };
        talk.step(Event::AgentCame(agent));
    }
    let limit = MAX_AGENTS;
    assert_eq!(talk.dialogue.admit_agent(), Err(Refused::TooManyAgents { limit }));
}

#[test]
fn nobody_uses_a_session_of_somebody_else() {
    let mut talk = Talk::new();
    let key = open(&mut talk, 1, anna());
    let same_user = caller(1000, ":1.8");
    assert!(talk.dialogue.may_use(&key, &anna()));
    assert!(!talk.dialogue.may_use(&key, &same_user));
    assert!(talk.dialogue.may_use(&home(), &same_user));
    assert!(!talk.dialogue.may_use(&home(), &caller(1001, ":1.7")));
    assert_eq!(talk.dialogue.admit(&SessionKey::Opened(99), &anna()), Err(Refused::UnknownSession));
}

#[test]
fn undo_as_a_call_waits_for_the_running_turn() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("open-boot"));
    let (undo, effects) = talk.undo_call();
    assert!(effects.is_empty(), "{effects:?}");
    let effects = talk.comes(turn, 0, did(vec![action(BOOT, ActionStatus::Done, 0, 1)]));
    let restores: Vec<TurnId> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Restore { turn, .. } => Some(*turn),
            _ => None,
        })
        .collect();
    assert_eq!(restores, [undo]);
}

#[test]
fn stop_ends_the_running_turn_what_waits_and_the_question() {
    let mut talk = Talk::new();
    talk.hears(one("set-heat"));
    let (running, _) = talk.hears(one("query"));
    let waiting = talk.utter();
    let effects = talk.step(Event::Stop { caller: anna(), session: None });
    let ended = results(&effects);
    assert_eq!(ended.iter().map(|r| r.turn).collect::<Vec<_>>(), [running, waiting]);
    assert!(ended.iter().all(|r| r.finish == FinishCode::Cancelled && r.code == "cancelled"));
    assert!(effects.iter().any(|e| matches!(e, Effect::CancelInvoke { turn } if *turn == running)));
    let late = talk.comes(running, 0, answers("Yes."));
    assert!(late.is_empty(), "{late:?}");
    let (_, effects) = talk.hears(act(DialogueAct::Affirm));
    assert_eq!(end(&effects).code, "nothing-to-confirm");
}

#[test]
fn stop_at_any_stage_ends_the_turn_once_and_again_does_nothing() {
    for stage in 0..4 {
        let mut talk = Talk::new();
        talk.agent("confirm");
        let turn = talk.utter();
        if stage > 0 {
            talk.understood(turn, one("open-boot"));
        }
        if stage > 1 {
            talk.comes(turn, 0, needs_yes());
        }
        if stage > 2 {
            talk.agent_says(turn, AgentAnswer::Confirmed(true));
        }
        let effects = talk.step(Event::Stop { caller: anna(), session: Some(home()) });
        assert_eq!(end(&effects).turn, turn, "stage {stage}");
        let again = talk.step(Event::Stop { caller: anna(), session: Some(home()) });
        assert!(again.is_empty(), "{again:?}");
    }
}

#[test]
fn stop_reaches_only_the_callers_own_sessions() {
    let mut talk = Talk::new();
    let turn = talk.utter();
    let effects = talk.step(Event::Stop { caller: caller(1001, ":1.8"), session: None });
    assert!(effects.is_empty(), "{effects:?}");
    let effects = talk.understood(turn, one("query"));
    assert_eq!(calls(&effects).len(), 1);
}

#[test]
fn a_turn_that_takes_too_long_is_ended_in_words() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("query"));
    assert_eq!(talk.dialogue.next_tick().unwrap().since(talk.now), TURN_LIMIT);
    talk.wait(TURN_LIMIT);
    let effects = talk.step(Event::Tick);
    assert!(effects.iter().any(|e| matches!(e, Effect::CancelInvoke { .. })));
    let result = end(&effects);
    assert_eq!((result.code, result.speech.as_str()), ("timeout", "Sorry, that took too long."));
    assert_eq!(statuses(result), ["skipped"]);
    let late = talk.comes(turn, 0, answers("Yes."));
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn an_utterance_that_waited_past_its_time_is_never_understood() {
    let mut talk = Talk::new();
    let first = talk.utter();
    let second = talk.utter();
    talk.wait(TURN_LIMIT);
    let effects = talk.step(Event::Tick);
    let ended = results(&effects);
    assert_eq!(
        ended.iter().map(|r| (r.turn, r.code)).collect::<Vec<_>>(),
        [(first, "timeout"), (second, "timeout")]
    );
    assert!(understands(&effects).is_empty());
}

#[test]
fn a_session_dies_with_its_owner() {
    let mut talk = Talk::new();
    let key = open(&mut talk, 1, anna());
    let (turn, _) = talk.utter_in(key, anna());
    let effects = talk.step(Event::NameLost(":1.7".into()));
    assert_eq!(end(&effects).turn, turn);
    assert!(effects.iter().any(|e| matches!(e, Effect::SessionClosed(closed) if *closed == key)));
    assert!(talk.dialogue.session(&key).is_none());
    assert_eq!(talk.dialogue.admit(&key, &anna()), Err(Refused::UnknownSession));
}

#[test]
fn an_agent_goes_with_its_name() {
    let mut talk = Talk::new();
    talk.agent("confirm");
    assert!(talk.dialogue.agent("confirm", Zone::DRIVER).is_some());
    talk.step(Event::NameLost(":1.9".into()));
    assert!(talk.dialogue.agent("confirm", Zone::DRIVER).is_none());
}

#[test]
fn a_default_session_forgets_after_thirty_seconds() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("open-boot"));
    talk.comes(turn, 0, did(vec![action(BOOT, ActionStatus::Done, 0, 1)]));
    talk.wait(FORGET_AFTER + Duration::from_millis(1));
    let (_, effects) = talk.hears(act(DialogueAct::Undo));
    assert_eq!(end(&effects).speech, "There is nothing to undo.");
    talk.wait(FORGET_AFTER);
    let effects = talk.step(Event::Tick);
    assert!(effects.iter().any(|e| matches!(e, Effect::SessionClosed(_))));
    assert!(talk.dialogue.next_tick().is_none(), "nothing is left that can run out");
}

#[test]
fn reset_forgets_and_keeps_the_session() {
    let mut talk = Talk::new();
    let key = open(&mut talk, 1, anna());
    let (turn, _) = talk.utter_in(key, anna());
    talk.understood(turn, one("set-heat"));
    let effects = talk.step(Event::Reset(key));
    assert!(effects.iter().any(|e| matches!(e, Effect::Expecting { expecting: false, .. })));
    assert!(talk.dialogue.session(&key).unwrap().pending.is_none());
}

#[test]
fn a_long_turn_does_not_make_the_clock_due_for_ever() {
    let mut talk = Talk::new();
    let turn = talk.next_turn();
    let deadline = Deadline::new(talk.now, Duration::from_secs(120));
    talk.step(Event::Utter(Box::new(Utter {
        turn,
        session: home(),
        caller: anna(),
        utterance: Utterance::parse("words").unwrap(),
        language: None,
        zone: None,
        mode: Mode::Act,
        deadline,
        local_now: None,
        heard: false,
        others: Vec::new(),
    })));
    talk.wait(FORGET_AFTER + FORGET_AFTER);
    talk.step(Event::Tick);
    assert_eq!(talk.dialogue.next_tick(), Some(deadline.at()));
}

#[test]
fn stale_events_of_a_turn_change_nothing() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("query"));
    for stale in [talk.understood(turn, one("play")), talk.comes(turn, 3, answers("Yes."))] {
        assert!(stale.is_empty(), "{stale:?}");
    }
    let stale = talk.step(Event::Restored { turn, actions: Vec::new() });
    assert!(stale.is_empty(), "{stale:?}");
    let effects = talk.comes(turn, 0, answers("Yes."));
    assert_eq!(end(&effects).speech, "Yes.");
}
