//! `understanding`: heads trained on one labelled file and judged on another.
//!
//! Must not show the test file to the training, and gives the heads no lists of values: every
//! slot is free text, so that the figure is the learning's alone.

use crate::{
    figures::{Report, percent, quantile},
    lines::{self, Line},
    models::ModelArguments,
};
use anyhow::{Context as _, bail};
use clap::Args;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Instant,
};
use valet_core::{encoder::Encoder, entity::EntityKind, intent::IntentId, signal::Class};
use valet_understanding::{
    entities::{Context, Entities, Kind},
    heads::{Earlier, Heads},
    normalise::Tokens,
    training::{Origin, TrainingExample, TrainingIntent, TrainingSet, TrainingSlot, TrainingSpan},
};

/// Share of the in-scope lines that is kept when the reject rate is read off.
const KEPT: f64 = 0.95;

/// What to train and test on.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Labelled lines to train on; lines marked `oos` are left out.
    #[arg(long)]
    train: PathBuf,
    /// Labelled lines to judge by; intents that the training file lacks count as out of scope.
    #[arg(long)]
    test: PathBuf,
    /// Train on at most this many lines an intent, the first ones.
    #[arg(long)]
    shots: Option<usize>,
    /// Test on the lines of the training file that were not trained on, at most this many,
    /// evenly chosen (then `--test` names the same file).
    #[arg(long)]
    rest: Option<usize>,
    /// Keep embeddings and heads in this folder.
    #[arg(long)]
    cache: Option<PathBuf>,
    #[command(flatten)]
    models: ModelArguments,
}

/// What was counted over the test lines.
#[derive(Default)]
struct Counts {
    ours: usize,
    right: usize,
    frames: usize,
    accepted: usize,
    accepted_right: usize,
    foreign: usize,
    foreign_accepted: usize,
    spans: [usize; 3],
    spans_given: [usize; 3],
    scores: Vec<(f64, bool)>,
    micros: Vec<f64>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let (train, test) = split(arguments)?;
    let (set, names) = training_set(&train)?;
    let mut encoder = arguments.models.encoder()?;
    let entities = Entities::default();
    let begun = Instant::now();
    let mut embedded = begun;
    let heads = Heads::train(
        &set,
        &entities,
        encoder.as_mut(),
        Earlier { cache: arguments.cache.as_deref(), heads: None },
        &mut |_, _| embedded = Instant::now(),
    )?;
    let learning = embedded.elapsed().as_secs_f64();
    let mut counts = Counts::default();
    for line in &test {
        judge(line, (&set, &names), (&heads, &entities), encoder.as_mut(), &mut counts)?;
    }
    let mut report = Report::default();
    report.say(format!(
        "{} intents, {} lines to train on, {} to test on",
        set.intents.len(),
        train.len(),
        test.len()
    ));
    report.add("train.embedding", (embedded - begun).as_secs_f64(), "s", "wall; 0 when cached");
    report.add("train.learning", learning, "s", "wall: held-out folds, heads, taggers");
    add_figures(&mut report, counts);
    Ok(report)
}

fn split(arguments: &Arguments) -> anyhow::Result<(Vec<Line>, Vec<Line>)> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let most = arguments.shots.unwrap_or(usize::MAX);
    let (train, rest): (Vec<Line>, Vec<Line>) =
        lines::read(&arguments.train)?.into_iter().filter(|line| !line.oos).partition(|line| {
            let count = taken.entry(line.intent.clone()).or_default();
            *count += 1;
            *count <= most
        });
    let test = match arguments.rest {
        Some(most) => {
            let stride = rest.len().div_ceil(most.max(1)).max(1);
            rest.into_iter().step_by(stride).collect()
        }
        None => lines::read(&arguments.test)?,
    };
    if train.is_empty() || test.is_empty() {
        bail!("{} lines to train on and {} to test on", train.len(), test.len());
    }
    Ok((train, test))
}

type Names = BTreeMap<String, usize>;

fn training_set(lines: &[Line]) -> anyhow::Result<(TrainingSet, Names)> {
    let mut slots: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in lines {
        let own = slots.entry(&line.intent).or_default();
        own.extend(line.slots.iter().map(|span| span.name.as_str()));
    }
    let mut names = Names::new();
    let mut intents = Vec::new();
    for (number, (intent, slots)) in slots.iter().enumerate() {
        names.insert((*intent).to_owned(), number);
        let slot = |name: &&str| TrainingSlot {
            name: (*name).to_owned(),
            entity: EntityKind::Text,
            kind: Kind::Text,
        };
        intents.push(TrainingIntent {
            id: IntentId::parse(&format!("org.valetd.bench/intent-{number}"))
                .context("an intent of the bench")?,
            class: Class::Comfort,
            description: (*intent).to_owned(),
            slots: slots.iter().map(slot).collect(),
        });
    }
    let mut examples = Vec::new();
    for line in lines {
        let intent = names[&line.intent];
        let spans = line.slots.iter().filter_map(|span| {
            let (start, end) = line.bytes(span)?;
            let slot = intents[intent].slots.iter().position(|s| s.name == span.name)?;
            Some(TrainingSpan { slot, start, end })
        });
        let spans = spans.collect();
        examples.push(TrainingExample {
            intent,
            text: line.text.clone(),
            spans,
            origin: Origin::Sample,
        });
    }
    let fingerprint = fingerprint(lines);
    Ok((TrainingSet { intents, examples, fingerprint }, names))
}

