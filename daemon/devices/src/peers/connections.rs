//! One connection a bus, made when it is needed and made anew when the bus had gone away.
//!
//! Must not wait longer than the caller does.

use super::{BusPlace, PeerSettings};
use std::cell::RefCell;
use valet_core::{capability::dbus::BusKind, ports::peers::PeerError};
use zbus::{Connection, connection::Builder};

pub(super) struct Connections {
    settings: PeerSettings,
    session: RefCell<Option<Connection>>,
    system: RefCell<Option<Connection>>,
}

impl Connections {
    pub(super) fn new(settings: PeerSettings) -> Self {
        Self { settings, session: RefCell::default(), system: RefCell::default() }
    }

    /// The connection to a bus.
    pub(super) async fn to(&self, bus: BusKind) -> Result<Connection, PeerError> {
        let (place, kept) = match bus {
            BusKind::Session => (&self.settings.session, &self.session),
            BusKind::System => (&self.settings.system, &self.system),
        };
        if let Some(connection) = kept.borrow().as_ref().filter(|one| !one.is_closed()) {
            return Ok(connection.clone());
        }
        let missing = |why: String| {
            log::debug!("the {} bus is not there: {why}", bus.name());
            PeerError::NotAvailable { bus: bus.name() }
        };
        let builder = match place {
            BusPlace::Off => return Err(missing("it is off".to_owned())),
            BusPlace::At(address) => Builder::address(address.as_str()),
            BusPlace::Usual => match bus {
                BusKind::Session => Builder::session(),
                BusKind::System => Builder::system(),
            },
        };
        let connection = builder.build().await.map_err(|e| missing(e.to_string()))?;
        *kept.borrow_mut() = Some(connection.clone());
        Ok(connection)
    }
}
