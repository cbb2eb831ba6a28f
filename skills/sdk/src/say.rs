//! Numbers as a person says or reads them, without the formatting machinery for floats.
//!
//! Must not know languages; words around numbers are the skill's.

/// A number rounded to `decimals` (0 to 3) with trailing zeros cut: `21.5`, `21`, `-0.2`.
/// What is not finite or not below 1e15 is `?`.
#[must_use]
#[allow(clippy::cast_possible_truncation)]
pub fn number(value: f64, decimals: u32) -> String {
    let scale = 10_i64.pow(decimals.min(3));
    #[allow(clippy::cast_precision_loss)]
    let scaled = (value * scale as f64).round();
    if !scaled.is_finite() || scaled.abs() >= 1e15 {
        return "?".into();
    }
    let scaled = scaled as i64;
    let mut text = String::new();
    if scaled < 0 {
        text.push('-');
    }
    let scaled = scaled.unsigned_abs();
    let scale = scale.unsigned_abs();
    text.push_str(&(scaled / scale).to_string());
    let mut rest = scaled % scale;
    let mut place = scale / 10;
    if rest > 0 {
        text.push('.');
    }
    while rest > 0 {
        // A digit is 0 to 9 because rest < place * 10.
        text.push(char::from(b'0' + (rest / place) as u8));
        rest %= place;
        place /= 10;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_rounded_and_cut() {
        for (value, decimals, text) in [
            (21.5, 1, "21.5"),
            (21.04, 1, "21"),
            (-0.25, 1, "-0.3"),
            (-0.04, 1, "0"),
            (1.005, 3, "1.005"),
            (0.05, 2, "0.05"),
            (612.4, 0, "612"),
            (f64::NAN, 1, "?"),
            (1e300, 1, "?"),
        ] {
            assert_eq!(number(value, decimals), text, "{value} {decimals}");
        }
    }
}
