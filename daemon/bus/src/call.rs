//! A checked call on its way to the daemon, and the way its answer goes back.
//!
//! Must not be built for a caller that was not identified and allowed.

mod voice;

pub use voice::{Guesses, MAX_GUESSES};

use crate::{
    BusError, Dict, ErrorName,
    access::Rights,
    contract::Member,
    options::{OptionReader, ParseOptions, TurnOptions},
    path,
};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use tokio::sync::mpsc;
use valet_core::{
    session::{Caller, MAX_SHOWN, SessionKey},
    zone::Zone,
};
use zbus::{Message, OwnedFd, OwnedObjectPath, OwnedVariant, wire::Type};

/// Most texts of a `ParseBatch`.
pub const MAX_BATCH: usize = 1000;
/// Most paths of a `Read`.
pub const MAX_READ: usize = 256;
/// Most values of a run-time vocabulary.
pub const MAX_VOCABULARY: usize = 2000;
/// Turns that `History` gives when the call does not say how many.
pub const DEFAULT_HISTORY: u32 = 50;
/// Most grants of a call.
pub const MAX_GRANTS: usize = 256;
/// Most turns of a `History`.
pub const MAX_HISTORY: u32 = 1000;

/// A call of a client, its arguments checked against the contract.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Call {
    Ask { text: String, options: TurnOptions },
    Submit { text: String, options: TurnOptions },
    Parse { text: String, options: ParseOptions },
    ParseBatch { texts: Vec<String>, options: ParseOptions },
    OpenSession { language: Option<String>, zone: Option<Zone>, initiator: Option<String> },
    Stop { session: Option<SessionKey>, zone: Option<Zone> },
    Undo { options: TurnOptions },
    RegisterAgent { object: String, capabilities: Vec<String>, zone: Zone },
    UnregisterAgent { object: String },
    Observe,
    Unobserve,
    SetVocabulary { entity: String, values: Vec<(String, Vec<String>)>, language: Option<String> },
    ClearVocabulary { entity: String, language: Option<String> },
    Suggest { language: Option<String>, session: Option<SessionKey>, zone: Option<Zone> },
    SetListening { listening: bool, zone: Zone, initiator: Option<String> },
    Partial { text: String, zone: Zone, language: Option<String> },
    Transcript { guesses: Guesses, options: TurnOptions },
    SpeechStarted { turn: String },
    SpeechFinished { turn: String, interrupted: bool },
    Cancel { request: String },
    Say { session: SessionKey, text: String, options: TurnOptions },
    SetContext { session: SessionKey, items: Vec<(String, String)> },
    Reset { session: SessionKey },
    Close { session: SessionKey },
    Read { paths: Vec<String> },
    SimulatorSet { path: String, value: OwnedVariant },
    SimulatorSetFault { path: String, fault: String },
    SimulatorDrive { cycle: String },
    SimulatorReset,
    Trace { turn: String },
    Stats,
    History { limit: u32 },
    Forget,
    EnableSkill { id: String, enable: bool },
    SetSkillSettings { id: String, settings: Dict },
    InspectPackage { package: OwnedFd },
    InstallSkill { package: OwnedFd, terms: InstallTerms },
    RemoveSkill { id: String },
    RollbackSkill { id: String },
    GrantSkill { id: String, grants: Vec<String> },
    RevokeSkill { id: String, grants: Vec<String> },
    VerifyModel { id: String },
    ActivateModel { id: String, handle_token: Option<String> },
    RollbackModel { kind: String },
}

/// What the caller of an installation agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallTerms {
    /// SHA-256 of the manifest that was inspected.
    pub manifest_sha256: [u8; 32],
    /// What the skill may touch, as texts.
    pub grants: Vec<String>,
    /// Whether it may be older than what was here.
    pub allow_downgrade: bool,
    /// The caller's token.
    pub handle_token: Option<String>,
}

/// A call with who made it and how to answer.
#[derive(Debug)]
pub struct Incoming {
    /// Who, as the bus says.
    pub caller: Caller,
    /// What the caller may do by the rules.
    pub rights: Arc<Rights>,
    /// Whether a person may be asked on the way, as by polkit's agent.
    pub interactive: bool,
    /// What.
    pub call: Call,
    /// How to answer; dropped unanswered it answers with `Failed`.
    pub reply: Reply,
}

