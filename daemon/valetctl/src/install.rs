//! `valetctl skill install|remove|rollback|enable|disable|grant|revoke`: what is installed on a running device.
//!
//! Must not decide for a person: what a package may touch is shown before it is installed, and asked for unless the
//! command line said it.

use crate::{
    CtlError, Verdict,
    args::{InstallArgs, InstalledAction},
    link::Link,
    request::Followed,
    screen::{Screen, Style, pad},
    skills,
    value::{self, items, plain, text},
};
use serde_json::{Value, json};
use std::{fs::File, io::IsTerminal as _, path::Path};
use valet_bus::proxies::Options;
use zbus::Variant;

/// Runs one of them.
///
/// # Errors
/// The call's; a file's; the terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    action: InstalledAction,
) -> Result<Verdict, CtlError> {
    match action {
        InstalledAction::Install(arguments) => install(link, screen, &arguments).await,
        InstalledAction::Enable { id } => skills::switch(link, screen, &id, true).await,
        InstalledAction::Disable { id } => skills::switch(link, screen, &id, false).await,
        InstalledAction::Remove { id } => {
            let id = skills::full_id(link, &id).await?;
            let proxy = link.skills().await?;
            proxy.remove(&id, Options::new()).await.map_err(|e| link.error(e))?;
            let there = skills::all(link).await?.into_values().find(|s| text(s, "Id") == id);
            screen.line(match &there {
                None => format!("  {id} is removed"),
                Some(skill) => format!("  {id} is the image's again: {}", text(skill, "Version")),
            })?;
            screen
                .document(&json!({ "Id": id, "Version": there.map(|s| s["Version"].clone()) }))?;
            Ok(Verdict::Fine)
        }
        InstalledAction::Rollback { id } => {
            let id = skills::full_id(link, &id).await?;
            let proxy = link.skills().await?;
            proxy.rollback(&id, Options::new()).await.map_err(|e| link.error(e))?;
            let (_, skill) = skills::find(link, &id).await?;
            screen.line(format!("  {id} is version {} again", text(&skill, "Version")))?;
            screen.document(&json!({ "Id": id, "Version": skill["Version"] }))?;
            Ok(Verdict::Fine)
        }
        InstalledAction::Grant { id, grants } => {
            change_grants(link, screen, (&id, &grants), true).await
        }
        InstalledAction::Revoke { id, grants } => {
            change_grants(link, screen, (&id, &grants), false).await
        }
    }
}

async fn change_grants(
    link: &Link,
    screen: &mut Screen,
    (id, grants): (&str, &[String]),
    give: bool,
) -> Result<Verdict, CtlError> {
    let (path, _) = skills::find(link, id).await?;
    let proxy = link.skill(&path).await?;
    let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
    let changed = if give {
        proxy.grant(&grants, Options::new()).await
    } else {
        proxy.revoke(&grants, Options::new()).await
    };
    changed.map_err(|e| link.error(e))?;
    let (_, skill) = skills::find(link, id).await?;
    let granted = items(&skill, "Granted");
    screen.line(format!(
        "  {} may touch{}",
        text(&skill, "Id"),
        if granted.is_empty() { " nothing" } else { "" }
    ))?;
    for grant in granted {
        screen.line(format!("    {}", plain(grant)))?;
    }
    screen.document(&json!({ "Id": skill["Id"], "Granted": skill["Granted"] }))?;
    Ok(Verdict::Fine)
}

fn open(path: &Path) -> Result<File, CtlError> {
    File::open(path).map_err(|error| CtlError::File {
        path: path.display().to_string(),
        verb: "read",
        why: error.to_string(),
    })
}

async fn install(
    link: &Link,
    screen: &mut Screen,
    arguments: &InstallArgs,
) -> Result<Verdict, CtlError> {
    let package = open(&arguments.package)?;
    let proxy = link.skills().await?;
    let facts =
        proxy.inspect((&package).into(), Options::new()).await.map_err(|e| link.error(e))?;
    let hash = facts.get("manifest-sha256").cloned();
    let hash = hash.and_then(|hash| Vec::<u8>::try_from(hash).ok()).unwrap_or_default();
    let facts = value::object(&facts);
    show_facts(screen, &facts)?;
    if facts["installable"] != Value::Bool(true) {
        let why = format!("  It is not installed: {}", text(&facts, "why"));
        screen.line(screen.paint(Style::Bad, why))?;
        screen.document(&facts)?;
        return Ok(Verdict::NotFine);
    }
    let Some(grants) = grants(screen, arguments, &facts).await? else {
        screen.line("  Nothing is installed.")?;
        return Ok(Verdict::NotFine);
    };
    let followed = Followed::listen(link, "install").await?;
    let mut options = Options::from([("handle-token", Variant::from(followed.token()))]);
    if arguments.allow_downgrade {
        options.insert("allow-downgrade", Variant::from(true));
    }
    let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
    let called = proxy.install((&package).into(), &hash, &grants, options).await;
    called.map_err(|e| link.error(e))?;
    let mut steps =
        |step: &str, _: &Value| screen.line(screen.paint(Style::Dim, format!("  {step}")));
    let (code, result) = followed.follow(&mut steps).await?;
    show_end(screen, code, &result)?;
    screen.document(&result)?;
    Ok(if code == 0 { Verdict::Fine } else { Verdict::NotFine })
}

