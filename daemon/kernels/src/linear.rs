//! A linear layer that learns: products of floats with a few inputs at a time, the step that follows, and products of
//! rows with one vector.
//!
//! Products are rounded before they are added, for some processors have no fused form and would take a hundred times as
//! long to imitate it. Must keep the order of every sum: of an output, input by input; of a row, sixteen running sums.

use crate::choice::Kernels;
use crate::lanes::{LANES, Lanes};
use crate::machine::{Job, Machine};
use crate::rows::{at, padded};

/// Inputs that go through a panel together: eight of AVX2's sixteen registers hold their sums.
const TILE: usize = 4;

/// Weights of a linear layer, of inputs that are all there (`dense`) and of numbered features of which few are (`sparse`).
///
/// Outputs are padded to a multiple of sixteen; weights of padding are zero and stay so as long as its changes are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Linear {
    outputs: usize,
    inputs: usize,
    /// Panels of sixteen outputs; in a panel lie sixteen weights of each input, one after the other.
    dense: Vec<f32>,
    /// For each feature the weights of all outputs.
    sparse: Vec<f32>,
}

/// One input of a [`Linear`].
#[derive(Debug, Clone, Copy)]
pub struct LinearInput<'a> {
    /// As many values as the layer has inputs.
    pub dense: &'a [f32],
    /// Features and their values; a feature that the layer has no weights for counts nothing.
    pub sparse: &'a [(u32, f32)],
}

/// How fast each part of a [`Linear`] learns.
#[derive(Debug, Clone, Copy)]
pub struct LinearRates {
    /// Of what is said of the inputs.
    pub dense: f32,
    /// Of what is said of the features.
    pub sparse: f32,
}

impl Linear {
    /// A layer of zeros.
    #[must_use]
    pub fn zeros(outputs: usize, inputs: usize, features: usize) -> Self {
        let width = padded(outputs);
        Self {
            outputs,
            inputs,
            dense: vec![0.0; inputs * width],
            sparse: vec![0.0; features * width],
        }
    }

    /// A layer of what [`Self::parts`] gave; `None` where the lengths are of no such layer.
    #[must_use]
    pub fn of(outputs: usize, inputs: usize, [dense, sparse]: [Vec<f32>; 2]) -> Option<Self> {
        let width = padded(outputs);
        let fits = Some(dense.len()) == inputs.checked_mul(width)
            && sparse.len().is_multiple_of(width.max(1));
        fits.then_some(Self { outputs, inputs, dense, sparse })
    }

    /// All weights: of the inputs, then of the features.
    #[must_use]
    pub fn parts(&self) -> [&[f32]; 2] {
        [&self.dense, &self.sparse]
    }

    /// Number of outputs, with the padding: values an input has in products and changes.
    #[must_use]
    pub fn width(&self) -> usize {
        padded(self.outputs)
    }

    /// Multiplies all weights.
    pub fn scale(&mut self, by: f32) {
        self.dense.iter_mut().chain(&mut self.sparse).for_each(|weight| *weight *= by);
    }

