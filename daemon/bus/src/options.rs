//! Options of calls: strict reading of `a{sv}`. An unknown key is refused, a wrong type too.

use crate::{Dict, call::MAX_GUESSES, error::BusError, path};
use std::time::Duration;
use valet_core::{dialogue::Mode, session::SessionKey, zone::Zone};
use zbus::{OwnedVariant, Variant};

/// Time a turn has when its call names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
/// Most a call may ask for.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(25);

/// Options of `Ask`, `Submit`, `Say`, `Undo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnOptions {
    /// An explicit session.
    pub session: Option<SessionKey>,
    /// Language.
    pub language: Option<String>,
    /// Who speaks.
    pub zone: Option<Zone>,
    /// Act or only understand.
    pub mode: Mode,
    /// Time for the turn.
    pub timeout: Duration,
    /// What began it.
    pub initiator: Option<String>,
    /// A recogniser's other guesses.
    pub alternatives: Vec<String>,
    /// The caller's token (`Submit` and `Say`).
    pub handle_token: Option<String>,
}

/// Options of `Parse` and `ParseBatch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseOptions {
    /// Those of a turn.
    pub turn: TurnOptions,
    /// Whether the skills' templates are asked.
    pub templates: bool,
}

impl ParseOptions {
    /// Reads the options of a parse.
    ///
    /// # Errors
    /// `InvalidArguments`, `UnknownSession`.
    pub fn read(mut dict: Dict) -> Result<Self, BusError> {
        let own = dict.remove_entry("templates");
        let mut reader = OptionReader::new(own.into_iter().collect());
        let templates = reader.boolean("templates")?.unwrap_or(true);
        Ok(Self { turn: TurnOptions::read(dict, false)?, templates })
    }
}

/// Reads keys off a dictionary and refuses what is left.
pub struct OptionReader {
    dict: Dict,
}

impl OptionReader {
    /// Begins to read.
    #[must_use]
    pub fn new(dict: Dict) -> Self {
        Self { dict }
    }

    fn take(&mut self, key: &str) -> Option<OwnedVariant> {
        self.dict.remove(key)
    }

