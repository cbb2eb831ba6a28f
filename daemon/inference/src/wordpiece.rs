//! The BERT WordPiece tokenizer: text to the numbers of word pieces, each with the
//! bytes of the original text it stands for.
//!
//! As BERT does for lower-cased models: control characters vanish, accents are
//! stripped, letters lowered, words split at white space, at punctuation and around
//! each CJK ideograph, then cut greedily into the longest pieces of the vocabulary.
//! One thing is different on purpose: `[SEP]` written in a text is four characters
//! and a word, never the special token, for a text comes from outside.
//!
//! Must not touch the file system, and must never fail on a text.

mod categories;

use unicode_normalization::char::decompose_canonical;
use valet_core::encoder::TokenSpan;

use crate::error::InferenceError;
use categories::{NONSPACING, PUNCTUATION, UNSEEN, within};

/// Longest vocabulary that is parsed, in bytes.
pub const MAX_VOCABULARY_BYTES: usize = 4 << 20;
const MAX_PIECES: usize = 1 << 18;
const MAX_PIECE_BYTES: usize = 256;
/// A longer word is unknown as a whole, as in BERT.
const MAX_WORD_CHARACTERS: usize = 100;
/// What stands after this many bytes of a text is not looked at.
const MAX_TEXT_BYTES: usize = 1 << 20;
const CONTINUATION: &str = "##";

/// The pieces of a text by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokenization {
    /// Piece numbers, `[CLS]` first and `[SEP]` last.
    pub ids: Vec<u32>,
    /// Where each piece but those two stood in the text, in order; `ids.len() - 2` long.
    pub spans: Vec<TokenSpan>,
}

/// The word pieces of a model, numbered by their line.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    text: String,
    /// Start and end of each piece in `text`, by number.
    bounds: Vec<(u32, u32)>,
    /// Piece numbers in the byte order of their pieces.
    sorted: Vec<u32>,
    longest_bytes: usize,
    unknown: u32,
    start: u32,
    end: u32,
}

fn unusable(why: impl Into<String>) -> InferenceError {
    InferenceError::Vocabulary { why: why.into() }
}

impl Vocabulary {
    /// Parses a vocabulary: UTF-8, one piece a line, at most 4 MiB and 262,144 pieces of
    /// at most 256 bytes, none empty and none twice; `[UNK]`, `[CLS]` and `[SEP]` among them.
    ///
    /// # Errors
    /// [`InferenceError::Vocabulary`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, InferenceError> {
        let (text, bounds) = pieces(bytes)?;
        let piece = |id: &u32| {
            let (start, end) = bounds[*id as usize];
            &text[start as usize..end as usize]
        };
        let mut sorted: Vec<u32> = (0..bounds.len() as u32).collect();
        sorted.sort_unstable_by_key(piece);
        if let Some(pair) = sorted.windows(2).find(|pair| piece(&pair[0]) == piece(&pair[1])) {
            let (first, second) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            return Err(unusable(format!("line {} repeats line {}", second + 1, first + 1)));
        }
        Self::assemble(text, bounds, sorted)
    }

    /// The same vocabulary again, its order known from before: saves sorting. An order that is
    /// not right finds no pieces, and does no other harm.
    ///
    /// # Errors
    /// As [`Self::parse`], and for an order that is not as long as the vocabulary or names a
    /// piece that is not there.
    pub(crate) fn with_order(bytes: &[u8], sorted: &[u32]) -> Result<Self, InferenceError> {
        let (text, bounds) = pieces(bytes)?;
        let there = |id: &u32| (*id as usize) < bounds.len();
        if sorted.len() != bounds.len() || !sorted.iter().all(there) {
            return Err(unusable("its order is of another vocabulary"));
        }
        Self::assemble(text, bounds, sorted.to_vec())
    }

    fn assemble(
        text: String,
        bounds: Vec<(u32, u32)>,
        sorted: Vec<u32>,
    ) -> Result<Self, InferenceError> {
        let longest_bytes = bounds.iter().map(|(start, end)| (end - start) as usize).max();
        let longest_bytes = longest_bytes.unwrap_or(0);
        let [unknown, start, end] = [0; 3];
        let mut whole = Vocabulary { bounds, sorted, longest_bytes, unknown, start, end, text };
        let special =
            |name: &str| whole.find(name).ok_or_else(|| unusable(format!("{name} is missing")));
        let (unknown, start, end) = (special("[UNK]")?, special("[CLS]")?, special("[SEP]")?);
        (whole.unknown, whole.start, whole.end) = (unknown, start, end);
        Ok(whole)
    }

    /// The numbers of the pieces in the order of their bytes.
    pub(crate) fn sorted(&self) -> &[u32] {
        &self.sorted
    }

    /// Bytes of memory that it takes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let Vocabulary { text, bounds, sorted, .. } = self;
        (text.capacity() + bounds.capacity() * 8 + sorted.capacity() * 4) as u64
    }

    /// Number of pieces.
    #[must_use]
    pub fn piece_count(&self) -> usize {
        self.bounds.len()
    }

    /// Cuts a text into at most `token_limit` pieces, the two special ones included (a
    /// limit under 2 counts as 2); what does not fit is left off at the end.
    #[must_use]
    pub fn tokenize(&self, text: &str, token_limit: usize) -> Tokenization {
        let mut cutter = Cutter {
            vocabulary: self,
            room: token_limit.saturating_sub(2),
            ids: vec![self.start],
            spans: Vec::new(),
            word: Vec::new(),
            letters: String::new(),
        };
        cutter.text(text);
        let Cutter { mut ids, spans, .. } = cutter;
        ids.push(self.end);
        Tokenization { ids, spans }
    }

    fn piece(&self, id: u32) -> &str {
        let (start, end) = self.bounds[id as usize];
        &self.text[start as usize..end as usize]
    }

    fn find(&self, piece: &str) -> Option<u32> {
        self.sorted
            .binary_search_by(|id| self.piece(*id).cmp(piece))
            .ok()
            .map(|place| self.sorted[place])
    }
}

