//! Driving cycles: speed, and the way covered, as functions of time.
//!
//! Must not know where the vehicle is.

/// Most points of a cycle.
const MAX_POINTS: usize = 1000;
/// Highest speed of a cycle, km/h.
const MAX_SPEED: f64 = 300.0;

/// Straight lines between (seconds, km/h) points, over and over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cycle {
    points: Vec<(f64, f64)>,
    /// Metres of one round.
    round_m: f64,
}

impl Cycle {
    /// Checks the points: from second 0, forward in time, 0 to [`MAX_SPEED`].
    pub(crate) fn new(points: Vec<(f64, f64)>) -> Result<Self, String> {
        let starts = points.first().is_some_and(|first| first.0 == 0.0);
        let forward = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let finite = points.iter().all(|(s, v)| s.is_finite() && (0.0..=MAX_SPEED).contains(v));
        if !(starts && forward && finite && (2..=MAX_POINTS).contains(&points.len())) {
            return Err(format!(
                "points came that are no cycle, expected 2 to {MAX_POINTS} of [seconds, km/h] from second 0 on, each later than the one before, at most {MAX_SPEED} km/h"
            ));
        }
        let round_m = points.windows(2).map(|pair| metres(pair[0], pair[1], pair[1].0)).sum();
        Ok(Self { points, round_m })
    }

    /// The same speed for ever, km/h.
    pub(crate) fn constant(speed: f64) -> Self {
        Self { points: vec![(0.0, speed), (3600.0, speed)], round_m: speed * 1000.0 }
    }

    /// Speed in km/h after some seconds.
    pub(crate) fn speed(&self, seconds: f64) -> f64 {
        let (_, second) = self.round(seconds);
        let next = self.points.partition_point(|point| point.0 <= second);
        match (self.points.get(next.wrapping_sub(1)), self.points.get(next)) {
            (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (second - a.0) / (b.0 - a.0),
            (Some(a), None) => a.1,
            _ => self.points[0].1,
        }
    }

    /// Metres covered after some seconds.
    pub(crate) fn distance(&self, seconds: f64) -> f64 {
        let (rounds, second) = self.round(seconds);
        let part: f64 = self
            .points
            .windows(2)
            .take_while(|pair| pair[0].0 < second)
            .map(|pair| metres(pair[0], pair[1], second.min(pair[1].0)))
            .sum();
        rounds * self.round_m + part
    }

    /// Whether the vehicle moves at all.
    pub(crate) fn moves(&self) -> bool {
        self.round_m != 0.0
    }

    fn round(&self, seconds: f64) -> (f64, f64) {
        let length = self.points.last().map_or(1.0, |last| last.0);
        let rounds = (seconds / length).floor();
        (rounds, seconds - rounds * length)
    }
}

/// Metres from the point `a` until second `until` on the line to `b`.
fn metres(a: (f64, f64), b: (f64, f64), until: f64) -> f64 {
    let speed = a.1 + (b.1 - a.1) * (until - a.0) / (b.0 - a.0);
    (a.1 + speed) / 2.0 / 3.6 * (until - a.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_the_integral_of_speed() {
        let cycle =
            Cycle::new(vec![(0.0, 50.0), (40.0, 50.0), (48.0, 0.0), (60.0, 0.0)]).expect("a cycle");
        let summed: f64 = (0..100_000).map(|i| cycle.speed(f64::from(i) / 1000.0) / 3.6e3).sum();
        assert!((cycle.distance(100.0) - summed).abs() < 1.0, "{summed}");
        assert!((cycle.speed(44.0) - 25.0).abs() < 1e-9);
        assert!((cycle.speed(104.0) - 25.0).abs() < 1e-9);
    }

    #[test]
    fn a_constant_speed_covers_its_way() {
        assert!((Cycle::constant(36.0).distance(7205.0) - 72_050.0).abs() < 1e-6);
        assert!(!Cycle::constant(0.0).moves());
    }
}
