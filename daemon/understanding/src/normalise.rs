//! From a text to normalised tokens that still know where they stood in it.
//!
//! Must not drop meaning: what is left out here (fillers, plain punctuation) is left out of
//! templates and of speech alike.

use crate::{language::Language, wake_words::WakeWords};
use std::{borrow::Cow, ops::Range};

/// Most other readings by words that sound alike.
const MAX_ALIKE: usize = 8;
/// Most tokens of a text; what is behind them is not looked at.
pub const MAX_TOKENS: usize = 1024;

/// One normalised word, number or unit sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Lower case, one spelling, digits without grouping: what is compared.
    pub norm: Box<str>,
    /// First byte in the text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Whether a comma or another pause stood between the token before and this one.
    pub break_before: bool,
}

/// The tokens of one text, with the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    text: Box<str>,
    list: Vec<Token>,
    /// Bytes of the text that say nothing: hesitations, and the wake word in front.
    dropped: Vec<Range<usize>>,
}

impl Tokens {
    /// Reads a text. Spans of the tokens lie on character boundaries of `text` and never overlap.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let language = Language::english();
        let mut reader = Reader { text, at: 0, list: Vec::new(), pause: false, language };
        reader.read_all();
        let mut list = reader.list;
        let mut dropped = Vec::new();
        if list.iter().any(|token| !language.is_filler(&token.norm)) {
            drop_fillers(&mut list, language, &mut dropped);
        }
        list.truncate(MAX_TOKENS);
        Self { text: text.into(), list, dropped }
    }

    /// Reads what was said to the assistant: what woke it may still stand in front.
    #[must_use]
    pub fn heard(text: &str, wake_words: &WakeWords) -> Self {
        let mut tokens = Self::read(text);
        let woke = wake_words.in_front(&tokens.list);
        let woke = tokens.list.drain(..woke);
        tokens.dropped.extend(woke.map(|token| token.start as usize..token.end as usize));
        tokens.dropped.sort_by_key(|gap| gap.start);
        tokens
    }

    /// The text as whoever trained an encoder would have written it: without the full stop that recognisers
    /// put behind everything, and blanks where a hesitation or a wake word stands, so that every other byte is
    /// where it is in the text.
    #[must_use]
    pub(crate) fn spoken(&self) -> Cow<'_, str> {
        let end = self.text.trim_end_matches(['.', '!', '…', ' ']).len();
        if self.dropped.is_empty() {
            return Cow::Borrowed(&self.text[..end]);
        }
        let mut text = String::with_capacity(end);
        for gap in &self.dropped {
            let start = gap.start.min(end);
            text.push_str(&self.text[text.len().min(start)..start]);
            text.extend(std::iter::repeat_n(' ', gap.end.min(end) - start));
        }
        text.push_str(&self.text[text.len().min(end)..end]);
        Cow::Owned(text)
    }

    /// The same with one word read as another that sounds alike, once for each that may be.
    pub(crate) fn heard_otherwise(&self) -> impl Iterator<Item = Self> + '_ {
        let alike = |(at, token): (usize, &Token)| {
            let others = Language::english().alike(&token.norm);
            others.iter().map(move |other| (at, other)).collect::<Vec<_>>()
        };
        self.list.iter().enumerate().flat_map(alike).take(MAX_ALIKE).map(|(at, other)| {
            let mut tokens = self.clone();
            tokens.list[at].norm = other.clone();
            tokens
        })
    }

    /// The tokens in order.
    #[must_use]
    pub fn list(&self) -> &[Token] {
        &self.list
    }

    /// The text as it came.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is nothing to understand.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The normal form of a token; the empty text past the end.
    #[must_use]
    pub fn norm(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |token| &token.norm)
    }

    /// The bytes a range of tokens covers; `(0, 0)` for an empty or foreign range.
    #[must_use]
    pub fn span(&self, tokens: Range<usize>) -> (u32, u32) {
        match self.list.get(tokens) {
            Some([first, .., last]) if first.start <= last.end => (first.start, last.end),
            Some([only]) => (only.start, only.end),
            _ => (0, 0),
        }
    }

    /// The words a range of tokens covers, as they stood in the text.
    #[must_use]
    pub fn words(&self, tokens: Range<usize>) -> &str {
        let (start, end) = self.span(tokens);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The words a range of tokens covers, with the signs behind them.
    #[must_use]
    pub(crate) fn sentence(&self, tokens: Range<usize>) -> &str {
        let (start, end) = self.span(tokens);
        let signs = self.signs_behind(end);
        self.text.get(start as usize..end as usize + signs.len()).unwrap_or_default()
    }

    /// Whether a question mark stands behind the last token, before any other word of the text.
    #[must_use]
    pub(crate) fn ends_asking(&self) -> bool {
        self.list.last().is_some_and(|last| self.signs_behind(last.end).contains('?'))
    }

    /// What stands between a byte of the text and the next word.
    fn signs_behind(&self, end: u32) -> &str {
        let rest = self.text.get(end as usize..).unwrap_or_default();
        rest.split(|c: char| c.is_alphanumeric() || matches!(c, '%' | '°' | '\''))
            .next()
            .unwrap_or_default()
    }

    /// The tokens of a range only, over the same text.
    #[must_use]
    pub(crate) fn picked(&self, range: Range<usize>) -> Self {
        let list = self.list.get(range).unwrap_or_default().to_vec();
        Self { text: self.text.clone(), list, dropped: self.dropped.clone() }
    }

    /// These tokens and then others over the same text.
    #[must_use]
    pub(crate) fn followed_by(&self, others: &Self) -> Self {
        let list = self.list.iter().chain(&others.list).cloned().collect();
        Self { text: self.text.clone(), list, dropped: self.dropped.clone() }
    }

    /// These tokens with other words in the place of a range; those stand where the range stood.
    #[must_use]
    pub(crate) fn with_words(&self, range: Range<usize>, words: &[Token]) -> Self {
        let (start, end) = match (self.list.get(range.clone()), self.list.get(range.start)) {
            (Some([first, .., last]), _) => (first.start, last.end),
            (Some([only]), _) => (only.start, only.end),
            (_, Some(next)) => (next.start, next.start),
            _ => self.list.last().map_or((0, 0), |last| (last.end, last.end)),
        };
        let there = words.iter().map(|word| Token { start, end, ..word.clone() });
        let mut list = self.list.clone();
        list.splice(range.start.min(list.len())..range.end.min(list.len()), there);
        Self { text: self.text.clone(), list, dropped: self.dropped.clone() }
    }

    /// The normal forms joined by single spaces.
    #[must_use]
    pub fn normal_text(&self) -> String {
        self.norms(0..self.list.len())
    }

    /// The normal forms of a range, as far as it lies in the text, joined by single spaces.
    #[must_use]
    pub(crate) fn norms(&self, range: Range<usize>) -> String {
        let mut all = String::new();
        for token in self.list.iter().take(range.end).skip(range.start) {
            if !all.is_empty() {
                all.push(' ');
            }
            all.push_str(&token.norm);
        }
        all
    }
}

