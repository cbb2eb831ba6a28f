//! The protocol held against frames of its own writer, and against any bytes at all.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use serde_json::{Value, json};
use valet_core::{
    entity::Value as Slotted,
    intent::IntentId,
    slot::Slot,
    understanding::{Candidate, Command, Engine},
};
use valet_voice::{Answer, Context, Event, Frame, FrameError, FrameReader, Program, info};

/// Frames of the writer of the package `wyoming`, version 1.10.2, one after the other.
const GOLDEN: &[u8] = include_bytes!("golden/frames.bin");

fn read(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
    let (mut reader, mut rest, mut frames) = (FrameReader::default(), bytes, Vec::new());
    while let Some(frame) = reader.take(&mut rest)? {
        frames.push(frame);
    }
    Ok(frames)
}

fn golden(kind: &str) -> Frame {
    read(GOLDEN).unwrap().into_iter().find(|frame| frame.kind == kind).unwrap()
}

fn context_of(frame: &Frame) -> Context {
    match Event::read(&Frame { kind: "transcript".into(), data: frame.data.clone() }) {
        Ok(Event::Transcript(said)) => said.context,
        other => panic!("{other:?}"),
    }
}

#[test]
fn golden_frames_are_read_as_they_are_meant() {
    let frames = read(GOLDEN).unwrap();
    assert_eq!(frames.len(), 17);
    let rewritten: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
    assert_eq!(read(&rewritten).unwrap(), frames, "our writer says the same");
    let Ok(Event::Transcript(said)) = Event::read(&golden("transcript")) else { panic!() };
    assert_eq!(said.text, "make it two degrees warmer");
    assert_eq!(said.language.as_deref(), Some("en"));
    assert_eq!(said.context.conversation.as_deref(), Some("01J"));
    assert_eq!(Event::read(&golden("describe")), Ok(Event::Describe));
    assert_eq!(Event::read(&golden("ping")), Ok(Event::Ping { text: Some("t".into()) }));
    let Ok(Event::Recognize(said)) = Event::read(&golden("recognize")) else { panic!() };
    assert_eq!((said.text.as_str(), said.context), ("open the window", Context::default()));
    let Ok(Event::Intent(intent)) = Event::read(&golden("intent")) else { panic!() };
    assert_eq!(intent.name, "WindowSet");
    let expected = [("zone".to_owned(), json!("driver")), ("position".to_owned(), json!(100))];
    assert_eq!(intent.entities, expected);
    for other in ["info", "pong", "handled", "select-program"] {
        assert_eq!(Event::read(&golden(other)), Ok(Event::Other), "{other}");
    }
}

#[test]
fn answers_have_the_fields_of_golden_frames() {
    let keys = |frame: &Frame| frame.data.keys().cloned().collect::<Vec<_>>();
    let handled = golden("handled");
    // As the next text brings it back.
    let context = context_of(&handled);
    let frames = Answer::Handled { text: "It is. Done.".into() }.frames(&context);
    let kinds: Vec<&str> = frames.iter().map(|frame| frame.kind.as_str()).collect();
    let expected = ["handled-start", "handled-chunk", "handled-chunk", "handled", "handled-stop"];
    assert_eq!(kinds, expected);
    assert_eq!(keys(&frames[3]), keys(&handled));
    assert_eq!(frames[3].data["context"], handled.data["context"]);
    assert_eq!(frames[0].data["context"], handled.data["context"], "as long as it is a stream");
    assert_eq!(keys(&frames[1]), keys(&golden("handled-chunk")));
    assert_eq!(frames[4], golden("handled-stop"));

    let none = Context::default();
    let error = Answer::Error { text: "bad".into(), code: "invalid-event".into() }.frames(&none);
    assert_eq!(error, [golden("error")]);
    let not = Answer::NotHandled { text: "Not possible while driving".into() }.frames(&none);
    assert_eq!(not, [golden("not-handled")]);
    let not = Answer::NotRecognized { text: "Sorry".into() }.frames(&none);
    assert_eq!(not, [golden("not-recognized")]);
}

fn command(intent: &str, slots: Vec<Slot>) -> Command {
    let intent = IntentId::parse(intent).unwrap();
    let best = Candidate { intent, slots, confidence: 1.0, engine: Engine::Template };
    Command { best, alternatives: Vec::new(), start: 0, end: 4 }
}

#[test]
fn an_intent_that_was_recognised_can_be_sent_back_to_be_handled() {
    let slots = vec![
        Slot::implied("zone", Slotted::Text("driver".into())),
        Slot::implied("position", Slotted::Percentage(100.0)),
    ];
    let one = command("org.example.body/open-window", slots);
    let two = command("org.example.body/close-window", Vec::new());
    let context = context_of(&golden("intent"));
    let frames = Answer::Recognized { commands: vec![one.clone()] }.frames(&context);
    let [frame] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(frame.data["entities"], golden("intent").data["entities"]);
    let Ok(Event::Intent(back)) = Event::read(frame) else { panic!() };
    assert_eq!((back.name.as_str(), back.context), ("org.example.body/open-window", context));
    let several = Answer::Recognized { commands: vec![one, two] }.frames(&Context::default());
    let kinds: Vec<&str> = several.iter().map(|frame| frame.kind.as_str()).collect();
    assert_eq!(kinds, ["intents-start", "intent", "intent", "intents-stop"]);
    assert_eq!(several[0], golden("intents-start"));
}

#[test]
fn a_socket_offers_one_program_in_the_form_of_the_golden_info() {
    let golden = golden("info");
    for program in [Program::Handle, Program::Intent] {
        let ours = info(program, "0.1.0", &["en".to_owned()]);
        assert!(golden.data.keys().eq(ours.data.keys()));
        for (kind, offered) in &ours.data {
            let count = usize::from(kind == program.name());
            assert_eq!(offered.as_array().unwrap().len(), count, "{kind}");
        }
    }
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let ours = info(Program::Handle, "0.1.0", &["en".to_owned()]);
    let (ours, golden) = (&ours.data["handle"][0], &golden.data["handle"][0]);
    assert_eq!(fields(ours), fields(golden));
    assert_eq!(fields(&ours["models"][0]), fields(&golden["models"][0]));
}

/// Reads a stream in pieces of these sizes, to its end or its first error.
fn in_pieces(bytes: &[u8], sizes: &[usize]) -> (Vec<Frame>, Option<FrameError>) {
    let (mut reader, mut frames, mut rest) = (FrameReader::default(), Vec::new(), bytes);
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let (mut piece, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        rest = behind;
        loop {
            match reader.take(&mut piece) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

proptest! {
    /// Nothing that arrives makes it panic, and how a stream is cut changes nothing.
    #[test]
    fn any_bytes_are_frames_or_a_named_error(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in 0..GOLDEN.len(),
        sizes in prop::collection::vec(1_usize..40, 1..5),
    ) {
        let mut bytes = GOLDEN.to_vec();
        bytes.splice(at..at, noise);
        let (frames, error) = in_pieces(&bytes, &[bytes.len()]);
        let (others, other) = in_pieces(&bytes, &sizes);
        prop_assert_eq!(&frames, &others);
        // A line that is too long is seen at the byte that is too much or at its end.
        prop_assert_eq!(error.is_some(), other.is_some());
        for frame in frames {
            let _ = Event::read(&frame);
        }
    }
}
