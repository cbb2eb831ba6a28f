//! A child process: its output as events, its end as an event, killed when dropped.

use crate::{KitError, LIMIT};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::watch;

/// Most lines of a program that are kept.
const MAX_LINES: usize = 20_000;
/// How long the output of a program that has ended may still take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A running program.
pub struct Watched {
    name: String,
    pid: Pid,
    lines: watch::Receiver<Vec<String>>,
    exit: watch::Receiver<Option<ExitStatus>>,
    threads: Vec<JoinHandle<()>>,
}

impl Watched {
    /// Starts a program; standard output and error are collected, line by line.
    ///
    /// # Errors
    /// [`KitError::Start`].
    pub fn spawn(command: &mut Command) -> Result<Self, KitError> {
        let name = command.get_program().to_string_lossy().into_owned();
        let start = |why: String| KitError::Start { program: name.clone(), why };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| start(e.to_string()))?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| start("its process id is no process id".to_owned()))?;
        let (to_lines, lines) = watch::channel(Vec::new());
        let (to_exit, exit) = watch::channel(None);
        let mut threads = Vec::new();
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|out| Box::new(out) as _),
            child.stderr.take().map(|err| Box::new(err) as _),
        ];
        for output in outputs.into_iter().flatten() {
            let to_lines = to_lines.clone();
            threads.push(std::thread::spawn(move || collect(output, &to_lines)));
        }
        threads.push(std::thread::spawn(move || {
            // A child of ours can always be waited for; without a status it counts as running.
            to_exit.send_replace(child.wait().ok());
        }));
        Ok(Self { name, pid, lines, exit, threads })
    }

    /// What it has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.lines.borrow().join("\n")
    }

    /// Its exit status, once it has ended.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// The first line that contains a text, now or as soon as it comes.
    ///
    /// # Errors
    /// [`KitError::Ended`] when the program ends without it, [`KitError::TooLate`].
    pub async fn line(&self, part: &str) -> Result<String, KitError> {
        self.nth_line(part, 1).await
    }

    /// The `nth` line that contains a text, counted from 1, now or as soon as it comes.
    ///
    /// # Errors
    /// As [`Watched::line`].
    pub async fn nth_line(&self, part: &str, nth: usize) -> Result<String, KitError> {
        let find = |lines: &Vec<String>| {
            let mut found = lines.iter().filter(|line| line.contains(part));
            found.nth(nth.saturating_sub(1)).cloned()
        };
        let mut lines = self.lines.clone();
        let found =
            tokio::time::timeout(LIMIT, lines.wait_for(|lines| find(lines).is_some())).await;
        match found {
            Ok(Ok(lines)) => Ok(find(&lines).unwrap_or_default()),
            // The readers end when the program does.
            Ok(Err(_)) => match find(&self.lines.borrow()) {
                Some(line) => Ok(line),
                None => Err(self.ended()),
            },
            Err(_) => Err(KitError::TooLate {
                what: format!(
                    "a line with {part:?} of {}; it printed:\n{}",
                    self.name,
                    self.output()
                ),
                limit_ms: LIMIT.as_millis(),
            }),
        }
    }

    /// Why it is not there any more.
    pub(crate) fn ended(&self) -> KitError {
        let status =
            self.exit_status().map_or_else(|| "no status yet".to_owned(), |s| s.to_string());
        KitError::Ended { program: self.name.clone(), status, output: self.output() }
    }

    /// Waits for its end, at most `limit`.
    ///
    /// # Errors
    /// [`KitError::TooLate`].
    pub async fn exited(&self, limit: Duration) -> Result<ExitStatus, KitError> {
        let mut exit = self.exit.clone();
        let ended = tokio::time::timeout(limit, exit.wait_for(Option::is_some)).await;
        let status = ended.ok().and_then(|ended| ended.ok().and_then(|status| *status));
        if status.is_some() {
            self.all_said().await;
        }
        status.ok_or_else(|| KitError::TooLate {
            what: format!("the end of {}; it printed:\n{}", self.name, self.output()),
            limit_ms: limit.as_millis(),
        })
    }

    /// Waits for its last words: the readers let go once nobody can write any more. A child of
    /// its own may hold the pipe for longer, and is not waited for.
    async fn all_said(&self) {
        let mut lines = self.lines.clone();
        let _ = tokio::time::timeout(LAST_WORDS, lines.wait_for(|_| false)).await;
    }

    /// Sends a signal; none to a program that has ended.
    pub fn signal(&self, signal: Signal) {
        if self.exit_status().is_none() {
            // It may have ended this moment, which is what a signal is mostly for.
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        for thread in self.threads.drain(..) {
            // A reader that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn collect(output: Box<dyn Read + Send>, to: &watch::Sender<Vec<String>>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        to.send_modify(|lines| {
            if lines.len() < MAX_LINES {
                lines.push(line);
            }
        });
    }
}
