//! `valetd`, the program: wires the parts, says when it is ready, and ends with a code that says why.
//!
//! Must not hold logic of any part; the only place that turns errors into exit codes.

#[macro_use]
mod instant;

mod allocator;
mod assistant;
mod audit;
mod carried_code;
mod cli;
mod clock_jumps;
mod config;
mod crashes;
mod embed;
mod exit;
mod happening;
mod history;
mod inference;
mod installation;
mod logging;
mod models;
mod notify;
mod outside;
mod paths;
mod skills;
mod state;
mod trust;
mod wall;
mod world;
mod wyoming;

use anyhow::Context as _;
use assistant::{Assistant, Control, Ended, Inputs, Parts, Understanding};
use clap::Parser as _;
use cli::Cli;
use config::Config;
use exit::{Exit, Fatal};
use happening::Happening;
use paths::Paths;
use std::{process::ExitCode, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
};
use valet_bus::{
    Server,
    access::AccessRules,
    server::{Bus, FaceError},
};
use valet_understanding::Script;
use world::World;

/// What is left to finish when we are asked to stop.
const STOP_LIMIT: Duration = Duration::from_millis(1500);
/// Largest script of `--understanding FILE`, bytes.
const MAX_SCRIPT_BYTES: u64 = 1 << 20;

/// Runs the daemon as its command line says.
#[must_use]
pub fn main() -> ExitCode {
    allocator::pin_thresholds();
    #[cfg(feature = "fail-points")]
    let _scenario = instant::set_up();
    let cli = Cli::parse();
    let code = match run(&cli) {
        Ok(()) => Exit::Done,
        Err(fatal) => {
            log::error!("{:#}", fatal.error);
            fatal.exit
        }
    };
    ExitCode::from(code as u8)
}

fn run(cli: &Cli) -> Result<(), Fatal> {
    logging::start(log::LevelFilter::Info);
    let paths = Paths::of(cli);
    let wrong = |error| Fatal::new(Exit::Config, error);
    let mut config = Config::read(&paths, cli.config.is_some()).map_err(|e| wrong(e.into()))?;
    logging::start(config.log_level);
    if let Some(vehicle) = cli.vehicle {
        config.vehicle = vehicle;
    }
    if let Some(folder) = &cli.embed {
        return embed::run(folder, (&paths, &config));
    }
    let world = World::open(&config).map_err(wrong)?;
    outside::check(&config.outside).map_err(wrong)?;
    let policy = world::read_policy(&paths).map_err(wrong)?;
    let words = world::read_words(&config.language).map_err(wrong)?;
    let understanding = read_understanding(&cli.understanding).map_err(wrong)?;
    if cli.check_config {
        return check_skills(&paths, &config).map_err(wrong);
    }
    let opened = state::State::open(&paths.state).map_err(|e| Fatal::new(Exit::State, e))?;
    if let Some(reason) = &opened.reason {
        log::error!("{reason}");
    }
    let run = crashes::Run::begin(&paths.state);
    let safe_mode = config.safe_mode_after.is_some_and(|most| run.crashes() >= most);
    let parts = Parts { paths, config, understanding, world, policy, words, opened, safe_mode };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Only watches for late values block; they end by themselves.
        .thread_keep_alive(Duration::from_secs(5))
        .build()
        .map_err(|e| Fatal::new(Exit::Internal, e))?;
    let ended = runtime.block_on(serve(cli, parts));
    // A watch may still block for seconds; nobody waits for what it finds.
    runtime.shutdown_background();
    // An internal fault is as good as a crash: what was installed may be the reason.
    if !matches!(&ended, Err(fatal) if fatal.exit == Exit::Internal) {
        run.ended_well();
    }
    ended
}

fn read_understanding(choice: &str) -> anyhow::Result<Understanding> {
    if choice == "models" {
        return Ok(Understanding::Models);
    }
    let bytes = valet_package::folder::read_bounded(choice.as_ref(), MAX_SCRIPT_BYTES)?;
    let text = String::from_utf8(bytes).with_context(|| format!("{choice} is not UTF-8"))?;
    Ok(Understanding::Scripted(Box::new(Script::parse(choice, &text)?)))
}

