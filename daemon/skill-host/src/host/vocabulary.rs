//! `vocabulary`: values of the skill's own listed entities that it knows only at run time.

use crate::{
    bindings::valet::skill::vocabulary as wit,
    limits::{MAX_SYNONYMS, MAX_VALUE_BYTES, MAX_VALUES},
    turn::Turn,
};

/// A value or a way to say it.
fn is_value(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_VALUE_BYTES && !text.chars().any(char::is_control)
}

fn is_entry(entry: &wit::Entry) -> bool {
    let mut texts = entry.synonyms.iter().chain([&entry.value]);
    entry.synonyms.len() <= MAX_SYNONYMS && texts.all(|text| is_value(text))
}

impl wit::Host for Turn {
    fn set(
        &mut self,
        entity: String,
        values: Vec<wit::Entry>,
    ) -> wasmtime::Result<Result<(), wit::VocabularyError>> {
        self.host_call()?;
        self.take_list()?;
        let Some(grant) = self.granter.entity(&entity) else {
            return Ok(Err(wit::VocabularyError::UnknownEntity));
        };
        if values.len() > MAX_VALUES {
            return Ok(Err(wit::VocabularyError::TooMany));
        }
        if !values.iter().all(is_entry) {
            return Ok(Err(wit::VocabularyError::BadValue));
        }
        if !self.rehearses() {
            let values = values.into_iter().map(|entry| (entry.value, entry.synonyms));
            self.world.set_vocabulary(&grant, values.collect());
        }
        Ok(Ok(()))
    }
}
