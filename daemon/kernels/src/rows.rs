//! Rows of floats, quantized for a product: each row to int8 with a scale of its own, once,
//! however many matrices read it.
//!
//! Must not know the matrices; only the form in which the processor wants its rows.

use crate::choice::Kernels;
use crate::lanes::{LANES, Lanes, load_some};
use crate::machine::{Job, Machine, RowForm};

/// Rows of int8 values with a scale each: `value ≈ quantized * scale`, `scale = largest / 127`.
///
/// Keep one and fill it again: it holds on to its memory.
#[derive(Debug)]
pub struct Int8Rows {
    kernels: Kernels,
    values: Vec<u8>,
    scales: Vec<f32>,
    width: usize,
    stride: usize,
}

impl Int8Rows {
    /// Empty rows in the form of these kernels.
    #[must_use]
    pub fn new(kernels: Kernels) -> Self {
        Self { kernels, values: Vec::new(), scales: Vec::new(), width: 0, stride: 0 }
    }

    /// Quantizes `rows.len() / width` rows, each channel multiplied by its `damping` before that.
    /// A row whose largest value is below 1e-30 becomes zeros. What is not finite gives no
    /// promised values.
    ///
    /// # Panics
    /// When `rows` is no multiple of `width`, `width` is 0, or `damping` is not `width` long.
    pub fn quantize(&mut self, rows: &[f32], width: usize, damping: Option<&[f32]>) {
        assert!(width > 0 && rows.len().is_multiple_of(width), "rows of {width} values");
        assert!(damping.is_none_or(|damping| damping.len() == width), "damping of {width} values");
        self.width = width;
        let count = rows.len() / width;
        let form = self.kernels.row_form();
        self.stride = row_stride(form, width);
        let lines = if form == RowForm::Pairs { count.div_ceil(2) } else { count };
        self.values.clear();
        self.values.resize(lines * self.stride, 0);
        self.scales.clear();
        self.scales.resize(count, 0.0);
        self.kernels.run(Quantize { rows, damping, to: self });
    }

    /// Number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scales.len()
    }

    /// Values in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The kernels these rows are for.
    #[must_use]
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// One value, for tests and for looking at them.
    ///
    /// # Panics
    /// When there is no such value.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> i8 {
        assert!(row < self.count() && column < self.width, "row {row}, column {column}");
        let form = self.kernels.row_form();
        let place = place_of(form, self.stride, row, column);
        match form {
            RowForm::ShiftedBytes => (self.values[place] ^ 0x80).cast_signed(),
            _ => self.values[place].cast_signed(),
        }
    }

    /// What a quantized value of each row is worth.
    #[must_use]
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Where the tile of rows that begins with `row` (even, where rows are pairs) begins; `form` is theirs.
    #[inline(always)]
    pub(crate) fn tile(&self, form: RowForm, row: usize) -> *const u8 {
        self.values[place_of(form, self.stride, row, 0)..].as_ptr()
    }

    /// Bytes from one row to the next, or from one pair to the next.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }
}

/// Inputs of a row with the padding that kernels may read: a multiple of 16.
pub(crate) fn padded(width: usize) -> usize {
    width.checked_next_multiple_of(LANES).unwrap_or(usize::MAX)
}

fn row_stride(form: RowForm, width: usize) -> usize {
    match form {
        RowForm::Bytes | RowForm::ShiftedBytes => padded(width),
        RowForm::Pairs => 2 * padded(width),
    }
}

/// Where a value lies.
#[inline(always)]
fn place_of(form: RowForm, stride: usize, row: usize, column: usize) -> usize {
    match form {
        RowForm::Bytes | RowForm::ShiftedBytes => row * stride + column,
        RowForm::Pairs => row / 2 * stride + column / 8 * 16 + row % 2 * 8 + column % 8,
    }
}

struct Quantize<'a> {
    rows: &'a [f32],
    damping: Option<&'a [f32]>,
    to: &'a mut Int8Rows,
}

impl Job for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let Int8Rows { values: to, scales, width, stride, .. } = self.to;
        for ((row, values), scale) in self.rows.chunks_exact(*width).enumerate().zip(scales) {
            let to = &mut to[place_of(M::FORM, *stride, row, 0)..];
            let source = Source { values, damping: self.damping };
            let largest = source.largest::<M::Lanes>();
            // Below this, 127 / largest could overflow; such a row says nothing.
            if largest < 1e-30 {
                if M::FORM == RowForm::ShiftedBytes {
                    to[..*stride].fill(0x80);
                }
                continue;
            }
            *scale = largest * (1.0 / 127.0);
            let factor = M::Lanes::splat(127.0 / largest);
            for sixteen in 0..width.div_ceil(LANES) {
                let mut bytes = [0i8; LANES];
                let value = source.at::<M::Lanes>(sixteen).mul(factor);
                // SAFETY: `bytes` holds sixteen.
                unsafe { value.store_i8(bytes.as_mut_ptr()) };
                write::<M>(to, sixteen, bytes.map(i8::cast_unsigned));
            }
        }
    }
}

/// Writes the sixteen values with this number of a row that begins where `to` does.
#[inline(always)]
fn write<M: Machine>(to: &mut [u8], sixteen: usize, bytes: [u8; LANES]) {
    match M::FORM {
        RowForm::Bytes => to[sixteen * LANES..][..LANES].copy_from_slice(&bytes),
        RowForm::ShiftedBytes => {
            to[sixteen * LANES..][..LANES].copy_from_slice(&bytes.map(|value| value ^ 0x80));
        }
        RowForm::Pairs => {
            let to = &mut to[sixteen * 2 * LANES..];
            to[..8].copy_from_slice(&bytes[..8]);
            to[16..24].copy_from_slice(&bytes[8..]);
        }
    }
}

/// One row of floats as it is quantized.
struct Source<'a> {
    values: &'a [f32],
    damping: Option<&'a [f32]>,
}

impl Source<'_> {
    /// The sixteen damped values with this number; zeros past the end.
    #[inline(always)]
    fn at<V: Lanes>(&self, sixteen: usize) -> V {
        let value: V = at(self.values, sixteen * LANES);
        match self.damping {
            Some(damping) => value.mul(at(damping, sixteen * LANES)),
            None => value,
        }
    }

    #[inline(always)]
    fn largest<V: Lanes>(&self) -> f32 {
        let mut largest = V::splat(0.0);
        for sixteen in 0..self.values.len().div_ceil(LANES) {
            largest = largest.max(self.at::<V>(sixteen).abs());
        }
        largest.largest()
    }
}

/// Sixteen values of a slice; zeros past its end.
#[inline(always)]
pub(crate) fn at<V: Lanes>(values: &[f32], place: usize) -> V {
    if let Some(sixteen) = values.get(place..place + LANES) {
        // SAFETY: sixteen are there.
        unsafe { V::load(sixteen.as_ptr()) }
    } else {
        let rest = &values[place..];
        // SAFETY: as many are there, and they are fewer than sixteen.
        unsafe { load_some(rest.as_ptr(), rest.len(), 0.0) }
    }
}
