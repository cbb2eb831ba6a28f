//! The connection to the daemon: one bus, its proxies, and errors in our words.
//!
//! Must not call anything by itself.

use crate::{CtlError, args::Bus, value};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use valet_bus::proxies::{
    AssistantProxy, DiagnosticsProxy, ModelsProxy, Options, RequestProxy, SessionProxy,
    SimulatorProxy, SkillProxy, SkillsProxy, VehicleProxy, VoiceProxy,
};
use zbus::{Connection, proxy::CacheProperties};

/// Longer than any turn: 25 s at most, and 15 s for a person behind an agent.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// An open connection.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    connection: Connection,
    bus: String,
}

/// A bus in words.
pub(crate) fn bus_name(bus: &Bus) -> String {
    match bus {
        Bus::Session => "session bus".to_owned(),
        Bus::System => "system bus".to_owned(),
        Bus::Address(address) => format!("bus {address}"),
    }
}

impl Link {
    /// Connects. Does not look for the daemon: the first call does, and starts it where the bus can.
    ///
    /// # Errors
    /// [`CtlError::NoBus`].
    pub(crate) async fn open(bus: &Bus) -> Result<Self, CtlError> {
        let builder = match bus {
            Bus::Session => zbus::connection::Builder::session(),
            Bus::System => zbus::connection::Builder::system(),
            Bus::Address(address) => zbus::connection::Builder::address(address.as_str()),
        };
        let name = bus_name(bus);
        let connection = builder
            .method_timeout(CALL_LIMIT)
            .build()
            .await
            .map_err(|error| CtlError::NoBus { bus: name.clone(), why: error.to_string() })?;
        Ok(Self { connection, bus: name })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// An error of a call in our words.
    pub(crate) fn error(&self, error: zbus::Error) -> CtlError {
        match error {
            zbus::Error::MethodError(name, message, _) => CtlError::Call {
                name: name.to_string(),
                message: message.unwrap_or_else(|| "no words came with the error".to_owned()),
            },
            zbus::Error::FDO(error) => match *error {
                zbus::fdo::Error::ServiceUnknown(_) | zbus::fdo::Error::NameHasNoOwner(_) => {
                    CtlError::NoDaemon { bus: self.bus.clone() }
                }
                zbus::fdo::Error::ZBus(inner) => CtlError::Lost { why: inner.to_string() },
                zbus::fdo::Error::NoReply(why) | zbus::fdo::Error::Disconnected(why) => {
                    CtlError::Lost { why }
                }
                other => {
                    let words = other.to_string();
                    let (name, message) = words.split_once(": ").unwrap_or(("Failed", &words));
                    CtlError::Call { name: name.to_owned(), message: message.to_owned() }
                }
            },
            other => CtlError::Lost { why: other.to_string() },
        }
    }

    pub(crate) async fn assistant(&self) -> Result<AssistantProxy<'static>, CtlError> {
        AssistantProxy::builder(&self.connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(|e| self.error(e))
    }

    pub(crate) async fn voice(&self) -> Result<VoiceProxy<'static>, CtlError> {
        VoiceProxy::new(&self.connection).await.map_err(|e| self.error(e))
    }

    pub(crate) async fn vehicle(&self) -> Result<VehicleProxy<'static>, CtlError> {
        VehicleProxy::new(&self.connection).await.map_err(|e| self.error(e))
    }

    pub(crate) async fn simulator(&self) -> Result<SimulatorProxy<'static>, CtlError> {
        SimulatorProxy::new(&self.connection).await.map_err(|e| self.error(e))
    }

    pub(crate) async fn diagnostics(&self) -> Result<DiagnosticsProxy<'static>, CtlError> {
        DiagnosticsProxy::new(&self.connection).await.map_err(|e| self.error(e))
    }

    pub(crate) async fn skill(&self, path: &str) -> Result<SkillProxy<'static>, CtlError> {
        let path = zbus::OwnedObjectPath::try_from(path)
            .map_err(|e| CtlError::Usage { message: format!("{path:?} is no object path: {e}") })?;
        SkillProxy::builder(&self.connection)
            .path(path)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(|e| self.error(e))
    }

    pub(crate) async fn session(
        &self,
        path: &zbus::OwnedObjectPath,
    ) -> Result<SessionProxy<'static>, CtlError> {
        SessionProxy::builder(&self.connection)
            .path(path.clone())
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(|e| self.error(e))
    }

    pub(crate) async fn skills(&self) -> Result<SkillsProxy<'static>, CtlError> {
        SkillsProxy::new(&self.connection).await.map_err(|e| self.error(e))
    }

    pub(crate) async fn models(&self) -> Result<ModelsProxy<'static>, CtlError> {
        ModelsProxy::new(&self.connection).await.map_err(|e| self.error(e))
    }

    /// Says when the daemon comes or goes.
    pub(crate) async fn owners(&self) -> Result<zbus::fdo::NameOwnerChangedStream, CtlError> {
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.map_err(|e| self.error(e))?;
        bus.receive_name_owner_changed_with_args(&[(0, valet_bus::BUS_NAME)])
            .await
            .map_err(|e| self.error(e))
    }

    /// The request that a call of ours with this token will make.
    pub(crate) async fn request(&self, token: &str) -> Result<RequestProxy<'static>, CtlError> {
        let us = self.connection.unique_name().map(ToString::to_string).unwrap_or_default();
        let path = zbus::OwnedObjectPath::try_from(valet_bus::path::request(&us, token))
            .map_err(|e| CtlError::Usage { message: format!("{token:?} is no token: {e}") })?;
        RequestProxy::builder(&self.connection)
            .path(path)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .map_err(|e| self.error(e))
    }

    /// What an object manager lists of one interface, by object path: properties as JSON.
    ///
    /// # Errors
    /// The call's.
    pub(crate) async fn managed(
        &self,
        manager: &'static str,
        interface: &str,
    ) -> Result<BTreeMap<String, Value>, CtlError> {
        let manager = zbus::fdo::ObjectManagerProxy::builder(&self.connection)
            .destination(valet_bus::BUS_NAME)
            .path(manager)
            .build()
            .await
            .map_err(|e| self.error(e))?;
        let objects = manager.get_managed_objects().await.map_err(|e| self.error(e.into()))?;
        let mut found = BTreeMap::new();
        for (path, interfaces) in objects {
            for (name, properties) in interfaces {
                if name.as_str() == interface {
                    let properties =
                        properties.iter().map(|(k, v)| (k.to_string(), value::json(v))).collect();
                    found.insert(path.to_string(), Value::Object(properties));
                }
            }
        }
        Ok(found)
    }

    /// Current values of signals by path or pattern.
    ///
    /// # Errors
    /// The call's.
    pub(crate) async fn read(&self, paths: &[&str]) -> Result<Value, CtlError> {
        let values = self.vehicle().await?.read(paths, Options::new()).await;
        values.map(|dict| value::object(&dict)).map_err(|e| self.error(e))
    }
}
