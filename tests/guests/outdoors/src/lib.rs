//! A guest that tries what a skill may and may not do outside of the vehicle, one intent each: servers, topics,
//! peers, names. The tests of the skill host and of the bus run it in the real sandbox.
//!
//! Must not be shipped.

use valet_skill_sdk::prelude::*;
use valet_skill_sdk::{
    http::Request,
    mqtt::Command,
    peers::{Bus, Peer},
};

struct Outdoors;

const SET: &str = "home/lamp/set";
const STATE: &str = "home/lamp/state";
const PLAYER: &str = "org.mpris.MediaPlayer2.test";

impl Skill for Outdoors {
    fn handle(call: &Call) -> Result<Outcome, SkillError> {
        match call.intent() {
            "fetch" => fetch(call),
            "post" | "post-as-question" => post(call),
            "topic" => topic(call),
            "topics" => Ok(said(mqtt::topics(call.text("path").unwrap_or("home/#")))),
            "command" | "command-as-question" => command(call),
            "command-blindly" => blindly(call),
            "players" => {
                let all = "org.mpris.MediaPlayer2.*";
                Ok(said(peers::names(Bus::Session, call.text("path").unwrap_or(all))))
            }
            "playing" => playing(call),
            "play" | "play-as-question" => play(call),
            "skip" => skip(),
            "names" => names(call),
            "flood" => flood(),
            _ => Err(SkillError::UnknownIntent),
        }
    }

    fn on_message(message: &Received) -> Result<(), SkillError> {
        let name = message.payload_text().unwrap_or("?");
        if name == "misbehave" {
            Command::new(SET, "ON").send()?;
            return Ok(());
        }
        Ok(vocabulary::set("lamp", &[vocabulary::entry(name)])?)
    }
}

fn said<T: std::fmt::Debug>(result: T) -> Outcome {
    Outcome::answer(format!("{result:?}"))
}

fn fetch(call: &Call) -> Result<Outcome, SkillError> {
    let mut request = Request::get(call.text("path").unwrap_or("http://server.example:8080/"));
    if let Some(header) = call.text("word") {
        request = request.header(header, "x");
    }
    Ok(match request.send() {
        Ok(response) => Outcome::answer(format!(
            "{} {} {}",
            response.status,
            response.header("location").unwrap_or("-"),
            response.text().unwrap_or("not text")
        )),
        Err(error) => said(error),
    })
}

fn post(call: &Call) -> Result<Outcome, SkillError> {
    let url = call.text("path").unwrap_or("http://server.example:8080/");
    let posted = Request::post(url).header("content-type", "text/plain").body("on").send();
    Ok(posted.map_or_else(said, |_| Outcome::done()))
}

fn topic(call: &Call) -> Result<Outcome, SkillError> {
    Ok(match mqtt::last(call.text("path").unwrap_or(STATE)) {
        Ok(Some(message)) => Outcome::answer(format!(
            "{} retained={}",
            String::from_utf8_lossy(&message.payload),
            message.retained
        )),
        Ok(None) => Outcome::answer("nothing"),
        Err(error) => said(error),
    })
}

fn command(call: &Call) -> Result<Outcome, SkillError> {
    let topic = call.text("path").unwrap_or(SET);
    let mut command = Command::new(topic, "ON").until(STATE, ["ON"]);
    if let Some(member) = call.text("word") {
        command = command.member(member);
    }
    Ok(match command.send() {
        Ok(seen) => Outcome::done().with("reached", seen.is_some_and(|seen| seen.reached)),
        Err(error) => Outcome::cannot_do(format!("{error:?}")),
    })
}

fn blindly(call: &Call) -> Result<Outcome, SkillError> {
    Command::new(call.text("path").unwrap_or(SET), "ON").send()?;
    Ok(Outcome::done())
}

fn player(call: Option<&Call>) -> Peer {
    let name = call.and_then(|call| call.text("path")).unwrap_or(PLAYER);
    Peer::new(Bus::Session, name, "/org/mpris/MediaPlayer2", "org.mpris.MediaPlayer2.Player")
}

fn playing(call: &Call) -> Result<Outcome, SkillError> {
    let player = player(Some(call));
    Ok(match player.property("Metadata") {
        Ok(metadata) => Outcome::answer(format!(
            "{} by {} is {}",
            metadata.text_of("xesam:title").unwrap_or("?"),
            metadata.text_of("xesam:artist").unwrap_or("?"),
            player.text("PlaybackStatus")?.unwrap_or_default()
        )),
        Err(error) => said(error),
    })
}

fn play(call: &Call) -> Result<Outcome, SkillError> {
    let member = call.text("word").unwrap_or("Play");
    let sent = player(Some(call)).call(member).until("PlaybackStatus", ["Playing"]).send();
    Ok(match sent {
        Ok(_) => Outcome::done(),
        Err(error) => Outcome::cannot_do(format!("{error:?}")),
    })
}

fn skip() -> Result<Outcome, SkillError> {
    player(None).call("Next").until("Metadata", [""; 0]).send()?;
    Ok(Outcome::done())
}

fn names(call: &Call) -> Result<Outcome, SkillError> {
    let count = call.number("size").unwrap_or(2.0) as usize;
    let all: Vec<_> = (0..count).map(|n| vocabulary::entry(format!("lamp {n}"))).collect();
    Ok(said(vocabulary::set(call.text("path").unwrap_or("lamp"), &all)))
}

fn flood() -> Result<Outcome, SkillError> {
    let refused = (0..50).filter(|_| Command::new(SET, "ON").send().is_err()).count();
    Ok(Outcome::done().with("refused", refused as f64))
}

export_skill!(Outdoors);
