//! What people say to the dialogue itself and how they go on from the command before: data
//! compiled into an automaton of its own; connectors; what makes a question.
//!
//! Must not know a skill.

use crate::{
    edges,
    engine::veto,
    entities::{Kind, PhraseTrie},
    normalise::Tokens,
    templates::Templates,
};
use serde::Deserialize;
use std::{collections::BTreeMap, ops::Range, sync::OnceLock};
use valet_core::understanding::DialogueAct;
use valet_package::template::Rules;

pub(crate) const ENGLISH: &str = include_str!("../data/en/dialogue.toml");
/// Most words of an ending that makes a question.
const MAX_ENDING: usize = 4;

/// How an utterance goes on from the command before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FollowUp {
    /// "and the passenger side too": a slot gets another value.
    Replace,
    /// "again".
    Again,
    /// "a bit more".
    More,
    /// "a bit less".
    Less,
}

/// How sure it is that words take back what was said before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Correction {
    /// "no wait": nobody says that for anything else.
    Sure,
    /// "no": only where what stands around it makes sense so.
    Maybe,
}

/// What a template of the dialogue means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Act(DialogueAct),
    FollowUp(FollowUp),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    connectors: Vec<String>,
    pronouns: Vec<String>,
    corrections: Vec<String>,
    doubts: Vec<String>,
    rules: BTreeMap<String, String>,
    acts: RawActs,
    follow_ups: RawFollowUps,
    questions: RawQuestions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawActs {
    affirm: Vec<String>,
    deny: Vec<String>,
    stop: Vec<String>,
    undo: Vec<String>,
    repeat: Vec<String>,
    help: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFollowUps {
    replace: Vec<String>,
    again: Vec<String>,
    more: Vec<String>,
    less: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuestions {
    starts: Vec<String>,
    requests: Vec<String>,
    indirect: Vec<String>,
    endings: Vec<String>,
}

/// The dialogue's own words of one language.
#[derive(Debug)]
pub(crate) struct DialogueWords {
    pub(crate) acts: Templates,
    pub(crate) follow_ups: Templates,
    /// By the targets of both automata.
    pub(crate) meanings: Vec<Meaning>,
    connectors: PhraseTrie<()>,
    pronouns: PhraseTrie<()>,
    corrections: PhraseTrie<Correction>,
    question_starts: PhraseTrie<()>,
    requests: PhraseTrie<()>,
    indirect: PhraseTrie<()>,
    endings: PhraseTrie<()>,
}

impl DialogueWords {
    /// English.
    pub(crate) fn english() -> &'static Self {
        static WORDS: OnceLock<DialogueWords> = OnceLock::new();
        WORDS.get_or_init(|| {
            // Built in and read by a test: it cannot fail in a build that passed its tests.
            let raw = toml::from_str(ENGLISH).expect("the built-in dialogue data is well formed");
            Self::compile(raw)
        })
    }

    fn compile(raw: Raw) -> Self {
        use {DialogueAct as A, FollowUp as F};
        let rules = Rules::parse(&raw.rules).expect("the built-in rules are well formed");
        let mut words = Self {
            acts: Templates::default(),
            follow_ups: Templates::default(),
            meanings: Vec::new(),
            connectors: phrases(&raw.connectors),
            pronouns: phrases(&raw.pronouns),
            corrections: corrections(&raw),
            question_starts: phrases(&raw.questions.starts),
            requests: phrases(&raw.questions.requests),
            indirect: phrases(&raw.questions.indirect),
            endings: phrases(&raw.questions.endings),
        };
        let (acts, follow_ups) = (raw.acts, raw.follow_ups);
        for (act, lines) in [
            (A::Affirm, acts.affirm),
            (A::Deny, acts.deny),
            (A::Stop, acts.stop),
            (A::Undo, acts.undo),
            (A::Repeat, acts.repeat),
            (A::Help, acts.help),
        ] {
            words.add(Meaning::Act(act), &lines, &rules);
        }
        for (follow_up, lines) in [
            (F::Replace, follow_ups.replace),
            (F::Again, follow_ups.again),
            (F::More, follow_ups.more),
            (F::Less, follow_ups.less),
        ] {
            words.add(Meaning::FollowUp(follow_up), &lines, &rules);
        }
        words.acts.finish();
        words.follow_ups.finish();
        words
    }

    fn add(&mut self, meaning: Meaning, lines: &[String], rules: &Rules) {
        #[allow(clippy::cast_possible_truncation)]
        let target = self.meanings.len() as u32;
        self.meanings.push(meaning);
        let automaton = match meaning {
            Meaning::Act(_) => &mut self.acts,
            Meaning::FollowUp(_) => &mut self.follow_ups,
        };
        for line in lines {
            rules
                .template(line, ["value"].into_iter())
                .map_err(|e| e.to_string())
                .and_then(|template| {
                    automaton.add(&template.root, rules, target, &|_| Some(Kind::Text))
                })
                .expect("a built-in template is well formed");
        }
    }

    /// The connector that begins at a token: the token behind it. A pause counts as one of no
    /// words, and takes a connector that follows with it.
    pub(crate) fn connector_at(&self, tokens: &Tokens, at: usize) -> Option<usize> {
        let worded = self.connectors.longest(tokens, at).map(|(_, end)| end);
        let pause = tokens.list().get(at).is_some_and(|token| token.break_before);
        worded.or_else(|| pause.then_some(at))
    }

    /// The words that stand for something said before ("it", "both of them"); not "it is …".
    pub(crate) fn pronoun_in(&self, tokens: &Tokens, range: &Range<usize>) -> Option<Range<usize>> {
        range.clone().find_map(|at| {
            let (_, end) = self.pronouns.longest(tokens, at)?;
            let subject = matches!(tokens.norm(end), "is" | "are" | "was" | "were");
            (end <= range.end && !subject).then_some(at..end)
        })
    }

    /// The last words that take back what stands before them, where something stands on both
    /// sides.
    pub(crate) fn correction_in(&self, tokens: &Tokens) -> Option<(Range<usize>, Correction)> {
        let mut last = None;
        let mut at = 1;
        while at < tokens.len() {
            match self.corrections.longest(tokens, at) {
                Some((how, end)) if end < tokens.len() => {
                    last = Some((at..end, how));
                    at = end;
                }
                _ => at += 1,
            }
        }
        last
    }

    /// Whether a text asks instead of telling. "Can you open the window" tells, "can you tell
    /// me if the window is open" asks.
    pub(crate) fn is_question(&self, tokens: &Tokens) -> bool {
        let all = 0..tokens.len();
        let starts = edges::starts(tokens, &all);
        let asks = |at: usize| {
            let (starts, requests) = (&self.question_starts, &self.requests);
            starts.longest(tokens, at).is_some() && requests.longest(tokens, at).is_none()
        };
        // "Could you" leaves "you": only where all courtesies end can a plain question begin.
        let polite = starts.iter().copied().max().unwrap_or(0);
        let indirect = |at: &usize| self.indirect.longest(tokens, *at).is_some();
        let closes = |end: usize| {
            (1..=end.min(MAX_ENDING)).any(|length| {
                let ending = self.endings.longest(tokens, end - length);
                ending.is_some_and(|(_, behind)| behind == end)
            })
        };
        veto::asks(tokens)
            || asks(0)
            || asks(polite)
            || starts.iter().any(indirect)
            || closes(tokens.len())
    }
}

fn corrections(raw: &Raw) -> PhraseTrie<Correction> {
    let mut trie = PhraseTrie::default();
    let sure = raw.corrections.iter().map(|line| (line, Correction::Sure));
    for (line, how) in sure.chain(raw.doubts.iter().map(|line| (line, Correction::Maybe))) {
        let tokens = Tokens::read(line);
        trie.add(tokens.list().iter().map(|token| &*token.norm), how);
    }
    trie
}

fn phrases(lines: &[String]) -> PhraseTrie<()> {
    let mut trie = PhraseTrie::default();
    for line in lines {
        let tokens = Tokens::read(line);
        trie.add(tokens.list().iter().map(|token| &*token.norm), ());
    }
    trie
}
