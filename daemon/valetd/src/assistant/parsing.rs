//! `Parse` and `ParseBatch`: what texts mean, and nothing more.
//!
//! Must not touch a session, a skill or a device.

use super::{Assistant, calls::utterance};
use std::time::Duration;
use valet_bus::{BusError, ErrorName, Reply, convert, options::ParseOptions};
use valet_core::{
    understanding::{Request, Understanding},
    utterance::Utterance,
    zone::Zone,
};
use valet_package::Sentences;
use valet_understanding::{SkillSource, Understander};

/// What the encoder may take for texts that nobody acts on.
const ENCODER_LIMIT: Duration = Duration::from_secs(20);

/// Texts whose meaning is asked for.
pub(super) struct Texts {
    /// Them; one that is no utterance means nothing.
    pub texts: Vec<String>,
    /// Who speaks.
    pub zone: Zone,
    /// Whether templates are asked too.
    pub templates: bool,
}

impl Assistant {
    /// Understands texts without touching a session, a skill or a device.
    pub(super) fn parse(
        &mut self,
        texts: Vec<String>,
        options: ParseOptions,
        reply: Reply,
        single: bool,
    ) {
        let ParseOptions { turn: options, templates } = options;
        if let Err(error) = self.check_language(options.language.as_deref()) {
            return reply.error(&error);
        }
        if single && let Err(error) = utterance(&texts[0]) {
            return reply.error(&error);
        }
        let texts = Texts { texts, zone: options.zone.unwrap_or_default(), templates };
        self.understand_texts(texts, options.timeout, move |found| match found {
            Ok(all) => answer_parsed(reply, all, single),
            Err(error) => reply.error(&error),
        });
    }

    /// Has texts understood and hands what they mean on, in their order: at once where no encoder is
    /// needed, else when it is through. What needs it may take [`ENCODER_LIMIT`], or `limit` where that
    /// is more.
    pub(super) fn understand_texts(
        &mut self,
        Texts { texts, zone, templates }: Texts,
        limit: Duration,
        done: impl FnOnce(Result<Vec<Understanding>, BusError>) + Send + 'static,
    ) {
        let understander = match templates {
            true => self.understander.clone(),
            false => match self.without_templates() {
                Ok(understander) => understander,
                Err(error) => return done(Err(error)),
            },
        };
        let zone = if zone == Zone::All { Zone::DRIVER } else { zone };
        let mut results: Vec<Option<Understanding>> = Vec::with_capacity(texts.len());
        let mut open = Vec::new();
        for text in &texts {
            let request = Utterance::parse(text).ok().map(|utterance| Request {
                text: utterance.as_str().to_owned(),
                language: self.config.language.clone(),
                zone,
                expected: None,
                local_now: crate::wall::local_now(),
                previous: None,
            });
            let known = match &request {
                None => Some(Understanding::default()),
                Some(request) => self.understand_at_once_by(&understander, request),
            };
            if known.is_none() {
                open.extend(request);
            }
            results.push(known);
        }
        if open.is_empty() {
            return done(Ok(results.into_iter().flatten().collect()));
        }
        let Some(pending) = self.inference.as_ref().and_then(|i| i.parse(open, understander))
        else {
            let why = "too many texts wait for the encoder; try again in a moment";
            return done(Err(BusError::new(ErrorName::Busy, why)));
        };
        tokio::spawn(async move {
            match tokio::time::timeout(limit.max(ENCODER_LIMIT), pending).await {
                Ok(Ok(found)) => {
                    let mut found = found.into_iter();
                    let merged = results
                        .into_iter()
                        .map(|known| known.unwrap_or_else(|| found.next().unwrap_or_default()));
                    done(Ok(merged.collect()));
                }
                _ => done(Err(BusError::new(
                    ErrorName::Timeout,
                    "the texts could not be understood in time",
                ))),
            }
        });
    }

    /// An understander that knows the skills by free speech alone.
    fn without_templates(&self) -> Result<Understander, BusError> {
        let (language, vocabulary) = (&self.config.language, self.vocabularies.together());
        let ready: Vec<_> = self.skills.ready().collect();
        let stripped: Vec<Sentences> = ready
            .iter()
            .map(|(.., sentences)| {
                let mut sentences = (*sentences).clone();
                sentences.intents.values_mut().for_each(|intent| intent.templates.clear());
                sentences
            })
            .collect();
        let sources: Vec<SkillSource<'_>> = ready
            .iter()
            .zip(&stripped)
            .map(|((_, skill, _), sentences)| SkillSource { manifest: &skill.manifest, sentences })
            .collect();
        let understander = Understander::build(language, &sources, &vocabulary)
            .map(|understander| self.as_here(&understander))
            .map_err(|error| BusError::new(ErrorName::Failed, error.to_string()))?;
        Ok(match self.understander.heads() {
            Some(heads) => understander.with_heads(heads.clone()),
            None => understander,
        })
    }

    /// What needs no encoder: a script, templates, or that there is no encoder at all.
    pub(super) fn understand_at_once(&self, request: &Request) -> Option<Understanding> {
        self.understand_at_once_by(&self.understander, request)
    }

    fn understand_at_once_by(
        &self,
        understander: &Understander,
        request: &Request,
    ) -> Option<Understanding> {
        if let Some(script) = &self.script {
            return Some(script.understand(request));
        }
        understander.match_templates(request).or_else(|| {
            let no_encoder = self.inference.is_none() || !understander.has_heads();
            no_encoder.then(|| understander.understand(request, None))
        })
    }
}

fn answer_parsed(reply: Reply, all: Vec<Understanding>, single: bool) {
    let mut lists: Vec<Vec<convert::View<'_>>> =
        all.iter().map(|u| u.commands.iter().map(convert::command).collect()).collect();
    if single {
        reply.ok(&lists.pop().unwrap_or_default());
    } else {
        reply.ok(&lists);
    }
}
