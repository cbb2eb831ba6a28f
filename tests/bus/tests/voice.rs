//! A native voice pipeline: listening, guesses, speech in pieces, barge-in, its own voice.
#![allow(clippy::unwrap_used, missing_docs)]

use futures_util::StreamExt as _;
use valet_bus::{
    Dict,
    proxies::{AssistantProxy, Options, RequestProxy, VoiceProxy},
};
use valet_bus_tests::{Scene, driver, installed, probe};
use valet_testkit::{Says, Skills, TestAgent, dicts, error_name, none, text, within};
use zbus::{Connection, Variant, proxy::CacheProperties};

const INVALID: &str = "org.valetd.Error.InvalidArguments";

/// A pipeline with a connection of its own.
struct Pipeline {
    client: Connection,
    voice: VoiceProxy<'static>,
    assistant: AssistantProxy<'static>,
    said: u32,
}

impl Pipeline {
    async fn of(scene: &Scene) -> Self {
        let (client, assistant) = scene.another().await;
        Self::on(client, assistant).await
    }

    async fn on(client: Connection, assistant: AssistantProxy<'static>) -> Self {
        let voice = VoiceProxy::new(&client).await.unwrap();
        Self { client, voice, assistant, said: 0 }
    }

    /// Hears something and gives what came of it: the code and the result.
    async fn hears(&mut self, guesses: &[&str], scores: &[f64]) -> (u32, Dict) {
        self.said += 1;
        let token = format!("heard{}", self.said);
        let us = self.client.unique_name().unwrap().to_string();
        let request = RequestProxy::builder(&self.client)
            .path(valet_bus::path::request(&us, &token))
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .unwrap();
        let mut finished = request.receive_finished().await.unwrap();
        let mut options = driver();
        options.insert("handle-token", Variant::from(token.as_str()));
        self.voice.transcript(guesses, scores, options).await.unwrap();
        let signal = within("the result", finished.next()).await.unwrap();
        let args = signal.args().unwrap();
        (args.code, args.result)
    }

    async fn result_of(&mut self, text: &str) -> Dict {
        let (code, result) = self.hears(&[text], &[]).await;
        assert_eq!(code, 0, "{text}");
        result
    }

    async fn state(&self) -> String {
        let properties = zbus::fdo::PropertiesProxy::builder(&self.client)
            .destination(valet_bus::BUS_NAME)
            .path(valet_bus::ROOT)
            .build()
            .await
            .unwrap();
        let interface = "org.valetd.Assistant1".try_into().unwrap();
        let value = properties.get(interface, "DialogState").await.unwrap();
        String::try_from(value).unwrap()
    }
}

fn intent(result: &Dict) -> String {
    text(&dicts(result, "intents")[0], "intent").to_owned()
}

fn option<'a>(key: &'a str, value: impl Into<Variant<'a>>) -> Options<'a> {
    [(key, value.into())].into()
}

#[tokio::test]
async fn from_the_microphone_to_the_voice() {
    let scene = Scene::set().await;
    let mut pipeline = Pipeline::of(&scene).await;
    assert_eq!(pipeline.state().await, "idle");
    pipeline.voice.set_listening(true, option("initiator", "wake-word")).await.unwrap();
    assert_eq!(pipeline.state().await, "listening");
    let early = pipeline.voice.partial("set the temperature", none()).await.unwrap();
    assert_eq!(*early["complete"], Variant::Bool(false), "{early:?}");
    let early = pipeline.voice.partial("set the temperature to 23 degrees", none()).await.unwrap();
    assert_eq!(*early["complete"], Variant::Bool(true), "{early:?}");
    let signal = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";
    let before = scene.signal(signal).await;
    assert_ne!(before, Some(Variant::F64(23.0)), "nothing acts on what may still change");
    let result = pipeline.result_of("set the temperature to 23 degrees").await;
    assert_eq!(text(&result, "type"), "action", "{result:?}");
    assert_ne!(scene.signal(signal).await, before);
    let turn = text(&result, "turn").to_owned();
    pipeline.voice.speech_started(&turn, none()).await.unwrap();
    assert_eq!(pipeline.state().await, "speaking");
    pipeline.voice.speech_finished(&turn, none()).await.unwrap();
    assert_eq!(pipeline.state().await, "idle");
}

