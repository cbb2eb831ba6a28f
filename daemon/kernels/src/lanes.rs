//! Sixteen floats at a time, the same on every processor, and the functions made of them.
//!
//! Each operation is one IEEE operation a lane (`fma` rounds once) and sums are taken in one
//! fixed order, so that a kernel written over [`Lanes`] gives the same bits everywhere.
//! Must not reach for a libm: its results differ between systems.

/// Lanes of a [`Lanes`].
pub(crate) const LANES: usize = 16;

/// Sixteen 32-bit floats.
///
/// Implementors hold them in whatever registers their instruction set has. What is not
/// finite has no promised result, but never an undefined one.
pub(crate) trait Lanes: Copy {
    /// The same value in each lane.
    fn splat(value: f32) -> Self;

    /// Sixteen floats from memory, at any alignment.
    ///
    /// # Safety
    /// `from` is readable for 16 floats.
    unsafe fn load(from: *const f32) -> Self;

    /// Writes all lanes, at any alignment.
    ///
    /// # Safety
    /// `to` is writable for 16 floats.
    unsafe fn store(self, to: *mut f32);

    /// Sixteen bytes from memory as floats.
    ///
    /// # Safety
    /// `from` is readable for 16 bytes.
    unsafe fn load_i8(from: *const i8) -> Self;

    /// Rounds each lane half to even and writes it as a byte. Lanes lie within ±127.
    ///
    /// # Safety
    /// `to` is writable for 16 bytes.
    unsafe fn store_i8(self, to: *mut i8);

    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    fn sub(self, other: Self) -> Self;
    /// `self * other`.
    fn mul(self, other: Self) -> Self;
    /// `self / other`.
    fn div(self, other: Self) -> Self;
    /// `self * factor + summand`, rounded once.
    fn fma(self, factor: Self, summand: Self) -> Self;
    /// The larger of the two, a lane.
    fn max(self, other: Self) -> Self;
    /// The smaller of the two, a lane.
    fn min(self, other: Self) -> Self;
    /// Without the sign.
    fn abs(self) -> Self;
    /// The nearest integer, half to even.
    fn round(self) -> Self;
    /// Two to the power of each lane, which holds an integer within -126..=127.
    fn power_of_two(self) -> Self;

    /// The sum of all lanes: of those eight apart, then four, two, one.
    fn sum(self) -> f32;
    /// The largest lane.
    fn largest(self) -> f32;
}

/// The first `count` floats at `from`, `filler` in the other lanes.
///
/// # Safety
/// `from` is readable for `count` floats; `count` is at most 16.
#[inline(always)]
pub(crate) unsafe fn load_some<V: Lanes>(from: *const f32, count: usize, filler: f32) -> V {
    let mut lanes = [filler; LANES];
    // SAFETY: the caller vouches for `from`, and `lanes` holds sixteen.
    unsafe {
        std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count);
        V::load(lanes.as_ptr())
    }
}

/// Writes the first `count` lanes.
///
/// # Safety
/// `to` is writable for `count` floats; `count` is at most 16.
#[inline(always)]
pub(crate) unsafe fn store_some<V: Lanes>(value: V, to: *mut f32, count: usize) {
    let mut lanes = [0.0; LANES];
    // SAFETY: `lanes` holds sixteen, and the caller vouches for `to`.
    unsafe {
        value.store(lanes.as_mut_ptr());
        std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count);
    }
}

/// `polynomial[0] + polynomial[1] * x + …`, by Horner's rule.
#[inline(always)]
fn polynomial<V: Lanes>(x: V, coefficients: &[f32]) -> V {
    let Some((highest, rest)) = coefficients.split_last() else { return V::splat(0.0) };
    let mut value = V::splat(*highest);
    for coefficient in rest.iter().rev() {
        value = value.fma(x, V::splat(*coefficient));
    }
    value
}

