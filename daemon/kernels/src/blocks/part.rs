//! What an instruction set has to bring for products of blocks: some channels of a panel at a time.
//!
//! Must not know the formats; `product.rs` makes each of them from these.

use std::ops::Range;

/// Parts of a panel, at most.
pub(crate) const MAX_PARTS: usize = 4;

/// 32 inputs of a row, quantized, and the sum of those that are multiplied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    /// Values within ±127.
    pub values: *const i8,
    /// The sum of some of them.
    pub sum: i32,
}

/// What the bytes of a group of weights mean, and what sums of them fit.
pub(crate) trait Kind {
    /// A byte `b` means `b - OFFSET`.
    const OFFSET: i32;
    /// Products with ±127 that may be summed up in 16 bits before `OFFSET` is taken off: 2, 4, or 16.
    #[allow(dead_code, reason = "some processors have 32 bits for every sum")]
    const PRODUCTS: usize;
    /// Bytes have a sign; else they are at most 63.
    #[allow(dead_code, reason = "some processors take both alike")]
    const SIGNED: bool;
}

/// The weights of 32 inputs of a panel.
pub(crate) trait Groups<P: Part>: Copy {
    /// Two groups of a part, of the inputs from `8 * two` on.
    ///
    /// # Safety
    /// As of [`Part`].
    unsafe fn two(self, part: usize, two: usize) -> [P::Bytes; 2];
}

/// `CHANNELS` of the sixteen channels of a panel, in the registers of an instruction set.
///
/// # Safety of all methods
/// The processor has the instruction set. Pointers are readable for what each says, at any alignment.
pub(crate) trait Part: Copy {
    /// Channels: 4, 8 or 16.
    const CHANNELS: usize;
    /// Most rows that are multiplied together: 1, 2, 4 or 8.
    const ROWS: usize;
    /// Parts of a panel that are multiplied together with several rows; so many divide a panel.
    const PARTS: usize;
    /// A float a channel.
    type Floats: Copy;
    /// An integer a channel.
    type Sums: Copy;
    /// A group: four bytes a channel.
    type Bytes: Copy;

    /// Half floats of `CHANNELS` channels.
    unsafe fn halves(from: *const u8) -> Self::Floats;
    /// Bytes with a sign of `CHANNELS` channels.
    unsafe fn scales(from: *const u8) -> Self::Floats;
    /// A group, `4 * CHANNELS` bytes.
    unsafe fn bytes(from: *const u8) -> Self::Bytes;
    /// Writes `CHANNELS` floats.
    unsafe fn store(value: Self::Floats, to: *mut f32);
    /// Asks for a line of memory that is read soon; any address.
    unsafe fn prefetch(_from: *const u8) {}

    /// The low and the high halves of bytes.
    unsafe fn nibbles(bytes: Self::Bytes) -> [Self::Bytes; 2];
    /// The bits 2 * PLACE and 2 * PLACE + 1 of bytes, as bits 4 and 5; `low` in the others.
    unsafe fn six<const PLACE: usize>(low: Self::Bytes, bytes: Self::Bytes) -> Self::Bytes;

    /// For each row and each of the first `parts` parts the sums of products of the groups of
    /// `twos` with the inputs they stand for, exact.
    unsafe fn dots<K: Kind, G: Groups<Self>, const ROWS: usize>(
        weights: G,
        twos: Range<usize>,
        parts: usize,
        rows: [Inputs; ROWS],
    ) -> [[Self::Sums; MAX_PARTS]; ROWS];

    /// Integers as floats; they are below 2^24 and so exact.
    unsafe fn float(sums: Self::Sums) -> Self::Floats;
    /// The same in each channel.
    unsafe fn splat(value: f32) -> Self::Floats;
    /// `a + b`.
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b`.
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
}
