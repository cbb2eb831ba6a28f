//! One connection of a pipeline: frames in, answers out, one after the other.
//!
//! Must not wait for ever: a frame that was begun, an answer that nobody takes and a silence each have
//! a limit, and the connection ends with it.

use super::{Heard, MAX_CONNECTIONS, Socket, Wanted};
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{Notify, oneshot},
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use valet_voice::{Answer, Context, Event, Frame, FrameReader, Program};

/// How long a frame that was begun may take.
const FRAME_LIMIT: Duration = Duration::from_secs(10);
/// How long nothing may come.
const SILENCE_LIMIT: Duration = Duration::from_secs(300);
/// How long an answer may lie untaken.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// How long a connection waits for another one to end.
const ROOM_LIMIT: Duration = Duration::from_secs(1);
/// Bytes read at once.
const READ_BYTES: usize = 4096;

/// Why a connection ends.
enum End {
    /// The other side is through, or is gone.
    Left,
    /// It is told why, in a word and a sentence.
    Told(&'static str, String),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Left
    }
}

/// Connections that wait for their next frame, the one that waits longest first.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<VecDeque<Arc<Notify>>>);

impl Idle {
    fn list(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the one away that waits longest.
    fn send_away(&self) {
        if let Some(longest) = self.list().pop_front() {
            longest.notify_one();
        }
    }

    fn leaves(&self, one: &Arc<Notify>) {
        self.list().retain(|other| !Arc::ptr_eq(one, other));
    }
}

/// Begins a connection. Where the socket has enough of them the one that rested longest is sent away; a moment is
/// waited for its end, and the new one is refused where none ends, or where as many wait.
pub(super) fn begin<S>(tasks: &mut JoinSet<()>, mut stream: S, uid: u32, socket: &Arc<Socket>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let socket = Arc::clone(socket);
    let patience = match tasks.len() < 2 * MAX_CONNECTIONS {
        true => ROOM_LIMIT,
        false => Duration::ZERO,
    };
    if socket.free.available_permits() == 0 {
        socket.idle.send_away();
    }
    tasks.spawn(async move {
        let room = timeout(patience, Arc::clone(&socket.free).acquire_owned()).await;
        let ended = match room {
            Ok(Ok(_permit)) => serve(&mut stream, uid, &socket).await,
            _ => Err(full()),
        };
        if let Err(End::Told(code, text)) = ended {
            // The text may hold what was said.
            log::info!("a voice pipeline is sent away: {code}");
            let _ = tell(&mut stream, code, &text).await;
        }
    });
}

/// After a connection could not be taken, such as for want of descriptors: trying again at once would
/// be a busy loop.
pub(super) async fn pause_after(error: &io::Error) {
    log::warn!("a voice pipeline could not be taken: {error}");
    tokio::time::sleep(Duration::from_millis(200)).await;
}

async fn serve<S>(stream: &mut S, uid: u32, socket: &Socket) -> Result<(), End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut buffer) = (FrameReader::default(), vec![0; READ_BYTES]);
    let mut until = Instant::now() + SILENCE_LIMIT;
    let sent_away = Arc::new(Notify::new());
    loop {
        if !reader.is_within() {
            socket.idle.list().push_back(Arc::clone(&sent_away));
        }
        let read = timeout_at(until, stream.read(&mut buffer));
        let read = tokio::select! {
            read = read => read.map_err(|_| late(reader.is_within())),
            () = sent_away.notified() => Err(full()),
        };
        socket.idle.leaves(&sent_away);
        let taken = read??;
        if taken == 0 {
            return match reader.is_within() {
                true => Err(End::Told("invalid-frame", "the stream ends within a frame".into())),
                false => Ok(()),
            };
        }
        let (mut rest, was_within) = (&buffer[..taken], reader.is_within());
        let mut whole = false;
        let wrong = |error: valet_voice::FrameError| End::Told("invalid-frame", error.to_string());
        while let Some(frame) = reader.take(&mut rest).map_err(wrong)? {
            whole = true;
            take(stream, uid, socket, &frame).await?;
        }
        until = match reader.is_within() {
            // Bytes that trickle do not prolong it.
            true if was_within && !whole => until,
            true => Instant::now() + FRAME_LIMIT,
            false => Instant::now() + SILENCE_LIMIT,
        };
    }
}

fn full() -> End {
    End::Told("busy", format!("{MAX_CONNECTIONS} connections are open, close one first"))
}

fn late(within: bool) -> End {
    if within {
        let limit = FRAME_LIMIT.as_secs();
        return End::Told("timeout", format!("half a frame for {limit} s, expected the rest"));
    }
    End::Told("timeout", format!("nothing came for {} s", SILENCE_LIMIT.as_secs()))
}

async fn take<S>(stream: &mut S, uid: u32, socket: &Socket, frame: &Frame) -> Result<(), End>
where
    S: AsyncWrite + Unpin,
{
    let (wanted, context) = match Event::read(frame) {
        Ok(Event::Describe) => return write(stream, std::slice::from_ref(&socket.info)).await,
        Ok(Event::Ping { text }) => {
            let pong = Frame::new("pong");
            let pong = match text {
                Some(text) => pong.with("text", text),
                None => pong,
            };
            return write(stream, &[pong]).await;
        }
        Ok(Event::Other) => return Ok(()),
        Ok(Event::Transcript(said)) => {
            let context = said.context.clone();
            match socket.program {
                Program::Handle => (Wanted::Handle(said), context),
                Program::Intent => (Wanted::Recognize(said), context),
            }
        }
        Ok(Event::Recognize(said)) => {
            let context = said.context.clone();
            (Wanted::Recognize(said), context)
        }
        Ok(Event::Intent(intent)) if socket.program == Program::Handle => {
            let context = intent.context.clone();
            (Wanted::Act(intent), context)
        }
        Ok(Event::Intent(_)) => {
            let text = "this socket says what texts mean and does nothing, expected the one of the program `handle`";
            return tell(stream, "not-served", text).await;
        }
        Err(error) => return tell(stream, "invalid-event", &error.to_string()).await,
    };
    let answer = ask(socket, uid, wanted).await;
    write(stream, &answer.frames(&context)).await
}

/// Has the assistant's task answer. Its own deadlines bound the wait.
async fn ask(socket: &Socket, uid: u32, wanted: Wanted) -> Answer {
    let (reply, answer) = oneshot::channel();
    let heard = Heard { program: socket.program, uid, wanted, reply };
    if socket.heard.try_send(heard).is_err() {
        let text = "the assistant has too much to do; try again in a moment";
        return Answer::Error { text: text.into(), code: "Busy".into() };
    }
    answer.await.unwrap_or_else(|_| Answer::Error {
        text: "the assistant is stopping".into(),
        code: "stopping".into(),
    })
}

async fn tell<S: AsyncWrite + Unpin>(
    stream: &mut S,
    code: &'static str,
    text: &str,
) -> Result<(), End> {
    let error = Answer::Error { text: text.to_owned(), code: code.to_owned() };
    write(stream, &error.frames(&Context::default())).await
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, frames: &[Frame]) -> Result<(), End> {
    let bytes: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
    match timeout(WRITE_LIMIT, stream.write_all(&bytes)).await {
        Ok(written) => Ok(written?),
        // Whoever takes nothing cannot be told either.
        Err(_) => Err(End::Left),
    }
}
