//! Distances and choices in words.
//!
//! Must not know where anything is.

/// The unit of distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Metres and kilometres.
    Metric,
    /// Feet and miles.
    Imperial,
}

/// "about 350 metres", "about 1.3 kilometres", "about 12 miles".
pub(crate) fn distance(metres: f64, unit: Unit) -> String {
    match unit {
        Unit::Metric if metres < 995.0 => format!("about {} metres", nice(metres)),
        Unit::Metric => format!("about {}", counted(metres / 1_000.0, "kilometre")),
        Unit::Imperial if metres < 150.0 => format!("about {} feet", nice(metres / 0.3048)),
        Unit::Imperial => format!("about {}", counted(metres / 1_609.344, "mile")),
    }
}

/// Tens, whole numbers from one on.
fn nice(value: f64) -> String {
    plain(((value / 10.0).round() * 10.0).max(10.0))
}

/// One decimal below ten, whole numbers below a hundred, then tens, then hundreds.
fn counted(value: f64, unit: &str) -> String {
    let to = |step: f64| (value / step).round() * step;
    let rounded = match value {
        v if v < 9.95 => (v * 10.0).round() / 10.0,
        v if v < 99.5 => v.round(),
        v if v < 995.0 => to(10.0),
        _ => to(100.0),
    };
    let count = plain(rounded);
    if count == "1" { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// A number with one decimal at most.
#[allow(clippy::cast_possible_truncation)]
fn plain(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    if tenths % 10 == 0 {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// "a", "a or b", "a, b or c"; semicolons part items that hold commas themselves.
pub(crate) fn either(items: &[String]) -> String {
    let comma = if items.iter().any(|item| item.contains(',')) { "; " } else { ", " };
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(comma)),
    }
}

/// A category's name in words.
pub(crate) fn category(name: &str) -> String {
    match name {
        "cash-machine" => "cash machine".into(),
        "cafe" => "café".into(),
        other => other.replace('-', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_rounded_as_people_say_them() {
        for (metres, said) in [
            (4.0, "about 10 metres"),
            (347.0, "about 350 metres"),
            (999.0, "about 1 kilometre"),
            (1_312.0, "about 1.3 kilometres"),
            (12_400.0, "about 12 kilometres"),
            (396_200.0, "about 400 kilometres"),
            (8_261_000.0, "about 8300 kilometres"),
        ] {
            assert_eq!(distance(metres, Unit::Metric), said);
        }
        assert_eq!(distance(1_609.0, Unit::Imperial), "about 1 mile");
        assert_eq!(distance(100.0, Unit::Imperial), "about 330 feet");
    }

    #[test]
    fn choices_read_well() {
        assert_eq!(either(&["a", "b", "c"].map(String::from)), "a, b or c");
        assert_eq!(either(&["a, x", "b, y", "c"].map(String::from)), "a, x; b, y or c");
        assert_eq!(either(&[String::from("a")]), "a");
    }
}