    /// # Panics
    /// When an input has another length, or `values` is not one row of [`Self::width`] an input.
    fn check(&self, inputs: &[LinearInput<'_>], values: &[f32]) {
        assert!(
            inputs.iter().all(|input| input.dense.len() == self.inputs),
            "inputs of the layer's length"
        );
        assert_eq!(values.len(), inputs.len() * self.width(), "a padded row of outputs an input");
    }
}

impl Kernels {
    /// Products of inputs with all weights: `out` has a row of [`Linear::width`] values an input.
    ///
    /// # Panics
    /// When an input or `out` has another length.
    pub fn linear(self, weights: &Linear, inputs: &[LinearInput<'_>], out: &mut [f32]) {
        weights.check(inputs, out);
        self.run(Forward { weights, inputs, out });
    }

    /// Adds to each weight its input times the change of its output times the rate of its part, for all inputs together: a
    /// step of gradient descent, where the change of an output is minus the derivative of the loss. `changes` is as `out`
    /// of [`Self::linear`].
    ///
    /// # Panics
    /// When an input or `changes` has another length.
    pub fn linear_step(
        self,
        (weights, rates): (&mut Linear, LinearRates),
        inputs: &[LinearInput<'_>],
        changes: &[f32],
    ) {
        weights.check(inputs, changes);
        self.run(Step { weights, rates, inputs, changes });
    }

    /// The inner product of each row with a vector.
    ///
    /// # Panics
    /// When `rows` is not `out.len()` rows of the vector's length.
    pub fn dots(self, rows: &[f32], vector: &[f32], out: &mut [f32]) {
        assert_eq!(Some(rows.len()), out.len().checked_mul(vector.len()), "a row a product");
        if vector.is_empty() {
            return out.fill(0.0);
        }
        self.run(Dots { rows, vector, out });
    }
}

struct Forward<'a> {
    weights: &'a Linear,
    inputs: &'a [LinearInput<'a>],
    out: &'a mut [f32],
}

impl Job for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let Self { weights, inputs, out } = self;
        let width = weights.width();
        // A layer without inputs has no panels.
        out.fill(0.0);
        for (number, panel) in panels(weights).enumerate() {
            let column = number * LANES;
            for (inputs, out) in inputs.chunks(TILE).zip(out.chunks_mut(TILE * width)) {
                if let [a, b, c, d] = inputs {
                    let four = [a.dense, b.dense, c.dense, d.dense];
                    products::<M::Lanes, 4>(panel, four, out, (column, width));
                } else {
                    for (input, out) in inputs.iter().zip(out.chunks_exact_mut(width)) {
                        products::<M::Lanes, 1>(panel, [input.dense], out, (column, width));
                    }
                }
            }
        }
        for (input, out) in inputs.iter().zip(out.chunks_exact_mut(width.max(1))) {
            for (feature, value) in input.sparse {
                let Some(row) = row_of(&weights.sparse, *feature, width) else { continue };
                add_scaled::<M::Lanes>(out, row, *value);
            }
        }
    }
}

/// The panels of a layer.
fn panels(weights: &Linear) -> impl Iterator<Item = &[f32]> {
    weights.dense.chunks_exact((weights.inputs * LANES).max(1))
}

fn row_of(rows: &[f32], number: u32, width: usize) -> Option<&[f32]> {
    let start = (number as usize).checked_mul(width)?;
    rows.get(start..start.checked_add(width)?)
}

/// Sixteen outputs of `ROWS` inputs, written to `out` from `column` on, a row of `width` an input.
#[inline(always)]
fn products<V: Lanes, const ROWS: usize>(
    panel: &[f32],
    inputs: [&[f32]; ROWS],
    out: &mut [f32],
    (column, width): (usize, usize),
) {
    let mut sums = [V::splat(0.0); ROWS];
    for (place, weights) in panel.chunks_exact(LANES).enumerate() {
        let weights = at::<V>(weights, 0);
        for (sum, input) in sums.iter_mut().zip(inputs) {
            // SAFETY: `Linear::check` saw that each input has sixteenths of a panel's values.
            let value = unsafe { *input.get_unchecked(place) };
            *sum = sum.add(weights.mul(V::splat(value)));
        }
    }
    for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(width)) {
        put(out, column, sum);
    }
}

struct Step<'a> {
    weights: &'a mut Linear,
    rates: LinearRates,
    inputs: &'a [LinearInput<'a>],
    changes: &'a [f32],
}

