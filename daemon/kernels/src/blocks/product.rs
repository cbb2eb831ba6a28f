//! The product itself: sixteen channels of some rows at a time, block by block.
//!
//! A value is one chain in the order of the blocks: for each 32 inputs the exact integer sum times
//! the scales of both sides, rounded once; before that the minimum times the weighted sum of the inputs,
//! rounded once. Of half floats it is two chains, of the even and of the odd inputs, added at the end.
//! Must not differ between processors, nor allocate.

use std::ops::Range;

use super::BlockMatrix;
use super::format::{BlockFormat, Layout};
use super::part::{Groups, Inputs, Kind, MAX_PARTS, Part};
use super::rows::{BlockRows, RowBlock};
use crate::choice::Kernels;
use crate::lanes::{LANES, Lanes};
use crate::machine::{Job, Machine};
use crate::out::{Out, share};
use crate::pool::Pool;

impl Kernels {
    /// `out[row][channel] = rows · matrix`; `out` holds whole rows of all channels.
    ///
    /// # Panics
    /// When rows, matrix and `out` do not fit together, or the rows were not taken for the format.
    pub fn block_product(self, rows: &BlockRows, matrix: &BlockMatrix<'_>, out: &mut [f32]) {
        let product = Product::new(rows, matrix, out);
        self.run(Panels { product: &product, panels: 0..matrix.panels() });
    }

    /// The same, the panels shared among the threads of a pool.
    ///
    /// # Panics
    /// As [`Self::block_product`].
    pub fn block_product_on(
        self,
        pool: &mut Pool,
        rows: &BlockRows,
        matrix: &BlockMatrix<'_>,
        out: &mut [f32],
    ) {
        let (product, threads) = (Product::new(rows, matrix, out), pool.threads());
        pool.run(&|thread| {
            let panels = share(matrix.panels(), thread, threads);
            self.run(Panels { product: &product, panels });
        });
    }
}

/// A product whose parts fit together.
struct Product<'a> {
    rows: &'a BlockRows,
    matrix: &'a BlockMatrix<'a>,
    out: Out<'a>,
}

impl<'a> Product<'a> {
    /// # Panics
    /// As [`Kernels::block_product`] says.
    fn new(rows: &'a BlockRows, matrix: &'a BlockMatrix<'a>, out: &'a mut [f32]) -> Self {
        assert_eq!(rows.width(), matrix.inputs, "rows do not fit the matrix");
        let (blocks, floats) = (rows.blocks().len(), rows.floats().len());
        let there = if matrix.format == BlockFormat::F16 { floats } else { blocks };
        assert!(there > 0 || rows.count() == 0, "rows for {}", matrix.format);
        Self { rows, matrix, out: Out::new(out, rows.count(), matrix.outputs) }
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
        match self.product.matrix.format {
            BlockFormat::F16 => self.all::<M, Halves>(),
            BlockFormat::Q8_0 => self.all::<M, Q8>(),
            BlockFormat::Q4_0 => self.all::<M, Q4>(),
            BlockFormat::Q4_1 => self.all::<M, Q4Min>(),
            BlockFormat::Q4K => self.all::<M, Q4K>(),
            BlockFormat::Q6K => self.all::<M, Q6K>(),
        }
    }
}

/// The rows of a tile, one after the other.
#[derive(Clone, Copy)]
struct Tile {
    /// Where the first row begins: a [`RowBlock`], or a float.
    rows: *const u8,
    /// Bytes from one row to the next.
    stride: usize,
    /// A packed panel of sixteen channels.
    panel: *const u8,
    /// Its blocks.
    blocks: usize,
}

/// What is multiplied in one way.
trait Format {
    /// The products of `ROWS` rows (1, 2, 4 or 8) with one panel.
    ///
    /// # Safety
    /// The processor has the instruction set of `P`; the tile's memory is as it says.
    unsafe fn tile<P: Part, const ROWS: usize>(tile: Tile, out: &mut [[f32; LANES]; ROWS]);
}

