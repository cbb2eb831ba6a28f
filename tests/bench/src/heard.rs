//! `heard`: the skills' own tests as a recogniser hears them, through a running daemon: what is done with the
//! words as they were meant, with the recogniser's first guess, and with all of its guesses.
//!
//! Must not be kind: a test is right when its intent, its slots and all that is written are those of the test.

mod judge;
mod words;

use crate::{
    figures::{Report, percent, quantile},
    live::{Live, block_on, none, start},
    turn::stage_ms,
};
use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use judge::{Outcome, Test, judge, tests_of};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Instant,
};
use valet_bus::{
    Dict,
    proxies::{Options, RequestProxy, SimulatorProxy, VoiceProxy},
};
use valet_core::speech::is_echo;
use valet_testkit::{PrivateBus, text};
use zbus::{Variant, proxy::CacheProperties};

/// What to say.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder that holds the skills' folders.
    #[arg(long, default_value = "skills")]
    skills: PathBuf,
    /// What a recogniser heard of some of the tests (JSON lines of tests/voice/speech.py); without it the
    /// tests are changed by rule, as recognisers change what is said.
    #[arg(long)]
    heard: Option<PathBuf>,
    /// Print this many texts of the tests, evenly taken, for a voice to say; nothing is measured.
    #[arg(long)]
    texts: Option<usize>,
    /// List what went wrong.
    #[arg(long)]
    failures: bool,
    /// Say every guess by itself and print what came of it, a JSON document a line: what the weights of
    /// guesses are chosen by.
    #[arg(long, requires = "heard")]
    each: bool,
    /// Write what the daemon answers to all guesses into this file, each answer once, a line each.
    #[arg(long, requires = "heard")]
    replies: Option<PathBuf>,
    /// How many of the daemon's own answers are known again when they are heard (JSON lines of speech.py).
    #[arg(long, conflicts_with = "heard")]
    echoes: Option<PathBuf>,
}

/// One text as it was heard.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    text: String,
    guesses: Vec<String>,
    scores: Vec<f64>,
}

/// Counts of one way to hear.
#[derive(Debug, Default)]
struct Row {
    right: usize,
    wrong: usize,
    all: usize,
    /// Milliseconds from the transcript to the first words, where a template knew it.
    by_template: Vec<f64>,
    /// The same less the time in the encoder, where that was asked.
    beside_encoder: Vec<f64>,
}

/// How long the first words took.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    first_words_ms: f64,
    encoder_ms: f64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let tests = tests_of(&arguments.skills)?;
    let mut report = Report::default();
    if let Some(how_many) = arguments.texts {
        let how_many = how_many.min(tests.len());
        (0..how_many).for_each(|n| report.say(tests[n * tests.len() / how_many].text.as_str()));
        return Ok(report);
    }
    if let Some(file) = &arguments.echoes {
        echoes(&tests, file, &mut report)?;
        return Ok(report);
    }
    block_on(async {
        let live = start(PrivateBus::session().await?, true).await?;
        let mut room = Room::new(&live).await?;
        match &arguments.heard {
            Some(file) if arguments.each => each(&mut room, &tests, file, &mut report).await,
            Some(file) => speech(&mut room, &tests, (file, arguments), &mut report).await,
            None => rules(&mut room, &tests, arguments.failures, &mut report).await,
        }
    })?;
    Ok(report)
}

/// A daemon and a pipeline that speaks to it.
struct Room<'l> {
    live: &'l Live,
    voice: VoiceProxy<'static>,
    simulator: SimulatorProxy<'static>,
    said: usize,
    /// What the daemon said last.
    speech: String,
}

impl<'l> Room<'l> {
    async fn new(live: &'l Live) -> anyhow::Result<Self> {
        let voice = VoiceProxy::new(&live.connection).await?;
        let simulator = SimulatorProxy::new(&live.connection).await?;
        Ok(Self { live, voice, simulator, said: 0, speech: String::new() })
    }

