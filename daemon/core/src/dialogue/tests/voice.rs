//! Verdicts on speaking and listening: who is silenced by whom, what is our own voice, when the
//! microphone is asked for.

use super::*;
use crate::session::Caller;

const QUESTION: &str = "What temperature would you like?";

/// A client of the user that talks.
fn pipeline() -> Caller {
    Caller { uid: anna().uid, name: ":1.42".into() }
}

/// A turn that ended with a question.
fn asked() -> (Talk, TurnId) {
    let mut talk = Talk::new();
    let (turn, effects) = talk.hears(one("set-heat"));
    assert_eq!(end(&effects).speech, QUESTION);
    (talk, turn)
}

/// A microphone hears something.
fn heard(talk: &mut Talk, text: &str) -> Vec<Effect> {
    let turn = talk.next_turn();
    let deadline = Deadline::new(talk.now, TURN_LIMIT);
    talk.step(Event::Utter(Box::new(Utter {
        turn,
        session: home(),
        caller: anna(),
        utterance: Utterance::parse(text).unwrap(),
        language: None,
        zone: None,
        mode: Mode::Act,
        deadline,
        local_now: None,
        heard: true,
        others: Vec::new(),
    })))
}

fn started(talk: &mut Talk, turn: TurnId) -> Vec<Effect> {
    talk.step(Event::Voiced(Voiced::SpeechStarted { caller: pipeline(), turn }))
}

fn finished(talk: &mut Talk, turn: TurnId, interrupted: bool) -> Vec<Effect> {
    talk.step(Event::Voiced(Voiced::SpeechFinished { caller: pipeline(), turn, interrupted }))
}

fn listening(talk: &mut Talk, listening: bool) -> Vec<Effect> {
    talk.step(Event::Voiced(Voiced::Listening { caller: pipeline(), zone: Zone::All, listening }))
}

fn later(talk: &mut Talk, seconds: u64) {
    talk.wait(Duration::from_secs(seconds));
    talk.step(Event::Tick);
}

fn is_open(talk: &Talk) -> bool {
    talk.dialogue.session(&home()).is_some_and(|session| session.pending.is_some())
}

fn asks_for_the_microphone(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::OpenMicrophone { .. }))
}

fn silenced(effects: &[Effect]) -> Vec<TurnId> {
    let turn = |effect: &Effect| match effect {
        Effect::Silence { turn, .. } => Some(*turn),
        _ => None,
    };
    effects.iter().filter_map(turn).collect()
}

#[test]
fn the_microphone_is_asked_for_after_a_question_was_read_out_and_after_nothing_else() {
    let (mut talk, turn) = asked();
    started(&mut talk, turn);
    assert_eq!(talk.dialogue.state(), DialogState::Speaking);
    later(&mut talk, 3);
    assert!(asks_for_the_microphone(&finished(&mut talk, turn, false)));
    assert_eq!(talk.dialogue.state(), DialogState::Expecting);
    assert!(!asks_for_the_microphone(&finished(&mut talk, turn, false)), "once");

    let (mut talk, turn) = asked();
    started(&mut talk, turn);
    let effects = finished(&mut talk, turn, true);
    assert!(!asks_for_the_microphone(&effects), "who is cut off is being spoken to");

    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("query"));
    talk.comes(turn, 0, answers("It is late."));
    started(&mut talk, turn);
    assert!(!asks_for_the_microphone(&finished(&mut talk, turn, false)), "nothing was asked");
}

#[test]
fn a_question_waits_from_the_end_of_its_words_on_and_not_for_ever() {
    let (mut talk, turn) = asked();
    // Longer is not waited for the voice.
    later(&mut talk, 5);
    started(&mut talk, turn);
    later(&mut talk, 1);
    finished(&mut talk, turn, false);
    later(&mut talk, 14);
    assert!(is_open(&talk));
    // Nothing that is said of it later keeps it open.
    finished(&mut talk, turn, false);
    started(&mut talk, turn);
    later(&mut talk, 7);
    assert!(!is_open(&talk));
}

