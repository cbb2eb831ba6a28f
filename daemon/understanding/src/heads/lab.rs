//! Temporary: a training set from samples alone, until the engine builds one.
#![allow(missing_docs)]
use crate::{entities::*, normalise::Tokens, training::*};
use valet_core::intent::IntentId;
use valet_package::{Manifest, Sentences};
pub fn set_of(skills: &[(Manifest, Sentences)]) -> (Entities, TrainingSet) {
    let mut entities = Entities::default();
    for (m, s) in skills { entities.add_skill(&m.id, &s.entities, &Default::default()).expect("lab"); }
    let (mut intents, mut examples) = (Vec::new(), Vec::new());
    let mut parts: Vec<String> = Vec::new();
    for (m, s) in skills {
        for (name, spec) in &m.intents {
            let n = intents.len();
            let slots: Vec<TrainingSlot> = spec.slots.iter().filter_map(|(k, v)| Some(TrainingSlot { name: k.clone(), entity: v.entity.clone(), kind: entities.kind(&m.id, &v.entity)? })).collect();
            if let Some(i) = s.intents.get(name) {
                for sample in &i.samples {
                    parts.push(sample.clone());
                    let (mut text, mut spans, mut rest) = (String::new(), Vec::new(), sample.as_str());
                    while let Some(a) = rest.find('{') {
                        text.push_str(&rest[..a]);
                        let b = a + rest[a..].find('}').expect("brace");
                        let (slot, words) = rest[a + 1..b].split_once(':').expect("colon");
                        let words = words.trim();
                        let start = text.len() as u32;
                        text.push_str(words);
                        if let Some(slot) = slots.iter().position(|s| s.name == slot.trim()) { spans.push(TrainingSpan { slot, start, end: text.len() as u32 }); }
                        rest = &rest[b + 1..];
                    }
                    text.push_str(rest);
                    let _ = Tokens::read(&text);
                    examples.push(TrainingExample { intent: n, text, spans, origin: Origin::Sample });
                }
            }
            intents.push(TrainingIntent { id: IntentId::new(m.id.clone(), name).expect("name"), class: spec.class, description: spec.description.clone(), slots });
        }
    }
    let bytes: Vec<&[u8]> = parts.iter().map(|p| p.as_bytes()).collect();
    let fingerprint = super::cache::key_of(&bytes);
    (entities, TrainingSet { intents, examples, fingerprint })
}
