//! How large the weights of a channel may be together, so that their products can be added up in 16 bits.
//!
//! Must be what every processor's kernel is safe with: see [`WORD_BOUND`].

/// Inputs that are added up before anything is widened.
const SIXTEEN: usize = 16;

/// Most that the positive weights of a *word* may be together, and most that the negative ones may be.
///
/// Of each sixteen neighbouring inputs of a channel, those whose number modulo four is 0 or 1 are one word
/// and the others are another: the eight whose products `vpmaddubsw` and three additions bring into one
/// lane of 16 bits. Inputs from 0 to 255 times weights of one sign that are 128 together give 32,640 at most, which fits; inputs
/// of ±127 times all of them (256 together at most) give 32,512. So nothing that is added up on the way
/// can leave the 16 bits, in whatever order.
///
/// Weights of both signs are mixed in a word, so its bound costs a channel's scale little more than one of the eight
/// bits; encoders do not notice (see `docs/performance.md`).
pub const WORD_BOUND: u8 = 128;

/// The word of a channel whose weights of one sign are largest together: the first of the sixteen inputs it is
/// among, and that sum, which may be [`WORD_BOUND`] at most.
#[must_use]
pub fn fullest_word(channel: &[i8]) -> (usize, u32) {
    let mut fullest = (0, 0);
    for (number, inputs) in channel.chunks(SIXTEEN).enumerate() {
        let mut sums = [[0u32; 2]; 2];
        for (input, weight) in inputs.iter().enumerate() {
            let word = &mut sums[input / 2 % 2];
            word[usize::from(*weight < 0)] += u32::from(weight.unsigned_abs());
        }
        let sum = sums.into_iter().flatten().max().unwrap_or_default();
        if sum > fullest.1 {
            fullest = (number * SIXTEEN, sum);
        }
    }
    fullest
}