#[tokio::test]
async fn of_several_guesses_the_one_that_is_understood_counts() {
    let scene = Scene::set().await;
    let mut pipeline = Pipeline::of(&scene).await;
    let guesses = ["sat the temper chair to 24 degrees", "set the temperature to 24 degrees"];
    let (_, result) = pipeline.hears(&guesses, &[0.55, 0.45]).await;
    assert_eq!(intent(&result), "org.valetd.climate/set-temperature", "{result:?}");
    let slot = &dicts(&dicts(&result, "intents")[0], "slots")[0];
    let (start, end) =
        (u32::try_from(&*slot["start"]).unwrap(), u32::try_from(&*slot["end"]).unwrap());
    let there = guesses[1].get(start as usize..end as usize);
    assert_eq!(there, Some(text(slot, "text")), "offsets are those of the guess that counts");
    // Without scores, as an option of Ask.
    let mut options = driver();
    options.insert("alternatives", Variant::from(vec![guesses[1]]));
    let result = scene.assistant.ask(guesses[0], options).await.unwrap();
    assert_eq!(intent(&result), "org.valetd.climate/set-temperature", "{result:?}");
    // What nobody understands stays what was heard first.
    let (_, result) = pipeline.hears(&["sing of the moon", "sink of the moon"], &[0.5, 0.5]).await;
    assert_eq!(text(&result, "type"), "not-understood", "{result:?}");
}

#[tokio::test]
async fn a_question_opens_the_microphone_and_its_answer_is_taken() {
    let scene = Scene::set().await;
    let mut pipeline = Pipeline::of(&scene).await;
    let mut microphone = pipeline.voice.receive_open_microphone().await.unwrap();
    let result = pipeline.result_of("set a timer").await;
    assert_eq!(*result["expects-reply"], Variant::Bool(true), "{result:?}");
    let turn = text(&result, "turn").to_owned();
    pipeline.voice.speech_started(&turn, none()).await.unwrap();
    pipeline.voice.speech_finished(&turn, none()).await.unwrap();
    let asked = within("the microphone", microphone.next()).await.unwrap();
    assert_eq!(asked.args().unwrap().turn, turn);
    let result = pipeline.result_of("five minutes").await;
    assert_eq!(text(&result, "type"), "action", "{result:?}");
    // After an answer it stays closed: the next thing that comes is of the next question.
    let turn = text(&result, "turn").to_owned();
    pipeline.voice.speech_started(&turn, none()).await.unwrap();
    pipeline.voice.speech_finished(&turn, none()).await.unwrap();
    let result = pipeline.result_of("set a timer").await;
    let turn = text(&result, "turn").to_owned();
    pipeline.voice.speech_finished(&turn, none()).await.unwrap();
    let asked = within("the microphone", microphone.next()).await.unwrap();
    assert_eq!(asked.args().unwrap().turn, turn);
}

#[tokio::test]
async fn whoever_speaks_up_and_stop_end_what_is_being_said() {
    let scene = Scene::set().await;
    let mut pipeline = Pipeline::of(&scene).await;
    let (speaker, _) = scene.another().await;
    let mut agent = TestAgent::register(&speaker, &["speak"], None, Says::Yes).await.unwrap();
    let mut stops = pipeline.voice.receive_stop_speaking().await.unwrap();
    for how in ["transcript", "stop"] {
        let result = pipeline.result_of("are the doors locked").await;
        let turn = text(&result, "turn").to_owned();
        // What was said before and did not end is silenced first.
        while agent.next().await.turn != turn {}
        pipeline.voice.speech_started(&turn, none()).await.unwrap();
        match how {
            "stop" => pipeline.assistant.stop(none()).await.unwrap(),
            _ => drop(pipeline.result_of("set the temperature to 22 degrees").await),
        }
        let told = within("the silence", stops.next()).await.unwrap();
        assert_eq!(told.args().unwrap().turn, turn, "{how}");
        // The client of this test takes calls side by side: what is said next may be seen before.
        while agent.next().await.method != "Cancel" {}
    }
}

#[tokio::test]
async fn stop_ends_a_turn_whose_skill_loops() {
    let skills = probe();
    let manifest = skills.path().join("org.example.probe/skill.toml");
    // Longer than anybody waits for the stop.
    let slow =
        std::fs::read_to_string(&manifest).unwrap().replace("turn-ms = 200", "turn-ms = 2000");
    std::fs::write(&manifest, slow).unwrap();
    let script = "[[say]]\ntext = \"go round\"\nintent = \"org.example.probe/loop\"\n";
    let folder = Skills::Folder(skills.path().to_owned());
    let scene = Scene::with(|b| b.skills(folder).script(script)).await;
    let mut pipeline = Pipeline::of(&scene).await;
    let other = pipeline.assistant.clone();
    // One that follows properties.
    let watcher = AssistantProxy::new(&scene.client).await.unwrap();
    let mut state = watcher.receive_dialog_state_changed().await;
    let stop = async {
        within("the turn", async {
            while let Some(change) = state.next().await {
                if change.get().await.unwrap() == "thinking" {
                    break;
                }
            }
        })
        .await;
        other.stop(none()).await.unwrap();
    };
    let (ended, ()) = tokio::join!(pipeline.hears(&["go round"], &[]), stop);
    assert_eq!(ended.0, 1, "cancelled: {:?}", ended.1);
}

