//! What the encoder said about each sample, kept from one training to the next: embedding is
//! nearly all that training costs.
//!
//! Must not hand out a vector of another encoder: the file is keyed by its fingerprint. Must not write one that somebody
//! else said and nobody here computed.

use super::{
    cache::{self, Key, Reader, Writer},
    vectors::make_finite,
};
use std::{collections::BTreeMap, path::Path};
use valet_core::encoder::{Encoder, EncoderFault, Encoding, TokenSpan};

/// Seals the device's own file. Not the recipe of the heads: it changes with the layout of what is written, and whenever an
/// encoder of the same files would say other numbers.
const OWN: &[u8] = b"embeddings-1";
/// Most token vectors kept of one text.
const MAX_TOKENS: usize = 64;
/// Longest sentence vector that is plausible, squared: an encoder's has length one.
const MAX_LENGTH: f32 = 1.1;
/// Largest scale of a token vector that is plausible: encoders stay far below 127 times this.
const MAX_SCALE: f32 = 10.0;
/// Most texts in the file.
const MAX_TEXTS: usize = 16_384;
/// Most texts kept that the last training did not ask for: those of skills that are off for now.
const MAX_UNWANTED: usize = 1500;

/// One text: its sentence vector, and token vectors in 8 bits with a scale each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    sentence: Vec<f32>,
    spans: Vec<TokenSpan>,
    scales: Vec<f32>,
    rows: Vec<u8>,
    wanted: bool,
    /// Said by somebody else, and not computed here.
    lent: bool,
}

/// All texts embedded so far.
#[derive(Debug, Default)]
pub struct Embeddings {
    dimensions: usize,
    texts: BTreeMap<Key, Stored>,
    /// Texts that went to the encoder.
    computed: usize,
}

/// The key of the device's own file for an encoder.
pub(super) fn own_key(fingerprint: &str) -> Key {
    cache::key_of(&[OWN, fingerprint.as_bytes()])
}

/// What a text is known by.
pub(super) fn name_of(text: &str) -> Key {
    cache::key_of(&[text.as_bytes()])
}

impl Embeddings {
    /// None yet, of vectors of this length.
    pub(super) fn of_length(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    /// What a file holds; nothing where it cannot be used.
    pub(crate) fn read(path: Option<&Path>, key: &Key, dimensions: usize) -> Self {
        let empty = Self::of_length(dimensions);
        let Some(file) = path.and_then(|path| cache::read(path, key)) else { return empty };
        Self::parse(file.payload(), dimensions).unwrap_or(empty)
    }

    /// Embeddings out of the payload of a cache file; `None` where a count is past its bound, a
    /// number is not finite, or bytes are left over. `dimensions` is the length of a vector.
    #[must_use]
    pub fn parse(bytes: &[u8], dimensions: usize) -> Option<Self> {
        Self::parse_some(bytes, dimensions, &|_| true)
    }

    /// The same, of which only some texts are kept; all are read.
    pub(super) fn parse_some(
        bytes: &[u8],
        dimensions: usize,
        is_wanted: &dyn Fn(&Key) -> bool,
    ) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let mut all = Self::of_length(dimensions);
        let count = reader.count().filter(|count| *count <= MAX_TEXTS)?;
        for _ in 0..count {
            let key: Key = reader.bytes()?.try_into().ok()?;
            let sentence = reader.f32s(dimensions)?;
            let tokens = reader.count().filter(|tokens| *tokens <= MAX_TOKENS)?;
            let mut spans = Vec::with_capacity(tokens);
            for _ in 0..tokens {
                spans.push(TokenSpan { start: reader.u32()?, end: reader.u32()? });
            }
            let scales = reader.f32s(tokens)?;
            let rows = reader.bytes().filter(|rows| rows.len() == tokens * dimensions)?.to_vec();
            if is_wanted(&key) {
                let stored = Stored { sentence, spans, scales, rows, wanted: false, lent: false };
                all.texts.insert(key, stored);
            }
        }
        reader.is_at_end().then_some(all)
    }