impl Panels<'_> {
    #[inline(always)]
    fn all<M: Machine, F: Format>(self) {
        let Product { rows, matrix, .. } = *self.product;
        let layout = matrix.format.layout();
        let (first_row, of_a_row) = if matrix.format == BlockFormat::F16 {
            (rows.floats().as_ptr().cast::<u8>(), 4)
        } else {
            (rows.blocks().as_ptr().cast::<u8>(), layout.parts() * size_of::<RowBlock>())
        };
        let blocks = matrix.inputs / layout.width;
        let stride = blocks * of_a_row;
        let panel_bytes = blocks * layout.packed();
        for panel in self.panels.clone() {
            let weights = matrix.bytes[panel * panel_bytes..][..panel_bytes].as_ptr();
            let mut row = 0;
            while row < rows.count() {
                let first = first_row.wrapping_add(row * stride);
                let tile = Tile { rows: first, stride, panel: weights, blocks };
                macro_rules! of {
                    ($($count:literal)*) => {
                        match rows.count() - row {
                            $(left if left >= $count && $count <= M::Part::ROWS => {
                                let mut out = [[0.0; LANES]; $count];
                                // SAFETY: this runs where `M` was found. `Product::new` has seen that the rows are
                                // as wide as the matrix, `BlockMatrix::new` that it has all its panels.
                                unsafe { F::tile::<M::Part, $count>(tile, &mut out) };
                                for (place, out) in out.iter().enumerate() {
                                    // SAFETY: sixteen; and `share` gives each panel to one thread.
                                    unsafe {
                                        let out = M::Lanes::load(out.as_ptr());
                                        self.product.out.write(panel, row + place, out);
                                    }
                                }
                                row += $count;
                            })*
                            _ => return,
                        }
                    };
                }
                of!(8 4 2 1);
            }
        }
    }
}

/// Parts of a panel that are multiplied together: all of them where there is one row, so that the
/// weights are read straight through.
#[inline(always)]
const fn parts_at_once<P: Part, const ROWS: usize>() -> usize {
    if ROWS == 1 { LANES / P::CHANNELS } else { P::PARTS }
}

/// Half floats, with rows of floats.
struct Halves;

impl Format for Halves {
    #[inline(always)]
    unsafe fn tile<P: Part, const ROWS: usize>(tile: Tile, out: &mut [[f32; LANES]; ROWS]) {
        // SAFETY: the caller vouches for the tile: `blocks` floats a row, sixteen half floats each.
        unsafe {
            // Two chains a sum: more parts would not fit the registers.
            let parts = if ROWS == 1 { LANES / P::CHANNELS } else { 1 };
            for first in (0..LANES / P::CHANNELS).step_by(parts) {
                let mut sums = [[[P::splat(0.0); MAX_PARTS]; ROWS]; 2];
                let last = tile.blocks - 1;
                for even in (0..tile.blocks).step_by(2) {
                    let [evens, odds] = &mut sums;
                    halves::<P, ROWS>(&tile, even, (first, parts), evens);
                    if even < last {
                        halves::<P, ROWS>(&tile, even + 1, (first, parts), odds);
                    }
                }
                let [evens, odds] = &sums;
                for ((out, evens), odds) in out.iter_mut().zip(evens).zip(odds) {
                    for (part, (even, odd)) in evens.iter().zip(odds).enumerate().take(parts) {
                        let to = out.as_mut_ptr().add((first + part) * P::CHANNELS);
                        P::store(P::add(*even, *odd), to);
                    }
                }
            }
        }
    }
}

/// Adds the products of one input of each row to the sums of some parts.
#[inline(always)]
unsafe fn halves<P: Part, const ROWS: usize>(
    tile: &Tile,
    input: usize,
    (first, parts): (usize, usize),
    sums: &mut [[P::Floats; MAX_PARTS]; ROWS],
) {
    // SAFETY: the caller vouches for the tile.
    unsafe {
        let mut weights = [P::splat(0.0); MAX_PARTS];
        for (part, weights) in weights.iter_mut().enumerate().take(parts) {
            let channel = (first + part) * P::CHANNELS;
            *weights = P::halves(tile.panel.add((input * LANES + channel) * 2));
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            let value = *tile.rows.add(row * tile.stride).cast::<f32>().add(input);
            for (sum, weights) in sums.iter_mut().zip(weights).take(parts) {
                *sum = P::fma(weights, P::splat(value), *sum);
            }
        }
    }
}

