//! Which templates can match a text at all: by the rarest word that each of them requires.
//!
//! Must never leave out a template that would match.

use super::{UNKNOWN, compile::WordGroup};

/// Bits of a set of words, folded: may say "perhaps", never wrongly "no".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bits([u64; 4]);

impl Bits {
    fn add(&mut self, word: u32) {
        self.0[(word >> 6 & 3) as usize] |= 1 << (word & 63);
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }
}

/// The index over all templates.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Required groups by template, emptied by `finish`.
    groups: Vec<Vec<WordGroup>>,
    /// Masks of the groups by template: `masks[ranges[t]]`.
    masks: Vec<Bits>,
    ranges: Vec<(u32, u32)>,
    /// Templates by word of their rarest group.
    by_word: Vec<Vec<u32>>,
    /// Templates that require no word.
    always: Vec<u32>,
}

impl Index {
    /// Adds a template with what it requires; numbers come in order.
    pub(super) fn add(&mut self, _number: u32, required: Vec<WordGroup>) {
        self.groups.push(required);
    }

    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn finish(&mut self, words: usize) {
        let mut frequency = vec![0_usize; words];
        for word in self.groups.iter().flatten().flatten() {
            frequency[*word as usize] += 1;
        }
        self.by_word = vec![Vec::new(); words];
        for (number, groups) in std::mem::take(&mut self.groups).into_iter().enumerate() {
            let first = self.masks.len() as u32;
            for group in &groups {
                let mut bits = Bits::default();
                group.iter().for_each(|word| bits.add(*word));
                self.masks.push(bits);
            }
            self.ranges.push((first, self.masks.len() as u32));
            let cost =
                |group: &WordGroup| group.iter().map(|w| frequency[*w as usize]).sum::<usize>();
            match groups.iter().min_by_key(|group| cost(group)) {
                Some(rarest) => {
                    for word in rarest {
                        self.by_word[*word as usize].push(number as u32);
                    }
                }
                None => self.always.push(number as u32),
            }
        }
    }

    /// Templates that may match a text of these words, each once, in order.
    pub(super) fn candidates(&self, words: &[u32]) -> Vec<u32> {
        let mut bits = Bits::default();
        let mut found = self.always.clone();
        let mut known: Vec<u32> = words.iter().copied().filter(|word| *word != UNKNOWN).collect();
        known.sort_unstable();
        known.dedup();
        known.iter().for_each(|word| bits.add(*word));
        for word in &known {
            let Some(templates) = self.by_word.get(*word as usize) else { continue };
            found.extend(templates.iter().copied().filter(|template| {
                let (first, end) = self.ranges[*template as usize];
                self.masks[first as usize..end as usize].iter().all(|mask| mask.meets(&bits))
            }));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
