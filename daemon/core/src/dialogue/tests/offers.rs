//! Verdicts on what is announced and asked: which yes it is, how long, and what it may do.

use super::*;
use crate::session::Caller;

const ASKED: &str = "Your song is over. Shall I pause?";

fn skill() -> SkillId {
    SkillId::parse(SKILL).unwrap()
}

fn pipeline() -> Caller {
    Caller { uid: anna().uid, name: ":1.42".into() }
}

/// A skill announces something; the number is far from those of turns.
fn announces(talk: &mut Talk, number: u64, speech: &str) -> TurnId {
    let turn = TurnId(1000 + number);
    let offer = talk.dialogue.offered_by(&skill(), speech);
    talk.step(Event::Voiced(Voiced::Announced { turn, speech: speech.to_owned(), offer }));
    turn
}

fn started(talk: &mut Talk, turn: TurnId) -> Vec<Effect> {
    talk.step(Event::Voiced(Voiced::SpeechStarted { caller: pipeline(), turn }))
}

fn finished(talk: &mut Talk, turn: TurnId, interrupted: bool) -> Vec<Effect> {
    talk.step(Event::Voiced(Voiced::SpeechFinished { caller: pipeline(), turn, interrupted }))
}

fn later(talk: &mut Talk, seconds: u64) {
    talk.wait(Duration::from_secs(seconds));
    talk.step(Event::Tick);
}

fn says_yes(talk: &mut Talk) -> Vec<Effect> {
    talk.hears(act(DialogueAct::Affirm)).1
}

/// Whether a yes is for anything now.
fn is_for_something(effects: &[Effect]) -> bool {
    !calls(effects).is_empty()
}

#[test]
fn a_yes_to_an_announcement_is_what_the_manifest_says_and_only_once() {
    let mut talk = Talk::new();
    announces(&mut talk, 0, ASKED);
    assert_eq!(talk.dialogue.state(), DialogState::Expecting);
    let effects = says_yes(&mut talk);
    let (_, call) = call(&effects);
    assert_eq!((&call.intent, call.confirmed.as_ref()), (&intent("pause"), None));
    assert_eq!(talk.dialogue.state(), DialogState::Thinking);
    talk.comes(TurnId(1), 0, answers("Paused."));
    assert_eq!(end(&says_yes(&mut talk)).code, "nothing-to-confirm");
}

#[test]
fn only_a_question_of_a_skill_that_says_what_a_yes_means_is_one() {
    let mut talk = Talk::new();
    announces(&mut talk, 0, "Your song is over.");
    assert_eq!(talk.dialogue.state(), DialogState::Idle);
    assert_eq!(end(&says_yes(&mut talk)).code, "nothing-to-confirm");

    let stranger = SkillId::parse("org.example.stranger").unwrap();
    assert_eq!(talk.dialogue.offered_by(&stranger, ASKED), None);
}

#[test]
fn the_microphone_is_asked_for_when_it_was_read_out_and_a_yes_counts_from_then() {
    let mut talk = Talk::new();
    let turn = announces(&mut talk, 0, ASKED);
    later(&mut talk, 5);
    started(&mut talk, turn);
    later(&mut talk, 3);
    let effects = finished(&mut talk, turn, false);
    assert!(
        effects.iter().any(|e| matches!(e, Effect::OpenMicrophone { turn: of, .. } if *of == turn))
    );
    later(&mut talk, 14);
    assert_eq!(talk.dialogue.state(), DialogState::Expecting);
    later(&mut talk, 2);
    assert_eq!(talk.dialogue.state(), DialogState::Idle);
    assert_eq!(end(&says_yes(&mut talk)).code, "nothing-to-confirm");

    let turn = announces(&mut talk, 1, ASKED);
    started(&mut talk, turn);
    let effects = finished(&mut talk, turn, true);
    assert!(!effects.iter().any(|e| matches!(e, Effect::OpenMicrophone { .. })), "cut off");
}

#[test]
fn a_no_a_stop_and_other_commands_end_it() {
    for said in [act(DialogueAct::Deny), act(DialogueAct::Stop)] {
        let mut talk = Talk::new();
        announces(&mut talk, 0, ASKED);
        assert_eq!(end(&talk.hears(said).1).speech, "Okay, I left it.");
        assert_eq!(end(&says_yes(&mut talk)).code, "nothing-to-confirm");
    }
    let mut talk = Talk::new();
    announces(&mut talk, 0, ASKED);
    let (turn, _) = talk.hears(one("query"));
    talk.comes(turn, 0, answers("It is late."));
    assert_eq!(end(&says_yes(&mut talk)).code, "nothing-to-confirm");

    announces(&mut talk, 1, ASKED);
    talk.hears(Understanding::default());
    assert!(is_for_something(&says_yes(&mut talk)), "what nobody understood ends nothing");

    let mut talk = Talk::new();
    announces(&mut talk, 1, ASKED);
    talk.step(Event::Stop { caller: anna(), session: None });
    assert_eq!(end(&says_yes(&mut talk)).code, "nothing-to-confirm");
}

#[test]
fn a_question_of_the_conversation_comes_first() {
    let mut talk = Talk::new();
    let (turn, _) = talk.hears(one("open-boot"));
    talk.comes(turn, 0, needs_yes());
    announces(&mut talk, 0, ASKED);
    assert_eq!(call(&says_yes(&mut talk)).1.intent, intent("open-boot"));
}

#[test]
fn of_several_the_one_that_sounded_last_is_meant_and_none_where_nobody_knows() {
    let mut talk = Talk::new();
    let first = announces(&mut talk, 0, ASKED);
    announces(&mut talk, 1, ASKED);
    assert_eq!(end(&says_yes(&mut talk)).code, "nothing-to-confirm", "which?");
    started(&mut talk, first);
    assert!(is_for_something(&says_yes(&mut talk)));

    let mut talk = Talk::new();
    for number in 0..100 {
        announces(&mut talk, number, ASKED);
    }
    started(&mut talk, TurnId(1099));
    assert!(is_for_something(&says_yes(&mut talk)), "the oldest went");
}

#[test]
fn a_yes_may_no_more_than_the_words_for_it_would() {
    let mut talk = Talk::new();
    let (speech, offer) = (ASKED.to_owned(), Some(intent("open-boot")));
    talk.step(Event::Voiced(Voiced::Announced { turn: TurnId(1000), speech, offer }));
    let turn = talk.utter();
    let effects = talk.understood(turn, act(DialogueAct::Affirm));
    assert_eq!(call(&effects).1.confirmed, None);
    let effects = talk.comes(turn, 0, needs_yes());
    assert!(end(&effects).expects_reply, "the policy asks, as ever");
}
