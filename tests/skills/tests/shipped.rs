//! Every test of every shipped skill, twice: as the daemon understands, and with templates off.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};
use valet_skills_tests::{House, Judged, Templates, judge_all, speech, table};

struct Runs {
    normal: Vec<Judged>,
    free: Vec<Judged>,
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("..")
}

fn runs() -> &'static Runs {
    static RUNS: OnceLock<Runs> = OnceLock::new();
    RUNS.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut house = House::open(&root, &target()).unwrap_or_else(|e| panic!("{e}"));
        let mut judge = |templates| judge_all(&mut house, templates).unwrap_or_else(|e| panic!("{e}"));
        let runs = Runs { normal: judge(Templates::On), free: judge(Templates::Off) };
        let report = format!(
            "As the daemon understands:\n{}\nTemplates off:\n{}\n{}\nTemplates off:\n{}",
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

fn lines<'j>(all: impl Iterator<Item = &'j Judged>) -> String {
    all.map(|judged| judged.line() + "\n").collect()
}

#[test]
fn report() {
    runs();
}

#[test]
fn collisions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let house = House::open(&root, &target()).unwrap_or_else(|e| panic!("{e}"));
    let lines: Vec<String> = house
        .collisions()
        .into_iter()
        .map(|(text, owner, other)| format!("{owner} -> {other}: {text:?}\n"))
        .collect();
    write("skills-collisions.txt", &lines.concat());
}