/// Removes fillers; a pause before one stays before what follows.
fn drop_fillers(list: &mut Vec<Token>, language: &Language, dropped: &mut Vec<Range<usize>>) {
    let mut pause = false;
    list.retain_mut(|token| {
        let filler = language.is_filler(&token.norm);
        if filler {
            if language.is_hesitation(&token.norm) {
                dropped.push(token.start as usize..token.end as usize);
            }
            pause |= token.break_before;
        } else {
            token.break_before |= std::mem::take(&mut pause);
        }
        !filler
    });
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    list: Vec<Token>,
    pause: bool,
    language: &'static Language,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// The character after the next one.
    fn second(&self) -> Option<char> {
        self.text[self.at..].chars().nth(1)
    }

    fn read_all(&mut self) {
        // One token of the text can become at most three; the cut is made afterwards.
        while let Some(c) = self.peek() {
            if self.list.len() > MAX_TOKENS {
                return;
            }
            if c.is_ascii_digit() || (is_minus(c) && self.minus_of_number()) {
                self.read_number();
            } else if c.is_alphanumeric() || (is_apostrophe(c) && self.starts_word()) {
                self.read_word();
            } else {
                self.read_sign(c);
            }
        }
    }

    /// A minus counts when a digit follows and no word or digit touches it on the left.
    fn minus_of_number(&self) -> bool {
        let digit_follows = self.second().is_some_and(|c| c.is_ascii_digit());
        let touches = self.text[..self.at].chars().next_back().is_some_and(char::is_alphanumeric);
        digit_follows && !touches
    }

    /// "'em": an apostrophe at the start of a word the tables know.
    fn starts_word(&self) -> bool {
        let rest = &self.text[self.at..];
        let mut chars = rest.chars();
        chars.next();
        chars.next().is_some_and(|c| c == 'e' || c == 'E')
            && chars.next().is_some_and(|c| c == 'm' || c == 'M')
            && !chars.next().is_some_and(char::is_alphanumeric)
    }

    fn push(&mut self, norm: &str, start: usize, end: usize) {
        let break_before = std::mem::take(&mut self.pause);
        #[allow(clippy::cast_possible_truncation)]
        self.list.push(Token {
            norm: norm.into(),
            start: start as u32,
            end: end as u32,
            break_before,
        });
    }

    /// A sign that means something is a token; other signs are left out.
    fn read_sign(&mut self, c: char) {
        let start = self.at;
        self.at += c.len_utf8();
        match c {
            '%' => self.push("%", start, self.at),
            '&' => self.push("and", start, self.at),
            '°' | 'º' => {
                let mut norm = String::from("°");
                if let Some(unit @ ('c' | 'C' | 'f' | 'F')) = self.peek()
                    && !self.second().is_some_and(char::is_alphanumeric)
                {
                    norm.push(unit.to_ascii_lowercase());
                    self.at += 1;
                }
                self.push(&norm, start, self.at);
            }
            '℃' => self.push("°c", start, self.at),
            '℉' => self.push("°f", start, self.at),
            ',' | ';' | '.' | '!' | '?' | '–' | '—' | '…' | '\n' => self.pause = true,
            _ => {}
        }
    }

    /// Digits with grouping, a decimal point, a colon of a time, an ordinal's ending.
    fn read_number(&mut self) {
        let start = self.at;
        let mut norm = String::new();
        if self.peek().is_some_and(is_minus) {
            norm.push('-');
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            match rest {
                [d @ b'0'..=b'9', ..] => {
                    norm.push(char::from(*d));
                    self.at += 1;
                }
                [sign @ (b'.' | b':'), b'0'..=b'9', ..] => {
                    norm.push(char::from(*sign));
                    self.at += 1;
                }
                [b',', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', after @ ..]
                    if !after.first().is_some_and(u8::is_ascii_digit) || norm.len() <= 3 =>
                {
                    self.at += 1;
                }
                // "22,5": no pause stands between two digits, so it is a decimal comma.
                [b',', b'0'..=b'9', ..] if !norm.contains(['.', ':', '/']) => {
                    norm.push('.');
                    self.at += 1;
                }
                [b'/', ..] if self.divides(&norm) => {
                    norm.push('/');
                    self.at += 1;
                }
                _ => break,
            }
        }
        let rest = &self.text.as_bytes()[self.at..];
        let ending = ["st", "nd", "rd", "th"].into_iter().find(|ending| {
            rest.len() >= 2
                && rest[..2].eq_ignore_ascii_case(ending.as_bytes())
                && !rest.get(2).is_some_and(u8::is_ascii_alphanumeric)
        });
        if let Some(ending) = ending {
            norm.push_str(ending);
            self.at += 2;
        }
        self.push(&norm, start, self.at);
        // "22c", "7pm", "1h30": the letters that follow are a word of their own, up to a digit.
        if self.peek().is_some_and(char::is_alphabetic) {
            self.read_letters(false);
        }
    }

    /// Whether the slash here makes a fraction below one of the digits before it: "3/4".
    fn divides(&self, numerator: &str) -> bool {
        let rest = &self.text[self.at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let below = |n: u32| rest[..digits].parse().is_ok_and(|all: u32| n > 0 && n < all);
        digits <= 2
            && !rest[digits..].starts_with(['/', '.', ':', ','])
            && numerator.parse().is_ok_and(below)
    }

    fn read_word(&mut self) {
        self.read_letters(true);
    }

    fn read_letters(&mut self, digits_too: bool) {
        let start = self.at;
        let mut raw = String::new();
        while let Some(c) = self.peek() {
            if is_apostrophe(c) && self.apostrophe_inside(&raw) {
                raw.push('\'');
            } else if c.is_alphabetic() || (c.is_numeric() && digits_too) {
                fold_into(c, &mut raw);
            } else if is_mark(c) {
                // A combining accent: folded away like the precomposed letters.
            } else if self.joins_letters(c, &raw) {
                // "a.m.", "km/h", "a/c": one word.
            } else {
                break;
            }
            self.at += c.len_utf8();
        }
        // The last full stop of "a.m." belongs to it.
        if self.text[start..self.at].contains('.') && self.peek() == Some('.') {
            self.at += 1;
        }
        if raw.is_empty() {
            self.at += self.peek().map_or(0, char::len_utf8);
            return;
        }
        self.push_word(&raw, start);
    }

    fn apostrophe_inside(&self, raw: &str) -> bool {
        raw.is_empty() || self.second().is_some_and(char::is_alphabetic)
    }

    /// Whether a full stop or slash joins single letters or a speed's unit.
    fn joins_letters(&self, sign: char, raw: &str) -> bool {
        let mut after = self.text[self.at..].chars().skip(1);
        let next = after.next().is_some_and(char::is_alphabetic);
        let ends = !after.next().is_some_and(char::is_alphanumeric);
        let letters = raw.chars().count();
        match sign {
            '.' => {
                next && ends && (letters == 1 || self.text[..self.at].contains('.') && letters < 4)
            }
            '/' => next && ends && (letters == 1 || raw == "km" || raw == "mi"),
            _ => false,
        }
    }

    fn push_word(&mut self, raw: &str, start: usize) {
        let end = self.at;
        let language = self.language;
        if let Some(parts) = language.contraction(raw) {
            self.push_parts(parts, start, end);
        } else if let Some((stem, ending)) = raw.rsplit_once('\'')
            && !stem.is_empty()
        {
            match ending {
                "s" if language.means_is(stem) => {
                    self.push_parts(&[stem.into(), "is".into()], start, end)
                }
                "m" => self.push_parts(&[stem.into(), "am".into()], start, end),
                "re" => self.push_parts(&[stem.into(), "are".into()], start, end),
                "ve" => self.push_parts(&[stem.into(), "have".into()], start, end),
                "ll" => self.push_parts(&[stem.into(), "will".into()], start, end),
                "d" => self.push_parts(&[stem.into(), "would".into()], start, end),
                _ => {
                    let whole = raw.replace('\'', "");
                    self.push(language.spelling(&whole), start, end);
                }
            }
        } else {
            // A plural's apostrophe at the end ("drivers'") was left out by the reader.
            self.push(language.spelling(raw), start, end);
        }
    }

    /// Shares the bytes of a contraction among its parts: the first has as many characters as its
    /// word, the last has the rest; a part for which nothing is left has an empty span there.
    fn push_parts(&mut self, parts: &[Box<str>], start: usize, end: usize) {
        let mut from = start;
        for (index, part) in parts.iter().enumerate() {
            let left = parts.len() - index - 1;
            let to =
                if left == 0 { end } else { self.advance(from, part.chars().count(), left, end) };
            self.push(self.language.spelling(part), from, to);
            from = to;
        }
    }

    /// The boundary `characters` after `from` that leaves at least `left` characters before `end`.
    fn advance(&self, from: usize, characters: usize, left: usize, end: usize) -> usize {
        let within = &self.text[from..end];
        let most = within.chars().count().saturating_sub(left).max(1);
        within.char_indices().nth(characters.min(most)).map_or(end, |(offset, _)| from + offset)
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '\u{02bc}' | '`' | '\u{00b4}' | '\u{ff07}')
}

fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2212}' | '\u{2013}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}')
}

/// Lower case without the accents that recognisers and people leave out at will.
fn fold_into(c: char, to: &mut String) {
    for lower in c.to_lowercase() {
        match lower {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' => to.push('a'),
            'ç' | 'ć' | 'č' => to.push('c'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => to.push('e'),
            'ì' | 'í' | 'î' | 'ï' | 'ī' => to.push('i'),
            'ñ' | 'ń' => to.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' => to.push('o'),
            'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' => to.push('u'),
            'ý' | 'ÿ' => to.push('y'),
            'ž' | 'ź' | 'ż' => to.push('z'),
            'š' | 'ś' => to.push('s'),
            'ł' => to.push('l'),
            'ß' => to.push_str("ss"),
            'æ' => to.push_str("ae"),
            'œ' => to.push_str("oe"),
            other if is_mark(other) => {}
            other => to.push(other),
        }
    }
}

#[cfg(test)]
#[path = "normalise/tests.rs"]
mod tests;