#[test]
fn what_is_said_ends_when_somebody_speaks_and_on_stop() {
    let (mut talk, turn) = asked();
    started(&mut talk, turn);
    assert_eq!(silenced(&heard(&mut talk, "no")), [turn]);
    let effects = talk.step(Event::Stop { caller: anna(), session: None });
    assert_eq!(silenced(&effects), [], "once");

    let (mut talk, turn) = asked();
    let other = Caller { uid: anna().uid + 1, name: ":1.7".into() };
    for session in [None, Some(home())] {
        let effects = talk.step(Event::Stop { caller: other.clone(), session });
        assert_eq!(silenced(&effects), [], "another user's");
    }
    let effects = talk.step(Event::Stop { caller: anna(), session: Some(home()) });
    assert_eq!(silenced(&effects), [turn], "what was handed over may be said any moment");

    let (mut talk, turn) = asked();
    talk.step(Event::Voiced(Voiced::Announced {
        turn: TurnId(99),
        speech: "Ding.".into(),
        offer: None,
    }));
    assert_eq!(silenced(&heard(&mut talk, "stop")), [turn, TurnId(99)], "all that sounds there");
}

#[test]
fn our_own_voice_is_no_utterance_and_interrupts_nothing() {
    let (mut talk, _) = asked();
    assert_eq!(understands(&heard(&mut talk, QUESTION)).len(), 1, "nobody said that it sounds");

    let (mut talk, turn) = asked();
    started(&mut talk, turn);
    let effects = heard(&mut talk, "what temperature would you like");
    let result = end(&effects);
    assert_eq!((result.code, result.speech.as_str()), ("own-speech", ""));
    assert_eq!(silenced(&effects), []);
    assert!(is_open(&talk));
    finished(&mut talk, turn, false);
    later(&mut talk, 1);
    assert_eq!(end(&heard(&mut talk, QUESTION)).code, "own-speech", "a late echo");
    later(&mut talk, 2);
    assert_eq!(understands(&heard(&mut talk, QUESTION)).len(), 1, "a person says so");
}

#[test]
fn only_whom_it_was_said_to_and_who_speaks_for_us_tell_of_a_speech() {
    let (mut talk, turn) = asked();
    let stranger = Caller { uid: anna().uid + 1, name: ":1.9".into() };
    assert!(talk.dialogue.may_voice(turn, &pipeline()));
    assert!(!talk.dialogue.may_voice(turn, &stranger));
    assert!(!talk.dialogue.may_voice(TurnId(99), &pipeline()), "nothing is said of it");
    talk.agent("speak");
    assert!(talk.dialogue.may_voice(turn, &stranger), "that is the agent");
}

#[test]
fn a_microphone_that_nobody_closes_counts_for_a_while() {
    let mut talk = Talk::new();
    listening(&mut talk, true);
    assert_eq!(talk.dialogue.state(), DialogState::Listening);
    assert!(talk.dialogue.next_tick().is_some());
    later(&mut talk, 31);
    assert_eq!(talk.dialogue.state(), DialogState::Idle);
    listening(&mut talk, true);
    talk.step(Event::NameLost(pipeline().name));
    assert_eq!(talk.dialogue.state(), DialogState::Idle);
    listening(&mut talk, true);
    listening(&mut talk, false);
    assert_eq!(talk.dialogue.state(), DialogState::Idle);
    assert_eq!(talk.dialogue.next_tick(), None, "an idle dialogue wakes nobody");
}

#[test]
fn words_of_a_settled_command_go_out_while_the_next_one_acts() {
    let mut talk = Talk::new();
    let two = commands(vec![command("query", vec![]), command("query", vec![])]);
    let (turn, _) = talk.hears(two);
    let effects = talk.comes(turn, 0, answers("It is warm."));
    let said = effects.iter().find_map(|effect| match effect {
        Effect::Said { turn: of, words } if *of == turn => Some(words.as_str()),
        _ => None,
    });
    assert_eq!(said, Some("It is warm."));
    // They sound already, and are known as any others.
    started(&mut talk, turn);
    assert_eq!(end(&heard(&mut talk, "it is warm")).code, "own-speech");
    // What went out stays in the result, however the turn ends.
    talk.wait(TURN_LIMIT);
    let effects = talk.step(Event::Tick);
    let result = end(&effects);
    assert!(result.speech.starts_with("It is warm. "), "{}", result.speech);
    assert_eq!(result.said, "It is warm.".len());
}

