//! `valetctl skill dev`: a skill is built, loaded into a daemon of its own and tried at each change of its files, until
//! somebody stops it.
//!
//! Must not end because something is wrong with the skill: that is what it is for.

use super::{
    build,
    private::Private,
    trial::{self, Bench},
};
use crate::{
    CtlError, Verdict,
    args::TrialArgs,
    screen::{Screen, Style},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

/// Between two looks at the files: asking the system for events would take a watch on each folder.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// Folders whose changes are not the author's.
const PASSED_OVER: [&str; 3] = ["target", ".git", "node_modules"];
/// Most files that are looked at.
const MAX_FILES: usize = 5000;

/// When each file was changed last.
type Files = BTreeMap<PathBuf, (SystemTime, u64)>;

/// Runs until it is stopped.
///
/// # Errors
/// [`CtlError::Private`] when the daemon cannot be started; the terminal's.
pub(super) async fn run(screen: &mut Screen, arguments: &TrialArgs) -> Result<Verdict, CtlError> {
    let bench = Bench::new(&arguments.folder, &arguments.with)?;
    let mut private: Option<Private> = None;
    let mut before = Files::new();
    loop {
        let now = files(&bench.folder);
        if now != before {
            let code = changed(&before, &now).any(|path| is_code(path));
            before = now;
            let begun = Instant::now();
            match once(&bench, code, (&mut private, arguments), screen).await {
                Ok(()) => {}
                Err(
                    error @ (CtlError::Private { .. }
                    | CtlError::Unread
                    | CtlError::Terminal { .. }),
                ) => {
                    return Err(error);
                }
                Err(error) => screen.line(screen.paint(Style::Bad, format!("{error}")))?,
            }
            let took = begun.elapsed().as_millis();
            let words = format!("{took} ms; waiting for changes, Ctrl-C ends");
            screen.line(screen.paint(Style::Dim, words))?;
            // What the build itself wrote is no change.
            before.extend(files(&bench.folder).into_iter().filter(|(path, _)| is_built(path)));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Verdict::Fine),
        }
    }
}

/// Builds where code changed, loads, tries, and shows how the first failing test went.
async fn once(
    bench: &Bench,
    code: bool,
    (private, arguments): (&mut Option<Private>, &TrialArgs),
    screen: &mut Screen,
) -> Result<(), CtlError> {
    if code || !bench.folder.join("skill.wasm").exists() {
        build::build(&bench.folder)?;
    }
    let source = bench.lay()?;
    let running = match private.take() {
        Some(running) => {
            running.reload().await?;
            running
        }
        None => Private::start(bench.skills(), arguments.models.as_deref()).await?,
    };
    let running = private.insert(running);
    let outcome = trial::try_all(running, &source).await?;
    trial::report(screen, &outcome, &source)?;
    if let Some(first) = outcome.tried.iter().find(|one| !one.wrong.is_empty()) {
        trial::show_trace(running, screen, first).await?;
    }
    Ok(())
}

fn files(folder: &Path) -> Files {
    let mut all = Files::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = folder.read_dir() else { continue };
        for entry in entries.filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if meta.is_dir() {
                if !PASSED_OVER.iter().any(|passed| name == *passed) {
                    open.push(path);
                }
            } else if all.len() < MAX_FILES && !path.ends_with("skill.wasm.part") {
                let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                all.insert(path, (modified, meta.len()));
            }
        }
    }
    all
}

fn changed<'f>(before: &'f Files, now: &'f Files) -> impl Iterator<Item = &'f PathBuf> {
    let added = now.iter().filter(|(path, state)| before.get(*path) != Some(state));
    let gone = before.iter().filter(|(path, _)| !now.contains_key(*path));
    added.chain(gone).map(|(path, _)| path)
}

/// Whether a change of it changes the component.
fn is_code(path: &Path) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|extension| extension == end);
    let own = |name: &str| path.file_name().is_some_and(|file| file == name);
    !is_built(path)
        && (ends("rs")
            || ends("c")
            || ends("h")
            || ends("wit")
            || own("Cargo.toml")
            || own("Makefile"))
}

/// Whether the build writes it.
fn is_built(path: &Path) -> bool {
    path.file_name().is_some_and(|file| file == "skill.wasm" || file == "Cargo.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_no_code_and_what_comes_changes_or_goes_is_seen() {
        assert!(is_code(Path::new("a/src/lib.rs")) && is_code(Path::new("a/Cargo.toml")));
        assert!(!is_code(Path::new("a/skill.wasm")) && !is_code(Path::new("a/sentences/en.toml")));
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        fs::create_dir(file("target")).expect("made");
        for name in ["stays", "changes", "goes", "target/passed-over"] {
            fs::write(file(name), "x").expect("written");
        }
        let before = files(folder.path());
        fs::write(file("changes"), "longer").expect("written");
        fs::write(file("target/passed-over"), "longer").expect("written");
        fs::write(file("comes"), "x").expect("written");
        fs::remove_file(file("goes")).expect("removed");
        let now = files(folder.path());
        let mut seen: Vec<PathBuf> = changed(&before, &now).cloned().collect();
        seen.sort();
        assert_eq!(seen, [file("changes"), file("comes"), file("goes")]);
    }
}
