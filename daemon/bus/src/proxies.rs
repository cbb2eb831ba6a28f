//! Client proxies for the interfaces that are served. What `valetctl`, the tests and other
//! Rust clients use; they mirror `interfaces/*.xml`.
#![allow(missing_docs)]

use crate::Dict;
use std::collections::BTreeMap;
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

/// Options as a client writes them.
pub type Options<'a> = BTreeMap<&'a str, Variant<'a>>;

#[zbus::proxy(
    interface = "org.valetd.Assistant1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Assistant {
    fn ask(&self, text: &str, options: Options<'_>) -> zbus::Result<Dict>;
    fn submit(&self, text: &str, options: Options<'_>) -> zbus::Result<OwnedObjectPath>;
    fn parse(&self, text: &str, options: Options<'_>) -> zbus::Result<Vec<Dict>>;
    fn parse_batch(&self, texts: &[&str], options: Options<'_>) -> zbus::Result<Vec<Vec<Dict>>>;
    fn open_session(&self, options: Options<'_>) -> zbus::Result<OwnedObjectPath>;
    fn stop(&self, options: Options<'_>) -> zbus::Result<()>;
    fn undo(&self, options: Options<'_>) -> zbus::Result<Dict>;
    fn register_agent(
        &self,
        agent: &zbus::ObjectPath<'_>,
        capabilities: &[&str],
        options: Options<'_>,
    ) -> zbus::Result<()>;
    fn unregister_agent(
        &self,
        agent: &zbus::ObjectPath<'_>,
        options: Options<'_>,
    ) -> zbus::Result<()>;
    fn observe(&self, options: Options<'_>) -> zbus::Result<()>;
    fn unobserve(&self, options: Options<'_>) -> zbus::Result<()>;
    fn set_vocabulary(
        &self,
        entity: &str,
        values: &[(&str, Vec<&str>)],
        options: Options<'_>,
    ) -> zbus::Result<()>;
    fn clear_vocabulary(&self, entity: &str, options: Options<'_>) -> zbus::Result<()>;
    fn suggest(&self, options: Options<'_>) -> zbus::Result<Vec<String>>;

    #[zbus(signal)]
    fn turn_changed(&self, turn: String, state: String, details: Dict) -> zbus::Result<()>;
    #[zbus(signal)]
    fn turn_finished(&self, turn: String, result: Dict) -> zbus::Result<()>;
    #[zbus(signal)]
    fn announced(&self, text: String, details: Dict) -> zbus::Result<()>;

    #[zbus(property)]
    fn version(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn state_reasons(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property)]
    fn dialog_state(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn languages(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property)]
    fn models(&self) -> zbus::Result<BTreeMap<String, Dict>>;
    #[zbus(property)]
    fn cloud_policy(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn tainted(&self) -> zbus::Result<bool>;
}

#[zbus::proxy(interface = "org.valetd.Request1", default_service = "org.valetd.Assistant1")]
pub trait Request {
    fn cancel(&self, options: Options<'_>) -> zbus::Result<()>;
    #[zbus(signal)]
    fn progress(&self, state: String, details: Dict) -> zbus::Result<()>;
    #[zbus(signal)]
    fn chunk(&self, seq: u32, text: String) -> zbus::Result<()>;
    #[zbus(signal)]
    fn finished(&self, code: u32, result: Dict) -> zbus::Result<()>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;
}

#[zbus::proxy(interface = "org.valetd.Session1", default_service = "org.valetd.Assistant1")]
pub trait Session {
    fn say(&self, text: &str, options: Options<'_>) -> zbus::Result<OwnedObjectPath>;
    fn set_context(&self, context: Options<'_>) -> zbus::Result<()>;
    fn reset(&self, options: Options<'_>) -> zbus::Result<()>;
    fn close(&self, options: Options<'_>) -> zbus::Result<()>;
    #[zbus(property)]
    fn language(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn zone(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn expecting_reply(&self) -> zbus::Result<bool>;
}

#[zbus::proxy(
    interface = "org.valetd.Vehicle1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Vehicle {
    fn read(&self, paths: &[&str], options: Options<'_>) -> zbus::Result<Dict>;
}

#[zbus::proxy(
    interface = "org.valetd.Simulator1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Simulator {
    fn set(&self, path: &str, value: &Variant<'_>, options: Options<'_>) -> zbus::Result<()>;
    fn set_fault(&self, path: &str, fault: &str, options: Options<'_>) -> zbus::Result<()>;
    fn drive(&self, cycle: &str, options: Options<'_>) -> zbus::Result<()>;
    fn reset(&self, options: Options<'_>) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.valetd.Diagnostics1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Diagnostics {
    fn trace(&self, turn: &str, options: Options<'_>) -> zbus::Result<Dict>;
    fn stats(&self, options: Options<'_>) -> zbus::Result<Dict>;
}

#[zbus::proxy(
    interface = "org.valetd.Privacy1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Privacy {
    fn history(&self, options: Options<'_>) -> zbus::Result<Vec<Dict>>;
    fn forget(&self, options: Options<'_>) -> zbus::Result<()>;
    #[zbus(property)]
    fn cloud_policy(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn store_history(&self) -> zbus::Result<bool>;
}

#[zbus::proxy(
    interface = "org.valetd.Skills1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Skills {
    fn inspect(&self, package: zbus::Fd<'_>, options: Options<'_>) -> zbus::Result<Dict>;
    fn install(
        &self,
        package: zbus::Fd<'_>,
        manifest_sha256: &[u8],
        grants: &[&str],
        options: Options<'_>,
    ) -> zbus::Result<OwnedObjectPath>;
    fn remove(&self, id: &str, options: Options<'_>) -> zbus::Result<()>;
    fn rollback(&self, id: &str, options: Options<'_>) -> zbus::Result<()>;
    #[zbus(signal)]
    fn skills_ready(&self, generation: u64, skills: Vec<String>) -> zbus::Result<()>;
}

#[zbus::proxy(interface = "org.valetd.Skill1", default_service = "org.valetd.Assistant1")]
pub trait Skill {
    fn enable(&self, options: Options<'_>) -> zbus::Result<()>;
    fn disable(&self, options: Options<'_>) -> zbus::Result<()>;
    fn grant(&self, grants: &[&str], options: Options<'_>) -> zbus::Result<()>;
    fn revoke(&self, grants: &[&str], options: Options<'_>) -> zbus::Result<()>;
    fn set_settings(&self, settings: Options<'_>, options: Options<'_>) -> zbus::Result<()>;
    #[zbus(property)]
    fn id(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn name(&self) -> zbus::Result<String>;
    #[zbus(property, name = "Version")]
    fn skill_version(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn counter(&self) -> zbus::Result<u64>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn requested(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property)]
    fn granted(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property)]
    fn signer(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn intents(&self) -> zbus::Result<Vec<String>>;
    #[zbus(property)]
    fn last_error(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn stats(&self) -> zbus::Result<Dict>;
    #[zbus(property)]
    fn settings(&self) -> zbus::Result<Dict>;
}

#[zbus::proxy(
    interface = "org.valetd.Models1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Models {
    fn verify(&self, id: &str, options: Options<'_>) -> zbus::Result<Dict>;
    fn activate(&self, id: &str, options: Options<'_>) -> zbus::Result<OwnedObjectPath>;
    fn rollback(&self, kind: &str, options: Options<'_>) -> zbus::Result<()>;
}

#[zbus::proxy(interface = "org.valetd.Model1", default_service = "org.valetd.Assistant1")]
pub trait Model {
    #[zbus(property)]
    fn id(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn kind(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn name(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn sha256(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn last_error(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn file_bytes(&self) -> zbus::Result<u64>;
    #[zbus(property)]
    fn memory_bytes(&self) -> zbus::Result<u64>;
    #[zbus(property)]
    fn stats(&self) -> zbus::Result<Dict>;
}

/// The value inside, for printing.
#[must_use]
pub fn plain(value: &OwnedVariant) -> String {
    match &**value {
        Variant::Str(text) => text.to_string(),
        Variant::ObjectPath(path) => path.to_string(),
        Variant::F64(v) => v.to_string(),
        Variant::I64(v) => v.to_string(),
        Variant::U64(v) => v.to_string(),
        Variant::U32(v) => v.to_string(),
        Variant::Bool(v) => v.to_string(),
        other => format!("{other:?}"),
    }
}

#[zbus::proxy(
    interface = "org.valetd.Voice1",
    default_service = "org.valetd.Assistant1",
    default_path = "/org/valetd/Assistant1"
)]
pub trait Voice {
    fn set_listening(&self, listening: bool, options: Options<'_>) -> zbus::Result<()>;
    fn partial(&self, text: &str, options: Options<'_>) -> zbus::Result<Dict>;
    fn transcript(
        &self,
        guesses: &[&str],
        scores: &[f64],
        options: Options<'_>,
    ) -> zbus::Result<OwnedObjectPath>;
    fn speech_started(&self, turn: &str, options: Options<'_>) -> zbus::Result<()>;
    fn speech_finished(&self, turn: &str, options: Options<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    fn stop_speaking(&self, turn: String, details: Dict) -> zbus::Result<()>;
    #[zbus(signal)]
    fn open_microphone(&self, turn: String, details: Dict) -> zbus::Result<()>;
}