    /// Says a test in a conversation of its own, to the car as it starts, and says yes where that is asked.
    async fn say(
        &mut self,
        test: &Test,
        guesses: &[&str],
        scores: &[f64],
    ) -> anyhow::Result<(Outcome, Took)> {
        self.simulator.reset(none()).await?;
        for (path, value) in &test.before {
            self.simulator.set(path, value, none()).await?;
        }
        let session = self.live.assistant.open_session(none()).await?;
        let place = |more: Option<&str>| {
            let mut options = Options::from([
                ("session", Variant::from(session.clone().into_inner())),
                ("zone", Variant::from(test.zone.clone())),
            ]);
            options.extend(more.map(|token| ("handle-token", Variant::from(token.to_owned()))));
            options
        };
        self.said += 1;
        let token = format!("b{}", self.said);
        let (mut result, took) = self.hear(guesses, scores, (&token, place(Some(&token)))).await?;
        self.speech = text(&result, "speech").to_owned();
        let mut written = judge::written(&result);
        let first = result.clone();
        for _ in 0..2 {
            if text(&result, "code") != "confirm" {
                break;
            }
            result = self.live.assistant.ask("yes", place(None)).await?;
            written.extend(judge::written(&result));
        }
        let client = zbus::Proxy::new(
            &self.live.connection,
            valet_bus::BUS_NAME,
            session,
            "org.valetd.Session1",
        )
        .await?;
        client.call_method("Close", &(none(),)).await?;
        Ok((judge(test, &first, &written), took))
    }

    /// One transcript and its result, with the milliseconds to its first words.
    async fn hear(
        &self,
        guesses: &[&str],
        scores: &[f64],
        (token, options): (&str, Options<'_>),
    ) -> anyhow::Result<(Dict, Took)> {
        let us = self.live.connection.unique_name().context("no name on the bus")?;
        let request = RequestProxy::builder(&self.live.connection)
            .path(valet_bus::path::request(us, token))
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        let mut chunks = request.receive_chunk().await?;
        let mut finished = request.receive_finished().await?;
        let begun = Instant::now();
        self.voice.transcript(guesses, scores, options).await?;
        let mut first_words = None;
        loop {
            tokio::select! {
                biased;
                Some(_) = chunks.next() => {
                    first_words.get_or_insert_with(|| begun.elapsed());
                }
                Some(signal) = finished.next() => {
                    let args = signal.args()?;
                    let time = first_words.unwrap_or_else(|| begun.elapsed());
                    let first_words_ms = time.as_secs_f64() * 1000.0;
                    let encoder_ms = stage_ms(&args.result, "encoder");
                    return Ok((args.result, Took { first_words_ms, encoder_ms }));
                }
                else => anyhow::bail!("the daemon left the bus"),
            }
        }
    }
}

impl Row {
    fn count(&mut self, outcome: &Outcome, took: Took) {
        self.all += 1;
        self.right += usize::from(*outcome == Outcome::Right);
        self.wrong += usize::from(matches!(outcome, Outcome::WrongEffect(_)));
        match took.encoder_ms > 0.0 {
            true => self.beside_encoder.push(took.first_words_ms - took.encoder_ms),
            false => self.by_template.push(took.first_words_ms),
        }
    }

