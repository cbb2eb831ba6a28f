//! What an instruction set has to bring, and how a kernel is compiled for it.
//!
//! Must not decide which one runs: `choice.rs` does, once.

use crate::blocks::Part;
use crate::lanes::Lanes;

/// How the quantized inputs of a product lie in memory.
///
/// Each processor knows the forms of its own kernels only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(dead_code, reason = "some processors have no kernels of some forms")]
pub(crate) enum RowForm {
    /// A byte a value, each row by itself.
    Bytes,
    /// The same with 128 added: unsigned.
    ShiftedBytes,
    /// Two rows together: eight bytes of the first, eight of the second, and so on.
    Pairs,
}

/// An instruction set.
///
/// A product of int8 matrices is cut into *panels* of sixteen output channels; in a panel lie, for
/// each *group* of `GROUP` inputs, the weights of the sixteen channels one after the other.
pub(crate) trait Machine: Copy {
    /// Its registers.
    type Lanes: Lanes;
    /// What it multiplies blocks with.
    type Part: Part;
    /// Inputs of a channel that lie together in a panel.
    const GROUP: usize;
    /// Most rows that [`Self::int8_tile`] takes; even where the form is [`RowForm::Pairs`].
    const TILE: usize;
    /// How [`Self::int8_tile`] wants its rows.
    const FORM: RowForm = RowForm::Bytes;

    /// The products of `ROWS` rows with one panel: of each row the exact sums of the sixteen channels, each rounded to
    /// a float once.
    ///
    /// # Safety
    /// The processor has this instruction set, and the tile's memory is as [`Int8Tile`] says, in the form
    /// `FORM`. `ROWS` is at most `TILE`.
    unsafe fn int8_tile<const ROWS: usize>(tile: Int8Tile) -> [Self::Lanes; ROWS];

    /// Multiplies and adds as [`Self::int8_tile`] does, `rounds` times, without loading anything: what the processor
    /// can do at most. Gives how many products that were, and a sum that keeps them from being left out.
    ///
    /// # Safety
    /// The processor has this instruction set.
    unsafe fn int8_limit(rounds: usize) -> (usize, i32);
}

/// Weights of a panel, in bytes, after which a tile asks for some of the next.
pub(crate) const STEP: usize = 256;

/// Some rows and the panel that they are multiplied with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8Tile {
    /// The first row; each has `groups * GROUP` values, a multiple of 16.
    pub rows: *const u8,
    /// Bytes from one row to the next (from one pair to the next where rows are pairs).
    pub stride: usize,
    /// `groups * GROUP * 16` weights, those of each word bounded as [`crate::WORD_BOUND`] says.
    pub weights: *const i8,
    /// Groups of inputs.
    pub groups: usize,
    /// Sixteen integers that the sums of the channels are counted from.
    pub start: *const i32,
    /// Weights of the next panel that are to be asked for while these are multiplied: `pace` bytes for each
    /// [`STEP`] that are. Only ever a hint: it may point anywhere.
    #[allow(dead_code, reason = "some processors are not asked")]
    pub ahead: *const i8,
    /// At most `STEP`, or as many as there are rows.
    #[allow(dead_code, reason = "some processors are not asked")]
    pub pace: usize,
}

/// A kernel that can be compiled for any instruction set.
pub(crate) trait Job {
    /// What it gives.
    type Output;

    /// Does the work with the instructions of `M`. Always inlined into the one function of each
    /// instruction set that may use them, and so must be all it calls.
    fn run<M: Machine>(self) -> Self::Output;
}