/// The way back of one call. Answers go out in the order they are given.
#[derive(Debug)]
pub struct Reply {
    pub(crate) message: Message,
    pub(crate) outbox: mpsc::UnboundedSender<Message>,
    pub(crate) answered: bool,
    pub(crate) finished: mpsc::UnboundedSender<String>,
}

impl Reply {
    /// Answers.
    pub fn ok<B: Serialize + Type>(mut self, body: &B) {
        match Message::method_return(&self.message.header()).build(body) {
            Ok(message) => self.send(message),
            Err(error) => {
                log::error!("an answer could not be built: {error}");
                self.error_in_place(&BusError::new(
                    ErrorName::Failed,
                    "the answer could not be built",
                ));
            }
        }
    }

    /// Answers with an error.
    pub fn error(mut self, error: &BusError) {
        self.error_in_place(error);
    }

    fn error_in_place(&mut self, error: &BusError) {
        let header = self.message.header();
        if let Ok(message) = Message::error(&header, error.name.as_str()).build(&error.message) {
            self.send(message);
        }
    }

    fn send(&mut self, message: Message) {
        self.answered = true;
        // The outbox lives as long as the connection; without it nobody waits any more.
        let _ = self.outbox.send(message);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered {
            self.error_in_place(&BusError::new(ErrorName::Failed, "the daemon dropped the call"));
        }
        if let Some(sender) = self.message.header().sender() {
            let _ = self.finished.send(sender.to_string());
        }
    }
}

fn body<T: DeserializeOwned + Type>(message: &Message) -> Result<T, BusError> {
    let body = message.body();
    body.deserialize::<T>()
        .map_err(|error| BusError::invalid(format!("the arguments do not parse: {error}")))
}

fn language_only(dict: Dict) -> Result<Option<String>, BusError> {
    let mut reader = OptionReader::new(dict);
    let language = reader.text("language")?;
    reader.finish(&["language"])?;
    Ok(language)
}

fn no_options(dict: Dict) -> Result<(), BusError> {
    OptionReader::new(dict).finish(&[])
}

impl Call {
    /// Reads a call of a known member at an object. The size and the signature of the message
    /// are those that the contract allows; its sender was identified and may make the call.
    ///
    /// # Errors
    /// `InvalidArguments`, `LimitExceeded`, `UnknownSession`, `UnknownSkill`.
    pub fn read(member: &Member, object: &str, message: &Message) -> Result<Self, BusError> {
        match member.interface {
            "org.valetd.Assistant1" => Self::read_assistant(member.name, message),
            "org.valetd.Session1" => Self::read_session(member.name, object, message),
            "org.valetd.Request1" => {
                no_options(body(message)?)?;
                Ok(Self::Cancel { request: object.to_owned() })
            }
            "org.valetd.Voice1" => Self::read_voice(member.name, message),
            "org.valetd.Vehicle1" => {
                let (paths, options): (Vec<String>, Dict) = body(message)?;
                no_options(options)?;
                at_most("paths", paths.len(), MAX_READ)?;
                Ok(Self::Read { paths })
            }
            "org.valetd.Simulator1" => Self::read_simulator(member.name, message),
            "org.valetd.Diagnostics1" => Self::read_diagnostics(member.name, message),
            "org.valetd.Privacy1" => Self::read_privacy(member.name, message),
            "org.valetd.Models1" => Self::read_models(member.name, message),
            "org.valetd.Skills1" => Self::read_skills(member.name, message),
            _ => Self::read_skill(member.name, object, message),
        }
    }

    fn read_assistant(name: &str, message: &Message) -> Result<Self, BusError> {
        match name {
            "Ask" => {
                let (text, options): (String, Dict) = body(message)?;
                Ok(Self::Ask { text, options: TurnOptions::read(options, false)? })
            }
            "Submit" => {
                let (text, options): (String, Dict) = body(message)?;
                Ok(Self::Submit { text, options: TurnOptions::read(options, true)? })
            }
            "Parse" => {
                let (text, options): (String, Dict) = body(message)?;
                Ok(Self::Parse { text, options: ParseOptions::read(options)? })
            }
            "ParseBatch" => {
                let (texts, options): (Vec<String>, Dict) = body(message)?;
                at_most("texts", texts.len(), MAX_BATCH)?;
                Ok(Self::ParseBatch { texts, options: ParseOptions::read(options)? })
            }
            "OpenSession" => {
                let mut reader = OptionReader::new(body(message)?);
                let (language, zone) = (reader.text("language")?, reader.zone()?);
                let initiator = reader.initiator()?;
                reader.finish(&["language", "zone", "initiator"])?;
                Ok(Self::OpenSession { language, zone, initiator })
            }
            "Stop" => {
                let mut reader = OptionReader::new(body(message)?);
                let (session, zone) = (reader.session()?, reader.zone()?);
                reader.finish(&["session", "zone"])?;
                Ok(Self::Stop { session, zone })
            }
            "Undo" => Ok(Self::Undo { options: TurnOptions::read(body(message)?, false)? }),
            "Suggest" => {
                let mut reader = OptionReader::new(body(message)?);
                let language = reader.text("language")?;
                let (session, zone) = (reader.session()?, reader.zone()?);
                reader.finish(&["session", "language", "zone"])?;
                Ok(Self::Suggest { language, session, zone })
            }
            "Observe" => no_options(body(message)?).map(|()| Self::Observe),
            "Unobserve" => no_options(body(message)?).map(|()| Self::Unobserve),
            _ => Self::read_agent_or_vocabulary(name, message),
        }
    }

