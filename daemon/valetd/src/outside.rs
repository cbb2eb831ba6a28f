//! What lies outside of the vehicle, as the configuration says: a client for HTTP, the connection to the broker,
//! peers on D-Bus. Nothing of it is there by default but for peers, which are connected to when one is called.
//!
//! Must not decide what a skill may do with it.

use crate::{assistant::Inbox, config::OutsideConfig, happening::Happening};
use anyhow::Context as _;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use valet_core::{
    intent::SkillId,
    ports::{Spoken, Vocabularies, broker::Broker, http::HttpClient, peers::Peers},
};
use valet_skill_host::Outside;

/// Hands what skills know at run time to the task.
struct Named(UnboundedSender<Happening>);

impl Vocabularies for Named {
    fn set(&self, skill: &SkillId, entity: &str, values: Vec<Spoken>) {
        let (skill, entity) = (skill.clone(), entity.to_owned());
        // The daemon is stopping when nobody listens.
        let _ = self.0.send(Happening::Named { skill, entity, values });
    }
}

/// Whether what the configuration says can be had by this build.
///
/// # Errors
/// The key that is wrong, or what this build is without.
pub(crate) fn check(config: &OutsideConfig) -> anyhow::Result<()> {
    #[cfg(feature = "mqtt")]
    broker_settings(config)?;
    let without =
        |feature: &str, key: &str| format!("{key}: this daemon was built without {feature}");
    anyhow::ensure!(cfg!(feature = "http") || !config.http, without("HTTP", "network.http"));
    let broker = cfg!(feature = "mqtt") || config.broker.is_none();
    anyhow::ensure!(broker, without("MQTT", "mqtt.broker"));
    Ok(())
}

/// Opens what is configured.
///
/// # Errors
/// As [`check`], and threads that cannot be started.
pub(crate) fn open(
    config: &OutsideConfig,
    happenings: &UnboundedSender<Happening>,
    inbox: &Inbox,
) -> anyhow::Result<Outside> {
    check(config)?;
    Ok(Outside {
        http: config.http.then(|| http(config)).flatten(),
        broker: broker(config, happenings, inbox)?,
        peers: peers(config)?,
        vocabularies: Some(Arc::new(Named(happenings.clone()))),
    })
}

#[cfg(feature = "http")]
fn http(config: &OutsideConfig) -> Option<Arc<dyn HttpClient>> {
    use valet_devices::http::{Http, HttpSettings, SYSTEM_ROOTS, SystemLookup};
    let settings = HttpSettings {
        private_hosts: config.private_hosts.clone(),
        loopback_hosts: config.loopback_hosts.clone(),
        roots: config.certificates.clone().unwrap_or_else(|| SYSTEM_ROOTS.into()),
    };
    log::info!("skills may ask servers over HTTP, as far as they are granted to");
    Some(Arc::new(Http::new(settings, Arc::new(SystemLookup))))
}

#[cfg(not(feature = "http"))]
fn http(_config: &OutsideConfig) -> Option<Arc<dyn HttpClient>> {
    None
}

#[cfg(feature = "mqtt")]
fn broker_settings(
    config: &OutsideConfig,
) -> anyhow::Result<Option<valet_devices::mqtt::BrokerSettings>> {
    use valet_devices::mqtt::{BrokerAddress, BrokerSettings};
    let Some(text) = &config.broker else { return Ok(None) };
    let address =
        BrokerAddress::parse(text, config.allow_remote_broker).map_err(anyhow::Error::msg)?;
    let user = config.broker_user.clone();
    Ok(Some(BrokerSettings { address, user, password_file: config.broker_password_file.clone() }))
}

#[cfg(feature = "mqtt")]
fn broker(
    config: &OutsideConfig,
    happenings: &UnboundedSender<Happening>,
    inbox: &Inbox,
) -> anyhow::Result<Option<Arc<dyn Broker>>> {
    use valet_core::ports::broker::Woken;
    use valet_devices::mqtt::MqttBroker;
    let Some(settings) = broker_settings(config)? else { return Ok(None) };
    let (happenings, inbox) = (happenings.clone(), inbox.clone());
    let wake = Box::new(move |woken: Woken| {
        let skill = woken.skill.clone();
        if inbox.put(woken) {
            let _ = happenings.send(Happening::Woken { skill });
        }
    });
    let broker = MqttBroker::start(settings, wake).context("mqtt")?;
    Ok(Some(Arc::new(broker)))
}

#[cfg(not(feature = "mqtt"))]
fn broker(
    _config: &OutsideConfig,
    _happenings: &UnboundedSender<Happening>,
    _inbox: &Inbox,
) -> anyhow::Result<Option<Arc<dyn Broker>>> {
    Ok(None)
}

#[cfg(feature = "dbus-peers")]
fn peers(config: &OutsideConfig) -> anyhow::Result<Option<Arc<dyn Peers>>> {
    use valet_devices::peers::{BusPlace, DbusPeers, PeerSettings};
    let place = |text: &str| match text {
        "usual" => BusPlace::Usual,
        "off" => BusPlace::Off,
        address => BusPlace::At(address.to_owned()),
    };
    let settings =
        PeerSettings { session: place(&config.session_bus), system: place(&config.system_bus) };
    if settings.session == BusPlace::Off && settings.system == BusPlace::Off {
        return Ok(None);
    }
    Ok(Some(Arc::new(DbusPeers::start(settings).context("peers")?)))
}

#[cfg(not(feature = "dbus-peers"))]
fn peers(_config: &OutsideConfig) -> anyhow::Result<Option<Arc<dyn Peers>>> {
    Ok(None)
}
