//! Distances on the sphere.
//!
//! Must not pretend to know roads: these are great circles.

/// Mean radius of the Earth, metres (IUGG).
const RADIUS_M: f64 = 6_371_008.8;
/// Metres of a degree of latitude on that sphere.
pub(crate) const DEGREE_M: f64 = RADIUS_M * core::f64::consts::PI / 180.0;

/// A point, degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// North, −90 to 90.
    pub(crate) latitude: f64,
    /// East, −180 to 180.
    pub(crate) longitude: f64,
}

impl Point {
    /// A point within bounds, finite.
    pub(crate) fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let fits = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        fits.then_some(Self { latitude, longitude })
    }

    /// Reads "60.17, 24.94".
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (latitude, longitude) = text.split_once(',')?;
        Self::new(latitude.trim().parse().ok()?, longitude.trim().parse().ok()?)
    }

    /// Great-circle distance, metres (haversine).
    pub(crate) fn distance_m(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians() / 2.0;
        let up = (b - a) / 2.0;
        let half_chord = up.sin().powi(2) + a.cos() * b.cos() * across.sin().powi(2);
        2.0 * RADIUS_M * half_chord.sqrt().min(1.0).asin()
    }

    /// Whether two points are the same to about ten metres.
    pub(crate) fn is_same(self, other: Self) -> bool {
        self.distance_m(other) < 15.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distances_come_out() {
        let helsinki = Point::new(60.1699, 24.9384).expect("a point");
        let paris = Point::new(48.85341, 2.3488).expect("a point");
        assert!((helsinki.distance_m(paris) - 1_912_000.0).abs() < 5_000.0);
        assert!(helsinki.distance_m(helsinki) < 1e-6);
        let (west, east) = (Point::new(0.0, 179.9), Point::new(0.0, -179.9));
        let across = west.expect("a point").distance_m(east.expect("a point"));
        assert!((across - 0.2 * DEGREE_M).abs() < 1.0);
    }

    #[test]
    fn coordinates_are_read_within_bounds() {
        assert_eq!(Point::read("60.17, 24.94"), Point::new(60.17, 24.94));
        assert_eq!(Point::read("91,0"), None);
        assert_eq!(Point::read("NaN,0"), None);
        assert_eq!(Point::read("Helsinki, Finland"), None);
    }
}
