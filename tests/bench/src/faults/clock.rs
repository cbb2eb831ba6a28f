//! A clock that is set: forward, back, and over midnight.
//!
//! Must not leave the clock where it set it.

use super::{
    account::Account,
    disk::well,
    machine::{Machine, must},
};
use std::time::{Duration, Instant};

const HOUR_S: f64 = 3600.0;
const DAY_S: f64 = 86_400.0;
/// What is due is announced within so much.
const AT_ONCE: Duration = Duration::from_secs(3);
/// Lengths are told by their two largest parts.
const TOLD_S: u64 = 61;
/// What the log says of a clock that was set.
const NOTICED: &str = "the clock was set";

/// An hour forward: what was due meanwhile rings at once, the rest later.
pub(super) async fn forward(
    m: &Machine,
    hold: Duration,
    account: &mut Account,
) -> anyhow::Result<()> {
    set(m, "pasta", "twenty minutes", account).await;
    set(m, "roast", "three hours", account).await;
    let (began, log) = (Instant::now(), cursor().await?);
    m.set_clock(HOUR_S)?;
    let rang = m.hears("pasta timer", began, AT_ONCE).await;
    account.holds("what was due meanwhile rings at once", rang.is_some(), "it is silent");
    left(m, "roast", 2 * 3600, account).await;
    rings_in(m, "egg", account).await;
    tokio::time::sleep(hold.saturating_sub(began.elapsed())).await;
    m.set_clock(0.0)?;
    left(m, "roast", 3 * 3600 - began.elapsed().as_secs(), account).await;
    noticed(&log, 2, account).await?;
    m.outcome("cancel the roast timer").await;
    well(m, account).await;
    Ok(())
}

/// An hour back, and forth again before anything is due: nothing is lost, and nothing rings for it.
pub(super) async fn back(m: &Machine, hold: Duration, account: &mut Account) -> anyhow::Result<()> {
    set(m, "roast", "three hours", account).await;
    set(m, "egg", "forty seconds", account).await;
    let (began, log) = (Instant::now(), cursor().await?);
    m.set_clock(-HOUR_S)?;
    left(m, "roast", 4 * 3600, account).await;
    rings_in(m, "soup", account).await;
    tokio::time::sleep(hold.min(Duration::from_secs(30)).saturating_sub(began.elapsed())).await;
    m.set_clock(0.0)?;
    left(m, "roast", 3 * 3600 - began.elapsed().as_secs(), account).await;
    let rang = m.hears("egg timer", began, Duration::from_secs(30)).await;
    let in_time =
        rang.is_some_and(|after| after.as_secs_f64() > 37.0 && after.as_secs_f64() < 43.0);
    account.holds("a timer rings when it was to, once the clock is right", in_time, seconds(rang));
    noticed(&log, 2, account).await?;
    m.outcome("cancel the roast timer").await;
    well(m, account).await;
    Ok(())
}

/// To just before midnight, over it, and to just before an alarm.
pub(super) async fn midnight(m: &Machine, account: &mut Account) -> anyhow::Result<()> {
    let alarm = m.outcome("set an alarm for 12:05 am").await;
    account.holds("an alarm can be set", alarm == "action", alarm);
    let (began, log) = (Instant::now(), cursor().await?);
    let now = m.true_seconds();
    let to_midnight = DAY_S - now % DAY_S;
    m.set_clock(to_midnight - 5.0)?;
    rings_in(m, "egg", account).await;
    let since = Instant::now();
    // Four minutes and 55 seconds into the day, whatever has passed.
    let into_the_day = (m.true_seconds() + to_midnight - 5.0) % DAY_S;
    account.holds("midnight has passed", into_the_day < HOUR_S, into_the_day);
    let passed = m.true_seconds() - now;
    m.set_clock(to_midnight + 295.0 - passed)?;
    let rang = m.hears("alarm", since, Duration::from_secs(10)).await;
    let in_time = rang.is_some_and(|after| after.as_secs_f64() > 3.0 && after.as_secs_f64() < 7.0);
    account.holds("an alarm of the next day rings at its time", in_time, seconds(rang));
    m.set_clock(0.0)?;
    noticed(&log, 3, account).await?;
    account.note(format!("{:.0} s", began.elapsed().as_secs_f64()));
    well(m, account).await;
    Ok(())
}

async fn set(m: &Machine, name: &str, length: &str, account: &mut Account) {
    let said = m.outcome(&format!("set a timer called {name} for {length}")).await;
    account.holds("a timer can be set", said == "action", format!("{name}: {said}"));
}

/// What is told of a timer, against what is right.
async fn left(m: &Machine, name: &str, wanted_s: u64, account: &mut Account) {
    let told = m.speech(&format!("how much time is left on the {name} timer")).await;
    let fits = length_s(&told).is_some_and(|found_s| found_s.abs_diff(wanted_s) <= TOLD_S);
    let promise = "what is left of a timer follows the clock";
    account.holds(promise, fits, format!("expected {wanted_s} s: {told}"));
}

/// A timer that is set on a clock that is wrong runs as long as it was told to.
async fn rings_in(m: &Machine, name: &str, account: &mut Account) {
    set(m, name, "ten seconds", account).await;
    let began = Instant::now();
    let rang = m.hears(&format!("{name} timer"), began, Duration::from_secs(20)).await;
    let in_time = rang.is_some_and(|after| after.as_secs_f64() > 8.0 && after.as_secs_f64() < 12.0);
    account.holds("a timer that is set on a wrong clock rings in time", in_time, seconds(rang));
}

fn seconds(after: Option<Duration>) -> String {
    after.map_or("it is silent".to_owned(), |after| format!("after {:.1} s", after.as_secs_f64()))
}

/// A length in words, such as "1 hour and 20 minutes".
fn length_s(told: &str) -> Option<u64> {
    let words: Vec<&str> = told.split_whitespace().collect();
    let parts = words.windows(2).filter_map(|pair| {
        let count: u64 = pair[0].parse().ok()?;
        let unit = pair[1].trim_end_matches(['s', '.', ',']);
        let [_, seconds] = [("hour", 3600), ("minute", 60), ("second", 1), ("day", 86_400)]
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, s)| [0, *s])?;
        Some(count * seconds)
    });
    let found: Vec<u64> = parts.collect();
    (!found.is_empty()).then(|| found.iter().sum())
}

/// The last line of the log: what comes after it is new.
async fn cursor() -> anyhow::Result<String> {
    let said = must(&["journalctl", "-n", "1", "-o", "cat", "--show-cursor"]).await?;
    Ok(said.lines().last().unwrap_or_default().trim_start_matches("-- cursor: ").to_owned())
}

/// How often the daemon said that the clock was set.
async fn noticed(since: &str, times: usize, account: &mut Account) -> anyhow::Result<()> {
    let after = format!("--after-cursor={since}");
    // The log is written by another program.
    let until = Instant::now() + AT_ONCE;
    loop {
        let log = must(&["journalctl", "-u", "valetd", "-o", "cat", "--no-pager", &after]).await?;
        let found = log.lines().filter(|line| line.contains(NOTICED)).count();
        if found >= times || Instant::now() >= until {
            let promise = "the daemon notices each time that the clock is set";
            account.holds(promise, found == times, format!("{found} of {times}"));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_it_is_told() {
        let told = "Your roast timer has 1 hour and 59 minutes left.";
        assert_eq!(length_s(told), Some(7140));
        assert_eq!(length_s("Your egg timer has 1 second left."), Some(1));
        assert_eq!(length_s("There is no timer."), None);
    }
}
