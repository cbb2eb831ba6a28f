//! Whether the daemon is as if nothing had been.
//!
//! Must not mend anything: what is not well by itself is not well.

use super::machine::Machine;
use std::time::{Duration, Instant};
use valet_testkit::text;

/// Between two looks.
const AGAIN: Duration = Duration::from_millis(200);

/// What is wrong; nothing where all is well.
async fn complaint(machine: &Machine) -> Option<String> {
    match machine.assistant.state().await {
        Ok(state) if state == "ready" => {}
        Ok(state) => {
            let reasons = machine.assistant.state_reasons().await.unwrap_or_default();
            return Some(format!("State is {state}: {}", reasons.join("; ")));
        }
        Err(error) => return Some(format!("State cannot be read: {error}")),
    }
    let models = machine.assistant.models().await.unwrap_or_default();
    let encoder = models.get("encoder").cloned().unwrap_or_default();
    if text(&encoder, "state") != "ready" {
        return Some(format!("the encoder is {}", text(&encoder, "state")));
    }
    let wanted: [(&str, &[&str]); 4] = [
        ("set the temperature to 22 degrees", &["action"]),
        ("brr, the steering wheel is ice cold", &["action"]),
        // It may be there from the last look, which went no further.
        ("set an alarm for 5:15 am", &["action", "answer"]),
        ("turn off the 5:15 alarm", &["action"]),
    ];
    for (said, wanted) in wanted {
        let found = machine.outcome(said).await;
        if !wanted.contains(&found.as_str()) {
            return Some(format!("{said:?} ends as {found}, expected {}", wanted[0]));
        }
    }
    None
}

/// Waits until all is well, and gives how long that took.
///
/// # Errors
/// What is still wrong at the end.
pub(super) async fn recovers(machine: &Machine, limit: Duration) -> Result<Duration, String> {
    let began = Instant::now();
    loop {
        match complaint(machine).await {
            None => return Ok(began.elapsed()),
            Some(why) if began.elapsed() >= limit => return Err(why),
            Some(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}
