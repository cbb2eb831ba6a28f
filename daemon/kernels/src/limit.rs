//! What memory gives at most, for figures to stand beside.
//!
//! Must do nothing but read.

use crate::blocks::Part;
use crate::choice::Kernels;
use crate::machine::{Job, Machine};

/// Bytes that are asked for and folded in one turn.
const TURN: usize = 256;

impl Kernels {
    /// Reads whole memory once, from its beginning to its end, and gives something that depends on all
    /// of it; asks for each line `ahead` bytes before it is read, or for none where `ahead` is 0. Which
    /// distance is best depends on the processor: try some.
    #[must_use]
    pub fn memory_limit(self, bytes: &[u8], ahead: usize) -> u64 {
        self.run(Read { bytes, ahead })
    }
}

struct Read<'a> {
    bytes: &'a [u8],
    ahead: usize,
}

impl Job for Read<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<M: Machine>(self) -> u64 {
        let (turns, rest) = self.bytes.as_chunks::<TURN>();
        let mut folded = [0u64; TURN / 8];
        for turn in turns {
            if self.ahead > 0 {
                for line in (0..TURN).step_by(64) {
                    // SAFETY: this runs where `M` was found, and a prefetch takes any address.
                    unsafe { M::Part::prefetch(turn.as_ptr().wrapping_add(self.ahead + line)) }
                }
            }
            for (folded, word) in folded.iter_mut().zip(turn.as_chunks::<8>().0) {
                *folded ^= u64::from_ne_bytes(*word);
            }
        }
        let rest: u64 = rest.iter().copied().map(u64::from).sum();
        folded.into_iter().fold(rest, |all, word| all ^ word)
    }
}
