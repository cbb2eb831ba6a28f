//! Values that become known at run time, such as contacts or names of devices: whose they are and how long they live.
//!
//! Must not outlive the client or the skill that gave them, and must not cost what was understood before.

use super::Assistant;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use valet_bus::{BusError, ErrorName};
use valet_core::intent::{SkillId, is_name};
use valet_understanding::{SkillSource, Understander, Vocabulary};

/// Most lists of values of all clients together.
const MAX_VOCABULARIES: usize = 32;
/// Longest value or way to say it, bytes.
const MAX_VALUE_BYTES: usize = 128;

/// Most values of all skills together.
const MAX_OF_SKILLS: usize = 4096;
/// How long is waited for more values of skills before all are learnt together.
const GATHER: Duration = Duration::from_millis(200);

/// A value and the ways to say it.
type Value = (String, Vec<String>);

/// All lists by client and entity.
#[derive(Debug, Default)]
pub(crate) struct Vocabularies {
    lists: BTreeMap<(String, String), Vec<Value>>,
    /// What skills know of their own entities.
    of_skills: BTreeMap<(SkillId, String), Vec<Value>>,
    /// What they said since it was learnt last, and when that is learnt.
    said: BTreeMap<(SkillId, String), Vec<Value>>,
    learn_at: Option<Instant>,
}

impl Vocabularies {
    /// When values of skills are learnt.
    #[must_use]
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.learn_at
    }

    /// What all clients gave, by entity, and what skills know, by `<skill id>/<entity>`.
    #[must_use]
    pub(crate) fn together(&self) -> Vocabulary {
        let mut all = Vocabulary::new();
        for ((_, entity), values) in &self.lists {
            all.entry(entity.clone()).or_default().extend(values.iter().cloned());
        }
        for ((skill, entity), values) in &self.of_skills {
            all.insert(format!("{skill}/{entity}"), values.clone());
        }
        all
    }
}

impl Assistant {
    /// Takes a client's values of an entity in the place of those it gave before.
    ///
    /// # Errors
    /// `InvalidArguments`, `LimitExceeded`; what was understood before stays understood.
    pub(super) fn set_vocabulary(
        &mut self,
        client: &str,
        entity: &str,
        values: Vec<Value>,
    ) -> Result<(), BusError> {
        check(entity, &values)?;
        let key = (client.to_owned(), entity.to_owned());
        let lists = &mut self.vocabularies.lists;
        if lists.len() >= MAX_VOCABULARIES && !lists.contains_key(&key) {
            let why = format!("{MAX_VOCABULARIES} vocabularies are set; clear one first");
            return Err(BusError::new(ErrorName::LimitExceeded, why));
        }
        let before = lists.insert(key.clone(), values);
        self.learn_vocabulary().inspect_err(|_| match before {
            Some(before) => drop(self.vocabularies.lists.insert(key, before)),
            None => drop(self.vocabularies.lists.remove(&key)),
        })
    }

    /// Takes a client's values of an entity back; no error where it gave none.
    ///
    /// # Errors
    /// `InvalidArguments`.
    pub(super) fn clear_vocabulary(&mut self, client: &str, entity: &str) -> Result<(), BusError> {
        check(entity, &[])?;
        let key = (client.to_owned(), entity.to_owned());
        match self.vocabularies.lists.remove(&key) {
            Some(_) => self.learn_vocabulary(),
            None => Ok(()),
        }
    }

    /// A client left: its values go with it.
    pub(super) fn drop_vocabularies_of(&mut self, client: &str) {
        let before = self.vocabularies.lists.len();
        self.vocabularies.lists.retain(|(owner, _), _| owner != client);
        if self.vocabularies.lists.len() < before
            && let Err(error) = self.learn_vocabulary()
        {
            log::error!("the values of a client that left are still understood: {error}");
        }
    }

    /// A skill knows values of one of its entities; they are learnt in a moment, with others'.
    pub(super) fn named(&mut self, skill: SkillId, entity: String, values: Vec<Value>) {
        let key = (skill, entity);
        let vocabularies = &mut self.vocabularies;
        vocabularies.said.insert(key, values);
        vocabularies.learn_at.get_or_insert_with(|| Instant::now() + GATHER);
    }

