//! The shipped skills as they are built: each passes with its own manifest, and not with one that
//! declares less than the skill uses.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use valet_component::{Component, ComponentError, check};
use valet_core::{
    capability::CapabilityKind,
    contract::{INTERFACES, ImportRefusal},
};

/// Skills are built by a call of their own (see the Makefile).
fn built(below: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join(below);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("{} is not there: run `make skills` first", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// The kinds that a manifest names under `[capabilities]`, read as plainly as they are written.
fn declared(manifest: &Path) -> BTreeSet<CapabilityKind> {
    let text = fs::read_to_string(manifest).expect("a manifest");
    let lines = text.lines().skip_while(|line| *line != "[capabilities]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| CapabilityKind::from_name(line.split_once(" = ")?.0))
        .collect()
}

#[test]
fn shipped_skills_pass_with_their_own_manifest_and_with_nothing_less() {
    let skills = built("skills");
    assert!(skills.len() >= 6, "six skills are shipped, found {}", skills.len());
    for skill in skills {
        let bytes = fs::read(skill.join("skill.wasm")).expect("a component");
        let declared = declared(&skill.join("skill.toml"));
        let component = check(&bytes, &declared).expect("its own manifest is enough");
        let mut used = 0;
        for interface in INTERFACES.iter().filter(|interface| !interface.opened_by.is_empty()) {
            let import = format!("valet:skill/{}@0.1.0", interface.name);
            if !component.imports.contains(&import.as_str()) {
                continue;
            }
            used += 1;
            let mut fewer = declared.clone();
            fewer.retain(|kind| !interface.opened_by.contains(kind));
            match component.judge(&fewer) {
                Err(ComponentError::Import(ImportRefusal::Undeclared {
                    interface: said, ..
                })) => {
                    assert_eq!(said, interface.name, "{}", skill.display());
                }
                other => panic!("{} without {}: {other:?}", skill.display(), interface.name),
            }
        }
        assert!(used > 0, "{} uses something", skill.display());
    }
}

#[test]
fn no_shipped_skill_and_no_guest_of_the_tests_starts_anything_by_itself() {
    for folder in built("skills").into_iter().chain(built("guests")) {
        let bytes = fs::read(folder.join("skill.wasm")).expect("a component");
        let component = Component::read(&bytes).expect("readable");
        assert_eq!(component.start_up, None, "{}", folder.display());
    }
}

#[test]
fn a_shipped_skill_cut_anywhere_is_refused() {
    for skill in built("skills").into_iter().take(1) {
        let bytes = fs::read(skill.join("skill.wasm")).expect("a component");
        // What follows the last export are names for people, without which it is whole.
        let last = |bytes: &[u8], name: &[u8]| bytes.windows(name.len()).rposition(|at| at == name);
        let names = last(&bytes, b"component-name").unwrap_or(bytes.len());
        let end = last(&bytes[..names], b"on-message").expect("its last export");
        for length in (0..end).step_by(7) {
            assert!(check(&bytes[..length], &CapabilityKind::ALL.into()).is_err(), "{length}");
        }
    }
}
