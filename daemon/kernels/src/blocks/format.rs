//! The block formats: what a file has for a block, and what the packed form has.
//!
//! Must not touch weights; `pack.rs` moves them, `product.rs` multiplies.

use crate::error::KernelError;
use crate::lanes::LANES;

/// Inputs that are quantized together.
pub(crate) const BLOCK: usize = 32;

/// A block format of GGUF files (`ggml_type` of the ggml library, which defines the blocks).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockFormat {
    /// Half floats, one by one. The inputs stay floats.
    F16,
    /// `d * q`: q of 8 bits with a sign, blocks of 32.
    Q8_0,
    /// `d * (q - 8)`: q of 4 bits, blocks of 32.
    Q4_0,
    /// `d * q + m`: q of 4 bits, blocks of 32.
    Q4_1,
    /// `d * s * q - dmin * m`: q of 4 bits, s and m of 6 bits for each 32 of a block of 256.
    Q4K,
    /// `d * s * (q - 32)`: q of 6 bits, s of 8 bits with a sign for each 16 of a block of 256.
    Q6K,
}

/// How a block lies in a packed panel of sixteen channels.
///
/// First `halves` rows of sixteen half floats. Then, for each 32 inputs, `scales` rows of sixteen
/// bytes, and the weights in *groups*: four inputs of each of the sixteen channels, one byte a
/// weight. Of weights of 4 bits the groups 2j and 2j + 1 share bytes, the first in the low half; of 6
/// bits so do the low four, and then the groups 4j to 4j + 3 share bytes with their high two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Weights of a channel in a block.
    pub width: usize,
    /// Bytes of a block in a file.
    pub source: usize,
    /// Half floats of a block: d, then m or dmin.
    pub halves: usize,
    /// Bytes for each 32 weights: s, then m; or the s of the first and of the last sixteen.
    pub scales: usize,
    /// Bits of a weight, besides half floats.
    pub bits: usize,
}

impl Layout {
    /// Blocks of 32 in a block.
    pub(crate) const fn parts(&self) -> usize {
        self.width / BLOCK
    }

    /// Bytes of the halves of a packed block.
    pub(crate) const fn head(&self) -> usize {
        self.halves * LANES * 2
    }

    /// Bytes of each 32 inputs of a packed block.
    pub(crate) const fn part(&self) -> usize {
        LANES * (self.scales + self.bits * BLOCK / 8)
    }

    /// Bytes of a packed block of sixteen channels.
    pub(crate) const fn packed(&self) -> usize {
        self.head() + self.parts() * self.part()
    }
}

impl BlockFormat {
    /// All formats there are kernels for.
    pub const ALL: [Self; 6] =
        [Self::F16, Self::Q8_0, Self::Q4_0, Self::Q4_1, Self::Q4K, Self::Q6K];

    /// The format with this number in a GGUF file, if there are kernels for it.
    #[must_use]
    pub fn from_gguf(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.gguf() == number)
    }

    /// Its number in a GGUF file.
    #[must_use]
    pub const fn gguf(self) -> u32 {
        match self {
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q6K => 14,
        }
    }

    /// Its name, as the ggml library writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "F16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q4K => "Q4_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// Weights in a block: rows of a matrix have a multiple of so many.
    #[must_use]
    pub const fn block_width(self) -> usize {
        self.layout().width
    }

    /// Bytes of a block in a file.
    #[must_use]
    pub const fn block_bytes(self) -> usize {
        self.layout().source
    }

    pub(crate) const fn layout(self) -> Layout {
        match self {
            Self::F16 => Layout { width: 1, source: 2, halves: 1, scales: 0, bits: 0 },
            Self::Q8_0 => Layout { width: 32, source: 34, halves: 1, scales: 0, bits: 8 },
            Self::Q4_0 => Layout { width: 32, source: 18, halves: 1, scales: 0, bits: 4 },
            Self::Q4_1 => Layout { width: 32, source: 20, halves: 2, scales: 0, bits: 4 },
            Self::Q4K => Layout { width: 256, source: 144, halves: 2, scales: 2, bits: 4 },
            Self::Q6K => Layout { width: 256, source: 210, halves: 1, scales: 2, bits: 6 },
        }
    }

    /// Bytes that a file has for a matrix of `outputs` rows of `inputs` weights.
    ///
    /// # Errors
    /// As [`Self::packed_bytes`].
    pub fn source_bytes(self, inputs: usize, outputs: usize) -> Result<usize, KernelError> {
        self.bytes(inputs, outputs, outputs, self.layout().source)
    }

    /// Bytes of the same matrix packed: `outputs` rounded up to sixteen.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when `inputs` is no multiple of [`Self::block_width`], one of the two is
    /// 0, or there would be more bytes than memory can have.
    pub fn packed_bytes(self, inputs: usize, outputs: usize) -> Result<usize, KernelError> {
        self.bytes(inputs, outputs, outputs.div_ceil(LANES), self.layout().packed())
    }

    fn bytes(
        self,
        inputs: usize,
        outputs: usize,
        lines: usize,
        each: usize,
    ) -> Result<usize, KernelError> {
        let width = self.block_width();
        let bytes = (inputs / width).checked_mul(each).and_then(|line| line.checked_mul(lines));
        match bytes {
            Some(bytes)
                if inputs > 0
                    && outputs > 0
                    && inputs.is_multiple_of(width)
                    && isize::try_from(bytes).is_ok() =>
            {
                Ok(bytes)
            }
            _ => Err(KernelError::Shape {
                what: "matrix of blocks",
                expected: vec![inputs.checked_next_multiple_of(width).unwrap_or(0), outputs],
                found: vec![inputs, outputs],
            }),
        }
    }
}

impl std::fmt::Display for BlockFormat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
