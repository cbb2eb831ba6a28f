//! When the daemon's name was on the bus, as the bus itself says it.
//!
//! Must not ask again and again: what falls between two questions would be missed.

use futures_util::StreamExt as _;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;
use zbus::{Connection, fdo::DBusProxy, names::BusName};

/// What the bus has said since the watch began.
pub(super) struct Presence {
    /// From when on there was an owner, or none.
    changes: Mutex<Vec<(Instant, bool)>>,
    owner: watch::Sender<Option<String>>,
}

impl Presence {
    /// Watches from now on.
    pub(super) async fn watch(connection: &Connection) -> anyhow::Result<Arc<Self>> {
        let bus = DBusProxy::new(connection).await?;
        let name = BusName::try_from(valet_bus::BUS_NAME)?;
        let mut news =
            bus.receive_name_owner_changed_with_args(&[(0, valet_bus::BUS_NAME)]).await?;
        let owner = bus.get_name_owner(name).await.ok().map(|owner| owner.to_string());
        let first = (Instant::now(), owner.is_some());
        let presence =
            Arc::new(Self { changes: Mutex::new(vec![first]), owner: watch::Sender::new(owner) });
        let noted = Arc::clone(&presence);
        tokio::spawn(async move {
            while let Some(news) = news.next().await {
                let at = Instant::now();
                let Ok(told) = news.args() else { continue };
                let owner = told.new_owner().as_ref().map(ToString::to_string);
                noted.changes().push((at, owner.is_some()));
                noted.owner.send_replace(owner);
            }
        });
        Ok(presence)
    }

    fn changes(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, bool)>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has the name, and word of each change.
    pub(super) fn owner(&self) -> watch::Receiver<Option<String>> {
        self.owner.subscribe()
    }

    /// Each time without an owner between two moments.
    pub(super) fn outages(&self, from: Instant, to: Instant) -> Vec<Duration> {
        outages(&self.changes(), from, to)
    }
}

fn outages(changes: &[(Instant, bool)], from: Instant, to: Instant) -> Vec<Duration> {
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([to]);
    changes
        .iter()
        .zip(ends)
        .filter(|((_, there), _)| !there)
        .map(|((began, _), ended)| ended.min(to).saturating_duration_since((*began).max(from)))
        .filter(|length| !length.is_zero())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_the_part_of_an_outage_that_was_looked_at() {
        let zero = Instant::now();
        let at = |s: u64| zero + Duration::from_secs(s);
        let changes = [(at(0), true), (at(10), false), (at(12), true), (at(20), false)];
        let seconds = |from, to| -> Vec<u64> {
            outages(&changes, at(from), at(to)).iter().map(Duration::as_secs).collect()
        };
        assert_eq!(seconds(0, 30), [2, 10]);
        assert_eq!(seconds(11, 12), [1]);
        assert_eq!(seconds(12, 20), [0_u64; 0]);
    }
}
