//! A client that answers for a person, as a test tells it to.

use crate::KitError;
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use valet_bus::{Dict, proxies::AssistantProxy};
use zbus::{Connection, ObjectPath};

/// What an agent was asked or told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `Confirm`, `Choose`, `AskSlot`, `Speak`, `Show`, `Cancel`.
    pub method: &'static str,
    /// Whose question.
    pub turn: String,
    /// The words.
    pub text: String,
    /// Ids and labels of a choice; targets of a confirmation; of speech its number, and `last` and
    /// `expects-reply` where they are true.
    pub options: Vec<String>,
}

/// How an agent answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Yes.
    Yes,
    /// No.
    No,
    /// These words, or this id.
    Words(String),
    /// Nothing, ever.
    Nothing,
}

/// A registered agent.
pub struct TestAgent {
    /// What it was asked, in order.
    pub asked: mpsc::UnboundedReceiver<Asked>,
    connection: Connection,
    path: String,
}

struct Face {
    says: Says,
    asked: mpsc::UnboundedSender<Asked>,
}

impl Face {
    fn note(&self, method: &'static str, turn: &str, text: &str, options: Vec<String>) {
        let asked = Asked { method, turn: turn.to_owned(), text: text.to_owned(), options };
        // A test that no longer listens does not care.
        let _ = self.asked.send(asked);
    }

    async fn words(&self) -> String {
        match &self.says {
            Says::Words(words) => words.clone(),
            Says::Nothing => std::future::pending().await,
            Says::Yes | Says::No => String::new(),
        }
    }

    async fn yes(&self) -> bool {
        match &self.says {
            Says::Yes => true,
            Says::Nothing => std::future::pending().await,
            Says::No | Says::Words(_) => false,
        }
    }
}

#[zbus::interface(name = "org.valetd.Agent1", spawn = true)]
impl Face {
    async fn confirm(&self, turn: &str, text: &str, actions: Vec<Dict>, _options: Dict) -> bool {
        let targets =
            actions.iter().map(|action| crate::text(action, "target").to_owned()).collect();
        self.note("Confirm", turn, text, targets);
        self.yes().await
    }

    async fn choose(
        &self,
        turn: &str,
        text: &str,
        choices: Vec<(String, String, Dict)>,
        _options: Dict,
    ) -> String {
        let choices = choices.into_iter().map(|(id, label, _)| format!("{id} {label}")).collect();
        self.note("Choose", turn, text, choices);
        self.words().await
    }

    async fn ask_slot(&self, turn: &str, slot: &str, text: &str, _options: Dict) -> String {
        self.note("AskSlot", turn, text, vec![slot.to_owned()]);
        self.words().await
    }

    async fn speak(&self, turn: &str, seq: u32, text: &str, options: Dict) {
        let is = |key: &str| options.get(key).is_some_and(|v| **v == zbus::Variant::Bool(true));
        let mut said = vec![seq.to_string()];
        let told = ["last", "expects-reply"].into_iter().filter(|key| is(key));
        said.extend(told.map(str::to_owned));
        self.note("Speak", turn, text, said);
    }

    async fn show(&self, turn: &str, _display: Dict) {
        self.note("Show", turn, "", Vec::new());
    }

    async fn cancel(&self, turn: &str) {
        self.note("Cancel", turn, "", Vec::new());
    }

    async fn release(&self) {}
}

impl TestAgent {
    /// Serves an agent on a client's connection and registers it.
    ///
    /// # Errors
    /// [`KitError::Bus`].
    pub async fn register(
        connection: &Connection,
        capabilities: &[&str],
        zone: Option<&str>,
        says: Says,
    ) -> Result<Self, KitError> {
        let path = "/org/valetd/test/agent";
        let (to, asked) = mpsc::unbounded_channel();
        connection.object_server().at(path, Face { says, asked: to }).await?;
        let mut options = BTreeMap::new();
        if let Some(zone) = zone {
            options.insert("zone", zbus::Variant::from(zone));
        }
        let object = ObjectPath::try_from(path)?;
        AssistantProxy::new(connection)
            .await?
            .register_agent(&object, capabilities, options)
            .await?;
        Ok(Self { asked, connection: connection.clone(), path: path.to_owned() })
    }

    /// Takes it back.
    ///
    /// # Errors
    /// [`KitError::Bus`].
    pub async fn unregister(&self) -> Result<(), KitError> {
        let object = ObjectPath::try_from(self.path.as_str())?;
        AssistantProxy::new(&self.connection)
            .await?
            .unregister_agent(&object, BTreeMap::new())
            .await?;
        Ok(())
    }

    /// The next thing it is asked or told.
    ///
    /// # Panics
    /// When nothing comes in time.
    pub async fn next(&mut self) -> Asked {
        match crate::within("a call of the agent", self.asked.recv()).await {
            Some(asked) => asked,
            None => panic!("the agent is gone"),
        }
    }
}
