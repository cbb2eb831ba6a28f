//! `valetctl signals`: reading the vehicle, and moving the simulated one.
//!
//! Must not guess paths when writing: only reading searches.

use crate::{
    CtlError, Verdict,
    args::{SignalsAction, SignalsArgs},
    link::Link,
    screen::{Screen, Style, pad, width},
    turn::short_path,
    value::{self, plain},
};
use serde_json::{Value, json};
use valet_bus::proxies::Options;

/// Runs one of them.
///
/// # Errors
/// The call's, or the terminal's.
pub(crate) async fn run(
    link: &Link,
    screen: &mut Screen,
    args: SignalsArgs,
) -> Result<Verdict, CtlError> {
    match args.action {
        None => read(link, screen, &args.patterns).await,
        Some(SignalsAction::Set { path, value }) => {
            set(link, &path, &value).await?;
            show_one(link, screen, &path).await
        }
        Some(SignalsAction::Fault { path, fault }) => {
            set_fault(link, &path, &fault).await?;
            screen.line(format!("  {}  {fault}", short_path(&path)))?;
            screen.document(&json!({ "path": path, "fault": fault }))?;
            Ok(Verdict::Fine)
        }
        Some(SignalsAction::Drive { cycle }) => {
            drive(link, &cycle).await?;
            screen.line(format!("  driving: {cycle}"))?;
            screen.document(&json!({ "cycle": cycle }))?;
            Ok(Verdict::Fine)
        }
    }
}

/// Sets a current value of the simulated vehicle.
///
/// # Errors
/// [`CtlError::Usage`] for a value the bus has no type for; the call's.
pub(crate) async fn set(link: &Link, path: &str, word: &str) -> Result<(), CtlError> {
    set_value(link, path, &value::read(word)).await
}

/// Sets a current value of the simulated vehicle.
///
/// # Errors
/// [`CtlError::Usage`] for a value the bus has no type for; the call's.
pub(crate) async fn set_value(link: &Link, path: &str, wanted: &Value) -> Result<(), CtlError> {
    let variant = value::variant(wanted).ok_or_else(|| CtlError::Usage {
        message: format!(
            "value is {wanted}, expected a truth value, a number, a text or a list of one of these"
        ),
    })?;
    link.simulator().await?.set(path, &variant, Options::new()).await.map_err(|e| link.error(e))
}

/// Breaks or mends signals of the simulated vehicle.
///
/// # Errors
/// The call's.
pub(crate) async fn set_fault(link: &Link, path: &str, fault: &str) -> Result<(), CtlError> {
    link.simulator().await?.set_fault(path, fault, Options::new()).await.map_err(|e| link.error(e))
}

/// Starts a driving cycle of the simulated vehicle.
///
/// # Errors
/// The call's.
pub(crate) async fn drive(link: &Link, cycle: &str) -> Result<(), CtlError> {
    link.simulator().await?.drive(cycle, Options::new()).await.map_err(|e| link.error(e))
}

async fn read(link: &Link, screen: &mut Screen, patterns: &[String]) -> Result<Verdict, CtlError> {
    let patterns: Vec<String> = patterns.iter().map(|word| pattern(word)).collect();
    let mut wanted: Vec<&str> = patterns.iter().map(String::as_str).collect();
    if wanted.is_empty() {
        wanted.push("Vehicle.**");
    }
    let values = matching(link, &wanted).await?;
    show(screen, &values)?;
    screen.document(&values)?;
    let empty = values.as_object().is_none_or(serde_json::Map::is_empty);
    Ok(if empty { Verdict::NotFine } else { Verdict::Fine })
}

/// Reads patterns; a read of everything that is too much at once is split by branches.
async fn matching(link: &Link, wanted: &[&str]) -> Result<Value, CtlError> {
    match link.read(wanted).await {
        Err(CtlError::Call { name, .. })
            if name.ends_with(".LimitExceeded") && wanted == ["Vehicle.**"] => {}
        other => return other,
    }
    let mut all = serde_json::Map::new();
    for branch in [
        "Vehicle.Body.**",
        "Vehicle.Cabin.**",
        "Vehicle.Chassis.**",
        "Vehicle.Powertrain.**",
        "Vehicle.*",
    ] {
        if let Value::Object(part) = link.read(&[branch]).await? {
            all.extend(part);
        }
    }
    Ok(Value::Object(all))
}

/// What does not begin at the root is searched for anywhere below it.
pub(crate) fn pattern(word: &str) -> String {
    if word == "Vehicle" || word.starts_with("Vehicle.") || word.starts_with("**") {
        word.to_owned()
    } else {
        format!("Vehicle.**.{word}")
    }
}

/// Prints values by path.
///
/// # Errors
/// The terminal's.
pub(crate) fn show(screen: &mut Screen, values: &Value) -> Result<(), CtlError> {
    let Some(values) = values.as_object().filter(|map| !map.is_empty()) else {
        screen.line(screen.paint(Style::Warn, "  no such signal has a value"))?;
        return screen.line(screen.paint(
            Style::Dim,
            "  patterns: `*` is one element, `**` any number, as in '**.Window.*'",
        ));
    };
    let widest = values.keys().map(|path| width(short_path(path))).max().unwrap_or(0);
    for (path, value) in values {
        screen.line(format!(
            "  {}  {}",
            pad(short_path(path), widest),
            screen.paint(Style::Strong, plain(value))
        ))?;
    }
    Ok(())
}

async fn show_one(link: &Link, screen: &mut Screen, path: &str) -> Result<Verdict, CtlError> {
    let values = link.read(&[path]).await?;
    show(screen, &values)?;
    screen.document(&values)?;
    Ok(Verdict::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_searches_and_a_path_stays() {
        assert_eq!(pattern("Vehicle.Speed"), "Vehicle.Speed");
        assert_eq!(pattern("Speed"), "Vehicle.**.Speed");
        assert_eq!(pattern("Cabin.HVAC.**"), "Vehicle.**.Cabin.HVAC.**");
        assert_eq!(pattern("**.Window.*"), "**.Window.*");
    }
}