    fn add(&mut self, report: &mut Report, name: &str, how: &str) {
        report.add(
            &format!("{name}.right"),
            percent(self.right, self.all),
            "%",
            format!("{how}; {} tests", self.all),
        );
        report.add(
            &format!("{name}.wrong-effect"),
            percent(self.wrong, self.all),
            "%",
            "something was done that was not asked for",
        );
        let how = "from the transcript to the first words, one client, D-Bus";
        for (kind, times) in
            [("template", &mut self.by_template), ("beside-encoder", &mut self.beside_encoder)]
        {
            if !times.is_empty() {
                let how = format!("{how}; {} of them", times.len());
                report.add(
                    &format!("{name}.first-words.{kind}.p50"),
                    quantile(times, 0.5),
                    "ms",
                    how,
                );
            }
        }
    }
}

/// Real speech: as it was meant, the first guess, all guesses.
async fn speech(
    room: &mut Room<'_>,
    tests: &[Test],
    (file, arguments): (&PathBuf, &Arguments),
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut replies = BTreeSet::new();
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for (test, line) in lines_of(file, tests)? {
        let guesses: Vec<&str> = line.guesses.iter().map(String::as_str).collect();
        let first = &guesses[..guesses.len().min(1)];
        let ways = [
            ("meant", &[test.text.as_str()][..], &[][..]),
            ("first-guess", first, &[][..]),
            ("guesses", &guesses[..], &line.scores[..]),
        ];
        for (way, guesses, scores) in ways {
            let (outcome, time) = match guesses.is_empty() {
                true => (Outcome::Nothing("nothing was heard".into()), Took::default()),
                false => room.say(test, guesses, scores).await?,
            };
            if way == "guesses" {
                replies.insert(room.speech.clone());
            }
            if arguments.failures && outcome != Outcome::Right {
                report.say(format!("{way}: {:?} heard as {guesses:?}: {outcome:?}", test.text));
            }
            rows.entry(way).or_default().count(&outcome, time);
        }
    }
    for (way, mut row) in rows {
        row.add(report, &format!("heard.{way}"), "effect, intent and slots are those of the test");
    }
    if let Some(file) = &arguments.replies {
        let lines: Vec<String> = replies.into_iter().filter(|reply| !reply.is_empty()).collect();
        std::fs::write(file, lines.join("\n")).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The daemon's own voice: how much of it is known again, and how often a command is taken for it.
fn echoes(tests: &[Test], file: &PathBuf, report: &mut Report) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<Line> = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let known = |line: &&Line| line.guesses.first().is_some_and(|heard| is_echo(heard, &line.text));
    let known = lines.iter().filter(known).count();
    let how = format!("of {} answers, said by the voice and heard by the recogniser", lines.len());
    report.add("echo.known", percent(known, lines.len()), "%", how);
    let taken = |test: &&Test| lines.iter().any(|line| is_echo(&test.text, &line.text));
    let taken = tests.iter().filter(taken).count();
    let how = format!("of {} commands, while any of these answers sounds", tests.len());
    report.add("echo.commands-taken-for-it", percent(taken, tests.len()), "%", how);
    Ok(())
}

/// What was heard of which tests.
fn lines_of<'t>(file: &PathBuf, tests: &'t [Test]) -> anyhow::Result<Vec<(&'t Test, Line)>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let line: Line = serde_json::from_str(line)?;
        let test = tests.iter().find(|test| test.text == line.text);
        Ok((test.with_context(|| format!("{:?} is no test", line.text))?, line))
    });
    lines.collect()
}

/// Every guess by itself.
async fn each(
    room: &mut Room<'_>,
    tests: &[Test],
    file: &PathBuf,
    report: &mut Report,
) -> anyhow::Result<()> {
    for (number, (test, line)) in lines_of(file, tests)?.into_iter().enumerate() {
        for (guess, score) in line.guesses.iter().zip(&line.scores) {
            let (outcome, _) = room.say(test, &[guess], &[]).await?;
            let meant = room.live.assistant.parse(guess, none()).await?;
            let confidence = meant.iter().map(|command| command.get("confidence").cloned());
            let confidence =
                confidence.map(|c| c.and_then(|c| f64::try_from(c).ok()).unwrap_or(0.0));
            report.say(serde_json::to_string(&serde_json::json!({
                "test": number,
                "guess": guess,
                "score": score,
                "confidence": confidence.fold(1.0, f64::min),
                "commands": meant.len(),
                "engine": meant.first().map_or("", |command| text(command, "engine")),
                "outcome": match outcome {
                    Outcome::Right => "right",
                    Outcome::WrongEffect(_) => "wrong-effect",
                    Outcome::Nothing(_) => "nothing",
                },
            }))?);
        }
    }
    Ok(())
}

/// Words as recognisers write them, by rule.
async fn rules(
    room: &mut Room<'_>,
    tests: &[Test],
    failures: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut clean = 0.0;
    for rule in words::RULES {
        let mut row = Row::default();
        for (number, test) in tests.iter().enumerate() {
            let said = (rule.change)(&test.text, number as u64);
            let (outcome, time) = room.say(test, &[&said], &[]).await?;
            if failures && outcome != Outcome::Right {
                report.say(format!("{}: {said:?}: {outcome:?}", rule.name));
            }
            row.count(&outcome, time);
        }
        let right = percent(row.right, row.all);
        row.add(report, &format!("robust.{}", rule.name), rule.what);
        if rule.name == "clean" {
            clean = right;
        } else {
            let how = "points less than the clean text";
            report.add(&format!("robust.{}.loss", rule.name), clean - right, "points", how);
        }
    }
    Ok(())
}
