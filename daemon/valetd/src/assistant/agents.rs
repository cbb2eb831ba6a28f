//! Talking to agents: questions to a person through them, speech and display.
//!
//! Must not decide what is asked or said; the dialogue has.

use super::Assistant;
use crate::happening::Happening;
use std::time::Duration;
use valet_bus::{BusError, Dict, Face, convert, convert::owned};
use valet_core::{
    dialogue::{AGENT_LIMIT, Agent, AgentAnswer, AgentQuestion, TurnResult},
    session::TurnId,
    zone::Zone,
};

/// How long an agent's method may take; the dialogue's own limit comes first.
const AGENT_CALL_LIMIT: Duration = Duration::from_secs(16);
impl Assistant {
    pub(super) fn ask_agent(
        &mut self,
        turn: TurnId,
        agent: Agent,
        speech: String,
        question: AgentQuestion,
    ) {
        let (face, happenings) = (self.face.clone(), self.happenings.clone());
        let options = self.agent_options(self.dialogue.zone_of_turn(turn));
        tokio::spawn(async move {
            let answer = call_agent(&face, &agent, turn, (&speech, options), question).await;
            let _ = happenings.send(Happening::Agent { turn, answer });
        });
    }

    /// What every method of an agent is told besides its arguments.
    pub(super) fn agent_options(&self, zone: Option<Zone>) -> Dict {
        let mut options =
            Dict::from([("language".to_owned(), owned(self.config.language.as_str()))]);
        options.extend(zone.map(|zone| ("zone".to_owned(), owned(zone.to_string()))));
        options
    }

    pub(super) fn cancel_agent(&self, turn: TurnId, agent: Agent) {
        let face = self.face.clone();
        tokio::spawn(async move {
            let called = face
                .call_agent::<_, ()>(
                    (&agent.name, &agent.object),
                    "Cancel",
                    &(turn.to_string(),),
                    Duration::from_secs(2),
                )
                .await;
            if let Err(error) = called {
                log::debug!("an agent did not take Cancel: {error}");
            }
        });
    }

    /// Gives what is left of a turn's words, numbered from `first`, and its display to the agents that speak
    /// and show for its zone.
    pub(super) fn speak(&self, result: &TurnResult, first: u32, rest: &[&str]) {
        let zone = self.dialogue.session(&result.session).map_or(Zone::All, |session| session.zone);
        let turn = result.turn.to_string();
        if !result.speech.is_empty() {
            // A turn whose last words went out before ends with none.
            let pieces = if rest.is_empty() { &[""] } else { rest };
            for (seq, piece) in (first..).zip(pieces) {
                let is_last = seq - first + 1 == u32::try_from(pieces.len()).unwrap_or(u32::MAX);
                let last = is_last.then_some(result.expects_reply);
                self.speak_piece(result.turn, zone, (seq, piece), last);
            }
        }
        if let Some(agent) = self.dialogue.agent("show", zone)
            && !result.display.is_empty()
        {
            let display: Dict =
                result.display.iter().map(|(k, v)| (k.clone(), owned(v.as_str()))).collect();
            self.face.tell_agent((&agent.name, &agent.object), "Show", &(turn, display));
        }
    }

    /// Gives a piece of a turn's words to the agent that speaks for a zone; the last one says whether
    /// an answer is waited for.
    pub(super) fn speak_piece(
        &self,
        turn: TurnId,
        zone: Zone,
        (seq, words): (u32, &str),
        last: Option<bool>,
    ) {
        let Some(agent) = self.dialogue.agent("speak", zone) else { return };
        let mut options = self.agent_options(Some(zone));
        options.insert("last".into(), owned(last.is_some()));
        if let Some(expects_reply) = last {
            options.insert("expects-reply".into(), owned(expects_reply));
        }
        let body = (turn.to_string(), seq, words, options);
        self.face.tell_agent((&agent.name, &agent.object), "Speak", &body);
    }
}

async fn call_agent(
    face: &Face,
    agent: &Agent,
    turn: TurnId,
    (speech, mut options): (&str, Dict),
    question: AgentQuestion,
) -> Result<AgentAnswer, BusError> {
    let to = (agent.name.as_str(), agent.object.as_str());
    let turn = turn.to_string();
    match question {
        AgentQuestion::Confirm { planned } => {
            let actions: Vec<Dict> = planned
                .iter()
                .map(|p| {
                    Dict::from([
                        ("target".to_owned(), owned(p.path.as_str())),
                        ("requested".to_owned(), convert::signal(&p.value)),
                    ])
                })
                .collect();
            options.insert("expires-ms".into(), owned(expires_ms()));
            let body = (turn, speech, actions, options);
            face.call_agent(to, "Confirm", &body, AGENT_CALL_LIMIT)
                .await
                .map(AgentAnswer::Confirmed)
        }
        AgentQuestion::Choose { choices } => {
            let choices: Vec<(String, String, Dict)> =
                choices.into_iter().map(|(id, label)| (id, label, Dict::new())).collect();
            let body = (turn, speech, choices, options);
            face.call_agent(to, "Choose", &body, AGENT_CALL_LIMIT).await.map(AgentAnswer::Text)
        }
        AgentQuestion::AskSlot { slot, entity } => {
            options.insert("entity".into(), owned(entity.as_str()));
            let body = (turn, slot, speech, options);
            face.call_agent(to, "AskSlot", &body, AGENT_CALL_LIMIT).await.map(AgentAnswer::Text)
        }
    }
}

/// How long an agent has for its answer, as the bus says it.
fn expires_ms() -> u32 {
    u32::try_from(AGENT_LIMIT.as_millis()).unwrap_or(u32::MAX)
}