fn play(title: &str) -> Understanding {
    commands(vec![command("play", vec![Slot::implied("title", Value::Text(title.into()))])])
}

fn cannot(speech: &str) -> Invoked {
    invoked(Ok(Outcome::CannotDo { speech: speech.into() }), Vec::new())
}

#[test]
fn where_a_skill_cannot_do_what_was_heard_first_the_next_guess_of_the_same_is_tried() {
    let others = vec![
        ("pause turkey".to_owned(), one("pause")),
        ("play turkey".to_owned(), play("turkey")),
        ("play turku".to_owned(), play("turku")),
        ("play turquoise".to_owned(), play("turquoise")),
    ];
    let begin = |talk: &mut Talk| {
        let turn = talk.utter();
        talk.step(Event::Understood {
            turn,
            text: Some("play turkey".into()),
            others: others.clone(),
            understanding: Box::new(play("turkey")),
            snapshot: speed(0.0),
            suggestions: Vec::new(),
        });
        turn
    };
    let mut talk = Talk::new();
    let turn = begin(&mut talk);
    let effects = talk.comes(turn, 0, cannot("No turkey here."));
    let title = |effects: &[Effect]| call(effects).1.slots[0].value.to_string();
    assert_eq!(title(&effects), "turku", "another request, and the same again, are no other words");
    let effects = talk.comes(turn, 0, answers("Playing."));
    assert_eq!(
        (end(&effects).kind, end(&effects).speech.as_str()),
        (ResultType::Answer, "Playing.")
    );

    let turn = begin(&mut talk);
    talk.comes(turn, 0, cannot("No turkey here."));
    assert_eq!(title(&talk.comes(turn, 0, cannot("No turku here."))), "turquoise");
    let effects = talk.comes(turn, 0, cannot("No turquoise here."));
    let result = end(&effects);
    assert_eq!((result.code, result.speech.as_str()), ("cannot-do", "No turkey here."));

    // What did something is not done again in other words.
    let turn = begin(&mut talk);
    let path = "Vehicle.Cabin.Infotainment.Media.Volume";
    let acted = vec![action(path, ActionStatus::Done, 1, 2)];
    let effects = talk.comes(turn, 0, Invoked { actions: acted, ..cannot("Half of it.") });
    assert_eq!(end(&effects).code, "cannot-do");
}

#[test]
fn words_of_a_turn_that_is_stopped_end_with_it() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(commands(vec![command("query", vec![]), command("query", vec![])]));
    talk.comes(turn, 0, answers("It is warm."));
    let effects = talk.step(Event::Stop { caller: anna(), session: Some(home()) });
    assert_eq!(silenced(&effects), [turn]);
    assert_eq!(end(&effects).finish, FinishCode::Cancelled);
}

#[test]
fn only_who_began_to_speak_tells_of_the_end() {
    let (mut talk, turn) = asked();
    started(&mut talk, turn);
    let other = Caller { uid: anna().uid, name: ":1.77".into() };
    assert!(talk.dialogue.may_voice(turn, &pipeline()));
    assert!(!talk.dialogue.may_voice(turn, &other));
}

#[test]
fn one_users_turns_push_no_other_users_speech_out() {
    let (mut talk, turn) = asked();
    started(&mut talk, turn);
    let bert = Caller { uid: anna().uid + 1, name: ":1.8".into() };
    let theirs = SessionKey::Default { uid: bert.uid, zone: Zone::Row(2) };
    for _ in 0..40 {
        let (id, _) = talk.utter_in(theirs, bert.clone());
        talk.understood(id, act(DialogueAct::Help));
    }
    assert!(asks_for_the_microphone(&finished(&mut talk, turn, false)));
}
