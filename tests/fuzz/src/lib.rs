//! What several fuzz targets need: the shipped skills, parsed once; changes of bytes that are
//! right; an encoder that needs no model.
//!
//! Must not catch panics; a panic is what is looked for.

#[cfg(feature = "inference")]
pub mod tiny;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use std::{path::PathBuf, sync::LazyLock};
use valet_core::encoder::{Encoder, EncoderFault, Encoding, TokenSpan};
use valet_package::{Manifest, Sentences};

/// A skill with one intent of everything, and its sentences.
pub static CLIMATE: LazyLock<(Manifest, Sentences)> = LazyLock::new(|| {
    skill(
        include_str!("../../../skills/climate/skill.toml"),
        include_str!("../../../skills/climate/sentences/en.toml"),
    )
});

/// A skill whose intents want durations, times, dates and names.
pub static TIMERS: LazyLock<(Manifest, Sentences)> = LazyLock::new(|| {
    skill(
        include_str!("../../../skills/timers/skill.toml"),
        include_str!("../../../skills/timers/sentences/en.toml"),
    )
});

/// A skill whose intents want free text and distances.
pub static NAVIGATION: LazyLock<(Manifest, Sentences)> = LazyLock::new(|| {
    skill(
        include_str!("../../../skills/navigation/skill.toml"),
        include_str!("../../../skills/navigation/sentences/en.toml"),
    )
});

fn skill(manifest: &str, sentences: &str) -> (Manifest, Sentences) {
    let manifest = Manifest::parse("skill.toml", manifest).expect("the shipped manifest is right");
    let sentences = Sentences::parse("en.toml", sentences, &manifest);
    (manifest, sentences.expect("the shipped sentences are right"))
}

/// A folder for files of this process, in the temporary folder; whoever sets `TMPDIR` removes it.
#[must_use]
pub fn scratch_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("valet-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder takes a folder");
    folder
}

/// For code that catches the panics of a library: a panic is only the end when nobody caught it,
/// and only said when `HEAR_PANICS` is set: there may be thousands a second.
pub fn hear_panics_when_asked() {
    let asked = std::env::var_os("HEAR_PANICS").is_some();
    std::panic::set_hook(Box::new(move |panic| {
        if asked {
            eprintln!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
        }
    }));
}

/// A few changes of bytes that are right: deeper into a format with counts and lengths than
/// bytes made of nothing come.
#[derive(Debug)]
pub struct Changes(Vec<Change>);

#[derive(Debug)]
struct Change {
    at: u32,
    /// Within the first bytes, where most formats have their header.
    near_the_start: bool,
    /// How many bytes give way; more than are put there makes the rest move up.
    removed: usize,
    put: Vec<u8>,
}

/// What counts as the start.
const START_BYTES: usize = 512;

impl<'a> Arbitrary<'a> for Changes {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        (0..u.int_in_range(0..=6)?).map(|_| Change::arbitrary(u)).collect::<Result<_>>().map(Self)
    }
}

impl<'a> Arbitrary<'a> for Change {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (at, near_the_start) = (u.arbitrary()?, u.ratio(1, 3)?);
        let length = u.int_in_range(0..=8)?;
        let put = u.bytes(length)?.to_vec();
        let removed = match u.int_in_range(0..=9)? {
            0 => u.int_in_range(0..=64)?,
            1 => usize::MAX,
            _ => put.len(),
        };
        Ok(Self { at, near_the_start, removed, put })
    }
}

impl Changes {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, changed.
    #[must_use]
    pub fn applied_to(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for change in &self.0 {
            let room = if change.near_the_start { START_BYTES } else { usize::MAX };
            let at = change.at as usize % (bytes.len().min(room) + 1);
            let end = at.saturating_add(change.removed).min(bytes.len());
            bytes.splice(at..end, change.put.iter().copied());
        }
        bytes
    }
}

/// An encoder whose vectors are made of the words' letters.
pub struct WordEncoder;

/// Length of its vectors.
const DIMENSIONS: usize = 4;

impl Encoder for WordEncoder {
    fn fingerprint(&self) -> &str {
        "words"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn encode(&mut self, text: &str) -> std::result::Result<Encoding, EncoderFault> {
        let mut sentence = vec![0.5; DIMENSIONS];
        let (mut tokens, mut token_vectors) = (Vec::new(), Vec::new());
        for word in text.split_whitespace() {
            let start = (word.as_ptr() as usize - text.as_ptr() as usize) as u32;
            tokens.push(TokenSpan { start, end: start + word.len() as u32 });
            let mut row = [0.0; DIMENSIONS];
            for (at, letter) in word.bytes().enumerate() {
                row[at % DIMENSIONS] += f32::from(letter % 32) / 32.0;
            }
            sentence.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            token_vectors.extend(row);
        }
        let length = sentence.iter().map(|value| value * value).sum::<f32>().sqrt();
        sentence.iter_mut().for_each(|value| *value /= length);
        Ok(Encoding { sentence, tokens, token_vectors })
    }
}
