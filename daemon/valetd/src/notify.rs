//! Word to systemd: ready, reloading, stopping, and the watchdog.
//!
//! Must not pet the watchdog for being alive: only a call of our own that came back through
//! the bus proves that clients are served.

use sd_notify::NotifyState;
use std::time::Duration;
use valet_bus::Face;

/// How long our own call through the bus may take.
const PING_LIMIT: Duration = Duration::from_secs(5);

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("systemd could not be told: {error}");
    }
}

/// The bus and the templates answer.
pub(crate) fn ready() {
    notify(&[NotifyState::Ready, NotifyState::Status("answering")]);
}

/// Configuration is being read again.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            notify(&[NotifyState::Reloading, now, NotifyState::Status("reading the configuration")])
        }
        Err(_) => notify(&[NotifyState::Reloading]),
    }
}

/// No new calls are taken.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Pets the watchdog at half its time, each time after a call through the bus. Ends at once
/// where systemd watches nobody.
pub(crate) async fn pet_watchdog(face: Face) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut pause = tokio::time::interval(limit / 2);
    loop {
        pause.tick().await;
        match face.ping_self(PING_LIMIT).await {
            Ok(()) => notify(&[NotifyState::Watchdog]),
            Err(error) => {
                log::error!("our own call did not come back, the watchdog is not told: {error}")
            }
        }
    }
}