impl Job for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let Self { weights, rates, inputs, changes } = self;
        let width = weights.width();
        let size = (weights.inputs * LANES).max(1);
        for (number, panel) in weights.dense.chunks_exact_mut(size).enumerate() {
            let column = number * LANES;
            let (mut waiting, mut count) = ([(0, 0); TILE], 0);
            // After a few passes most outputs are out of the question for most inputs, so what changes is gathered.
            for input in 0..inputs.len() {
                let change = input * width + column;
                if changes[change..change + LANES].iter().all(|change| *change == 0.0) {
                    continue;
                }
                waiting[count] = (input, change);
                count += 1;
                if count == TILE {
                    learn::<M::Lanes, TILE>(panel, &waiting, inputs, (changes, rates.dense));
                    count = 0;
                }
            }
            for one in &waiting[..count] {
                learn::<M::Lanes, 1>(
                    panel,
                    std::array::from_ref(one),
                    inputs,
                    (changes, rates.dense),
                );
            }
        }
        for (input, changes) in inputs.iter().zip(changes.chunks_exact(width.max(1))) {
            for (feature, value) in input.sparse {
                let Some(start) = (*feature as usize).checked_mul(width) else { continue };
                let Some(row) = weights.sparse.get_mut(start..start + width) else { continue };
                add_scaled::<M::Lanes>(row, changes, *value * rates.sparse);
            }
        }
    }
}

/// Adds to each weight of a panel what some inputs change in it, input after input. `from` is the number of each, and where its
/// changes are.
#[inline(always)]
fn learn<V: Lanes, const ROWS: usize>(
    panel: &mut [f32],
    from: &[(usize, usize); ROWS],
    inputs: &[LinearInput<'_>],
    (changes, rate): (&[f32], f32),
) {
    let (mut all, mut values) = ([V::splat(0.0); ROWS], [&[][..]; ROWS]);
    for (row, (input, change)) in from.iter().enumerate() {
        all[row] = at::<V>(&changes[*change..*change + LANES], 0).mul(V::splat(rate));
        values[row] = inputs[*input].dense;
    }
    for (place, weights) in panel.chunks_exact_mut(LANES).enumerate() {
        let mut sum = at::<V>(weights, 0);
        for (change, values) in all.iter().zip(values) {
            // SAFETY: as in `products`.
            let value = unsafe { *values.get_unchecked(place) };
            sum = sum.add(change.mul(V::splat(value)));
        }
        put(weights, 0, sum);
    }
}

/// Adds `by * x` to `to`; both are a multiple of sixteen long.
#[inline(always)]
fn add_scaled<V: Lanes>(to: &mut [f32], x: &[f32], by: f32) {
    let by = V::splat(by);
    for (to, x) in to.chunks_exact_mut(LANES).zip(x.chunks_exact(LANES)) {
        let sum = at::<V>(to, 0).add(at::<V>(x, 0).mul(by));
        put(to, 0, sum);
    }
}

struct Dots<'a> {
    rows: &'a [f32],
    vector: &'a [f32],
    out: &'a mut [f32],
}

impl Job for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let width = self.vector.len();
        for (rows, out) in self.rows.chunks(TILE * width).zip(self.out.chunks_mut(TILE)) {
            if let Ok(out) = <&mut [f32; TILE]>::try_from(&mut *out) {
                *out = dots::<M::Lanes, TILE>(rows, self.vector);
            } else {
                for (row, out) in rows.chunks_exact(width).zip(out) {
                    [*out] = dots::<M::Lanes, 1>(row, self.vector);
                }
            }
        }
    }
}

/// Inner products of `ROWS` rows with a vector.
#[inline(always)]
fn dots<V: Lanes, const ROWS: usize>(rows: &[f32], vector: &[f32]) -> [f32; ROWS] {
    let width = vector.len();
    let mut sums = [V::splat(0.0); ROWS];
    let whole = width - width % LANES;
    for column in (0..whole).step_by(LANES) {
        let x = at::<V>(&vector[column..column + LANES], 0);
        for (row, sum) in sums.iter_mut().enumerate() {
            let start = row * width + column;
            *sum = sum.add(at::<V>(&rows[start..start + LANES], 0).mul(x));
        }
    }
    let mut all = [0.0; ROWS];
    for (row, sum) in all.iter_mut().enumerate() {
        *sum = sums[row].sum();
        for column in whole..width {
            *sum += rows[row * width + column] * vector[column];
        }
    }
    all
}

/// Writes sixteen values.
#[inline(always)]
fn put<V: Lanes>(values: &mut [f32], place: usize, value: V) {
    crate::norm::put(&mut values[place..place + LANES], 0, value);
}
