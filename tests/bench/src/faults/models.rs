//! A model that is gone, and one that is spoilt.
//!
//! Must not touch what the daemon made of a model: that lies in its cache and is its own.

use super::{
    account::Account,
    disk::well,
    machine::{Machine, must},
};
use anyhow::Context as _;
use futures_util::StreamExt as _;
use std::{
    fs::OpenOptions,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};
use valet_bus::{path, proxies::RequestProxy};
use valet_testkit::{none, text};
use zbus::{Variant, proxy::CacheProperties};

const ID: &str = "all-minilm-l6-v2";
const FOLDER: &str = "/usr/share/valetd/models/all-minilm-l6-v2";
const AWAY: &str = "/usr/share/valetd/all-minilm-l6-v2.away";
const FILE: &str = "encoder-int8.onnx";
/// For the encoder to notice that it will not serve.
const SETTLES: Duration = Duration::from_secs(10);
/// A model that is back is loaded, and heads are trained.
const ACTIVATES: Duration = Duration::from_secs(60);

/// Its folder goes while the model serves, then the daemon is killed and has to start without.
pub(super) async fn gone(m: &Machine, hold: Duration, account: &mut Account) -> anyhow::Result<()> {
    std::fs::rename(FOLDER, AWAY)?;
    let said = during(m, hold, "missing", account).await;
    std::fs::rename(AWAY, FOLDER)?;
    said?;
    back(m, account).await
}

/// Bytes in the midst of its weights change, then the daemon is killed and has to start with that.
pub(super) async fn spoilt(
    m: &Machine,
    hold: Duration,
    account: &mut Account,
) -> anyhow::Result<()> {
    let file = Path::new(FOLDER).join(FILE);
    let copy = Path::new("/run").join(FILE);
    must(&["cp", "-a", &file.display().to_string(), &copy.display().to_string()]).await?;
    let opened = OpenOptions::new().write(true).open(&file)?;
    opened.write_all_at(&[0x5a; 64], opened.metadata()?.len() / 2)?;
    drop(opened);
    let said = during(m, hold, "wrong-hash", account).await;
    must(&["cp", "-a", &copy.display().to_string(), &file.display().to_string()]).await?;
    std::fs::remove_file(&copy)?;
    said?;
    back(m, account).await
}

async fn during(
    m: &Machine,
    hold: Duration,
    state: &str,
    account: &mut Account,
) -> anyhow::Result<()> {
    let began = Instant::now();
    m.reload().await?;
    let wrong = match m.models.verify(ID, none()).await {
        Ok(facts) => format!("{facts:?}"),
        Err(error) => error.to_string(),
    };
    account.holds("who asks is told what is wrong with it", wrong.contains(state), &wrong);
    let free = m.outcome("brr, the steering wheel is ice cold").await;
    account.holds("what serves already serves on", free == "action", free);
    m.kill().await?;
    let until = Instant::now() + SETTLES;
    while m.assistant.state().await? != "degraded" && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let reasons = m.assistant.state_reasons().await?.join("; ");
    account.holds("it says why it is degraded", !reasons.is_empty(), "no StateReasons");
    account.note(format!("StateReasons: {reasons}"));
    let known = m.outcome("set the temperature to 22 degrees").await;
    account.holds("templates are understood without it", known == "action", known);
    let free = m.outcome("brr, the steering wheel is ice cold").await;
    let promise = "free speech is said not to be understood";
    account.holds(promise, free.starts_with("not-understood"), free);
    tokio::time::sleep(hold.saturating_sub(began.elapsed())).await;
    Ok(())
}

/// As an operator does it: the files are there again, the daemon is told, and the model is activated.
async fn back(m: &Machine, account: &mut Account) -> anyhow::Result<()> {
    m.reload().await?;
    let us = m.bus.unique_name().map(ToString::to_string).unwrap_or_default();
    let request = RequestProxy::builder(&m.bus)
        .path(path::request(&us, "activate"))
        .cache_properties(CacheProperties::No)
        .build()
        .await?;
    let mut end = request.receive_finished().await?;
    let until = Instant::now() + SETTLES;
    loop {
        let token = [("handle-token", Variant::from("activate"))].into();
        match m.models.activate(ID, token).await {
            Ok(_) => break,
            // It is not through with the reload yet.
            Err(_) if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => {
                account.holds("a model that is back can be activated", false, error);
                return Ok(());
            }
        }
    }
    let end = tokio::time::timeout(ACTIVATES, end.next()).await.context("an activation hangs")?;
    let end = end.context("the bus went away")?;
    let told = end.args()?;
    let why = text(&told.result, "message").to_owned();
    account.holds("a model that is back can be activated", told.code == 0, why);
    well(m, account).await;
    Ok(())
}
