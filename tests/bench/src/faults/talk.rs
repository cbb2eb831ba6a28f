//! Clients that ask all the time, each in its own way, and note what came of it.
//!
//! Must not stop asking for anything that is broken, and must not judge an answer.

use super::{
    presence::Presence,
    tally::{Request, Tally},
};
use futures_util::StreamExt as _;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use valet_bus::{
    Dict,
    proxies::{AssistantProxy, Options, RequestProxy, SessionProxy},
};
use valet_testkit::{Daemon, error_name, none, text};
use zbus::{Connection, OwnedObjectPath, Variant, proxy::CacheProperties};

/// Done, asked back, answered, refused, not understood: all by templates.
const SAID: [&str; 12] = [
    "set the temperature to 21 degrees",
    "and the passenger side too",
    "are the doors locked",
    "set a timer",
    "never mind",
    "turn up the volume",
    "undo that",
    "what is my range",
    "unlock the doors",
    "no",
    "set the fan to level three",
    "what is the temperature outside",
];
/// What no template knows.
const FREE: [&str; 8] = [
    "brr, the steering wheel is ice cold",
    "my grandma cannot hear the radio",
    "it should be about 20 degrees on my side i think",
    "roughly how many litres of diesel remain",
    "one of my tires seems soft, is it ok",
    "i fancy some music now",
    "colourless green ideas sleep furiously",
    "we're baking in this thing",
];
/// What takes its time.
const SLOW: [&str; 4] = [
    "open the driver's window",
    "open the sunroof",
    "close the driver's window",
    "close the sunroof",
];
/// What is written down; said twice it is no more than once.
const KEPT: [&str; 3] =
    ["set an alarm for 6:30 am", "do i have an alarm set", "turn off the 6:30 alarm"];
/// Of more than one turn.
const TOGETHER: [&str; 4] = ["unlock the doors", "no", "open the sunroof", "undo that"];
/// Between an answer and the next request.
const PAUSE: Duration = Duration::from_millis(200);
/// The same for what is written down: a skill may set only so many alarms in a minute.
const SELDOM: Duration = Duration::from_millis(1000);
/// Past its deadline nobody waits longer for an answer.
const GIVE_UP: Duration = Duration::from_secs(30);
/// `Parse` gives what needs the encoder this long.
const PARSE: Duration = Duration::from_secs(20);
/// What calls without a deadline of their own have: that of D-Bus.
const OF_THE_BUS: Duration = Duration::from_secs(25);

/// A client, and where it counts.
#[derive(Clone)]
pub(super) struct Client {
    bus: Connection,
    assistant: AssistantProxy<'static>,
    presence: Arc<Presence>,
    tally: Arc<Tally>,
    pause: Duration,
}

/// Seven clients that go on until this process ends.
pub(super) async fn begin(presence: &Arc<Presence>, tally: &Arc<Tally>) -> anyhow::Result<()> {
    let client = |pause: Duration| async move {
        let bus = Connection::system().await?;
        let assistant = Daemon::assistant(&bus).await?;
        let (presence, tally) = (Arc::clone(presence), Arc::clone(tally));
        anyhow::Ok(Client { bus, assistant, presence, tally, pause })
    };
    tokio::spawn(client(PAUSE).await?.talks("row1-driver", &SAID, 2000));
    tokio::spawn(client(PAUSE).await?.talks("row1-passenger", &FREE, 2000));
    tokio::spawn(client(PAUSE).await?.talks("row2-driver", &SLOW, 1000));
    tokio::spawn(client(SELDOM).await?.talks("row2-passenger", &KEPT, 1000));
    // Less than anything but a template takes where the machine is busy.
    tokio::spawn(client(PAUSE).await?.talks("row3", &FREE, 20));
    tokio::spawn(client(PAUSE).await?.parses());
    tokio::spawn(client(PAUSE).await?.converses());
    Ok(())
}

/// Options of a turn.
pub(super) fn options(zone: &str, timeout: Duration) -> Options<'static> {
    let timeout = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    [("zone", Variant::from(zone.to_owned())), ("timeout-ms", Variant::from(timeout))].into()
}

/// Type and code of a result.
pub(super) fn outcome(result: &Dict) -> String {
    match (text(result, "type"), text(result, "code")) {
        (kind, "") => kind.to_owned(),
        (kind, code) => format!("{kind}:{code}"),
    }
}

fn told<T>(_: &T) -> String {
    "told".to_owned()
}

