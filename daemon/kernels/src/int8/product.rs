//! The product itself: panels of a matrix, each multiplied with tiles of rows.
//!
//! Must do per product or per panel what need not be done per tile: a tile lasts some hundred cycles.

use std::ops::Range;

use super::{Activation, Int8Matrix, Int8Parts};
use crate::choice::Kernels;
use crate::lanes::{LANES, Lanes, gelu};
use crate::machine::{Int8Tile, Job, Machine, RowForm, STEP};
use crate::out::{Out, share};
use crate::pool::Pool;
use crate::rows::{Int8Rows, padded};

impl Kernels {
    /// `out[row][channel] = activation(rows · matrix + bias)`; `out` holds whole rows of all channels.
    ///
    /// # Panics
    /// When rows, matrix and `out` do not fit together, or the rows were made for other kernels.
    pub fn int8_product(
        self,
        rows: &Int8Rows,
        matrix: &Int8Matrix<'_>,
        activation: Activation,
        out: &mut [f32],
    ) {
        let product = Product::new((self, rows), matrix, activation, out);
        self.run(Panels { product: &product, panels: 0..product.panels() });
    }

    /// The same, the panels shared among the threads of a pool.
    ///
    /// # Panics
    /// As [`Self::int8_product`].
    pub fn int8_product_on(
        self,
        pool: &mut Pool,
        rows: &Int8Rows,
        matrix: &Int8Matrix<'_>,
        activation: Activation,
        out: &mut [f32],
    ) {
        let product = Product::new((self, rows), matrix, activation, out);
        let threads = pool.threads();
        pool.run(&|thread| {
            let panels = share(product.panels(), thread, threads);
            self.run(Panels { product: &product, panels });
        });
    }
}

/// A product whose parts fit together.
struct Product<'a> {
    rows: &'a Int8Rows,
    matrix: &'a Int8Matrix<'a>,
    activation: Activation,
    out: Out<'a>,
}

impl<'a> Product<'a> {
    /// # Panics
    /// As [`Kernels::int8_product`] says.
    fn new(
        (kernels, rows): (Kernels, &'a Int8Rows),
        matrix: &'a Int8Matrix<'a>,
        activation: Activation,
        out: &'a mut [f32],
    ) -> Self {
        assert!(
            rows.kernels() == kernels && rows.width() == matrix.inputs,
            "rows do not fit the matrix"
        );
        Self { rows, matrix, activation, out: Out::new(out, rows.count(), matrix.outputs) }
    }

    fn panels(&self) -> usize {
        self.matrix.outputs.div_ceil(LANES)
    }
}

/// Some panels of a product.
struct Panels<'a> {
    product: &'a Product<'a>,
    panels: Range<usize>,
}

impl Job for Panels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self) {
        let Self { product, panels } = self;
        let tiles = Tiles::of::<M>(product.rows.count());
        // Without rows there are no tiles, and nothing to share among them.
        for panel in panels.filter(|_| tiles.count > 0) {
            let panel = Panel::new(product, panel);
            for tile in tiles {
                panel.multiply::<M>(tile);
            }
        }
    }
}

/// The rows of a product, cut into as few tiles as can be, of nearly the same size.
#[derive(Debug, Clone, Copy)]
struct Tiles {
    /// The next row.
    first: usize,
    /// All rows.
    count: usize,
    /// Rows of each of the last tiles.
    rows: usize,
    /// Tiles before them, which have `unit` rows more.
    larger: usize,
    /// What rows come in: pairs, where they are pairs.
    unit: usize,
}

/// Some rows, one after the other.
#[derive(Debug, Clone, Copy)]
struct Tile {
    first: usize,
    rows: usize,
}

impl Tiles {
    #[inline(always)]
    fn of<M: Machine>(count: usize) -> Self {
        let unit = if M::FORM == RowForm::Pairs { 2 } else { 1 };
        let units = count.div_ceil(unit);
        let tiles = units.div_ceil(M::TILE / unit).max(1);
        Self { first: 0, count, rows: units / tiles * unit, larger: units % tiles, unit }
    }
}

impl Iterator for Tiles {
    type Item = Tile;

    #[inline(always)]
    fn next(&mut self) -> Option<Tile> {
        let left = self.count - self.first;
        let rows = self.rows + if self.larger > 0 { self.unit } else { 0 };
        let tile = Tile { first: self.first, rows: rows.min(left) };
        self.larger = self.larger.saturating_sub(1);
        self.first += tile.rows;
        (left > 0).then_some(tile)
    }
}

/// Sixteen output channels of a product.
struct Panel<'a> {
    product: &'a Product<'a>,
    number: usize,
    weights: &'a [i8],
    starts: &'a [i32],
    scales: &'a [f32],
    bias: &'a [f32],
    /// Bytes of the next panel that each row asks for while it is multiplied with [`STEP`] weights.
    pace: usize,
}

impl<'a> Panel<'a> {
    #[inline(always)]
    fn new(product: &'a Product<'a>, number: usize) -> Self {
        let Int8Parts { weights, starts, scales, bias } = product.matrix.parts;
        let (bytes, channel) = (LANES * padded(product.matrix.inputs), number * LANES);
        Self {
            product,
            number,
            weights: &weights[number * bytes..][..bytes],
            starts: &starts[channel..][..LANES],
            scales: &scales[channel..][..LANES],
            bias: &bias[channel..][..LANES],
            pace: STEP.div_ceil(product.rows.count()),
        }
    }

    #[inline(always)]
    fn multiply<M: Machine>(&self, Tile { first, rows }: Tile) {
        let Self { product, weights, .. } = *self;
        // Each tile asks for its share of the next panel: a burst would be more than a core can wait for.
        let done = first * self.pace * weights.len() / STEP;
        let tile = Int8Tile {
            rows: product.rows.tile(M::FORM, first),
            stride: product.rows.stride(),
            weights: weights.as_ptr(),
            groups: padded(product.matrix.inputs) / M::GROUP,
            start: self.starts.as_ptr(),
            ahead: weights.as_ptr_range().end.wrapping_add(done),
            pace: rows * self.pace,
        };
        macro_rules! of {
            ($($count:literal)*) => {
                match rows {
                    $($count if $count <= M::TILE => {
                        // SAFETY: this runs where `M` was found; the rows are in its form with their
                        // padding, and `weights` is one whole panel.
                        self.finish(first, unsafe { M::int8_tile::<$count>(tile) });
                    })*
                    _ => unreachable!("a tile has 1 to {} rows", M::TILE),
                }
            };
        }
        of!(1 2 3 4 5 6 7 8 9 10 11 12);
    }

    /// Scales, adds the bias, applies the activation and writes the channels of some rows.
    #[inline(always)]
    fn finish<V: Lanes, const ROWS: usize>(&self, first: usize, sums: [V; ROWS]) {
        let row_scales = &self.product.rows.scales()[first..][..ROWS];
        // SAFETY: each slice holds sixteen.
        let (scales, bias) =
            unsafe { (V::load(self.scales.as_ptr()), V::load(self.bias.as_ptr())) };
        for (row, (sum, row_scale)) in sums.into_iter().zip(row_scales).enumerate() {
            let value = sum.fma(scales.mul(V::splat(*row_scale)), bias);
            let value = match self.product.activation {
                Activation::None => value,
                Activation::Gelu => gelu(value),
            };
            // SAFETY: `share` gives each panel to one thread.
            unsafe { self.product.out.write(self.number, first + row, value) };
        }
    }
}
