//! Every test of every shipped skill, twice: as the daemon understands, and with templates off.
//!
//! What templates know must be right to the last signal. Free speech is understood by a small
//! encoder, so it has floors, a little below what was measured; and what it understood rightly
//! must be done rightly. The tables, all failures and all that was said are written to
//! `skills-report.txt` and `skills-speech.txt` in the target directory.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};
use valet_skills_tests::{House, Judged, Meaning, Templates, judge_all, speech, table};

/// Of free speech of one skill, the wanted intent, percent: no skill may fall behind.
const FREE_FLOOR_OF_A_SKILL: usize = 85;
/// Of the free speech of all skills together.
const FREE_FLOOR: usize = 90;
/// Of all utterances with templates off.
const FLOOR_WITHOUT_TEMPLATES: usize = 90;
/// Of sentences that are nothing for a skill, those it leaves alone.
const LEFT_ALONE_FLOOR: usize = 85;
/// Most wrong actions, tenths of a percent of all tests.
const MOST_WRONG: usize = 20;

struct Runs {
    normal: Vec<Judged>,
    free: Vec<Judged>,
    collisions: Vec<String>,
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("..")
}

fn runs() -> &'static Runs {
    static RUNS: OnceLock<Runs> = OnceLock::new();
    RUNS.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut house = House::open(&root, &target()).unwrap_or_else(|e| panic!("{e}"));
        let collisions = house.collisions().into_iter();
        let collisions = collisions.filter(|(_, owner, other)| owner.skill() != other.skill());
        let collisions = collisions
            .map(|(text, owner, other)| format!("{text:?} of {owner} is taken by {other} too\n"))
            .collect();
        let mut judge =
            |templates| judge_all(&mut house, templates).unwrap_or_else(|e| panic!("{e}"));
        let (normal, free) = (judge(Templates::On), judge(Templates::Off));
        let runs = Runs { normal, free, collisions };
        let report = format!(
            "As the daemon understands:\n{}\nTemplates off:\n{}\nAs the daemon understands:\n{}\nTemplates off:\n{}",
            table(&runs.normal),
            table(&runs.free),
            lines(runs.normal.iter().filter(|j| !j.is_right())),
            lines(runs.free.iter().filter(|j| !j.is_right())),
        );
        write("skills-report.txt", &report);
        write("skills-speech.txt", &speech(&runs.normal));
        runs
    })
}

fn write(name: &str, text: &str) {
    std::fs::write(target().join(name), text).unwrap_or_else(|e| panic!("{name}: {e}"));
}

fn lines<'j>(all: impl IntoIterator<Item = &'j Judged>) -> String {
    all.into_iter().map(|judged| judged.line() + "\n").collect()
}

fn of_skill(name: &str) -> Vec<&'static Judged> {
    let of: Vec<_> = runs().normal.iter().filter(|j| j.skill.ends_with(name)).collect();
    assert!(of.len() >= 60, "{name} has {} tests, expected at least 60", of.len());
    of
}

fn nothing_is_wrong<'j>(wrong: impl Iterator<Item = &'j &'j Judged>) {
    let wrong: Vec<&Judged> = wrong.copied().collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), lines(wrong));
}

/// The tests of a skill come in the kinds that its promise is made of.
fn is_a_fair_sample(tests: &[&Judged]) {
    let negative = tests.iter().filter(|j| j.is_negative()).count();
    let positive = tests.len() - negative;
    let free = tests.iter().filter(|j| !j.is_negative() && !j.is_template).count();
    assert!(negative * 4 >= tests.len(), "{negative} of {} must not match", tests.len());
    assert!(free * 2 >= positive, "{free} of {positive} positive ones match no template");
}

fn has_intent(judged: &Judged) -> bool {
    matches!(judged.meaning, Meaning::Right | Meaning::WrongSlots)
}

/// Right ones and all, of positive tests.
fn intents<'j>(all: impl Iterator<Item = &'j Judged>) -> (usize, usize) {
    all.filter(|j| !j.is_negative())
        .fold((0, 0), |(right, all), j| (right + usize::from(has_intent(j)), all + 1))
}

fn reaches((right, all): (usize, usize), floor: usize) {
    assert!(right * 100 >= floor * all, "{right} of {all} are right, expected {floor} %");
}

macro_rules! skills {
    ($($skill:ident)*) => {$(
        mod $skill {
            use super::*;

            fn tests() -> Vec<&'static Judged> {
                of_skill(stringify!($skill))
            }

            #[test]
            fn tests_are_a_fair_sample() {
                is_a_fair_sample(&tests());
            }

            #[test]
            fn sentences_of_templates_do_exactly_what_is_listed() {
                let known = |j: &&&Judged| j.is_template && !j.is_negative() && !j.is_right();
                nothing_is_wrong(tests().iter().filter(known));
            }

            #[test]
            fn what_is_understood_is_done_and_nothing_else() {
                let understood = |j: &&&Judged| j.meaning == Meaning::Right;
                let wrong = |j: &&&Judged| !j.wrong_effects.is_empty();
                nothing_is_wrong(tests().iter().filter(understood).filter(wrong));
            }

            #[test]
            fn sentences_of_others_match_none_of_its_templates() {
                let taken = |j: &&&Judged| {
                    j.is_negative() && j.is_template && j.meaning == Meaning::WrongCommand
                };
                nothing_is_wrong(tests().iter().filter(taken));
            }

            #[test]
            fn free_speech_reaches_the_floor() {
                let free = tests().into_iter().filter(|j| !j.is_template);
                reaches(intents(free), FREE_FLOOR_OF_A_SKILL);
            }
        }
    )*};
}

skills! { body climate media navigation timers vehicle }

#[test]
fn no_template_is_claimed_by_two_skills() {
    let collisions = &runs().collisions;
    assert!(collisions.is_empty(), "{}", collisions.concat());
}

#[test]
fn no_skill_breaks_its_contract() {
    let breaks = |j: &&Judged| j.wrong_effects.iter().any(|w| w.starts_with("the skill "));
    let broken: Vec<&Judged> = runs().normal.iter().chain(&runs().free).filter(breaks).collect();
    nothing_is_wrong(broken.iter());
}

#[test]
fn free_speech_of_all_skills_reaches_the_floor() {
    reaches(intents(runs().normal.iter().filter(|j| !j.is_template)), FREE_FLOOR);
}

#[test]
fn without_templates_intents_reach_the_floor() {
    reaches(intents(runs().free.iter()), FLOOR_WITHOUT_TEMPLATES);
}

#[test]
fn sentences_of_others_are_left_alone() {
    for run in [&runs().normal, &runs().free] {
        let negative: Vec<&Judged> = run.iter().filter(|j| j.is_negative()).collect();
        let right = negative.iter().filter(|j| j.meaning != Meaning::WrongCommand).count();
        reaches((right, negative.len()), LEFT_ALONE_FLOOR);
    }
}

#[test]
fn wrong_actions_are_rare() {
    for run in [&runs().normal, &runs().free] {
        let wrong: Vec<&Judged> = run.iter().filter(|j| j.wrong_action).collect();
        let rare = wrong.len() * 1000 <= run.len() * MOST_WRONG;
        assert!(rare, "{} of {} did something wrong:\n{}", wrong.len(), run.len(), lines(wrong));
    }
}