/// The text of a vocabulary, and where each piece lies in it.
fn pieces(bytes: &[u8]) -> Result<(String, Vec<(u32, u32)>), InferenceError> {
    if bytes.len() > MAX_VOCABULARY_BYTES {
        let found = bytes.len();
        return Err(unusable(format!(
            "{found} bytes where at most {MAX_VOCABULARY_BYTES} are read"
        )));
    }
    let text = str::from_utf8(bytes).map_err(|error| unusable(format!("not UTF-8: {error}")))?;
    let bounds = piece_bounds(text)?;
    Ok((text.to_owned(), bounds))
}

fn piece_bounds(text: &str) -> Result<Vec<(u32, u32)>, InferenceError> {
    let mut bounds = Vec::new();
    let mut start = 0;
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if line.is_empty() || line.len() > MAX_PIECE_BYTES || bounds.len() == MAX_PIECES {
            return Err(unusable(format!(
                "line {} has {} bytes where {MAX_PIECES} lines of 1 to {MAX_PIECE_BYTES} are possible",
                bounds.len() + 1,
                line.len()
            )));
        }
        let end = start + line.len();
        bounds.push((start as u32, end as u32));
        start = end + 1;
    }
    Ok(bounds)
}

/// A letter of a word and the bytes of the text it came from.
#[derive(Clone, Copy)]
struct Letter {
    character: char,
    start: u32,
    end: u32,
}

struct Cutter<'a> {
    vocabulary: &'a Vocabulary,
    room: usize,
    ids: Vec<u32>,
    spans: Vec<TokenSpan>,
    word: Vec<Letter>,
    letters: String,
}

impl Cutter<'_> {
    fn text(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        for (start, character) in text.char_indices() {
            if self.spans.len() == self.room {
                return;
            }
            self.character(character, start as u32);
        }
        self.end_word();
    }

    fn character(&mut self, character: char, start: u32) {
        let end = start + character.len_utf8() as u32;
        // Line breaks and tabs are control characters too, so white space is asked first.
        if character.is_whitespace() {
            return self.end_word();
        }
        if is_dropped(character) {
            return;
        }
        let alone = is_ideograph(character);
        if alone {
            self.end_word();
        }
        decompose_canonical(character, |part| {
            if within(NONSPACING, part) {
                // A mark that goes keeps its bytes with the letter it stood on.
                if let Some(letter) = self.word.last_mut().filter(|letter| letter.end == start) {
                    letter.end = end;
                }
                return;
            }
            for character in part.to_lowercase() {
                self.letter(Letter { character, start, end });
            }
        });
        if alone {
            self.end_word();
        }
    }

    fn letter(&mut self, letter: Letter) {
        let alone = is_punctuation(letter.character);
        if alone {
            self.end_word();
        }
        self.word.push(letter);
        if alone {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        let (Some(first), Some(last)) = (self.word.first(), self.word.last()) else {
            return;
        };
        let (start, end) = (first.start, last.end);
        let before = self.spans.len();
        if self.word.len() > MAX_WORD_CHARACTERS || !self.cut_word() {
            self.ids.truncate(before + 1);
            self.spans.truncate(before);
            self.push(self.vocabulary.unknown, start, end);
        }
        self.ids.truncate(self.room + 1);
        self.spans.truncate(self.room);
        self.word.clear();
    }

    /// Greedy longest match; `false` when some part is in no piece.
    fn cut_word(&mut self) -> bool {
        let mut from = 0;
        while from < self.word.len() {
            let Some((id, to)) = self.longest_piece(from) else {
                return false;
            };
            self.push(id, self.word[from].start, self.word[to - 1].end);
            from = to;
        }
        true
    }

    fn longest_piece(&mut self, from: usize) -> Option<(u32, usize)> {
        self.letters.clear();
        if from > 0 {
            self.letters.push_str(CONTINUATION);
        }
        let mut to = from;
        while to < self.word.len() && self.letters.len() < self.vocabulary.longest_bytes {
            self.letters.push(self.word[to].character);
            to += 1;
        }
        while to > from {
            if let Some(id) = self.vocabulary.find(&self.letters) {
                return Some((id, to));
            }
            self.letters.pop();
            to -= 1;
        }
        None
    }

    fn push(&mut self, id: u32, start: u32, end: u32) {
        self.ids.push(id);
        self.spans.push(TokenSpan { start, end });
    }
}

fn is_dropped(character: char) -> bool {
    character.is_control() || character == char::REPLACEMENT_CHARACTER || within(UNSEEN, character)
}

fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation() || within(PUNCTUATION, character)
}

/// The CJK blocks of ideographs; kana and Hangul are written as words and stay so.
fn is_ideograph(character: char) -> bool {
    matches!(u32::from(character),
        0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2A6DF
        | 0x2A700..=0x2CEAF | 0x2F800..=0x2FA1F)
}

#[cfg(test)]
mod tests;
