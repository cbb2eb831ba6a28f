//! Which of a recogniser's guesses was said: the one that the installed skills understand best, given how
//! sure the recogniser is of it.
//!
//! Must not invent: what is chosen is one of the guesses, word for word.

use valet_core::understanding::{DialogueAct, Understanding};

/// How much a recogniser's own score weighs against what is understood. Chosen on 395 transcripts of tests of the
/// skills (two voices, two recognisers; `valet-bench heard --each`), where anything from 0.5 to 1 is as good.
const SCORE_WEIGHT: f64 = 0.75;
/// What a guess counts for that means nothing to any skill.
const NOTHING_UNDERSTOOD: f64 = 0.005;
/// What each rank counts for less than the one before, where the recogniser gives no scores.
const RANK_FACTOR: f64 = 0.7;
/// The least that a score counts for.
const LEAST_SCORE: f64 = 1e-3;
/// A guess with a smaller share of the best score was hardly heard: what it means counts for nothing.
const HARDLY_HEARD: f64 = 0.3;
/// A "yes" with a smaller share of the best score is none: what it lets happen was not asked for.
const SURELY_YES: f64 = 0.8;

/// A guess and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Guess<'a> {
    /// The recogniser's score, 0 to 1, where it gives one.
    pub score: Option<f64>,
    /// What it means; none = nobody has looked yet.
    pub meaning: Option<&'a Understanding>,
}

/// The guesses by how likely each is what was said, the likeliest first. They come best first, and of
/// equals the first is taken.
///
/// The product of two weights decides: how well a guess is understood (a template or an act of the dialogue
/// 1, free speech its confidence, nothing [`NOTHING_UNDERSTOOD`]) and its score to the power of
/// [`SCORE_WEIGHT`].
#[must_use]
pub fn likeliest(guesses: &[Guess<'_>]) -> Vec<usize> {
    let best = best_score(guesses);
    let quality = |rank, guess: &Guess<'_>| match guess.meaning {
        Some(meaning) => understood(meaning, score(rank, guess.score) / best),
        None => NOTHING_UNDERSTOOD,
    };
    let weighed = |(rank, guess)| (rank, weight(rank, guess, quality(rank, guess)));
    let mut all: Vec<(usize, f64)> = guesses.iter().enumerate().map(weighed).collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1));
    all.into_iter().map(|(rank, _)| rank).collect()
}