/// A format of integers with scales.
trait Blocks {
    /// How they lie.
    const LAYOUT: Layout;
    /// What the integers mean.
    type Kind: Kind;
    /// Whether the second half float is a minimum.
    const MINIMUM: bool = Self::LAYOUT.halves == 2;
}

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $format:ident, $offset:literal, $products:literal, $signed:literal;)*) => {$(
        $(#[$doc])*
        struct $name;

        impl Blocks for $name {
            const LAYOUT: Layout = BlockFormat::$format.layout();
            type Kind = Self;
        }

        impl Kind for $name {
            const OFFSET: i32 = $offset;
            const PRODUCTS: usize = $products;
            const SIGNED: bool = $signed;
        }
    )*};
}

// Of products in 16 bits: 16 * 15 * 127, 4 * 63 * 127 and 2 * 128 * 127 are below 2^15.
formats! {
    /// Signed bytes.
    Q8 = Q8_0, 0, 2, true;
    /// Nibbles less eight.
    Q4 = Q4_0, 8, 16, false;
    /// Nibbles with a minimum.
    Q4Min = Q4_1, 0, 16, false;
    /// Nibbles with scales and minima of their own for each 32 of 256.
    Q4K = Q4K, 0, 16, false;
    /// Six bits less 32 with scales of their own for each 16 of 256.
    Q6K = Q6K, 32, 4, false;
}

/// The weights of 32 inputs of a panel, from a channel on.
struct Weights<F> {
    at: *const u8,
    format: std::marker::PhantomData<F>,
}

impl<F> Clone for Weights<F> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Weights<F> {}

impl<P: Part, F: Blocks> Groups<P> for Weights<F> {
    #[inline(always)]
    unsafe fn two(self, part: usize, two: usize) -> [P::Bytes; 2] {
        // SAFETY: whoever made this vouches for eight groups of the part, as the layout says.
        unsafe {
            let at = self.at.add(part * P::CHANNELS * 4);
            if F::LAYOUT.bits == 8 {
                return [P::bytes(at.add(two * 128)), P::bytes(at.add(two * 128 + 64))];
            }
            let [even, odd] = P::nibbles(P::bytes(at.add(two * 64)));
            if F::LAYOUT.bits == 4 {
                return [even, odd];
            }
            let high = P::bytes(at.add(256 + two / 2 * 64));
            if two.is_multiple_of(2) {
                [P::six::<0>(even, high), P::six::<1>(odd, high)]
            } else {
                [P::six::<2>(even, high), P::six::<3>(odd, high)]
            }
        }
    }
}

impl<F: Blocks> Format for F {
    #[inline(always)]
    unsafe fn tile<P: Part, const ROWS: usize>(tile: Tile, out: &mut [[f32; LANES]; ROWS]) {
        // SAFETY: the caller vouches for the tile: `blocks` packed blocks, and for each of them in
        // each row as many row blocks as it has parts.
        unsafe {
            let parts = parts_at_once::<P, ROWS>();
            for first in (0..LANES / P::CHANNELS).step_by(parts) {
                let channel = first * P::CHANNELS;
                let mut sums = [[P::splat(0.0); MAX_PARTS]; ROWS];
                for block in 0..tile.blocks {
                    let head = tile.panel.add(block * F::LAYOUT.packed());
                    for inner in 0..F::LAYOUT.parts() {
                        let at = head.add(F::LAYOUT.head() + inner * F::LAYOUT.part());
                        if ROWS == 1 {
                            ahead::<P, F>(at);
                        }
                        let inputs = block * F::LAYOUT.parts() + inner;
                        let rows = tile.rows.cast::<RowBlock>().add(inputs);
                        let mut row_blocks = [&*rows; ROWS];
                        for (row, block) in row_blocks.iter_mut().enumerate() {
                            *block = &*rows.byte_add(row * tile.stride);
                        }
                        let places = Places { head, at, channel, parts };
                        multiply::<P, F, ROWS>(places, row_blocks, &mut sums);
                    }
                }
                for (out, sums) in out.iter_mut().zip(&sums) {
                    for (part, sum) in sums.iter().enumerate().take(parts) {
                        P::store(*sum, out.as_mut_ptr().add(channel + part * P::CHANNELS));
                    }
                }
            }
        }
    }
}

/// Asks for the weights that come some blocks later.
#[inline(always)]
unsafe fn ahead<P: Part, F: Blocks>(at: *const u8) {
    /// Bytes; a few hundred cycles of reading.
    const DISTANCE: usize = 4096;
    for line in (0..F::LAYOUT.part()).step_by(64) {
        // SAFETY: a prefetch takes any address.
        unsafe { P::prefetch(at.wrapping_add(DISTANCE + line)) }
    }
}

