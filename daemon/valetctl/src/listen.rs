//! `valetctl listen`: a voice pipeline on the terminal. Lines are what a recogniser would hear; what is
//! printed is what the pipeline would do: speak, be silent, open the microphone.
//!
//! Must not make sound, and must use only what any pipeline can: `Voice1` and an agent that speaks.

mod heard;

use crate::{
    CtlError, Verdict,
    args::ListenArgs,
    chat::read_lines,
    link::Link,
    request::Followed,
    screen::{Screen, Style},
    turn::{body, short_intent},
    value,
};
use futures_util::StreamExt as _;
use heard::Heard;
use serde_json::json;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use valet_bus::{
    Dict,
    proxies::{AnnouncedStream, OpenMicrophoneStream, Options, VoiceProxy},
};
use zbus::{ObjectPath, Variant};

/// Where our agent is.
const AGENT: &str = "/org/valetd/Listen";

/// What the daemon tells our agent.
#[derive(Debug)]
enum Told {
    Speak { turn: String, text: String, last: bool },
    Silence { turn: String },
}

struct Voice(mpsc::UnboundedSender<Told>);

// One after the other, or the pieces of a speech would be mixed up.
#[zbus::interface(name = "org.valetd.Agent1", spawn = false)]
impl Voice {
    async fn speak(&self, turn: String, _seq: u32, text: String, options: Dict) {
        let last = options.get("last").is_some_and(|last| **last == Variant::Bool(true));
        // The program is ending where nobody listens.
        let _ = self.0.send(Told::Speak { turn, text, last });
    }

    async fn cancel(&self, turn: String) {
        let _ = self.0.send(Told::Silence { turn });
    }
}

/// What is being said.
struct Speaking {
    turn: String,
    /// When the words that came so far are said.
    until: Instant,
    /// Whether more may come.
    open: bool,
}

struct Pipeline<'l> {
    link: &'l Link,
    voice: VoiceProxy<'static>,
    options: ListenArgs,
    speaking: Option<Speaking>,
    /// Until when the next line waits for what comes of the one before, where all is said at once.
    held: Option<Held>,
    heard: u32,
}

/// What the next line waits for.
struct Held {
    turn: String,
    /// Whether the microphone is asked for once it was said.
    asked: bool,
    until: Instant,
}

/// How long a line waits for what should have come by then.
const HELD_FOR: Duration = Duration::from_secs(2);

/// Listens until the lines end and the last word is said.
///
/// # Errors
/// A call's, [`CtlError::Lost`] when the bus goes, or the terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    options: ListenArgs,
) -> Result<Verdict, CtlError> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let wrong = |e| link.error(e);
    link.connection().object_server().at(AGENT, Voice(tell)).await.map_err(wrong)?;
    let agent = ObjectPath::from_static_str_unchecked(AGENT);
    let place = options.turn.place()?;
    let zone: Options<'_> = place.into_iter().filter(|(key, _)| *key == "zone").collect();
    link.assistant().await?.register_agent(&agent, &["speak"], zone).await.map_err(wrong)?;
    let voice = link.voice().await?;
    let mut microphone = voice.receive_open_microphone().await.map_err(wrong)?;
    let assistant = link.assistant().await?;
    let mut announced = assistant.receive_announced().await.map_err(wrong)?;
    let mut pipeline = Pipeline { link, voice, options, speaking: None, held: None, heard: 0 };
    let mut lines = read_lines();
    let mut ended = false;
    let dim = "  a line is what was heard; `~ so far`, `0.6: a guess | 0.3: another one`";
    screen.line(screen.paint(Style::Dim, dim))?;
    loop {
        tokio::select! {
            biased;
            Some(told) = told.recv() => pipeline.take(screen, told).await?,
            Some(told) = announcement(&mut announced) => pipeline.take(screen, told).await?,
            Some(asked) = next_turn(&mut microphone) => pipeline.open_microphone(screen, &asked)?,
            () = over(pipeline.held.as_ref()) => pipeline.held = None,
            () = said(pipeline.speaking.as_ref()) => pipeline.finish(false).await?,
            line = lines.recv(), if !ended && pipeline.held.is_none() => match line {
                Some(line) => pipeline.hear_or_say_why_not(screen, &line?).await?,
                None => ended = true,
            },
            _ = tokio::signal::ctrl_c() => return Ok(Verdict::Fine),
            // Nothing is said any more, and nothing that could be waited for has come.
            () = std::future::ready(()), if ended && pipeline.is_through() => return Ok(Verdict::Fine),
        }
    }
}

/// The turn whose question wants the microphone.
async fn next_turn(microphone: &mut OpenMicrophoneStream) -> Option<String> {
    let signal = microphone.next().await?;
    signal.args().ok().map(|args| args.turn)
}

/// What a skill says first: an agent hears it as a signal, and says it as everything else.
async fn announcement(announced: &mut AnnouncedStream) -> Option<Told> {
    let signal = announced.next().await?;
    let args = signal.args().ok()?;
    let turn = value::text(&value::object(&args.details), "turn").to_owned();
    Some(Told::Speak { turn, text: args.text, last: true })
}

/// When the words that came are said; never while none are, or while more may come.
async fn said(speaking: Option<&Speaking>) {
    match speaking.filter(|speaking| !speaking.open) {
        Some(speaking) => sleep_until(speaking.until).await,
        None => std::future::pending().await,
    }
}

/// When a line has waited long enough.
async fn over(held: Option<&Held>) {
    match held {
        Some(held) => sleep_until(held.until).await,
        None => std::future::pending().await,
    }
}

