//! `stop`: from `Stop` to silence asked for and the turn ended, while a skill loops and another turn's words sound.
//!
//! Must not measure a skill that would end by itself in the meantime.

use crate::{
    figures::{Report, quantile},
    live::{block_on, none},
};
use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use std::time::{Duration, Instant};
use valet_bus::proxies::{AssistantProxy, RequestProxy, VoiceProxy};
use valet_testkit::{DaemonBuilder, PrivateBus, Says, Skills, TestAgent, text};
use zbus::{Connection, Variant, proxy::CacheProperties};

/// What each text means.
const SCRIPT: &str = "[[say]]\ntext = \"go round\"\nintent = \"org.example.probe/loop\"\n\
[[say]]\ntext = \"say something\"\nintent = \"org.example.probe/echo\"\n";
/// How long a turn may run; the loop has the rest of it before it when it is stopped.
const LONG: &str = "turn-ms = 2000";

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Rounds; each stops once.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    block_on(measure(arguments.rounds))
}

async fn measure(rounds: usize) -> anyhow::Result<Report> {
    let skills = valet_bus_tests::probe();
    let manifest = skills.path().join("org.example.probe/skill.toml");
    let patient = std::fs::read_to_string(&manifest)?.replace("turn-ms = 200", LONG);
    anyhow::ensure!(patient.contains(LONG), "the guest's manifest has no turn-ms to lengthen");
    std::fs::write(&manifest, patient)?;
    let bus = PrivateBus::session().await?;
    let folder = Skills::Folder(skills.path().to_owned());
    let _daemon = DaemonBuilder::new(&bus).skills(folder).script(SCRIPT).start().await?;
    let client = bus.connect().await?;
    let speaker = bus.connect().await?;
    let mut agent = TestAgent::register(&speaker, &["speak"], None, Says::Yes).await?;
    let mut room = Room::new(client).await?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        times.push(room.round(&mut agent).await?);
    }
    let how = format!(
        "{rounds} rounds; until the agent is told to be silent and the looping turn has ended, one client, D-Bus"
    );
    let mut report = Report::default();
    for (name, at) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        report.add(&format!("stop.{name}"), quantile(&mut times, at), "ms", how.as_str());
    }
    Ok(report)
}

struct Room {
    client: Connection,
    assistant: AssistantProxy<'static>,
    voice: VoiceProxy<'static>,
    round: usize,
}

impl Room {
    async fn new(client: Connection) -> anyhow::Result<Self> {
        let assistant = AssistantProxy::new(&client).await?;
        let voice = VoiceProxy::new(&client).await?;
        Ok(Self { client, assistant, voice, round: 0 })
    }

    /// Milliseconds from the stop to silence and the end.
    async fn round(&mut self, agent: &mut TestAgent) -> anyhow::Result<f64> {
        let said = self.assistant.ask("say something", none()).await?;
        let turn = text(&said, "turn").to_owned();
        while agent.next().await.turn != turn {}
        self.voice.speech_started(&turn, none()).await?;
        self.round += 1;
        let token = format!("r{}", self.round);
        let us = self.client.unique_name().context("no name on the bus")?;
        let request = RequestProxy::builder(&self.client)
            .path(valet_bus::path::request(us, &token))
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        let mut progress = request.receive_progress().await?;
        let mut finished = request.receive_finished().await?;
        // Another zone: what sounds is not spoken over.
        let options =
            [("handle-token", Variant::from(token.as_str())), ("zone", Variant::from("row2"))];
        self.assistant.submit("go round", options.into()).await?;
        while progress.next().await.context("no progress")?.args()?.state != "acting" {}
        let begun = Instant::now();
        self.assistant.stop(none()).await?;
        let silence = async { while agent.next().await.method != "Cancel" {} };
        let (end, ()) = tokio::time::timeout(Duration::from_secs(5), async {
            tokio::join!(finished.next(), silence)
        })
        .await
        .context("no end after 5 s")?;
        let time = begun.elapsed().as_secs_f64() * 1000.0;
        let code = end.context("no end")?.args()?.code;
        anyhow::ensure!(code == 1, "the turn ended with {code}, expected 1: it was not stopped");
        Ok(time)
    }
}
