//! The thread of the connection: connects, listens, and connects anew with growing pauses.
//!
//! Must not carry anything over from one connection to the next.

use super::{Shared, State, subscriptions, topics::Arrived};
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, Packet};
use std::time::{Duration, Instant};

/// Pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a connection has to hold for the pauses to begin anew.
const STEADY: Duration = Duration::from_secs(10);
/// Most requests that wait for the connection.
const MAX_REQUESTS: usize = 256;

/// Runs until it is told to stop.
pub(super) fn run(shared: &Shared, options: &MqttOptions) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(connect_for_ever(shared, options)),
        Err(error) => log::error!("the MQTT broker cannot be connected to: {error}"),
    }
}

async fn connect_for_ever(shared: &Shared, options: &MqttOptions) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        // Of its own for each connection, so that nothing is repeated.
        let (client, mut events) = AsyncClient::new(options.clone(), MAX_REQUESTS);
        let ended = tokio::select! {
            ended = listen(shared, &client, &mut events) => Some(ended),
            () = shared.stop.notified() => None,
        };
        disconnected(shared);
        if shared.lock().stopping {
            return;
        }
        if began.elapsed() >= STEADY || ended.is_none() {
            pause = FIRST_PAUSE;
        }
        if let Some(error) = ended {
            log::warn!(
                "the MQTT broker is not there, trying again in {} ms: {error}",
                pause.as_millis()
            );
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.stop.notified() => {}
        }
        if shared.lock().stopping {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection ends.
async fn listen(shared: &Shared, client: &AsyncClient, events: &mut EventLoop) -> ConnectionError {
    loop {
        match events.poll().await {
            Err(error) => return error,
            Ok(Event::Incoming(Packet::ConnAck(_))) => connected(shared, client),
            Ok(Event::Incoming(Packet::Publish(message))) => {
                let arrived = Arrived {
                    topic: &message.topic,
                    payload: &message.payload,
                    retained: message.retain,
                    at: Instant::now(),
                };
                take(shared, arrived);
            }
            Ok(Event::Incoming(Packet::PubAck(confirmed))) => {
                shared.lock().commands.confirmed(confirmed.pkid);
                shared.changed.notify_all();
            }
            Ok(Event::Outgoing(Outgoing::Publish(packet))) => shared.lock().commands.sent(packet),
            Ok(_) => {}
        }
    }
}

fn connected(shared: &Shared, client: &AsyncClient) {
    let mut state = shared.lock();
    let filters = state.topics.filters();
    if !filters.is_empty()
        && let Err(error) = client.try_subscribe_many(subscriptions(&filters))
    {
        log::error!("the MQTT broker cannot be asked for what skills follow: {error}");
    }
    state.client = Some(client.clone());
    drop(state);
    shared.changed.notify_all();
    log::info!("the MQTT broker is there");
}

fn take(shared: &Shared, message: Arrived<'_>) {
    let woken = {
        let mut state = shared.lock();
        state.commands.arrived(message.topic, message.payload, message.retained);
        state.topics.take(message)
    };
    shared.changed.notify_all();
    woken.into_iter().for_each(|woken| (shared.wake)(woken));
}

fn disconnected(shared: &Shared) {
    let mut state = shared.lock();
    let State { client, topics, commands, .. } = &mut *state;
    *client = None;
    topics.forget_all();
    commands.lost();
    drop(state);
    shared.changed.notify_all();
}
