//! The room that all steps of a plan work in, one after the other, and what each step does there.
//!
//! It grows to the largest batch and stays until it is told to rest. Must not hand out rows that were not written.

use valet_kernels::{
    Activation, AttentionScratch, Int8Matrix, Int8Rows, Int8Table, KernelError, Kernels,
    NormWeights, Pool,
};

/// Rows of the last step, and room for the next.
#[derive(Debug)]
pub(crate) struct Scratch {
    kernels: Kernels,
    pool: Pool,
    rows: Room,
    next: Room,
    quantized: Int8Rows,
    attention: AttentionScratch,
}

/// Floats, of which the first `length` are in use.
#[derive(Debug, Default)]
struct Room {
    floats: Vec<f32>,
    length: usize,
}

impl Room {
    /// Makes so many floats the ones in use, whatever they hold.
    fn of(&mut self, length: usize) -> &mut [f32] {
        if length > self.floats.len() {
            self.floats.resize(length, 0.0);
        }
        self.length = length;
        &mut self.floats[..length]
    }

    fn used(&self) -> &[f32] {
        &self.floats[..self.length]
    }
}

impl Scratch {
    /// Room for these kernels, and a pool of threads that share the products of matrices.
    pub(crate) fn new(kernels: Kernels, pool: Pool) -> Self {
        Scratch {
            kernels,
            pool,
            rows: Room::default(),
            next: Room::default(),
            quantized: Int8Rows::new(kernels),
            attention: AttentionScratch::default(),
        }
    }

    /// Gives the room back; the next batch makes what it needs.
    pub(super) fn rest(&mut self) {
        (self.rows, self.next) = (Room::default(), Room::default());
        self.quantized = Int8Rows::new(self.kernels);
        self.attention = AttentionScratch::default();
    }

    /// The rows that the last step gave.
    pub(super) fn rows(&self) -> &[f32] {
        self.rows.used()
    }

    /// Begins with rows from elsewhere.
    pub(super) fn take(&mut self, rows: &[f32]) {
        self.rows.of(rows.len()).copy_from_slice(rows);
    }

    pub(super) fn embed(
        &mut self,
        ids: &[i64],
        lengths: &[usize],
        table: &Int8Table<'_>,
    ) -> Result<(), KernelError> {
        let mut out = self.rows.of(ids.len() * table.width);
        let mut ids = ids;
        for length in lengths {
            let (own, rest) = ids.split_at((*length).min(ids.len()));
            let (rows, others) = out.split_at_mut(own.len() * table.width);
            self.kernels.embed(own, table, rows)?;
            (ids, out) = (rest, others);
        }
        Ok(())
    }

    pub(super) fn norm(&mut self, norm: NormWeights<'_>, residual: Option<&[f32]>) {
        let Room { floats, length } = &mut self.rows;
        self.kernels.layer_norm(&mut floats[..*length], residual, norm);
    }

    /// Rows that are given, or those of the last step, times a matrix.
    pub(super) fn linear(
        &mut self,
        given: Option<&[f32]>,
        matrix: &Int8Matrix<'_>,
        damping: Option<&[f32]>,
        gelu: bool,
    ) {
        let activation = if gelu { Activation::Gelu } else { Activation::None };
        self.quantized.quantize(given.unwrap_or(self.rows.used()), matrix.inputs(), damping);
        let out = self.rows.of(self.quantized.count() * matrix.outputs());
        let rows = &self.quantized;
        self.kernels.int8_product_on(&mut self.pool, rows, matrix, activation, out);
    }

    pub(super) fn attend(&mut self, lengths: &[usize], heads: usize) {
        let joined = self.rows.used();
        let out = self.next.of(joined.len() / 3);
        self.kernels.attention(joined, lengths, heads, &mut self.attention, out);
        std::mem::swap(&mut self.rows, &mut self.next);
    }

    pub(super) fn mean(&mut self, lengths: &[usize]) {
        let rows = self.rows.used();
        let width = rows.len() / lengths.iter().sum::<usize>().max(1);
        let out = self.next.of(lengths.len() * width);
        let mut first = 0;
        for (length, mean) in lengths.iter().zip(out.chunks_exact_mut(width)) {
            self.kernels.mean_of_rows(&rows[first..first + length * width], mean);
            first += length * width;
        }
        std::mem::swap(&mut self.rows, &mut self.next);
    }
}
