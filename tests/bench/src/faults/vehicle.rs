//! A vehicle that does not do what it is told.
//!
//! Must not break anything that the daemon could see beforehand: faults are those of the simulated vehicle.

use super::{account::Account, disk::well, machine::Machine};
use std::time::{Duration, Instant};
use valet_testkit::none;

/// Breaks every signal in a way, looks at what is said of it, and mends it.
pub(super) async fn broken(
    m: &Machine,
    way: &str,
    hold: Duration,
    account: &mut Account,
) -> anyhow::Result<()> {
    m.outcome("close the driver's window").await;
    m.simulator.set_fault("Vehicle.**", way, none()).await?;
    let began = Instant::now();
    let said = look(m, way, account).await;
    tokio::time::sleep(hold.saturating_sub(began.elapsed())).await;
    m.simulator.set_fault("Vehicle.**", "none", none()).await?;
    account.note(said);
    well(m, account).await;
    Ok(())
}

async fn look(m: &Machine, way: &str, account: &mut Account) -> String {
    // One value that it has, and another one, so that it has to move.
    let warm = m.outcome("set the temperature to 17 degrees").await;
    let cold = m.outcome("set the temperature to 26 degrees").await;
    let doors = m.outcome("are the doors locked").await;
    let fits: &[&str] = match way {
        "no-provider" => &["error:no-provider"],
        "stuck" => &["action:requested", "error:not-reached"],
        _ => &["action", "action:requested"],
    };
    let found = format!("{way}: {warm}, {cold}; the doors: {doors}");
    account.holds("what is said of a broken vehicle is so", fits.contains(&cold.as_str()), &found);
    found
}
