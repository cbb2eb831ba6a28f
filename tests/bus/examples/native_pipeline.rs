//! A voice pipeline on D-Bus in sixty lines: standard input is the recogniser, standard output the voice.
//!
//! Must stay small: docs/voice.md shows it. `valetctl listen` is the whole of it.
#![allow(clippy::print_stdout, reason = "printing is the voice here")]

use futures_util::StreamExt as _;
use valet_bus::{
    Dict,
    proxies::{AssistantProxy, Options, VoiceProxy},
};
use zbus::{Connection, ObjectPath, Variant, interface};

const AGENT: &str = "/org/example/Pipeline";

/// What the daemon calls: say this, be silent.
struct Mouth(VoiceProxy<'static>);

#[interface(name = "org.valetd.Agent1", spawn = false)]
impl Mouth {
    async fn speak(&self, turn: String, seq: u32, text: String, options: Dict) {
        if seq == 0 {
            // A turn that was stopped meanwhile is unknown, which is no fault.
            let _ = self.0.speech_started(&turn, Options::new()).await;
        }
        // Here the words go to a synthesiser, which reports when the last one was said.
        println!("{}", text.trim());
        if options.get("last").is_some_and(|last| **last == Variant::Bool(true)) {
            let _ = self.0.speech_finished(&turn, Options::new()).await;
        }
    }

    async fn cancel(&self, _turn: String) {
        println!("(silence)");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> zbus::Result<()> {
    let connection = Connection::session().await?;
    let voice = VoiceProxy::new(&connection).await?;
    connection.object_server().at(AGENT, Mouth(voice.clone())).await?;
    let agent = ObjectPath::from_static_str_unchecked(AGENT);
    let assistant = AssistantProxy::new(&connection).await?;
    assistant.register_agent(&agent, &["speak"], Options::new()).await?;
    let mut microphone = voice.receive_open_microphone().await?;
    let (to, mut heard) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| to.blocking_send(line))
    });
    loop {
        tokio::select! {
            Some(_) = microphone.next() => println!("(the microphone opens)"),
            line = heard.recv() => {
                let Some(line) = line else { return Ok(()) };
                // All that the recogniser thought of, best first, with its scores.
                let guesses: Vec<&str> = line.split('|').map(str::trim).collect();
                let options = [("zone", Variant::from("row1-driver"))].into();
                if let Err(error) = voice.transcript(&guesses, &[], options).await {
                    println!("(not taken: {error})");
                }
            }
        }
    }
}