/// 32 inputs of a packed block.
#[derive(Clone, Copy)]
struct Places {
    /// Where the block begins.
    head: *const u8,
    /// Where what belongs to these inputs begins.
    at: *const u8,
    /// The first channel of the panel to multiply,
    channel: usize,
    /// and how many parts.
    parts: usize,
}

/// Adds the products of 32 inputs of each row to the sums of some parts.
#[inline(always)]
unsafe fn multiply<P: Part, F: Blocks, const ROWS: usize>(
    places: Places,
    rows: [&RowBlock; ROWS],
    sums: &mut [[P::Floats; MAX_PARTS]; ROWS],
) {
    // SAFETY: the caller vouches for the block and the rows.
    unsafe {
        let dots = integers::<P, F, ROWS>(places, rows);
        let mut worth = [Worth::<P> { scale: P::splat(0.0), minimum: P::splat(0.0) }; MAX_PARTS];
        for (part, worth) in worth.iter_mut().enumerate().take(places.parts) {
            *worth = Worth::load::<F>(places, places.channel + part * P::CHANNELS);
        }
        for ((row, sums), dots) in rows.into_iter().zip(sums).zip(dots) {
            let (scale, weighted) = (P::splat(row.scale), P::splat(row.weighted));
            for ((sum, dot), worth) in sums.iter_mut().zip(dots).zip(worth).take(places.parts) {
                if F::MINIMUM {
                    *sum = P::fma(worth.minimum, weighted, *sum);
                }
                *sum = P::fma(dot, P::mul(worth.scale, scale), *sum);
            }
        }
    }
}

/// What the integers of some channels are worth.
#[derive(Clone, Copy)]
struct Worth<P: Part> {
    scale: P::Floats,
    minimum: P::Floats,
}

impl<P: Part> Worth<P> {
    #[inline(always)]
    unsafe fn load<F: Blocks>(places: Places, channel: usize) -> Self {
        // SAFETY: the caller vouches for the block.
        unsafe {
            let mut scale = P::halves(places.head.add(2 * channel));
            let mut minimum = P::splat(0.0);
            if F::MINIMUM {
                minimum = P::halves(places.head.add(2 * (LANES + channel)));
                if F::LAYOUT.scales == 2 {
                    scale = P::mul(scale, P::scales(places.at.add(channel)));
                    minimum = P::mul(minimum, P::scales(places.at.add(LANES + channel)));
                }
            }
            Self { scale, minimum }
        }
    }
}

/// The integer sums of 32 inputs, exact: below 2^24 also with the scales of `Q6_K`, 2 * 16 * 32 *
/// 127 * 128.
#[inline(always)]
unsafe fn integers<P: Part, F: Blocks, const ROWS: usize>(
    places: Places,
    rows: [&RowBlock; ROWS],
) -> [[P::Floats; MAX_PARTS]; ROWS] {
    // SAFETY: the caller vouches for the block and the rows.
    unsafe {
        let Places { at, channel, parts, .. } = places;
        let weights = Weights::<F> {
            at: at.add(LANES * F::LAYOUT.scales + 4 * channel),
            format: std::marker::PhantomData,
        };
        let mut inputs = rows.map(|row| Inputs { values: row.values.as_ptr(), sum: row.sum });
        let mut values = [[P::splat(0.0); MAX_PARTS]; ROWS];
        if F::LAYOUT.bits != 6 {
            let sums = P::dots::<F::Kind, _, ROWS>(weights, 0..4, parts, inputs);
            for (values, sums) in values.iter_mut().zip(sums) {
                for (value, sum) in values.iter_mut().zip(sums).take(parts) {
                    *value = P::float(sum);
                }
            }
            return values;
        }
        for sixteen in [1, 0] {
            for (input, row) in inputs.iter_mut().zip(rows) {
                input.sum = i32::from(row.halves[sixteen]);
            }
            let twos = 2 * sixteen..2 * sixteen + 2;
            let sums = P::dots::<F::Kind, _, ROWS>(weights, twos, parts, inputs);
            for part in 0..parts {
                let scale = at.add(sixteen * LANES + channel + part * P::CHANNELS);
                let scale = P::scales(scale);
                for (values, sums) in values.iter_mut().zip(sums) {
                    values[part] = P::fma(P::float(sums[part]), scale, values[part]);
                }
            }
        }
        values
    }
}