    fn read_agent_or_vocabulary(name: &str, message: &Message) -> Result<Self, BusError> {
        match name {
            "RegisterAgent" => {
                let (object, capabilities, options): (OwnedObjectPath, Vec<String>, Dict) =
                    body(message)?;
                let mut reader = OptionReader::new(options);
                let zone = reader.zone()?.unwrap_or_default();
                reader.finish(&["zone"])?;
                const KNOWN: [&str; 7] = [
                    "confirm",
                    "choose",
                    "ask-slot",
                    "request-pin",
                    "speak",
                    "show",
                    "allow-cloud",
                ];
                if let Some(unknown) = capabilities.iter().find(|c| !KNOWN.contains(&c.as_str())) {
                    let unknown: String = unknown.chars().take(64).collect();
                    return Err(BusError::invalid(format!(
                        "agent capability {unknown:?} is unknown, expected {}",
                        KNOWN.join(", ")
                    )));
                }
                Ok(Self::RegisterAgent { object: object.to_string(), capabilities, zone })
            }
            "UnregisterAgent" => {
                let (object, options): (OwnedObjectPath, Dict) = body(message)?;
                no_options(options)?;
                Ok(Self::UnregisterAgent { object: object.to_string() })
            }
            "SetVocabulary" => {
                let (entity, values, options): (String, Vec<(String, Vec<String>)>, Dict) =
                    body(message)?;
                let language = language_only(options)?;
                at_most("values", values.len(), MAX_VOCABULARY)?;
                Ok(Self::SetVocabulary { entity, values, language })
            }
            _ => {
                let (entity, options): (String, Dict) = body(message)?;
                Ok(Self::ClearVocabulary { entity, language: language_only(options)? })
            }
        }
    }

    fn read_session(name: &str, object: &str, message: &Message) -> Result<Self, BusError> {
        let session = path::parse_session(object).ok_or_else(|| {
            BusError::new(ErrorName::UnknownSession, format!("{object} is no session"))
        })?;
        match name {
            "Say" => {
                let (text, options): (String, Dict) = body(message)?;
                if options.contains_key("session") {
                    return Err(BusError::invalid(
                        "option \"session\" came, expected none: Say is of its session",
                    ));
                }
                Ok(Self::Say { session, text, options: TurnOptions::read(options, true)? })
            }
            "SetContext" => {
                let mut reader = OptionReader::new(body(message)?);
                let items = reader.pairs("items")?.unwrap_or_default();
                let _screen = reader.text("screen")?;
                reader.finish(&["screen", "items"])?;
                at_most("items", items.len(), MAX_SHOWN)?;
                Ok(Self::SetContext { session, items })
            }
            "Reset" => no_options(body(message)?).map(|()| Self::Reset { session }),
            _ => no_options(body(message)?).map(|()| Self::Close { session }),
        }
    }

    fn read_simulator(name: &str, message: &Message) -> Result<Self, BusError> {
        match name {
            "Set" => {
                let (path, value, options): (String, OwnedVariant, Dict) = body(message)?;
                no_options(options)?;
                Ok(Self::SimulatorSet { path, value })
            }
            "SetFault" => {
                let (path, fault, options): (String, String, Dict) = body(message)?;
                no_options(options)?;
                Ok(Self::SimulatorSetFault { path, fault })
            }
            "Drive" => {
                let (cycle, options): (String, Dict) = body(message)?;
                no_options(options)?;
                Ok(Self::SimulatorDrive { cycle })
            }
            _ => no_options(body(message)?).map(|()| Self::SimulatorReset),
        }
    }