/// What a person wants to know before it is installed.
fn show_facts(screen: &mut Screen, facts: &Value) -> Result<(), CtlError> {
    let title = format!("{} {}", text(facts, "name"), text(facts, "version"));
    let here = match (text(facts, "direction"), text(facts, "installed-version")) {
        ("new", _) => "new here".to_owned(),
        ("same", _) => "here already".to_owned(),
        ("downgrade", "") => "older than one that was here".to_owned(),
        ("downgrade", version) => format!("older than one that was here; {version} is here"),
        (_, version) => format!("{version} is here"),
    };
    screen.line(format!("{}  {here}", screen.paint(Style::Strong, title)))?;
    let trusted = facts["trusted"] == Value::Bool(true);
    let signers: Vec<String> = items(facts, "signers").iter().map(plain).collect();
    let vouched = if trusted {
        screen.paint(Style::Good, format!("trusted, signed by {}", signers.join(", ")))
    } else {
        screen.paint(Style::Warn, format!("not trusted: {}", text(facts, "why")))
    };
    screen.line(format!("  {} {vouched}", screen.paint(Style::Dim, pad("signed", 12))))?;
    for (name, key) in [
        ("may have", "granted"),
        ("asks for", "requests"),
        ("new", "new-requests"),
        ("no more", "gone-requests"),
        ("security", "security"),
    ] {
        for (place, one) in items(facts, key).iter().enumerate() {
            let name = if place == 0 { name } else { "" };
            screen.line(format!("  {} {}", screen.paint(Style::Dim, pad(name, 12)), plain(one)))?;
        }
    }
    for collision in items(facts, "collisions") {
        let words = format!(
            "  {:?} is {} here already, and {} of this one",
            text(collision, "text"),
            text(collision, "with"),
            text(collision, "intent")
        );
        screen.line(screen.paint(Style::Warn, words))?;
    }
    Ok(())
}

/// What it is to be granted; `None` where a person does not want it at all.
async fn grants(
    screen: &mut Screen,
    arguments: &InstallArgs,
    facts: &Value,
) -> Result<Option<Vec<String>>, CtlError> {
    let all: Vec<String> = items(facts, "requests").iter().map(plain).collect();
    if arguments.grant_all {
        return Ok(Some(all));
    }
    if arguments.yes {
        return Ok(Some(arguments.grant.clone()));
    }
    if !std::io::stdin().is_terminal() || screen.is_json() {
        let message = "nobody is here to be asked; say --yes, with what it may touch in --grant, or --grant-all";
        return Err(CtlError::Usage { message: message.to_owned() });
    }
    if !arguments.grant.is_empty() {
        let asked = ask(screen, "Install it with these grants? [y/N] ")?;
        return Ok((asked == "y").then(|| arguments.grant.clone()));
    }
    match ask(
        screen,
        "Install it: with all that it asks for [a], with nothing more [n], or not [q]? ",
    )?
    .as_str()
    {
        "a" => Ok(Some(all)),
        "n" => Ok(Some(Vec::new())),
        _ => Ok(None),
    }
}

fn ask(screen: &mut Screen, question: &str) -> Result<String, CtlError> {
    screen.raw(question.as_bytes())?;
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.map_err(|error| CtlError::Terminal { why: error.to_string() })?;
    Ok(line.trim().to_lowercase())
}

fn show_end(screen: &mut Screen, code: u32, result: &Value) -> Result<(), CtlError> {
    if code != 0 {
        let why = if code == 1 { "it was cancelled" } else { text(result, "message") };
        return screen.line(screen.paint(Style::Bad, format!("  It is not installed: {why}")));
    }
    let words = format!("  {} {} is installed", text(result, "id"), text(result, "version"));
    screen.line(screen.paint(Style::Good, words))?;
    for missing in items(result, "missing") {
        let words = format!("  it asks for {} and has it not", plain(missing));
        screen.line(screen.paint(Style::Warn, words))?;
    }
    Ok(())
}