/// Tells training files apart in the cache (FNV-1a, four times with other seeds).
fn fingerprint(lines: &[Line]) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    for (seed, part) in (1u64..).zip(fingerprint.chunks_exact_mut(8)) {
        let mut hash = 0xcbf2_9ce4_8422_2325u64.wrapping_mul(seed);
        for line in lines {
            for byte in format!("{line:?}").bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        part.copy_from_slice(&hash.to_le_bytes());
    }
    fingerprint
}

fn judge(
    line: &Line,
    (set, names): (&TrainingSet, &Names),
    (heads, entities): (&Heads, &Entities),
    encoder: &mut dyn Encoder,
    counts: &mut Counts,
) -> anyhow::Result<()> {
    let tokens = Tokens::read(&line.text);
    let context = Context::default();
    let encoding = encoder.encode(tokens.text())?;
    let begun = Instant::now();
    let ranked = heads.rank_encoded(&tokens, &context, entities, &encoding);
    counts.micros.push(begun.elapsed().as_secs_f64() * 1e6);
    let wanted = names.get(&line.intent).copied().filter(|_| !line.oos);
    counts.scores.push((ranked.in_scope, wanted.is_some()));
    let Some(wanted) = wanted else {
        counts.foreign += 1;
        counts.foreign_accepted += usize::from(ranked.accepted);
        return Ok(());
    };
    let best = ranked.candidates.first().map(|c| &c.intent);
    let right = best == Some(&set.intents[wanted].id);
    counts.ours += 1;
    counts.right += usize::from(right);
    counts.accepted += usize::from(ranked.accepted);
    counts.accepted_right += usize::from(ranked.accepted && right);
    let gold: BTreeSet<(String, u32, u32)> = line
        .slots
        .iter()
        .filter_map(|span| line.bytes(span).map(|(s, e)| (span.name.clone(), s, e)))
        .collect();
    let tagged = |intent: usize| -> BTreeSet<(String, u32, u32)> {
        let slots = heads.tag(intent, &tokens, (&context, entities), &encoding);
        slots.into_iter().map(|slot| (slot.name, slot.start, slot.end)).collect()
    };
    let given = tagged(wanted);
    let named = set.intents.iter().position(|intent| Some(&intent.id) == best);
    let named = named.map(tagged).unwrap_or_default();
    for (totals, found) in [(&mut counts.spans_given, &given), (&mut counts.spans, &named)] {
        totals[0] += found.intersection(&gold).count();
        totals[1] += found.len();
        totals[2] += gold.len();
    }
    counts.frames += usize::from(right && named == gold);
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn add_figures(report: &mut Report, mut counts: Counts) {
    let ours = counts.ours;
    let of = format!("of {ours} in-scope lines");
    report.add("intent.right", percent(counts.right, ours), "%", of.clone());
    report.add("frame.right", percent(counts.frames, ours), "%", "intent and every span right");
    let f1 = |[both, found, gold]: [usize; 3]| percent(2 * both, found + gold);
    report.add("span.f1", f1(counts.spans), "%", "spans of the intent that was named, exact");
    report.add("span.f1.intent_given", f1(counts.spans_given), "%", "spans of the right intent");
    report.add("accepted", percent(counts.accepted, ours), "%", format!("{of}, own threshold"));
    report.add(
        "accepted.right",
        percent(counts.accepted_right, counts.accepted),
        "%",
        "intent right among the accepted",
    );
    if counts.foreign > 0 {
        let of = format!("of {} out-of-scope lines", counts.foreign);
        report.add("oos.accepted", percent(counts.foreign_accepted, counts.foreign), "%", of);
        report.add(
            "oos.auroc",
            100.0 * auroc(&mut counts.scores),
            "%",
            "in-scope score against oos",
        );
        let mut kept: Vec<f64> =
            counts.scores.iter().filter(|(_, ours)| *ours).map(|(s, _)| *s).collect();
        let threshold = quantile(&mut kept, 1.0 - KEPT);
        let rejected = counts.scores.iter().filter(|(s, ours)| !ours && *s < threshold).count();
        report.add(
            "oos.rejected_at_95",
            percent(rejected, counts.foreign),
            "%",
            "95 % in-scope kept",
        );
    }
    report.add(
        "heads.p50",
        quantile(&mut counts.micros, 0.5),
        "µs",
        "rank and tag, without encoder",
    );
    report.add("heads.p95", quantile(&mut counts.micros, 0.95), "µs", "the same");
}

/// The share of pairs (ours, foreign) in which ours scores higher; ties count half.
#[allow(clippy::cast_precision_loss)]
fn auroc(scores: &mut [(f64, bool)]) -> f64 {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut foreign, mut won, mut at) = (0.0, 0.0, 0);
    while at < scores.len() {
        let same = scores[at..].iter().take_while(|(s, _)| *s == scores[at].0).count();
        let ours = scores[at..at + same].iter().filter(|(_, ours)| *ours).count() as f64;
        let others = same as f64 - ours;
        won += ours * (foreign + others / 2.0);
        foreign += others;
        at += same;
    }
    let ours = scores.len() as f64 - foreign;
    if ours * foreign == 0.0 { 0.5 } else { won / (ours * foreign) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_of_perfect_reversed_and_equal_scores() {
        assert!((auroc(&mut [(0.1, false), (0.9, true)]) - 1.0).abs() < 1e-9);
        assert!(auroc(&mut [(0.9, false), (0.1, true)]).abs() < 1e-9);
        assert!((auroc(&mut [(0.5, false), (0.5, true)]) - 0.5).abs() < 1e-9);
    }
}
