//! `valetctl doctor`: what keeps the assistant from working, and what to do about it.
//!
//! Must not change anything, and must not stop at the first finding.

use crate::{
    CtlError, Verdict,
    args::Bus,
    author::has_wasm_target,
    link::{Link, bus_name},
    screen::{Screen, Style, pad},
    skills,
    value::{self, number, text},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use valet_bus::proxies::Options;
use zbus::names::BusName;

/// Free space below which a state database may not be written, bytes.
const LITTLE_SPACE: u64 = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Fine,
    Notice,
    Fault,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Notice => "notice",
            Self::Fault => "fault",
        }
    }
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    level: Level,
    found: String,
    /// Empty when there is nothing to do.
    advice: String,
}

#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn fine(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(what, Level::Fine, found, "");
    }

    fn add(
        &mut self,
        what: &'static str,
        level: Level,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.findings.push(Finding { what, level, found: found.into(), advice: advice.into() });
    }

    fn error(&mut self, what: &'static str, error: &CtlError) {
        self.add(what, Level::Fault, error.to_string(), error.advice().unwrap_or_default());
    }
}

/// Looks at everything and prints it.
///
/// # Errors
/// Only the terminal's: whatever is wrong with the daemon is a finding.
pub(crate) async fn run(bus: &Bus, screen: &mut Screen) -> Result<Verdict, CtlError> {
    let mut report = Report::default();
    match Link::open(bus).await {
        Ok(link) => {
            report.fine("bus", format!("the {} answers", bus_name(bus)));
            if owned(&link, bus, &mut report).await {
                look_at_daemon(&link, &mut report).await;
            }
        }
        Err(error) => report.error("bus", &error),
    }
    look_at_folders(bus, &mut report);
    look_at_tools(has_wasm_target(), &mut report);
    show(screen, &report)
}

/// What an author of skills needs; nothing is said where there is no Rust.
fn look_at_tools(wasm_target: Option<bool>, report: &mut Report) {
    match wasm_target {
        Some(true) => report.fine("skills", "Rust builds skills here"),
        Some(false) => report.add(
            "skills",
            Level::Notice,
            "Rust is here and cannot build skills: its target wasm32-wasip2 is missing",
            "to write skills here: `rustup target add wasm32-wasip2`",
        ),
        None => {}
    }
}

/// Whether somebody has the name; says what to do when not.
async fn owned(link: &Link, bus: &Bus, report: &mut Report) -> bool {
    let names = async {
        let proxy = zbus::fdo::DBusProxy::new(link.connection()).await?;
        let owned = proxy.name_has_owner(BusName::try_from(valet_bus::BUS_NAME)?).await?;
        let started = proxy.list_activatable_names().await?;
        zbus::Result::Ok((owned, started.iter().any(|name| name.as_str() == valet_bus::BUS_NAME)))
    };
    match names.await {
        Ok((true, _)) => {
            report.fine("name", format!("{} is on the bus", valet_bus::BUS_NAME));
            true
        }
        Ok((false, activatable)) => {
            let error = CtlError::NoDaemon { bus: bus_name(bus) };
            let advice = match (activatable, bus) {
                (true, Bus::System) => {
                    "`journalctl -u valetd -b` says why it does not run; `systemctl start valetd` tries again"
                }
                (true, _) => {
                    "the bus starts it at the first call: try `valetctl ask hello`; `journalctl --user -u valetd-user` says why it ended"
                }
                (false, _) => error.advice().unwrap_or_default(),
            };
            report.add("name", Level::Fault, error.to_string(), advice);
            false
        }
        Err(error) => {
            report.error("name", &link.error(error));
            false
        }
    }
}

async fn look_at_daemon(link: &Link, report: &mut Report) {
    if let Err(error) = look_at_state(link, report).await {
        report.error("state", &error);
    }
    match skills::all(link).await {
        Ok(skills) => look_at_skills(&skills.into_values().collect::<Vec<_>>(), report),
        Err(error) => report.error("skills", &error),
    }
    match link.read(&["Vehicle.Speed", "Vehicle.Cabin.**"]).await {
        Ok(values) if values.get("Vehicle.Speed").is_some() => {
            let known = values.as_object().map_or(0, serde_json::Map::len);
            report.fine(
                "vehicle",
                format!("reports its speed and {} values of the cabin", known - 1),
            );
        }
        Ok(_) => report.add(
            "vehicle",
            Level::Notice,
            "does not report its speed, so it counts as moving",
            "start valetd with --vehicle simulated, or look at the vehicle's provider",
        ),
        Err(error) => report.error("vehicle", &error),
    }
    match link.diagnostics().await {
        Ok(proxy) => match proxy.stats(Options::new()).await {
            Ok(stats) => look_at_stats(&value::object(&stats), report),
            Err(error) => report.error("stats", &link.error(error)),
        },
        Err(error) => report.error("stats", &error),
    }
}