#[tokio::test]
async fn our_own_voice_heard_back_does_nothing() {
    let scene = Scene::set().await;
    let mut pipeline = Pipeline::of(&scene).await;
    let result = pipeline.result_of("set the temperature to 22 degrees").await;
    let (turn, speech) = (text(&result, "turn").to_owned(), text(&result, "speech").to_owned());
    pipeline.voice.speech_started(&turn, none()).await.unwrap();
    let heard = speech.to_lowercase().replace(['.', '\''], "");
    let echo = pipeline.result_of(&heard).await;
    assert_eq!((text(&echo, "type"), text(&echo, "code")), ("not-understood", "own-speech"));
    assert_eq!(text(&echo, "speech"), "", "or it would answer itself for ever");
    assert_eq!(pipeline.state().await, "speaking", "it was not cut off");
    // A person may give the same command once more.
    let again = pipeline.result_of("set the temperature to 22 degrees").await;
    assert_eq!(text(&again, "type"), "action", "{again:?}");
}

#[tokio::test]
async fn speech_comes_in_pieces_at_the_ends_of_sentences() {
    let scene = Scene::set().await;
    let mut pipeline = Pipeline::of(&scene).await;
    let (speaker, _) = scene.another().await;
    let mut agent = TestAgent::register(&speaker, &["speak"], None, Says::Yes).await.unwrap();
    let result = pipeline.result_of("set the temperature to 22 degrees and open the sunroof");
    let result = result.await;
    assert_eq!(dicts(&result, "intents").len(), 2, "{result:?}");
    let mut pieces = Vec::new();
    while !pieces.iter().any(|(_, _, last)| *last) || pieces.len() < 2 {
        let spoken = agent.next().await;
        assert_eq!((spoken.method, spoken.turn.as_str()), ("Speak", text(&result, "turn")));
        let seq: u32 = spoken.options[0].parse().unwrap();
        pieces.push((seq, spoken.text, spoken.options.contains(&"last".to_owned())));
    }
    // The client of this test takes calls side by side.
    pieces.sort();
    let whole: String = pieces.iter().map(|(_, words, _)| words.as_str()).collect();
    assert_eq!(whole, text(&result, "speech"));
    let numbers: Vec<u32> = pieces.iter().map(|(seq, ..)| *seq).collect();
    assert_eq!(numbers, (0..u32::try_from(pieces.len()).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_announcement_can_be_voiced_too() {
    let scene = Scene::set().await;
    let pipeline = Pipeline::of(&scene).await;
    pipeline.assistant.observe(none()).await.unwrap();
    let mut announced = pipeline.assistant.receive_announced().await.unwrap();
    scene.ask("set a timer for 1 second").await;
    let signal = within("the ringing", announced.next()).await.unwrap();
    let turn = text(&signal.args().unwrap().details, "turn").to_owned();
    pipeline.voice.speech_started(&turn, none()).await.unwrap();
    assert_eq!(pipeline.state().await, "speaking");
    let mut stops = pipeline.voice.receive_stop_speaking().await.unwrap();
    pipeline.assistant.stop(none()).await.unwrap();
    assert_eq!(within("the silence", stops.next()).await.unwrap().args().unwrap().turn, turn);
}

#[tokio::test]
async fn a_yes_to_what_a_skill_announced_is_understood_once() {
    let scene = Scene::set().await;
    let mut pipeline = Pipeline::of(&scene).await;
    pipeline.assistant.observe(none()).await.unwrap();
    let mut announced = pipeline.assistant.receive_announced().await.unwrap();
    let mut microphone = pipeline.voice.receive_open_microphone().await.unwrap();
    assert_eq!(text(&scene.ask("wake me up in 1 second").await, "type"), "action");
    let signal = within("the ringing", announced.next()).await.unwrap();
    let args = signal.args().unwrap();
    assert!(args.text.ends_with("Shall it ring again in 9 minutes?"), "{}", args.text);
    assert_eq!(*args.details["expects-reply"], Variant::Bool(true), "{:?}", args.details);
    assert_eq!(pipeline.state().await, "expecting");
    let turn = text(&args.details, "turn").to_owned();
    pipeline.voice.speech_started(&turn, none()).await.unwrap();
    pipeline.voice.speech_finished(&turn, none()).await.unwrap();
    let asked = within("the microphone", microphone.next()).await.unwrap();
    assert_eq!(asked.args().unwrap().turn, turn);
    let result = pipeline.result_of("yes please").await;
    assert_eq!(intent(&result), "org.valetd.timers/snooze", "{result:?}");
    assert_eq!(text(&result, "type"), "action", "{result:?}");
    let alarms = pipeline.result_of("which alarms are set").await;
    assert!(text(&alarms, "speech").contains("alarm"), "{alarms:?}");
    assert_eq!(text(&pipeline.result_of("yes").await, "code"), "nothing-to-confirm", "once");
}

#[tokio::test]
async fn who_wants_no_question_after_an_alarm_sets_it_so() {
    let scene = Scene::set().await;
    let (_client, screen) = scene.another().await;
    screen.observe(none()).await.unwrap();
    let mut announced = screen.receive_announced().await.unwrap();
    let timers = installed(&scene.client, "org.valetd.timers").await;
    timers.set_settings(option("offer-snooze", false), none()).await.unwrap();
    scene.ask("wake me up in 1 second").await;
    let signal = within("the ringing", announced.next()).await.unwrap();
    let args = signal.args().unwrap();
    assert_eq!(*args.details["expects-reply"], Variant::Bool(false), "{}", args.text);
    assert_eq!(text(&scene.ask("yes").await, "code"), "nothing-to-confirm");
}

#[tokio::test]
async fn what_is_wrong_in_a_call_is_refused_by_name() {
    let scene = Scene::set().await;
    let pipeline = Pipeline::of(&scene).await;
    let nine = ["a b"; 9];
    let long = "a ".repeat(2049);
    for (guesses, scores, named) in [
        (&[][..], &[][..], INVALID),
        (&nine[..], &[][..], "org.valetd.Error.LimitExceeded"),
        (&["a b"][..], &[0.5, 0.5][..], INVALID),
        (&["a b"][..], &[1.5][..], INVALID),
        (&["a b"][..], &[f64::NAN][..], INVALID),
        (&["a b", " "][..], &[][..], INVALID),
        (&["a b", &long][..], &[][..], "org.valetd.Error.LimitExceeded"),
    ] {
        let refused = pipeline.voice.transcript(guesses, scores, none()).await;
        assert_eq!(error_name(&refused), named, "{scores:?}");
    }
    let twice = option("alternatives", vec!["a b"]);
    assert_eq!(error_name(&pipeline.voice.transcript(&["a b"], &[], twice).await), INVALID);
    assert_eq!(
        error_name(&pipeline.voice.partial(&long, none()).await),
        "org.valetd.Error.LimitExceeded"
    );
    for turn in ["", "t1", "t999999", "x"] {
        let refused = pipeline.voice.speech_started(turn, none()).await;
        assert_eq!(error_name(&refused), "org.valetd.Error.UnknownTurn", "{turn:?}");
    }
    let moon = pipeline.voice.set_listening(true, option("zone", "moon")).await;
    assert_eq!(error_name(&moon), INVALID);
    let many = option("alternatives", vec!["a b"; 9]);
    assert_eq!(error_name(&scene.assistant.ask("a b", many).await), INVALID);
}

/// Whether one of them is refused depends on who is faster, and is no matter: each is answered, and nobody
/// else waits for it. What one client may ask for at most is in the tests of the limits.
#[tokio::test]
async fn a_flood_of_partials_harms_nobody_else() {
    let scene = Scene::set().await;
    let flooder = Pipeline::of(&scene).await;
    let calls = (0..2000).map(|n| {
        let voice = flooder.voice.clone();
        async move { voice.partial(&format!("set the temperature to {n}"), none()).await }
    });
    let flood = futures_util::future::join_all(calls);
    let others = async {
        for _ in 0..20 {
            let result = scene.ask("are the doors locked").await;
            assert_eq!(text(&result, "type"), "answer");
        }
    };
    let (answers, ()) = within("both", async { tokio::join!(flood, others) }).await;
    for answer in answers.iter().filter(|answer| answer.is_err()) {
        let name = error_name(answer);
        assert!(
            ["org.valetd.Error.Busy", "org.valetd.Error.LimitExceeded"].contains(&name.as_str()),
            "{name}"
        );
    }
    assert!(answers.iter().any(Result::is_ok), "what is within the bounds is understood");
}
