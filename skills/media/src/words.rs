//! What amounts and names mean, and how what is on is said.
//!
//! Must not touch the host.

/// A way to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// Louder.
    Up,
    /// Quieter.
    Down,
}

impl Loudness {
    /// From the canonical values of `loudness` and `volume-direction`.
    pub(crate) fn read(value: &str) -> Option<Self> {
        match value {
            "up" => Some(Self::Up),
            "down" => Some(Self::Down),
            _ => None,
        }
    }

    /// The volume after a step, percent.
    pub(crate) fn apply(self, current: f64, step: f64) -> f64 {
        let wanted = match self {
            Self::Up => current + step,
            Self::Down => current - step,
        };
        wanted.clamp(0.0, 100.0)
    }
}

/// How far "a bit" and "a lot" go, percent.
pub(crate) fn step(usual: f64, size: Option<&str>) -> f64 {
    match size {
        Some("small") => (usual / 2.0).max(1.0),
        Some("large") => usual * 2.0,
        _ => usual,
    }
}

/// A plain number as a percentage: up to ten it counts of ten, unless the scale is a hundred.
pub(crate) fn percent_of(number: f64, scale: Option<&str>) -> f64 {
    if scale != Some("hundred") && (0.0..=10.0).contains(&number) { number * 10.0 } else { number }
}

/// A canonical value of `volume-position` as a percentage. The quietest can still be heard.
pub(crate) fn position(value: &str) -> Option<f64> {
    match value {
        "max" => Some(100.0),
        "half" => Some(50.0),
        "min" => Some(5.0),
        "zero" => Some(0.0),
        _ => None,
    }
}

/// A source of VSS as a person calls it.
pub(crate) fn source(value: &str) -> String {
    match value {
        "FM" => "FM radio",
        "AM" => "AM radio",
        "DAB" => "digital radio",
        "SIRIUS_XM" => "satellite radio",
        "BLUETOOTH" => "Bluetooth",
        "INTERNET" => "internet radio",
        "DISK" => "the disk",
        "AUX" => "the aux input",
        "TV" => "TV",
        other => other,
    }
    .to_owned()
}

/// A text that says something.
pub(crate) fn known(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty() && text != "UNKNOWN")
}

/// What is on, in one sentence.
pub(crate) fn now_playing(
    title: Option<&str>,
    artist: Option<&str>,
    source: Option<&str>,
    is_playing: Option<bool>,
) -> String {
    let what = match (title, artist) {
        (Some(title), Some(artist)) => format!("{title} by {artist}"),
        (Some(title), None) => title.to_owned(),
        (None, Some(artist)) => format!("something by {artist}"),
        (None, None) => String::new(),
    };
    let from = source.map(|source| format!(" on {source}")).unwrap_or_default();
    match (what.is_empty(), is_playing) {
        (true, Some(true)) => format!("I do not know what is playing{from}."),
        (true, Some(false)) => "Nothing is playing.".into(),
        (true, None) => "The car does not tell me what is playing.".into(),
        (false, Some(true)) => format!("This is {what}{from}."),
        (false, Some(false)) => format!("Nothing is playing; next would be {what}{from}."),
        (false, None) => {
            format!("It is at {what}{from}; the car does not tell me whether it plays.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_count_of_ten_unless_larger() {
        assert!((percent_of(5.0, Some("ten")) - 50.0).abs() < 1e-9);
        assert!((percent_of(5.0, Some("hundred")) - 5.0).abs() < 1e-9);
        assert!((percent_of(35.0, None) - 35.0).abs() < 1e-9);
    }

    #[test]
    fn steps_stay_within_bounds() {
        assert!((Loudness::Up.apply(95.0, 10.0) - 100.0).abs() < 1e-9);
        assert!(Loudness::Down.apply(5.0, 10.0).abs() < 1e-9);
        assert!((step(10.0, Some("small")) - 5.0).abs() < 1e-9);
        assert!((step(10.0, Some("large")) - 20.0).abs() < 1e-9);
        assert_eq!(Loudness::read("sideways"), None);
    }

    #[test]
    fn what_is_on_is_said_as_far_as_it_is_known() {
        assert_eq!(
            now_playing(Some("Sky"), Some("Ada"), Some("Bluetooth"), Some(true)),
            "This is Sky by Ada on Bluetooth."
        );
        assert_eq!(now_playing(None, None, None, Some(false)), "Nothing is playing.");
        assert_eq!(
            now_playing(Some("Sky"), None, None, Some(false)),
            "Nothing is playing; next would be Sky."
        );
        assert_eq!(
            now_playing(None, None, None, None),
            "The car does not tell me what is playing."
        );
        let untold = now_playing(Some("Sky"), None, None, None);
        assert_eq!(untold, "It is at Sky; the car does not tell me whether it plays.");
        assert_eq!(known(Some("UNKNOWN".into())), None);
    }
}