async fn look_at_state(link: &Link, report: &mut Report) -> Result<(), CtlError> {
    let assistant = link.assistant().await?;
    let wrong = |e| link.error(e);
    let (state, reasons) =
        (assistant.state().await.map_err(wrong)?, assistant.state_reasons().await.map_err(wrong)?);
    let version = assistant.version().await.map_err(wrong)?;
    if version == env!("CARGO_PKG_VERSION") {
        report.fine("version", version);
    } else {
        let found = format!("valetd is {version}, valetctl is {}", env!("CARGO_PKG_VERSION"));
        report.add(
            "version",
            Level::Notice,
            found,
            "restart valetd after an update; older answers may lack something",
        );
    }
    match state.as_str() {
        "ready" => report.fine("state", state),
        "starting" | "stopping" => {
            report.add("state", Level::Notice, state, "try again in a moment")
        }
        _ => {
            for reason in &reasons {
                let found = format!("{state}: {reason}");
                report.add("state", Level::Fault, found, advice_for(reason));
            }
        }
    }
    for (kind, model) in assistant.models().await.map_err(wrong)? {
        look_at_model(&kind, &value::object(&model), report);
    }
    if assistant.tainted().await.map_err(wrong)? {
        report.add(
            "trust",
            Level::Notice,
            "an unsigned skill is loaded",
            "`valetctl skills` shows which; remove it, or have it signed",
        );
    }
    Ok(())
}

/// What helps against a reason of a degraded state; reasons are words, so this looks for them.
fn advice_for(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    if reason.starts_with("skill") {
        "`valetctl skills` shows the last error of each; `valetctl skill enable ID` tries again"
    } else if reason.starts_with("model") || reason.contains("serves instead") {
        "`valetctl models` shows the models, `valetctl models verify ID` names a damaged file; mend it and restart valetd, or `valetctl models rollback`"
    } else if reason.starts_with("encoder") {
        "put the models where it looks (`make models` in a checkout), then restart valetd; fixed sentences work meanwhile"
    } else if reason.contains("memory only") {
        "let valetd write its state folder, then restart it: settings and timers of now are lost then"
    } else if reason.contains("set aside") {
        "the old file was kept beside the new one; timers and settings of before are in it, send it in if you can"
    } else {
        "the log says more: `journalctl -u valetd -b`, or what valetd prints in its terminal"
    }
}

fn look_at_model(kind: &str, model: &Value, report: &mut Report) {
    let name = [kind, text(model, "name")].join(" ");
    let found = format!("{} is {}", name.trim_end(), text(model, "state"));
    match text(model, "state") {
        "ready" => report.fine("model", found),
        "loading" => report.add(
            "model",
            Level::Notice,
            found,
            "fixed sentences work meanwhile; look again in a few seconds",
        ),
        "failed" => report.add(
            "model",
            Level::Fault,
            format!("{found}: {}", text(model, "why")),
            "`valetctl models verify ID` names the file; fetch it again (`make models` in a checkout); fixed sentences work meanwhile",
        ),
        _ => report.add("model", Level::Notice, found, ""),
    }
}

fn look_at_skills(skills: &[Value], report: &mut Report) {
    if skills.is_empty() {
        return report.add(
            "skills",
            Level::Fault,
            "none is installed, so nothing is understood",
            "`make skills` in a checkout; else look at /usr/share/valetd/skills",
        );
    }
    let ready = skills.iter().filter(|skill| text(skill, "State") == "ready").count();
    report.fine("skills", format!("{ready} of {} are ready", skills.len()));
    for skill in skills {
        let found = || {
            format!(
                "{} is {} {}",
                text(skill, "Id"),
                text(skill, "State"),
                text(skill, "LastError")
            )
        };
        match text(skill, "State") {
            "ready" => {}
            "disabled" => {
                report.add(
                    "skill",
                    Level::Notice,
                    found(),
                    format!("`valetctl skill enable {}`", text(skill, "Id")),
                );
            }
            "loading" => report.add("skill", Level::Notice, found(), "look again in a few seconds"),
            _ => report.add(
                "skill",
                Level::Fault,
                found(),
                format!("`valetctl skill enable {}` tries again", text(skill, "Id")),
            ),
        }
    }
}

fn look_at_stats(stats: &Value, report: &mut Report) {
    let faults = number(stats, "faults");
    let found = format!(
        "{} turns, {faults} faults, {:.0} MiB resident",
        number(stats, "turns"),
        number(stats, "resident-bytes") / 1_048_576.0
    );
    if faults > 0.0 {
        report.add(
            "turns",
            Level::Notice,
            found,
            "`valetctl skills` and the log say which skill it was",
        );
    } else {
        report.fine("turns", found);
    }
}

