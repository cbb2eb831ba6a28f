//! `valetctl chat`: a conversation at a prompt, or line by line from a pipe.
//!
//! Must not hold a conversation of its own: what follows what is the daemon's session.

mod prompt;

use crate::{
    CtlError, Verdict,
    args::TurnArgs,
    link::Link,
    monitor::announcement,
    screen::{Screen, Style},
    signals, stats, trace,
    turn::{self, show},
    value::object,
};
use futures_util::StreamExt as _;
use prompt::{Line, Prompt};
use serde_json::json;
use std::io::{BufRead as _, IsTerminal as _};
use valet_bus::proxies::Options;

/// What can be typed with a colon, and what it does.
pub(crate) const COMMANDS: [(&str, &str); 10] = [
    (":signals", "[PATTERN]   read the vehicle's signals"),
    (":set", "PATH VALUE   set a signal of the simulated vehicle"),
    (":drive", "parked|city|motorway   start a driving cycle"),
    (":fault", "PATH none|no-provider|stuck|slow   break or mend signals"),
    (":trace", "[TURN]   how the last turn went"),
    (":stats", "counters and times"),
    (":undo", "put back what the last turn changed"),
    (":stop", "never mind"),
    (":help", "this list"),
    (":quit", "leave"),
];

/// Talks until the end of the input or `:quit`.
///
/// # Errors
/// [`CtlError::NoDaemon`] at the start; later errors of calls are printed. The terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    options: &TurnArgs,
) -> Result<Verdict, CtlError> {
    if std::io::stdin().is_terminal() && !screen.is_json() {
        return interactive(link, screen, options).await;
    }
    let mut verdict = Verdict::Fine;
    let mut lines = read_lines();
    while let Some(line) = lines.recv().await {
        match line_said(link, screen, options, line?.trim()).await {
            Ok(Step::Quit) => break,
            Ok(Step::On(Verdict::Fine)) => {}
            Ok(Step::On(Verdict::NotFine)) => verdict = Verdict::NotFine,
            Err(error @ (CtlError::Call { .. } | CtlError::Usage { .. })) => {
                screen.fail(&error);
                verdict = Verdict::NotFine;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(verdict)
}

/// Lines of standard input, read by a thread of their own so that the bus is served meanwhile.
pub(crate) fn read_lines() -> tokio::sync::mpsc::Receiver<Result<String, CtlError>> {
    let (to, from) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if to.blocking_send(line.map_err(CtlError::from)).is_err() {
                break;
            }
        }
    });
    from
}

enum Step {
    On(Verdict),
    Quit,
}

async fn interactive(
    link: &Link,
    screen: &mut Screen,
    options: &TurnArgs,
) -> Result<Verdict, CtlError> {
    // The first call shows whether there is a daemon, before a prompt promises one.
    let suggestions = turn::suggestions(link, options).await?;
    screen.line(
        screen.paint(Style::Dim, "  Say something, or :help. Tab completes, Ctrl-D leaves."),
    )?;
    if let Some(first) = suggestions.first() {
        screen.line(screen.paint(Style::Dim, format!("  For example: {first}")))?;
    }
    let mut announced =
        link.assistant().await?.receive_announced().await.map_err(|e| link.error(e))?;
    // An observer hears what skills say first, without taking the place of a screen.
    if let Err(error) = link.assistant().await?.observe(Options::new()).await {
        screen
            .line(screen.paint(Style::Warn, format!("  timers will not be heard here: {error}")))?;
    }
    let mut prompt = Prompt::start(screen)?;
    let mut suggestions = suggestions;
    loop {
        prompt.ask(std::mem::take(&mut suggestions))?;
        let line = loop {
            tokio::select! {
                line = prompt.answer() => break line?,
                Some(signal) = announced.next() => {
                    if let Ok(args) = signal.args() {
                        let event = json!({ "text": args.text, "details": object(&args.details) });
                        prompt.print(announcement(screen, &event));
                    }
                }
            }
        };
        let Line::Said(line) = line else { break };
        match said_until_interrupted(link, screen, options, line.trim()).await {
            Ok(Step::Quit) => break,
            Ok(Step::On(_)) => {}
            Err(
                error @ (CtlError::Terminal { .. } | CtlError::Unread | CtlError::NoBus { .. }),
            ) => return Err(error),
            Err(error) => {
                screen.fail(&error);
            }
        }
        suggestions = turn::suggestions(link, options).await.unwrap_or_default();
    }
    Ok(Verdict::Fine)
}

/// Ctrl-C while a turn runs means "stop", not "leave".
async fn said_until_interrupted(
    link: &Link,
    screen: &mut Screen,
    options: &TurnArgs,
    line: &str,
) -> Result<Step, CtlError> {
    tokio::select! {
        step = line_said(link, screen, options, line) => step,
        _ = tokio::signal::ctrl_c() => {
            let mut quiet = Screen::new(false);
            turn::stop(link, &mut quiet).await.map(Step::On)
        }
    }
}

/// One line: an utterance, or a command with a colon.
async fn line_said(
    link: &Link,
    screen: &mut Screen,
    options: &TurnArgs,
    line: &str,
) -> Result<Step, CtlError> {
    if line.is_empty() {
        return Ok(Step::On(Verdict::Fine));
    }
    if !line.starts_with(':') {
        let asked = turn::say(link, line, options).await?;
        show(screen, "", &asked)?;
        screen.event(&asked.result)?;
        return Ok(Step::On(turn::verdict(&asked.result)));
    }
    let mut words = line.split_whitespace();
    let command = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let fine = Ok(Step::On(Verdict::Fine));
    match (command, rest.as_slice()) {
        (":quit" | ":q" | ":exit", _) => Ok(Step::Quit),
        (":help", _) => help(screen).map(Step::On),
        (":signals", patterns) => {
            let patterns = patterns.iter().map(|word| (*word).to_owned()).collect();
            let args = crate::args::SignalsArgs { action: None, patterns };
            signals::run(link, screen, args).await.map(Step::On)
        }
        (":set", [path, value @ ..]) if !value.is_empty() => {
            signals::set(link, path, &value.join(" ")).await?;
            signals::show(screen, &link.read(&[path]).await?)?;
            fine
        }
        (":drive", [cycle]) => signals::drive(link, cycle).await.map(|()| Step::On(Verdict::Fine)),
        (":fault", [path, fault]) => {
            signals::set_fault(link, path, fault).await.map(|()| Step::On(Verdict::Fine))
        }
        (":trace", [] | [_]) => {
            trace::run(link, screen, rest.first().copied(), None).await.map(Step::On)
        }
        (":stats", []) => stats::run(link, screen).await.map(Step::On),
        (":undo", []) => turn::undo(link, screen, options).await.map(Step::On),
        (":stop", []) => turn::stop(link, screen).await.map(Step::On),
        _ => Err(CtlError::Usage { message: usage_of(command) }),
    }
}

fn usage_of(command: &str) -> String {
    match COMMANDS.iter().find(|(name, _)| *name == command) {
        Some((name, arguments)) => format!("expected {name} {arguments}"),
        None => format!("{command} is no command here, :help lists them"),
    }
}

fn help(screen: &mut Screen) -> Result<Verdict, CtlError> {
    for (name, arguments) in COMMANDS {
        screen.line(format!("  {}  {arguments}", crate::screen::pad(name, 8)))?;
    }
    screen.line(screen.paint(Style::Dim, "  Anything else is said to the assistant."))?;
    Ok(Verdict::Fine)
}
