//! Verdicts on files: how they open, how long they are, what they are called, what must exist.

use std::path::Path;
use valet_house_tests::{files, members, root, text};

/// No file is longer.
const WALL_LINES: usize = 800;
/// As a rule.
const RULE_LINES: usize = 400;
/// No function is longer.
const FUNCTION_WALL_LINES: usize = 70;

fn sources() -> Vec<(String, String)> {
    let all = ["daemon", "skills", "tests"].iter().flat_map(|below| files(below, ".rs"));
    all.map(|name| (name.clone(), text(&name))).collect()
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let mut wrong = Vec::new();
    for (name, source) in sources() {
        let first = source.lines().next().unwrap_or_default();
        let empty = first.to_lowercase().contains("placeholder");
        if !first.starts_with("//! ") || first.len() <= 16 || empty {
            wrong.push(format!("{name} opens with {first:?}"));
        }
    }
    assert!(wrong.is_empty(), "expected //! and what the file is for: {wrong:#?}");
}

#[test]
fn no_file_is_longer_than_the_wall() {
    for (name, source) in sources() {
        let lines = source.lines().count();
        assert!(lines <= WALL_LINES, "{name} has {lines} lines, the wall is {WALL_LINES}");
        if lines > RULE_LINES {
            eprintln!("{name} has {lines} lines, the rule is {RULE_LINES}");
        }
    }
}

/// Functions as rustfmt lays them out: from `fn` to the brace at the same depth.
fn functions(source: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = " ".repeat(line.len() - code.len());
        let visible =
            code.starts_with("pub") || code.starts_with("async ") || code.starts_with("const ");
        if !(code.starts_with("fn ") || visible && code.contains(" fn ")) {
            continue;
        }
        let head = lines[at..].iter().find(|l| l.ends_with(['{', ';', '}'])).unwrap_or(line);
        if head.ends_with('{') {
            let end = format!("{indent}}}");
            let length = lines[at..].iter().position(|l| **l == *end).unwrap_or(0) + 1;
            found.push((code.chars().take(60).collect(), length));
        }
    }
    found
}

#[test]
fn no_function_is_longer_than_the_wall() {
    let mut wrong = Vec::new();
    for (name, source) in sources() {
        let long = functions(&source).into_iter().filter(|(_, lines)| *lines > FUNCTION_WALL_LINES);
        wrong.extend(long.map(|(function, lines)| format!("{name}: {lines} lines: {function}")));
    }
    assert!(wrong.is_empty(), "the wall is {FUNCTION_WALL_LINES} lines: {wrong:#?}");
}

/// A name in it that says nothing; functions that a foreign trait names are left alone.
fn vague_name(source: &str) -> Option<&str> {
    let mut foreign = false;
    for line in source.lines() {
        if !line.is_empty() && !line.starts_with([' ', '}']) {
            foreign = line.starts_with("impl") && line.contains(" for ");
        }
        let code = line.trim_start();
        let code = code.strip_prefix("pub ").or(code.strip_prefix("pub(crate) ")).unwrap_or(code);
        for keyword in ["struct ", "enum ", "trait "] {
            let ident = code.strip_prefix(keyword).unwrap_or_default();
            let ident = ident.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let vague = ["Manager", "Util", "Helper", "Common", "Handler"];
            if vague.iter().any(|word| ident.contains(word)) {
                return Some(code);
            }
        }
        let function = code.strip_prefix("fn ").unwrap_or_default();
        let vague = ["process_", "do_", "get_", "handle_"];
        if !foreign && vague.iter().any(|begin| function.starts_with(begin)) {
            return Some(code);
        }
    }
    None
}

#[test]
fn names_say_what_a_thing_is() {
    let vague = ["manager", "util", "utils", "helper", "helpers", "common", "handler", "mod"];
    let mut wrong = Vec::new();
    for (name, source) in sources() {
        let stem = Path::new(&name).file_stem().map(|s| s.to_string_lossy().into_owned());
        if stem.is_some_and(|stem| vague.contains(&stem.as_str())) {
            wrong.push(name.clone());
        }
        wrong.extend(vague_name(&source).map(|found| format!("{name}: {found}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    // Put together here, so that this file does not hold them.
    let marks = ["to", "unimple", "FIX", "XX", "TO", "HA"]
        .iter()
        .zip(["do!(", "mented!(", "ME", "X ", "DO:", "CK:"])
        .map(|(a, b)| format!("{a}{b}"));
    let marks: Vec<String> = marks.collect();
    for (name, source) in sources() {
        for mark in &marks {
            assert!(!source.contains(mark), "{name} holds {mark:?}");
        }
    }
}

#[test]
fn no_test_sleeps() {
    for (name, source) in sources() {
        // A bench that measures idling has to idle; everything else waits for something.
        // So does a guest that is hostile for it.
        let bench = name.starts_with("tests/bench/") || name.starts_with("tests/guests/");
        let in_tests = !bench && (name.starts_with("tests/") || name.contains("/tests"));
        let sleeps = source.contains(concat!("thread::", "sleep("))
            || source.contains(concat!("time::", "sleep("));
        assert!(!(in_tests && sleeps), "{name} sleeps; wait for what is to happen");
    }
}

#[test]
fn the_documents_are_there_and_linked_ones_exist() {
    let documents = [
        "README.md",
        "ARCHITECTURE.md",
        "GLOSSARY.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "docs/integrators.md",
        "docs/skill-authors.md",
        "docs/voice.md",
        "docs/yocto.md",
        "yocto/meta-valet/README.md",
        "docs/operators.md",
        "docs/fit-your-application.md",
        "docs/dbus.md",
        "docs/skill-reference.md",
    ];
    for document in documents {
        let content = text(document);
        let folder = Path::new(document).parent().unwrap_or(Path::new(""));
        for target in content.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                assert!(root().join(folder).join(target).exists(), "{document} links to {target}");
            }
        }
    }
}

#[test]
fn tests_that_the_architecture_names_exist() {
    let architecture = text("ARCHITECTURE.md");
    let sources: String = sources().into_iter().map(|(_, source)| source).collect();
    let mut named = 0;
    for word in architecture.split('`').skip(1).step_by(2) {
        let verdict = word.matches('_').count() >= 3
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if verdict {
            named += 1;
            assert!(sources.contains(&format!("fn {word}(")), "there is no test {word}");
        }
    }
    assert!(named >= 8, "the invariants name their tests, found {named}");
}

#[test]
fn skills_look_alike_inside_and_bring_enough_tests() {
    let skills = members()
        .into_iter()
        .filter(|m| m.folder.starts_with("skills/") && m.folder != "skills/sdk");
    let mut count = 0;
    for skill in skills {
        count += 1;
        let folder = &skill.folder;
        for file in ["Cargo.toml", "skill.toml", "src/lib.rs", "sentences/en.toml", "tests.toml"] {
            assert!(root().join(folder).join(file).exists(), "{folder} lacks {file}");
        }
        let tests: toml::Table = text(&format!("{folder}/tests.toml")).parse().expect("valid TOML");
        let tests = tests["test"].as_array().expect("[[test]]");
        let negative = tests.iter().filter(|t| t["intent"].as_str() == Some("")).count();
        assert!(tests.len() >= 60, "{folder} has {} tests, expected 60", tests.len());
        assert!(
            negative * 4 >= tests.len(),
            "{folder}: {negative} of {} must not match",
            tests.len()
        );
    }
    assert!(count >= 6, "six skills are shipped, found {count}");
}