/// `--check-config`: reads the skills too, without running them.
fn check_skills(paths: &Paths, config: &Config) -> anyhow::Result<()> {
    let scratch = state::State::in_memory_only()?;
    let trust = trust::Trust {
        folders: paths.trust.clone(),
        owners: paths.trust_owners.clone(),
        developer_mode: config.developer_mode,
    };
    let sources = skills::Sources {
        image: &paths.skills,
        installed: &installation::Folders::below(&paths.state),
        trusted: &trust.read(&scratch),
        state: &scratch,
        language: &config.language,
    };
    let skills = skills::Skills::load(&sources, None, skills::Which::All);
    let reasons = skills.reasons();
    anyhow::ensure!(reasons.is_empty(), "{}", reasons.join("\n"));
    log::info!("configuration, policy, words and {} skills are fine", skills.by_id.len());
    Ok(())
}

async fn serve(cli: &Cli, parts: Parts) -> Result<(), Fatal> {
    let (bus, rules) = if cli.session {
        (Bus::Session, AccessRules::only(rustix::process::geteuid().as_raw()))
    } else {
        (Bus::System, parts.config.access.clone())
    };
    let Server { face, mut calls, mut events } =
        Server::connect(bus, rules).await.map_err(|e| Fatal::new(Exit::Bus, e))?;
    let (happen, mut happenings) = mpsc::unbounded_channel();
    let mut assistant = Assistant::new(parts, face.clone(), happen.clone())
        .map_err(|e| Fatal::new(Exit::Internal, e))?;
    let mut heard = assistant.open_sockets();
    // Before anybody is told that it is there: a reload that is asked for at once is none too early.
    let (ask, mut control) = mpsc::unbounded_channel();
    let signals = watch_signals(ask).map_err(|e| Fatal::new(Exit::Internal, e))?;
    face.request_name().await.map_err(|error| match error {
        FaceError::NameTaken => Fatal::new(Exit::NameTaken, error),
        other => Fatal::new(Exit::Bus, other),
    })?;
    assistant.announce_ready();
    notify::ready();
    let watchdog = tokio::spawn(notify::pet_watchdog(face.clone()));
    watch_clock(happen.clone());
    let mut inputs = Inputs { calls: &mut calls, events: &mut events, heard: &mut heard };
    let ended = assistant.run(&mut inputs, &mut happenings, &mut control).await;
    signals.abort();
    watchdog.abort();
    match ended {
        Ended::BusLost => {
            assistant.stop();
            let lost =
                anyhow::anyhow!("the bus went away; systemd starts us again when it is back");
            Err(Fatal::new(Exit::BusLost, lost))
        }
        Ended::Asked => {
            notify::stopping();
            assistant.stop();
            face.close(STOP_LIMIT).await;
            log::info!(MESSAGE_ID = logging::message_id::STATE; "stopped");
            Ok(())
        }
    }
}

/// Alarms are looked at anew when the clock was set.
fn watch_clock(happen: mpsc::UnboundedSender<Happening>) {
    let jumped = move || {
        log::info!(MESSAGE_ID = logging::message_id::STATE; "the clock was set");
        happen.send(Happening::AlarmsChanged).is_ok()
    };
    if let Err(error) = clock_jumps::watch(jumped) {
        log::warn!("nobody says when the clock is set, so alarms may ring late then: {error}");
    }
}

/// Turns signals into what the task understands.
fn watch_signals(
    ask: mpsc::UnboundedSender<Control>,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => reload(&ask).await,
            }
        }
        // Nobody listens when the task has ended already.
        let _ = ask.send(Control::Stop);
    }))
}

async fn reload(ask: &mpsc::UnboundedSender<Control>) {
    notify::reloading();
    let (done, answer) = oneshot::channel();
    if ask.send(Control::Reload(done)).is_err() {
        return;
    }
    match answer.await {
        Ok(Ok(())) => {
            log::info!("configuration, policy, skills and manifests of models were read again")
        }
        Ok(Err(error)) => log::error!("the old configuration stays in force: {error:#}"),
        Err(_) => return,
    }
    notify::ready();
}