/// The guesses that nobody has looked at and that could still be the likeliest, were they understood as well as
/// can be; of none that was looked at only the first. Whoever asks again and again until there are none has
/// asked about as few as decide it.
#[must_use]
pub fn worth_a_look(guesses: &[Guess<'_>]) -> Vec<usize> {
    let top = best_score(guesses);
    let share = |rank, guess: &Guess<'_>| score(rank, guess.score) / top;
    let all = || guesses.iter().enumerate();
    let known = all().filter_map(|(rank, guess)| {
        Some(weight(rank, guess, understood(guess.meaning?, share(rank, guess))))
    });
    let open = all().filter(|(_, guess)| guess.meaning.is_none());
    match known.reduce(f64::max) {
        Some(best) => open
            .filter(|(rank, guess)| share(*rank, guess) >= HARDLY_HEARD)
            .filter(|(rank, guess)| weight(*rank, guess, 1.0) > best)
            .map(|(rank, _)| rank)
            .collect(),
        None => open.map(|(rank, _)| rank).take(1).collect(),
    }
}

fn best_score(guesses: &[Guess<'_>]) -> f64 {
    let scores = guesses.iter().enumerate().map(|(rank, guess)| score(rank, guess.score));
    scores.fold(LEAST_SCORE, f64::max)
}

fn weight(rank: usize, guess: &Guess<'_>, quality: f64) -> f64 {
    quality.ln() + SCORE_WEIGHT * score(rank, guess.score).ln()
}

fn score(rank: usize, given: Option<f64>) -> f64 {
    let by_rank = || RANK_FACTOR.powi(i32::try_from(rank).unwrap_or(i32::MAX));
    given.unwrap_or_else(by_rank).max(LEAST_SCORE)
}

/// How well something is understood that was heard with this share of the best score.
fn understood(meaning: &Understanding, share: f64) -> f64 {
    let is_yes = meaning.act == Some(DialogueAct::Affirm);
    if share < HARDLY_HEARD || is_yes && share < SURELY_YES {
        return NOTHING_UNDERSTOOD;
    }
    if meaning.act.is_some() || meaning.answer.is_some() {
        return 1.0;
    }
    let confidences = meaning.commands.iter().map(|command| command.best.confidence);
    confidences.reduce(f64::min).unwrap_or(0.0).max(NOTHING_UNDERSTOOD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use valet_core::{
        intent::IntentId,
        understanding::{Candidate, Command, Engine},
    };

    fn meaning(confidence: f64) -> Understanding {
        let intent = IntentId::parse("org.example.car/do-it").expect("an intent");
        let best = Candidate { intent, slots: vec![], confidence, engine: Engine::Encoder };
        let command = Command { best, alternatives: vec![], start: 0, end: 1 };
        Understanding { commands: vec![command], ..Understanding::default() }
    }

    fn chosen(guesses: &[(Option<f64>, &Understanding)]) -> usize {
        let guesses: Vec<Guess<'_>> =
            guesses.iter().map(|(score, m)| Guess { score: *score, meaning: Some(m) }).collect();
        likeliest(&guesses).first().copied().unwrap_or(0)
    }

    #[test]
    fn a_guess_that_is_understood_is_taken_before_a_likelier_one_that_is_not() {
        let (nothing, weak, sure) = (Understanding::default(), meaning(0.6), meaning(1.0));
        assert_eq!(chosen(&[(Some(0.6), &nothing), (Some(0.3), &sure)]), 1);
        assert_eq!(chosen(&[(None, &nothing), (None, &nothing), (None, &weak)]), 2);
        assert_eq!(chosen(&[(Some(0.9), &weak), (Some(0.01), &sure)]), 0, "hardly heard");
        assert_eq!(chosen(&[(Some(0.5), &sure), (Some(0.5), &sure)]), 0, "of equals the first");
        assert_eq!(chosen(&[(Some(0.0), &nothing), (Some(0.0), &nothing)]), 0);
        assert_eq!(chosen(&[]), 0);
        let act = Understanding { act: Some(DialogueAct::Affirm), ..Understanding::default() };
        assert_eq!(chosen(&[(Some(0.5), &weak), (Some(0.45), &act)]), 1);
        assert_eq!(chosen(&[(Some(0.97), &nothing), (Some(0.5), &act)]), 0, "no yes was said");
        assert_eq!(chosen(&[(None, &nothing), (None, &act)]), 0, "nor where nobody knows");
        assert_eq!(chosen(&[(Some(1.0), &nothing), (Some(0.0), &sure)]), 0, "hardly heard");
    }

    #[test]
    fn only_guesses_that_could_still_win_are_worth_a_look() {
        let (nothing, sure) = (Understanding::default(), meaning(0.95));
        let look = |guesses: &[(f64, Option<&Understanding>)]| {
            let guess = |(score, meaning): &(f64, Option<_>)| Guess {
                score: Some(*score),
                meaning: *meaning,
            };
            worth_a_look(&guesses.iter().map(guess).collect::<Vec<_>>())
        };
        assert_eq!(look(&[(0.9, None), (0.8, None)]), [0], "the likeliest by its score first");
        assert_eq!(look(&[(0.9, Some(&sure)), (0.8, None), (0.2, None)]), [0; 0]);
        assert_eq!(look(&[(0.9, Some(&sure)), (0.89, None), (0.2, None)]), [1]);
        assert_eq!(look(&[(0.9, Some(&nothing)), (0.8, None), (0.4, None)]), [1, 2]);
        assert_eq!(look(&[(0.9, Some(&nothing)), (0.8, None), (0.2, None)]), [1], "hardly heard");
        assert_eq!(look(&[(0.9, Some(&nothing)), (0.8, Some(&sure)), (0.2, None)]), [0; 0]);
    }
}