impl Pipeline<'_> {
    /// Whether all that was heard is answered and said.
    fn is_through(&self) -> bool {
        self.speaking.is_none() && self.held.is_none()
    }

    /// What is awaited of a turn has come.
    fn release(&mut self, turn: &str) {
        self.held.take_if(|held| held.turn == turn);
    }

    /// A call that is refused ends nothing: the next line may be right.
    async fn hear_or_say_why_not(
        &mut self,
        screen: &mut Screen,
        line: &str,
    ) -> Result<(), CtlError> {
        match self.hear(screen, line).await {
            Err(error @ (CtlError::Call { .. } | CtlError::Usage { .. })) => {
                screen.fail(&error);
                Ok(())
            }
            other => other,
        }
    }

    async fn hear(&mut self, screen: &mut Screen, line: &str) -> Result<(), CtlError> {
        match Heard::parse(line)? {
            Heard::Nothing => Ok(()),
            Heard::Partial(text) => self.partial(screen, &text).await,
            Heard::Transcript(guesses, scores) => self.transcript(screen, &guesses, &scores).await,
        }
    }

    async fn partial(&mut self, screen: &mut Screen, text: &str) -> Result<(), CtlError> {
        let options = self.options.turn.place()?;
        let early = self.voice.partial(text, options).await.map_err(|e| self.link.error(e))?;
        let early = value::object(&early);
        let intents: Vec<&str> = early["intents"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|intent| intent.as_str().map(short_intent))
            .collect();
        let whole = match early["complete"].as_bool() {
            Some(true) => "could be all",
            _ => "more is to come",
        };
        let line = format!("  so far: {} ({whole})", intents.join(", "));
        screen.line(screen.paint(Style::Dim, line))?;
        screen.event(&json!({ "event": "partial", "text": text, "early": early }))
    }

    async fn transcript(
        &mut self,
        screen: &mut Screen,
        guesses: &[String],
        scores: &[f64],
    ) -> Result<(), CtlError> {
        self.heard += 1;
        let followed = Followed::listen(self.link, &format!("listen{}_", self.heard)).await?;
        let token = followed.token().to_owned();
        let mut options = self.options.turn.options()?;
        options.insert("initiator", Variant::from("wake-word"));
        options.insert("handle-token", Variant::from(token.as_str()));
        let guesses: Vec<&str> = guesses.iter().map(String::as_str).collect();
        self.voice.transcript(&guesses, scores, options).await.map_err(|e| self.link.error(e))?;
        let (code, result) = followed.follow(|_, _| Ok(())).await?;
        if code == 1 {
            screen.line("  (stopped)")?;
        }
        if self.options.letters_a_second == 0 && !value::text(&result, "speech").is_empty() {
            self.held = Some(Held {
                turn: value::text(&result, "turn").to_owned(),
                asked: result["expects-reply"].as_bool() == Some(true),
                until: Instant::now() + HELD_FOR,
            });
        }
        for line in body(screen, &result) {
            screen.line(line)?;
        }
        screen.event(&json!({ "event": "result", "heard": guesses, "result": result }))
    }

    async fn take(&mut self, screen: &mut Screen, told: Told) -> Result<(), CtlError> {
        match told {
            Told::Speak { turn, text, last } => self.speak(screen, turn, &text, last).await,
            Told::Silence { turn } => {
                screen.line(screen.paint(Style::Warn, "  silence"))?;
                screen.event(&json!({ "event": "silence", "turn": turn }))?;
                match self.speaking.as_ref().is_some_and(|speaking| speaking.turn == turn) {
                    true => self.finish(true).await,
                    false => Ok(()),
                }
            }
        }
    }

    async fn speak(
        &mut self,
        screen: &mut Screen,
        turn: String,
        text: &str,
        last: bool,
    ) -> Result<(), CtlError> {
        if !text.is_empty() {
            let line = format!("  speaks: {}", text.trim());
            screen.line(screen.paint(Style::Strong, line))?;
        }
        screen.event(&json!({ "event": "speak", "turn": turn, "text": text, "last": last }))?;
        let before = self.speaking.take().filter(|speaking| speaking.turn == turn);
        if before.is_none() {
            self.tell(self.voice.speech_started(&turn, Options::new()).await)?;
        }
        let begins = before.map_or_else(Instant::now, |speaking| speaking.until);
        let until = begins + self.time_to_say(text);
        self.speaking = Some(Speaking { turn, until, open: !last });
        Ok(())
    }

    fn time_to_say(&self, text: &str) -> Duration {
        match self.options.letters_a_second {
            0 => Duration::ZERO,
            speed => Duration::from_secs_f64(text.chars().count() as f64 / f64::from(speed)),
        }
    }

    async fn finish(&mut self, interrupted: bool) -> Result<(), CtlError> {
        let Some(speaking) = self.speaking.take() else { return Ok(()) };
        let options = [("interrupted", Variant::from(interrupted))].into();
        self.tell(self.voice.speech_finished(&speaking.turn, options).await)?;
        if self.held.as_ref().is_some_and(|held| !held.asked || interrupted) {
            self.release(&speaking.turn);
        }
        Ok(())
    }

    /// What is too late to be told, or was ended meanwhile, is no fault of a pipeline.
    fn tell(&self, told: zbus::Result<()>) -> Result<(), CtlError> {
        match told.map_err(|error| self.link.error(error)) {
            Err(CtlError::Call { name, .. }) if name.ends_with(".UnknownTurn") => Ok(()),
            other => other,
        }
    }

    fn open_microphone(&mut self, screen: &mut Screen, turn: &str) -> Result<(), CtlError> {
        self.release(turn);
        screen.line(screen.paint(Style::Accent, "  the microphone opens"))?;
        screen.event(&json!({ "event": "open-microphone", "turn": turn }))
    }
}