/// e^x. Below -87 it is e^-87, above 88 e^88: neither infinite nor zero nor subnormal.
///
/// x = n ln 2 + r with |r| ≤ ln 2 / 2; e^r by a polynomial that is best on that interval in the
/// largest relative error (1.1e-8), ln 2 in two parts so that r keeps its bits.
#[inline(always)]
pub(crate) fn exp<V: Lanes>(x: V) -> V {
    const SERIES: [f32; 5] = [0.5, 0.166_665_76, 0.041_666_463, 0.008_363_182, 0.001_393_365_8];
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.max(V::splat(-87.0)).min(V::splat(88.0));
    let n = x.mul(V::splat(std::f32::consts::LOG2_E)).round();
    let r = n.fma(V::splat(-LN_2_HIGH), x);
    let r = n.fma(V::splat(-LN_2_LOW), r);
    let tail = polynomial(r, &SERIES).mul(r);
    let value = tail.fma(r, r).add(V::splat(1.0));
    value.mul(n.power_of_two())
}

/// x Φ(x), Φ the normal distribution: the exact GELU, within 5e-6 for |x| ≤ 8.
///
/// Φ(x) - 1/2 = x P(x²) with P the polynomial of degree 11 that is best within ±5 in the
/// largest error of x Φ(x) (1.6e-6); beyond ±5, Φ is taken for Φ(±5).
#[inline(always)]
pub(crate) fn gelu<V: Lanes>(x: V) -> V {
    /// In powers of u = 2 (x/5)² - 1, which lies within ±1.
    const P: [f32; 12] = [
        0.141_363_75,
        -0.070_298_23,
        0.051_525_395,
        -0.040_391_985,
        0.031_356_726,
        -0.023_624_951,
        0.016_910_136,
        -0.010_165_46,
        0.005_113_268,
        -0.003_886_865,
        0.003_194_457_6,
        -0.001_096_358_2,
    ];
    let near = x.max(V::splat(-5.0)).min(V::splat(5.0));
    let u = near.mul(near).fma(V::splat(2.0 / 25.0), V::splat(-1.0));
    let phi = polynomial(u, &P).fma(near, V::splat(0.5));
    x.mul(phi)
}

/// x / (1 + e^-x).
#[inline(always)]
pub(crate) fn silu<V: Lanes>(x: V) -> V {
    let below = V::splat(0.0).sub(x);
    x.div(exp(below).add(V::splat(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one(function: impl Fn([f32; LANES]) -> [f32; LANES], x: f32) -> f64 {
        f64::from(function([x; LANES])[0])
    }

    /// Φ by its series, in double precision.
    fn normal(x: f64) -> f64 {
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term.abs() > 1e-18 {
            term *= -x * x / 2.0 / n * (2.0 * n - 1.0) / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        0.5 + sum / (2.0 * std::f64::consts::PI).sqrt()
    }

    #[test]
    fn exp_is_right_to_two_units_of_the_last_place() {
        for step in -870..=880 {
            let x = step as f32 / 10.0;
            let (found, expected) = (of_one(exp, x), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 2.4e-7, "e^{x} is {expected}, found {found}");
        }
        assert!(of_one(exp, -1e30) > 0.0 && of_one(exp, 1e30).is_finite());
    }

    #[test]
    fn gelu_is_the_exact_form_to_five_millionths() {
        for step in -600..=600 {
            let x = step as f32 / 100.0;
            let expected = f64::from(x) * normal(f64::from(x));
            let found = of_one(gelu, x);
            assert!((found - expected).abs() < 5e-6, "gelu({x}) is {expected}, found {found}");
        }
        assert!((of_one(gelu, 100.0) - 100.0).abs() < 1e-3);
        assert!(of_one(gelu, -100.0).abs() < 1e-3);
    }

    #[test]
    fn silu_is_right_to_six_digits() {
        for step in -800..=800 {
            let x = step as f32 / 10.0;
            let expected = f64::from(x) / (1.0 + (-f64::from(x)).exp());
            let found = of_one(silu, x);
            let off = (found - expected).abs();
            assert!(
                off < 1e-6 * expected.abs().max(1e-30),
                "silu({x}) is {expected}, found {found}"
            );
        }
    }
}