    /// Writes what was asked for since reading, and a bounded part of the rest, when there is news:
    /// a skill that was off comes back without its sentences being embedded again.
    pub(crate) fn write(&self, path: &Path, key: &Key) -> std::io::Result<()> {
        let own = self.texts.iter().filter(|(_, stored)| !stored.lent);
        let unwanted = own.clone().filter(|(_, stored)| !stored.wanted);
        if self.computed == 0 && unwanted.clone().count() <= MAX_UNWANTED {
            return Ok(());
        }
        let wanted = own.filter(|(_, stored)| stored.wanted);
        cache::write(path, key, &payload(wanted.chain(unwanted.take(MAX_UNWANTED))))
    }

    /// All texts as the payload of a file, in one order.
    pub(super) fn to_payload(&self) -> Vec<u8> {
        payload(self.texts.iter())
    }

    /// Makes sure that texts are embedded; what is new goes to the encoder together.
    ///
    /// # Errors
    /// The encoder's fault, or vectors of a wrong length; then none of them is kept.
    pub(crate) fn add_all(
        &mut self,
        texts: &[&str],
        encoder: &mut dyn Encoder,
    ) -> Result<(), EncoderFault> {
        let mut missing: BTreeMap<Key, &str> = BTreeMap::new();
        for text in texts {
            let key = name_of(text);
            match self.texts.get_mut(&key) {
                Some(stored) => stored.wanted = true,
                None => {
                    missing.insert(key, text);
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if self.texts.len() + missing.len() > MAX_TEXTS {
            self.texts.retain(|_, stored| stored.wanted);
        }
        let new: Vec<&str> = missing.values().copied().collect();
        let encodings = encoder.encode_all(&new)?;
        if encodings.len() != new.len() {
            let why = format!("{} encodings of {} texts", encodings.len(), new.len());
            return Err(EncoderFault { why });
        }
        for (key, encoding) in missing.into_keys().zip(encodings) {
            let encoding = checked(encoding, self.dimensions)?;
            self.texts.insert(key, Stored::of(encoding, self.dimensions));
        }
        self.computed += new.len();
        Ok(())
    }

    /// How many texts went to the encoder.
    pub(super) fn computed(&self) -> usize {
        self.computed
    }

    /// Whether a text is there.
    pub(super) fn has(&self, text: &str) -> bool {
        self.texts.contains_key(&name_of(text))
    }

    /// Puts what somebody else says of a text where nothing is; it is used, and never written.
    pub(super) fn lend(&mut self, text: &str, stored: Stored) {
        self.texts.entry(name_of(text)).or_insert(Stored { wanted: true, lent: true, ..stored });
    }

    /// Takes out what is said of a text.
    pub(super) fn take(&mut self, text: &str) -> Option<Stored> {
        self.texts.remove(&name_of(text))
    }

    /// Whether the same is said of a text here and there, bit for bit; not where neither says anything.
    pub(super) fn agrees(&self, text: &str, other: &Stored) -> bool {
        self.texts.get(&name_of(text)).is_some_and(|stored| stored.says_the_same(other))
    }

    /// Whether all numbers are within what encoders say.
    pub(super) fn are_plausible(&self) -> bool {
        self.texts.values().all(Stored::is_plausible)
    }

    /// The sentence vector of a text that was added.
    pub(crate) fn sentence(&self, text: &str) -> Option<&[f32]> {
        self.texts.get(&name_of(text)).map(|s| s.sentence.as_slice())
    }

    /// All that is known of a text that was added, as the encoder would say it.
    pub(crate) fn encoding(&self, text: &str) -> Option<Encoding> {
        self.texts.get(&name_of(text)).map(|s| s.encoding(self.dimensions))
    }
}

/// Texts as the payload of a file.
fn payload<'a>(texts: impl Iterator<Item = (&'a Key, &'a Stored)> + Clone) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.count(texts.clone().count());
    for (text, stored) in texts {
        writer.bytes(text);
        writer.f32s(&stored.sentence);
        writer.count(stored.spans.len());
        for span in &stored.spans {
            writer.u32(span.start);
            writer.u32(span.end);
        }
        writer.f32s(&stored.scales);
        writer.bytes(&stored.rows);
    }
    writer.into_bytes()
}

/// An encoding whose lengths fit and whose numbers are finite.
///
/// # Errors
/// [`EncoderFault`] naming the length that came.
pub(crate) fn checked(mut encoding: Encoding, dimensions: usize) -> Result<Encoding, EncoderFault> {
    let rows = encoding.tokens.len() * dimensions;
    if encoding.sentence.len() != dimensions || encoding.token_vectors.len() != rows {
        return Err(EncoderFault {
            why: format!(
                "it gave {} and {} numbers, expected {dimensions} and {rows}",
                encoding.sentence.len(),
                encoding.token_vectors.len()
            ),
        });
    }
    make_finite(&mut encoding.sentence);
    make_finite(&mut encoding.token_vectors);
    Ok(encoding)
}

impl Stored {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn of(encoding: Encoding, dimensions: usize) -> Self {
        let tokens = encoding.tokens.len().min(MAX_TOKENS);
        let mut scales = Vec::with_capacity(tokens);
        let mut rows = Vec::with_capacity(tokens * dimensions);
        for row in encoding.token_vectors.chunks_exact(dimensions.max(1)).take(tokens) {
            let most = row.iter().fold(0.0f32, |most, v| most.max(v.abs())).max(1e-12);
            scales.push(most / 127.0);
            rows.extend(row.iter().map(|v| (v / most * 127.0).round() as i8 as u8));
        }
        let mut spans = encoding.tokens;
        spans.truncate(tokens);
        Self { sentence: encoding.sentence, spans, scales, rows, wanted: true, lent: false }
    }

    /// Whether both say the same, bit for bit: every processor gives the same bits.
    fn says_the_same(&self, other: &Self) -> bool {
        let same = |ours: &[f32], theirs: &[f32]| {
            let bits = |numbers: &[f32]| numbers.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
            bits(ours) == bits(theirs)
        };
        same(&self.sentence, &other.sentence)
            && same(&self.scales, &other.scales)
            && self.spans == other.spans
            && self.rows == other.rows
    }

    /// Whether the numbers are within what encoders say: training never meets others.
    fn is_plausible(&self) -> bool {
        let length: f32 = self.sentence.iter().map(|v| v * v).sum();
        length <= MAX_LENGTH && self.scales.iter().all(|scale| (0.0..=MAX_SCALE).contains(scale))
    }

    fn encoding(&self, dimensions: usize) -> Encoding {
        let mut token_vectors = Vec::with_capacity(self.rows.len());
        for (row, scale) in self.rows.chunks_exact(dimensions.max(1)).zip(&self.scales) {
            token_vectors.extend(row.iter().map(|v| f32::from(v.cast_signed()) * scale));
        }
        Encoding { sentence: self.sentence.clone(), tokens: self.spans.clone(), token_vectors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says of every text the same.
    struct Same {
        encoded: usize,
    }

    impl Encoder for Same {
        fn dimensions(&self) -> usize {
            2
        }

        fn fingerprint(&self) -> &str {
            "same"
        }

        fn encode(&mut self, _: &str) -> Result<Encoding, EncoderFault> {
            self.encoded += 1;
            Ok(Encoding { sentence: vec![1.0, 0.0], tokens: Vec::new(), token_vectors: Vec::new() })
        }
    }

    #[test]
    fn what_one_training_did_without_is_still_there_for_the_next_within_bounds() {
        let folder = std::env::temp_dir().join(format!("valet-embeddings-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (file, key) = (folder.join("embeddings.bin"), cache::key_of(&[b"same"]));
        let mut encoder = Same { encoded: 0 };
        let mut train = |texts: std::ops::Range<usize>| {
            let before = encoder.encoded;
            let mut all = Embeddings::read(Some(&file), &key, 2);
            let texts: Vec<String> = texts.map(|text| text.to_string()).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            all.add_all(&texts, &mut encoder).expect("encodes");
            all.write(&file, &key).expect("writes");
            encoder.encoded - before
        };
        assert_eq!(train(0..20), 20);
        assert_eq!(train(5..20), 0, "some go");
        assert_eq!(train(5..21), 1, "another comes while they are away");
        assert_eq!(train(0..20), 0, "and they are back");
        train(10_000..10_000 + 2 * MAX_UNWANTED);
        train(0..1);
        let kept = Embeddings::read(Some(&file), &key, 2).texts.len();
        assert!(kept <= 1 + MAX_UNWANTED, "{kept} are kept");
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
