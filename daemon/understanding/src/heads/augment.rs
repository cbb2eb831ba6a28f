//! More samples from few: the same sentence with other values in its slots.
//!
//! Must not invent sentences: only the marked spans change.

use super::vectors::hash_of;
use crate::{
    entities::{Entities, Kind},
    random::Random,
    training::{TrainingExample, TrainingIntent, TrainingSpan},
};
use std::collections::HashMap;

/// Variants made of one sample, the sample itself not counted.
pub(crate) const VARIANTS: usize = 4;
/// Longest variant, bytes.
const MAX_VARIANT_BYTES: usize = 1024;

/// A sentence made of a sample by swapping values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    /// The new text.
    pub(crate) text: String,
    /// The spans in it, in order.
    pub(crate) spans: Vec<TrainingSpan>,
    /// The same spans in the sample.
    pub(crate) from: Vec<TrainingSpan>,
}

/// What may stand in a slot: the entity's own values; for free text what the samples have there.
#[derive(Debug, Default)]
pub(crate) struct Pool<'a> {
    texts: HashMap<(usize, usize), Vec<&'a str>>,
}

impl<'a> Pool<'a> {
    /// Collects the samples' own values, by intent and slot, each once.
    pub(crate) fn of(examples: &'a [TrainingExample]) -> Self {
        let mut texts: HashMap<(usize, usize), Vec<&str>> = HashMap::new();
        for example in examples {
            for span in &example.spans {
                let Some(text) = example.text.get(span.start as usize..span.end as usize) else {
                    continue;
                };
                let known = texts.entry((example.intent, span.slot)).or_default();
                if !known.contains(&text) {
                    known.push(text);
                }
            }
        }
        Self { texts }
    }

    /// One value for a slot; `None` where there is nothing to choose from.
    fn pick<'b>(
        &'b self,
        intent: usize,
        slot: usize,
        kind: Kind,
        source: (&'b Entities, &mut Random),
    ) -> Option<&'b str> {
        let (entities, random) = source;
        let listed = entities.examples(kind);
        let own = self.texts.get(&(intent, slot)).map_or(&[][..], Vec::as_slice);
        let at = random.below(listed.len() + own.len());
        listed.get(at).map(String::as_str).or_else(|| own.get(at - listed.len()).copied())
    }
}

/// At most [`VARIANTS`] variants of a sample, none of them equal to it or to another.
pub(crate) fn variants(
    example: &TrainingExample,
    intent: &TrainingIntent,
    pool: &Pool<'_>,
    entities: &Entities,
) -> Vec<Variant> {
    let mut spans = example.spans.clone();
    spans.sort_by_key(|span| span.start);
    let mut found: Vec<Variant> = Vec::new();
    if spans.is_empty() {
        return found;
    }
    let mut random = Random::new(hash_of(&[&example.text]));
    // Half as many tries again: some draw the value that stood there.
    for _ in 0..VARIANTS + VARIANTS / 2 {
        let swap = |span: &TrainingSpan, random: &mut Random| {
            let kind = intent.slots.get(span.slot)?.kind;
            pool.pick(example.intent, span.slot, kind, (entities, random))
        };
        if let Some(variant) = build(&example.text, &spans, |span| swap(span, &mut random))
            && variant.text != example.text
            && found.iter().all(|known| known.text != variant.text)
        {
            found.push(variant);
        }
        if found.len() == VARIANTS {
            break;
        }
    }
    found
}

fn build<'a>(
    text: &str,
    spans: &[TrainingSpan],
    mut swap: impl FnMut(&TrainingSpan) -> Option<&'a str>,
) -> Option<Variant> {
    let mut variant = Variant {
        text: String::with_capacity(text.len()),
        spans: Vec::new(),
        from: spans.to_vec(),
    };
    let mut done = 0;
    for span in spans {
        let (start, end) = (span.start as usize, span.end as usize);
        variant.text.push_str(text.get(done..start)?);
        let value = swap(span).or_else(|| text.get(start..end))?;
        let first = u32::try_from(variant.text.len()).ok()?;
        variant.text.push_str(value);
        let last = u32::try_from(variant.text.len()).ok()?;
        variant.spans.push(TrainingSpan { slot: span.slot, start: first, end: last });
        done = end;
    }
    variant.text.push_str(text.get(done..)?);
    (variant.text.len() <= MAX_VARIANT_BYTES).then_some(variant)
}