    /// Learns what skills said, as far as it is new.
    pub(super) fn learn_names(&mut self) {
        self.vocabularies.learn_at = None;
        let said = std::mem::take(&mut self.vocabularies.said);
        let before = self.vocabularies.of_skills.clone();
        for ((skill, entity), values) in said {
            if self.skills.ready().any(|(id, ..)| *id == skill) {
                self.vocabularies.of_skills.insert((skill, entity), values);
            }
        }
        if self.vocabularies.of_skills == before {
            return;
        }
        let count: usize = self.vocabularies.of_skills.values().map(Vec::len).sum();
        let learnt = if count > MAX_OF_SKILLS {
            Err(format!("{count} values of skills, expected at most {MAX_OF_SKILLS}"))
        } else {
            self.learn_vocabulary().map_err(|error| error.message)
        };
        match learnt {
            Ok(()) => log::info!("{count} values that skills know by now are understood"),
            Err(why) => {
                log::error!("what skills know by now is not understood: {why}");
                self.vocabularies.of_skills = before;
            }
        }
    }

    /// Forgets what skills know that are not there any more.
    pub(super) fn forget_names(&mut self) {
        let ready: Vec<SkillId> = self.skills.ready().map(|(id, ..)| id.clone()).collect();
        self.vocabularies.of_skills.retain(|(skill, _), _| ready.contains(skill));
    }

    /// Builds the understanding of the skills that are ready with the values there are now.
    fn learn_vocabulary(&mut self) -> Result<(), BusError> {
        let sources: Vec<SkillSource<'_>> = self
            .skills
            .ready()
            .map(|(_, skill, sentences)| SkillSource { manifest: &skill.manifest, sentences })
            .collect();
        let all = self.vocabularies.together();
        let understander = Understander::build(&self.config.language, &sources, &all)
            .map(|understander| self.as_here(&understander))
            .map_err(|error| BusError::new(ErrorName::LimitExceeded, error.to_string()))?;
        self.use_built(understander);
        Ok(())
    }

    /// An understander that knows whose sentences yield, and what wakes us here.
    pub(super) fn as_here(&self, understander: &Understander) -> Understander {
        understander.yielding(self.skills.installed()).woken_by(self.config.wake_words.clone())
    }
}

fn check(entity: &str, values: &[Value]) -> Result<(), BusError> {
    if !is_name(entity) {
        return Err(BusError::invalid(
            "the entity is no name, expected [a-z0-9] words joined by dashes",
        ));
    }
    let fits = |text: &String| {
        !text.trim().is_empty()
            && text.len() <= MAX_VALUE_BYTES
            && !text.chars().any(char::is_control)
    };
    let mut texts = values.iter().flat_map(|(value, ways)| std::iter::once(value).chain(ways));
    if texts.all(fits) {
        return Ok(());
    }
    Err(BusError::invalid(format!(
        "a value is empty, longer than {MAX_VALUE_BYTES} bytes or has control characters"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_several_clients_stand_together_and_bad_ones_are_refused() {
        let value = |text: &str| (text.to_owned(), vec![format!("{text} fm")]);
        let mut all = Vocabularies::default();
        for (client, entity, text) in
            [(":1.1", "station", "jazz"), (":1.2", "station", "talk"), (":1.2", "place", "home")]
        {
            all.lists.insert((client.to_owned(), entity.to_owned()), vec![value(text)]);
        }
        let together = all.together();
        assert_eq!(together["station"], [value("jazz"), value("talk")]);
        assert_eq!(together["place"], [value("home")]);
        let skill = SkillId::parse("org.example.lamps").expect("an id");
        all.of_skills.insert((skill, "station".to_owned()), vec![value("kitchen")]);
        let together = all.together();
        assert_eq!(together["station"], [value("jazz"), value("talk")], "a skill's are its own");
        assert_eq!(together["org.example.lamps/station"], [value("kitchen")]);
        assert!(check("station", &[value("jazz")]).is_ok());
        assert!(check("org.valetd.media/station", &[]).is_err());
        for bad in [" ", "a\u{7}", &"a".repeat(MAX_VALUE_BYTES + 1)] {
            assert!(check("station", &[(bad.to_owned(), Vec::new())]).is_err(), "{bad:?}");
        }
    }
}
