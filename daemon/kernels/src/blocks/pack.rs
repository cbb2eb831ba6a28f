//! From the rows of a file to panels of sixteen channels.
//!
//! Must lose nothing: every integer and every scale of the file is in the panel, in another place
//! (dmin with its sign turned, scales of 6 bits in bytes).

use super::format::{BLOCK, BlockFormat, Layout};
use crate::error::KernelError;
use crate::lanes::LANES;

/// Most weights of a block.
const WIDEST: usize = 256;

/// What a block of a file holds, taken apart.
struct Block {
    /// d, then m or the negative dmin: half floats as they are stored.
    halves: [[u8; 2]; 2],
    /// For each 32 weights the two bytes of [`Layout::scales`].
    scales: [[u8; 2]; WIDEST / BLOCK],
    /// The integers of the weights.
    weights: [u8; WIDEST],
}

impl BlockFormat {
    /// Lays out the matrix that a file has in `source`: `outputs` rows of `inputs` weights, one row
    /// a channel.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when `source` has other than [`Self::source_bytes`] bytes, or there
    /// is no such matrix.
    pub fn pack(
        self,
        source: &[u8],
        inputs: usize,
        outputs: usize,
    ) -> Result<Vec<u8>, KernelError> {
        let expected = self.source_bytes(inputs, outputs)?;
        let mut packed = vec![0; self.packed_bytes(inputs, outputs)?];
        if source.len() != expected {
            let (expected, found) = (vec![expected], vec![source.len()]);
            return Err(KernelError::Shape { what: "matrix of blocks", expected, found });
        }
        let layout = self.layout();
        let blocks = inputs / layout.width;
        let panel_bytes = blocks * layout.packed();
        for (channel, row) in source.chunks_exact(blocks * layout.source).enumerate() {
            let panel = &mut packed[channel / LANES * panel_bytes..][..panel_bytes];
            let places = panel.chunks_exact_mut(layout.packed());
            for (block, place) in row.chunks_exact(layout.source).zip(places) {
                self.split(block).place(&layout, channel % LANES, place);
            }
        }
        Ok(packed)
    }

    /// Takes a block apart.
    fn split(self, bytes: &[u8]) -> Block {
        let mut block = Block { halves: [[0; 2]; 2], scales: [[0; 2]; 8], weights: [0; WIDEST] };
        let half = |at: usize| [bytes[at], bytes[at + 1]];
        match self {
            Self::F16 => block.halves[0] = half(0),
            Self::Q8_0 => {
                block.halves[0] = half(0);
                block.weights[..BLOCK].copy_from_slice(&bytes[2..]);
            }
            Self::Q4_0 => {
                block.halves[0] = half(0);
                spread(&bytes[2..], &mut block.weights[..BLOCK]);
            }
            Self::Q4_1 => {
                block.halves = [half(0), half(2)];
                spread(&bytes[4..], &mut block.weights[..BLOCK]);
            }
            Self::Q4K => {
                let [low, high] = half(2);
                block.halves = [half(0), [low, high ^ 0x80]];
                block.scales = q4k_scales(&bytes[4..16]);
                for (four, weights) in bytes[16..].chunks(32).zip(block.weights.chunks_mut(64)) {
                    spread(four, weights);
                }
            }
            Self::Q6K => {
                block.halves[0] = half(208);
                block.scales.as_flattened_mut().copy_from_slice(&bytes[192..208]);
                let (low, high) = bytes[..192].split_at(128);
                for (place, weight) in block.weights.iter_mut().enumerate() {
                    let (part, quarter, at) = (place / 128, place % 128 / 32, place % 32);
                    let nibbles = low[part * 64 + quarter % 2 * 32 + at];
                    let twos = high[part * 32 + at];
                    *weight = nibbles >> (quarter / 2 * 4) & 15 | (twos >> (2 * quarter) & 3) << 4;
                }
            }
        }
        block
    }
}

/// Nibbles to bytes: the low ones to the first half of `weights`, the high ones to the second.
fn spread(bytes: &[u8], weights: &mut [u8]) {
    let (low, high) = weights.split_at_mut(bytes.len());
    for ((byte, low), high) in bytes.iter().zip(low).zip(high) {
        (*low, *high) = (byte & 15, byte >> 4);
    }
}

/// The scales and minima of `Q4_K`, 6 bits each, from their twelve bytes: those of the first four
/// parts in the low bits of bytes 0 to 3 and 4 to 7; those of the others have their low four bits in
/// bytes 8 to 11 and their high two bits in the high bits of the former.
fn q4k_scales(bytes: &[u8]) -> [[u8; 2]; 8] {
    std::array::from_fn(|part| {
        let at = part % 4;
        if part < 4 {
            [bytes[at] & 63, bytes[4 + at] & 63]
        } else {
            let low = bytes[8 + at];
            [low & 15 | bytes[at] >> 6 << 4, low >> 4 | bytes[4 + at] >> 6 << 4]
        }
    })
}

impl Block {
    /// Writes the block of a channel where [`Layout`] says; its place holds zeros.
    fn place(&self, layout: &Layout, channel: usize, to: &mut [u8]) {
        for (row, half) in self.halves.iter().take(layout.halves).enumerate() {
            to[(row * LANES + channel) * 2..][..2].copy_from_slice(half);
        }
        for part in 0..layout.parts() {
            let to = &mut to[layout.head() + part * layout.part()..][..layout.part()];
            let (scales, weights) = to.split_at_mut(layout.scales * LANES);
            for (row, scale) in self.scales[part].iter().take(layout.scales).enumerate() {
                scales[row * LANES + channel] = *scale;
            }
            for (input, weight) in self.weights[part * BLOCK..][..BLOCK].iter().enumerate() {
                let group = input / 4;
                let in_group = channel * 4 + input % 4;
                if layout.bits == 8 {
                    weights[group * 64 + in_group] = *weight;
                    continue;
                }
                weights[group / 2 * 64 + in_group] |= (weight & 15) << (group % 2 * 4);
                if layout.bits == 6 {
                    weights[256 + group / 4 * 64 + in_group] |= (weight >> 4) << (group % 4 * 2);
                }
            }
        }
    }
}
