//! How long templates take on a folder of skills, and how many of their own test utterances
//! they understand: `match_times <skills folder> [--list]`.
//!
//! Must not judge: it prints figures, `valet-bench` compares them.
#![allow(clippy::print_stdout)]

use std::{error::Error, fs, hint::black_box, path::Path, time::Instant};
use valet_core::{understanding::Request, zone::Zone};
use valet_package::{Manifest, Sentences, tests_file::TestsFile};
use valet_understanding::{SkillSource, Understander, Vocabulary};

const ROUNDS: u32 = 200;

type Skill = (Manifest, Sentences, TestsFile);

fn read(folder: &Path) -> Result<Skill, Box<dyn Error>> {
    let manifest = Manifest::parse("skill.toml", &fs::read_to_string(folder.join("skill.toml"))?)?;
    let sentences = fs::read_to_string(folder.join("sentences/en.toml"))?;
    let sentences = Sentences::parse("sentences/en.toml", &sentences, &manifest)?;
    let tests = fs::read_to_string(folder.join("tests.toml")).unwrap_or_default();
    let tests = TestsFile::parse("tests.toml", &tests, &manifest)?;
    Ok((manifest, sentences, tests))
}

fn request(text: &str) -> Request {
    Request {
        text: text.to_owned(),
        language: "en".to_owned(),
        zone: Zone::DRIVER,
        expected: None,
        local_now: None,
        previous: None,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("expected a folder of skills")?;
    let list = arguments.next().is_some_and(|flag| flag == "--list");
    let mut skills: Vec<Skill> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.join("skill.toml").exists() && path.join("sentences/en.toml").exists() {
            match read(&path) {
                Ok(skill) => skills.push(skill),
                Err(error) => println!("{}: {error}", path.display()),
            }
        }
    }
    let sources: Vec<SkillSource<'_>> =
        skills.iter().map(|(manifest, sentences, _)| SkillSource { manifest, sentences }).collect();
    let started = Instant::now();
    let understander = Understander::build("en", &sources, &Vocabulary::new())?;
    let examples = understander.training_set().examples.len();
    println!(
        "{} skills, {} templates, {examples} examples, built in {:?}",
        skills.len(),
        understander.template_count(),
        started.elapsed()
    );
    let (mut understood, mut wrong, mut all) = (0, 0, 0);
    let mut times = Vec::new();
    for (manifest, _, tests) in &skills {
        for test in &tests.tests {
            let request = request(&test.text);
            let started = Instant::now();
            for _ in 0..ROUNDS {
                black_box(understander.match_templates(black_box(&request)));
            }
            times.push((started.elapsed() / ROUNDS, test.text.as_str()));
            let found = understander.match_templates(&request);
            let first = found.as_ref().and_then(|u| u.commands.first()).map(|c| &c.best.intent);
            let right = first.is_some_and(|intent| {
                intent.skill() == &manifest.id && intent.name() == test.intent
            });
            all += 1;
            understood += u32::from(right);
            let ours = first.is_some_and(|intent| intent.skill() == &manifest.id);
            if first.is_some() && !right && (ours || !test.intent.is_empty()) {
                wrong += 1;
                println!(
                    "wrong: {:?}: expected {:?}, got {}",
                    test.text,
                    test.intent,
                    first.map_or_else(String::new, ToString::to_string)
                );
            } else if list {
                println!("{:<60} {:?}", test.text, first.map(ToString::to_string));
            }
        }
    }
    times.sort_unstable();
    println!("{all} utterances, {understood} understood by templates, {wrong} wrong");
    for share in [50, 90, 99, 100] {
        if let Some((time, text)) =
            times.get((times.len() * share / 100).min(times.len().max(1) - 1))
        {
            println!("p{share}: {time:?} ({text:?})");
        }
    }
    Ok(())
}