    /// A text.
    ///
    /// # Errors
    /// `InvalidArguments` for another type or more than 256 bytes.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, BusError> {
        match self.take(key).as_deref() {
            None => Ok(None),
            Some(Variant::Str(text)) if text.len() <= 256 => Ok(Some(text.to_string())),
            Some(other) => Err(wrong(key, "s of at most 256 bytes", other)),
        }
    }

    /// An object path.
    ///
    /// # Errors
    /// `InvalidArguments` for another type.
    pub fn object(&mut self, key: &str) -> Result<Option<String>, BusError> {
        match self.take(key).as_deref() {
            None => Ok(None),
            Some(Variant::ObjectPath(path)) => Ok(Some(path.to_string())),
            Some(other) => Err(wrong(key, "o", other)),
        }
    }

    /// A list of pairs of texts.
    ///
    /// # Errors
    /// `InvalidArguments` for another type, or a text of more than 256 bytes.
    pub fn pairs(&mut self, key: &str) -> Result<Option<Vec<(String, String)>>, BusError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let expected = "a(ss) with texts of at most 256 bytes";
        let refuse = |value: &Variant<'_>| wrong(key, expected, value);
        let copy = value.clone();
        let pairs = Vec::<(String, String)>::try_from(value).map_err(|_| refuse(&copy))?;
        if pairs.iter().any(|(id, label)| id.len() > 256 || label.len() > 256) {
            return Err(refuse(&copy));
        }
        Ok(Some(pairs))
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// `InvalidArguments` for another type.
    pub fn number(&mut self, key: &str) -> Result<Option<u32>, BusError> {
        match self.take(key).as_deref() {
            None => Ok(None),
            Some(Variant::U32(number)) => Ok(Some(*number)),
            Some(other) => Err(wrong(key, "u", other)),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// `InvalidArguments` for another type.
    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>, BusError> {
        match self.take(key).as_deref() {
            None => Ok(None),
            Some(Variant::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(wrong(key, "b", other)),
        }
    }

    /// A zone.
    ///
    /// # Errors
    /// `InvalidArguments` for what is no zone.
    pub fn zone(&mut self) -> Result<Option<Zone>, BusError> {
        self.text("zone")?
            .map(|text| Zone::parse(&text).map_err(|e| BusError::invalid(e.to_string())))
            .transpose()
    }

    /// What began the turn.
    ///
    /// # Errors
    /// `InvalidArguments` for a word that is none of the four.
    pub fn initiator(&mut self) -> Result<Option<String>, BusError> {
        let initiator = self.text("initiator")?;
        match initiator.as_deref() {
            None | Some("touch" | "push-to-talk" | "wake-word" | "text") => Ok(initiator),
            Some(other) => Err(BusError::invalid(format!(
                "initiator is {other:?}, expected touch, push-to-talk, wake-word or text"
            ))),
        }
    }

    /// The caller's token for a request's path.
    ///
    /// # Errors
    /// `InvalidArguments` for what does not fit into a path.
    pub fn token(&mut self) -> Result<Option<String>, BusError> {
        let token = self.text("handle-token")?;
        if let Some(token) = &token {
            path::check_token(token)?;
        }
        Ok(token)
    }

    /// A session by its path.
    ///
    /// # Errors
    /// `UnknownSession` for a path that is none.
    pub fn session(&mut self) -> Result<Option<SessionKey>, BusError> {
        let Some(object) = self.object("session")? else { return Ok(None) };
        path::parse_session(&object).map(Some).ok_or_else(|| {
            BusError::new(
                crate::ErrorName::UnknownSession,
                format!("{object} is no session; open one with OpenSession"),
            )
        })
    }

    /// Refuses every key that was not read.
    ///
    /// # Errors
    /// `InvalidArguments` naming the first such key and the known ones.
    pub fn finish(self, known: &[&str]) -> Result<(), BusError> {
        match self.dict.keys().next() {
            None => Ok(()),
            Some(key) => {
                let key: String = key.chars().take(64).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(BusError::invalid(format!("unknown option {key:?}, expected {known}")))
            }
        }
    }
}

fn wrong(key: &str, expected: &str, got: &Variant<'_>) -> BusError {
    BusError::invalid(format!(
        "option {key:?} has type {}, expected {expected}",
        got.value_signature()
    ))
}

impl TurnOptions {
    /// Reads the options of a turn; `with_token` where a handle token makes sense.
    ///
    /// # Errors
    /// `InvalidArguments`, `UnknownSession`.
    pub fn read(dict: Dict, with_token: bool) -> Result<Self, BusError> {
        let mut reader = OptionReader::new(dict);
        let session = reader.session()?;
        let language = reader.text("language")?;
        let zone = reader.zone()?;
        let mode = match reader.text("mode")?.as_deref() {
            // Without a cloud or an LLM all of a turn is local: both modes are the plain one.
            None | Some("act" | "local-only" | "no-llm") => Mode::Act,
            Some("parse") => Mode::Parse,
            Some(other) => {
                return Err(BusError::invalid(format!(
                    "mode is {other:?}, expected act, parse, local-only or no-llm"
                )));
            }
        };
        let timeout = match reader.number("timeout-ms")? {
            None => DEFAULT_TIMEOUT,
            Some(ms) => Duration::from_millis(u64::from(ms)).min(MAX_TIMEOUT),
        };
        let initiator = reader.initiator()?;
        let alternatives = alternatives(&mut reader)?;
        let handle_token = if with_token { reader.token()? } else { None };
        reader.finish(&[
            "session",
            "language",
            "zone",
            "mode",
            "timeout-ms",
            "initiator",
            "alternatives",
            "handle-token",
        ])?;
        Ok(Self { session, language, zone, mode, timeout, initiator, alternatives, handle_token })
    }
}

/// A recogniser's other guesses.
fn alternatives(reader: &mut OptionReader) -> Result<Vec<String>, BusError> {
    let Some(value) = reader.take("alternatives") else { return Ok(Vec::new()) };
    let refuse = |value: &Variant<'_>| wrong("alternatives", "as of at most 8 texts", value);
    let copy = value.clone();
    let texts = Vec::<String>::try_from(value).map_err(|_| refuse(&copy))?;
    if texts.len() > MAX_GUESSES { Err(refuse(&copy)) } else { Ok(texts) }
}