impl Client {
    /// Waits for an answer, counts it and gives it.
    async fn counts<T>(
        &self,
        what: &str,
        deadline: Duration,
        call: impl Future<Output = zbus::Result<T>>,
        named: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let at = Instant::now();
        let answer = tokio::time::timeout(deadline + GIVE_UP, call).await;
        let took = at.elapsed();
        let outcome = match &answer {
            Err(_) => "silence".to_owned(),
            Ok(Ok(answer)) => named(answer),
            Ok(error) => error_name(error).rsplit('.').next().unwrap_or_default().to_owned(),
        };
        self.tally.count(Request { what: what.to_owned(), at, took, deadline, outcome });
        tokio::time::sleep(self.pause).await;
        answer.ok()?.ok()
    }

    async fn talks(self, zone: &'static str, said: &'static [&'static str], timeout_ms: u64) {
        let deadline = Duration::from_millis(timeout_ms);
        for text in said.iter().cycle() {
            let call = self.assistant.ask(text, options(zone, deadline));
            self.counts(text, deadline, call, outcome).await;
        }
    }

    async fn parses(self) {
        let named = |commands: &Vec<Dict>| match commands.len() {
            0 => "no-command".to_owned(),
            _ => "parsed".to_owned(),
        };
        loop {
            for (said, free) in SAID.iter().zip(FREE.iter().cycle()) {
                self.counts(said, PARSE, self.assistant.parse(said, none()), named).await;
                let untold = [("templates", Variant::from(false))].into();
                self.counts(free, PARSE, self.assistant.parse(free, untold), named).await;
            }
            self.counts("State", OF_THE_BUS, self.assistant.state(), told).await;
            self.counts("Suggest", OF_THE_BUS, self.assistant.suggest(none()), told).await;
        }
    }

    /// Opens a conversation, says a few things in it, and ends it.
    async fn converses(self) {
        for number in 0_u64.. {
            let open = self.assistant.open_session(none());
            let opened = |_: &_| "opened".to_owned();
            let Some(path) = self.counts("OpenSession", OF_THE_BUS, open, opened).await else {
                continue;
            };
            let session = SessionProxy::builder(&self.bus).path(path);
            let Ok(session) = session.cache_properties(CacheProperties::No).build().await else {
                continue;
            };
            for (n, said) in TOGETHER.into_iter().enumerate() {
                let deadline = Duration::from_millis(1500);
                let token = format!("n{number}_{n}");
                let call = self.says(&session, said, &token, deadline);
                let named = |end: &End| match end {
                    End::Left => "left".to_owned(),
                    End::Result(result) => outcome(result),
                    End::Code(code) => format!("request-ended-with-{code}"),
                };
                self.counts(said, deadline, call, named).await;
            }
            let closed = |(): &()| "closed".to_owned();
            self.counts("Close", OF_THE_BUS, session.close(none()), closed).await;
        }
    }

    /// Says something in a conversation and waits for its end, or for that of the daemon: then nobody will tell it.
    async fn says(
        &self,
        session: &SessionProxy<'static>,
        said: &str,
        token: &str,
        timeout: Duration,
    ) -> zbus::Result<End> {
        let us = self.bus.unique_name().map(ToString::to_string).unwrap_or_default();
        let path = OwnedObjectPath::try_from(valet_bus::path::request(&us, token))?;
        let request = RequestProxy::builder(&self.bus)
            .path(path)
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        let mut end = request.receive_finished().await?;
        let mut owner = self.presence.owner();
        let mut options = options("all", timeout);
        options.insert("handle-token", Variant::from(token.to_owned()));
        session.say(said, options).await?;
        // Whoever has the name now answered the call; of a start that is just told there is nothing to conclude.
        let mut answered_by = owner.borrow_and_update().clone();
        loop {
            tokio::select! {
                end = end.next() => {
                    let Some(end) = end else { return Ok(End::Left) };
                    let told = end.args()?;
                    return Ok(match told.code {
                        0 => End::Result(told.result),
                        code => End::Code(code),
                    });
                }
                _ = owner.changed() => {
                    let now = owner.borrow_and_update().clone();
                    if now.is_none() || answered_by.is_some() && now != answered_by {
                        return Ok(End::Left);
                    }
                    answered_by = now;
                }
            }
        }
    }
}

/// How a request ended.
enum End {
    /// With a result.
    Result(Dict),
    /// Without one.
    Code(u32),
    /// The daemon left first.
    Left,
}