/// The folders a daemon on that bus uses, and what it does there.
fn folders(bus: &Bus) -> Vec<(PathBuf, bool)> {
    if *bus == Bus::System {
        return [
            ("/etc/valetd", false),
            ("/usr/share/valetd", false),
            ("/var/lib/valetd", true),
            ("/var/cache/valetd", true),
        ]
        .into_iter()
        .map(|(path, written)| (PathBuf::from(path), written))
        .collect();
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let xdg = |variable: &str, default: &str| {
        let base = std::env::var_os(variable)
            .filter(|v| !v.is_empty())
            .map_or_else(|| home.join(default), PathBuf::from);
        base.join("valetd")
    };
    vec![
        (xdg("XDG_CONFIG_HOME", ".config"), false),
        (xdg("XDG_DATA_HOME", ".local/share"), false),
        (xdg("XDG_STATE_HOME", ".local/state"), true),
        (xdg("XDG_CACHE_HOME", ".cache"), true),
    ]
}

fn look_at_folders(bus: &Bus, report: &mut Report) {
    for (path, written) in folders(bus) {
        let shown = path.display().to_string();
        match std::fs::read_dir(&path) {
            Ok(_) => look_at_space(&path, written, report),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                report.fine(
                    "folder",
                    format!("{shown} is not there; it is not needed, or made when it is"),
                );
            }
            Err(error)
                if *bus == Bus::System && error.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                report.fine("folder", format!("{shown} belongs to valetd alone, as it should"));
            }
            Err(error) => report.add(
                "folder",
                Level::Fault,
                format!("{shown} cannot be read: {error}"),
                format!("look at its owner and mode: `ls -ld {shown}`"),
            ),
        }
    }
}

fn look_at_space(path: &Path, written: bool, report: &mut Report) {
    let shown = path.display();
    if !written {
        return report.fine("folder", format!("{shown} is readable"));
    }
    match rustix::fs::statvfs(path) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let found = format!("{shown} has {} MiB free", free >> 20);
            if free < LITTLE_SPACE {
                report.add(
                    "space",
                    Level::Fault,
                    found,
                    "make room: state is committed before a reply, so a full disk makes turns fail",
                );
            } else {
                report.fine("space", found);
            }
        }
        Err(error) => report.add("space", Level::Notice, format!("{shown}: {error}"), ""),
    }
}

fn show(screen: &mut Screen, report: &Report) -> Result<Verdict, CtlError> {
    for finding in &report.findings {
        let (mark, style) = match finding.level {
            Level::Fine => ("✓", Style::Good),
            Level::Notice => ("!", Style::Warn),
            Level::Fault => ("✗", Style::Bad),
        };
        let what = screen.paint(Style::Dim, pad(finding.what, 8));
        screen.line(format!(
            "  {} {what} {}",
            screen.paint(style, mark),
            finding.found.trim_end()
        ))?;
        if !finding.advice.is_empty() {
            screen
                .line(format!("             {}", screen.paint(Style::Accent, &finding.advice)))?;
        }
    }
    let worst = |level: Level| report.findings.iter().filter(|f| f.level == level).count();
    let (faults, notices) = (worst(Level::Fault), worst(Level::Notice));
    screen.line(match (faults, notices) {
        (0, 0) => screen.paint(Style::Good, "  Nothing is wrong."),
        (0, n) => format!("  Nothing is broken; {n} to look at."),
        (f, _) => screen.paint(Style::Bad, format!("  {f} to mend.")),
    })?;
    let list: Vec<Value> = report
        .findings
        .iter()
        .map(|f| json!({ "what": f.what, "level": f.level.name(), "found": f.found.trim_end(), "advice": f.advice }))
        .collect();
    screen.document(&json!({ "faults": faults, "notices": notices, "findings": list }))?;
    Ok(if faults == 0 { Verdict::Fine } else { Verdict::NotFine })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_that_failed_is_a_fault_with_advice() {
        let mut report = Report::default();
        look_at_skills(
            &[
                json!({ "Id": "org.example.a", "State": "ready", "LastError": "" }),
                json!({ "Id": "org.example.b", "State": "failed", "LastError": "no component" }),
            ],
            &mut report,
        );
        let fault = report.findings.iter().find(|f| f.level == Level::Fault).expect("a fault");
        assert!(fault.found.contains("org.example.b") && fault.found.contains("no component"));
        assert!(fault.advice.contains("enable org.example.b"));
    }

    #[test]
    fn every_reason_has_an_advice_of_its_own() {
        for (reason, advice) in [
            ("encoder: no encoder model in /x", "make models"),
            ("encoder: b cannot be used, a serves instead: /x", "models verify"),
            ("model: /x/b.toml: the model manifest is not valid", "models verify"),
            ("state is kept in memory only and lost at the end: /x", "state folder"),
            ("the state file was corrupt (x) and was set aside as /y", "the old file"),
            ("skill org.example.a: its model is broken", "skill enable"),
            ("something else", "the log"),
        ] {
            assert!(advice_for(reason).contains(advice), "{reason}");
        }
    }
}
