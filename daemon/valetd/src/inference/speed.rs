//! How fast an encoder reads: counted as it is asked, shown as `Model1.Stats`.
//!
//! Must not keep anything of what was read.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};
use valet_core::encoder::{Encoder, EncoderFault, Encoding};
use valet_inference::SentenceEncoder;

/// Texts whose times are kept for the percentiles.
const KEPT: usize = 1000;

/// What an encoder's speed is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Speed {
    /// Texts it has read.
    pub runs: u64,
    /// Median time for a text, of the last 1,000, µs.
    pub p50_us: u64,
    /// 95th percentile of the same, µs.
    pub p95_us: u64,
    /// Tokens a second, of all texts.
    pub tokens_per_second: f64,
}

/// Counts texts, tokens and times.
#[derive(Debug, Default)]
pub(super) struct Meter {
    runs: u64,
    tokens: u64,
    busy: Duration,
    times_us: VecDeque<u64>,
}

impl Meter {
    fn count(&mut self, tokens: usize, took: Duration) {
        self.runs += 1;
        self.tokens += tokens as u64;
        self.busy += took;
        if self.times_us.len() == KEPT {
            self.times_us.pop_front();
        }
        self.times_us.push_back(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// The speed; `None` before the first text.
    #[must_use]
    pub(super) fn speed(&self) -> Option<Speed> {
        let mut sorted: Vec<u64> = self.times_us.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get(sorted.len() * percent / 100).copied();
        let tokens_per_second = self.tokens as f64 / self.busy.as_secs_f64().max(1e-6);
        Some(Speed { runs: self.runs, p50_us: at(50)?, p95_us: at(95)?, tokens_per_second })
    }
}

/// An encoder whose readings are counted.
pub(super) struct Measured<'a> {
    /// Who reads.
    pub(super) encoder: &'a mut SentenceEncoder,
    /// Who counts.
    pub(super) meter: &'a mut Meter,
}

impl Encoder for Measured<'_> {
    fn fingerprint(&self) -> &str {
        self.encoder.fingerprint()
    }

    fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    fn encode(&mut self, text: &str) -> Result<Encoding, EncoderFault> {
        let begun = Instant::now();
        let encoding = self.encoder.encode(text)?;
        self.meter.count(encoding.tokens.len(), begun.elapsed());
        Ok(encoding)
    }

    fn encode_all(&mut self, texts: &[&str]) -> Result<Vec<Encoding>, EncoderFault> {
        let begun = Instant::now();
        let encodings = self.encoder.encode_all(texts)?;
        // Of texts that are run together each takes its share.
        let share = begun.elapsed() / u32::try_from(texts.len().max(1)).unwrap_or(u32::MAX);
        encodings.iter().for_each(|encoding| self.meter.count(encoding.tokens.len(), share));
        Ok(encodings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_that_counted_nothing_has_no_speed_and_keeps_the_last_thousand() {
        let mut meter = Meter::default();
        assert_eq!(meter.speed(), None);
        for _ in 0..KEPT {
            meter.count(1, Duration::from_micros(900));
        }
        for _ in 0..KEPT {
            meter.count(4, Duration::from_micros(100));
        }
        let speed = meter.speed().expect("it counted");
        assert_eq!((speed.runs, speed.p50_us, speed.p95_us), (2000, 100, 100));
        assert!((speed.tokens_per_second - 5000.0).abs() < 1.0, "{}", speed.tokens_per_second);
    }
}