    fn read_diagnostics(name: &str, message: &Message) -> Result<Self, BusError> {
        if name == "Stats" {
            return no_options(body(message)?).map(|()| Self::Stats);
        }
        let (turn, options): (String, Dict) = body(message)?;
        no_options(options)?;
        Ok(Self::Trace { turn })
    }

    fn read_privacy(name: &str, message: &Message) -> Result<Self, BusError> {
        if name == "Forget" {
            return no_options(body(message)?).map(|()| Self::Forget);
        }
        let mut reader = OptionReader::new(body(message)?);
        let limit = reader.number("limit")?.unwrap_or(DEFAULT_HISTORY);
        reader.finish(&["limit"])?;
        if !(1..=MAX_HISTORY).contains(&limit) {
            let why = format!("limit is {limit}, expected 1 to {MAX_HISTORY}");
            return Err(BusError::invalid(why));
        }
        Ok(Self::History { limit })
    }

    fn read_models(name: &str, message: &Message) -> Result<Self, BusError> {
        let (which, options): (String, Dict) = body(message)?;
        let mut reader = OptionReader::new(options);
        if name == "Activate" {
            let handle_token = reader.token()?;
            reader.finish(&["handle-token"])?;
            return Ok(Self::ActivateModel { id: which, handle_token });
        }
        reader.finish(&[])?;
        Ok(match name {
            "Verify" => Self::VerifyModel { id: which },
            _ => Self::RollbackModel { kind: which },
        })
    }

    fn read_skill(name: &str, object: &str, message: &Message) -> Result<Self, BusError> {
        let id = object
            .strip_prefix(crate::ROOT)
            .and_then(|rest| rest.strip_prefix("/skill/"))
            .and_then(path::unescape)
            .ok_or_else(|| {
                BusError::new(ErrorName::UnknownSkill, format!("{object} is no skill"))
            })?;
        match name {
            "Enable" => no_options(body(message)?).map(|()| Self::EnableSkill { id, enable: true }),
            "Disable" => {
                no_options(body(message)?).map(|()| Self::EnableSkill { id, enable: false })
            }
            "SetSettings" => {
                let (settings, options): (Dict, Dict) = body(message)?;
                no_options(options)?;
                at_most("settings", settings.len(), 64)?;
                Ok(Self::SetSkillSettings { id, settings })
            }
            _ => {
                let (grants, options): (Vec<String>, Dict) = body(message)?;
                no_options(options)?;
                at_most("grants", grants.len(), MAX_GRANTS)?;
                Ok(match name {
                    "Grant" => Self::GrantSkill { id, grants },
                    _ => Self::RevokeSkill { id, grants },
                })
            }
        }
    }

    fn read_skills(name: &str, message: &Message) -> Result<Self, BusError> {
        match name {
            "Inspect" => {
                let (package, options): (OwnedFd, Dict) = body(message)?;
                no_options(options)?;
                Ok(Self::InspectPackage { package })
            }
            "Install" => {
                let (package, sha256, grants, options): (OwnedFd, Vec<u8>, Vec<String>, Dict) =
                    body(message)?;
                let mut reader = OptionReader::new(options);
                let handle_token = reader.token()?;
                let allow_downgrade = reader.boolean("allow-downgrade")?.unwrap_or(false);
                reader.finish(&["handle-token", "allow-downgrade"])?;
                at_most("grants", grants.len(), MAX_GRANTS)?;
                let manifest_sha256 = sha256.try_into().map_err(|other: Vec<u8>| {
                    let got = other.len();
                    BusError::invalid(format!(
                        "manifest_sha256 has {got} bytes, expected the 32 that Inspect gives"
                    ))
                })?;
                let terms = InstallTerms { manifest_sha256, grants, allow_downgrade, handle_token };
                Ok(Self::InstallSkill { package, terms })
            }
            _ => {
                let (id, options): (String, Dict) = body(message)?;
                no_options(options)?;
                Ok(match name {
                    "Remove" => Self::RemoveSkill { id },
                    _ => Self::RollbackSkill { id },
                })
            }
        }
    }
}

fn at_most(what: &str, got: usize, limit: usize) -> Result<(), BusError> {
    if got <= limit {
        return Ok(());
    }
    Err(BusError::new(ErrorName::LimitExceeded, format!("{got} {what}, expected at most {limit}")))
}
