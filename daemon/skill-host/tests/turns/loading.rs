//! Loading: the cache, the sealed board, and components that do not fit.

use crate::world::{Bench, Car, command, compiler, empty_bench, folder, guest, probe_id, services};
use std::{fs, path::PathBuf, sync::Arc};
use valet_core::{
    capability::{CapabilityKind, CapabilitySet},
    contract::ImportRefusal,
    outcome::SkillFault,
};
use valet_package::SkillFolder;
use valet_skill_host::{CodeSource, HostConfig, HostError, SkillHost, engine::EngineId};

fn cached(bench: &Bench) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(bench.cache.path().join("aot")) else { return Vec::new() };
    folder.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn code_is_compiled_once_and_then_comes_from_the_cache() {
    let bench = empty_bench();
    let probe = || folder(guest("valet_guest_probe"));
    assert!(bench.host.load(probe()).expect("loads").compiled);
    assert!(!bench.host.load(probe()).expect("loads").compiled);
    let files = cached(&bench);
    assert_eq!(files.len(), 1, "nothing staged is left: {files:?}");
    let mut bytes = fs::read(&files[0]).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&files[0], bytes).expect("writable");
    assert!(bench.host.load(probe()).expect("loads").compiled, "changed code is not used");
    assert!(!bench.host.load(probe()).expect("loads").compiled, "and is replaced");
}

#[test]
fn a_sealed_board_runs_cached_code_only() {
    let bench = empty_bench();
    let car = Arc::new(Car::default());
    let code = CodeSource { cache: bench.cache.path().into(), compiler: None };
    let sealed = SkillHost::new(HostConfig::new(code), services(&car)).expect("a host");
    let probe = || folder(guest("valet_guest_probe"));
    let error = sealed.load(probe()).expect_err("nothing cached");
    let engine = EngineId::current().hex();
    assert_eq!(error, HostError::Sealed { skill: probe_id(), engine });
    bench.host.load(probe()).expect("compiles");
    sealed.load(probe()).expect("cached now");
}

/// What the compiler makes of the probe for this machine.
fn code_of_the_probe() -> Vec<u8> {
    let wasm = tempfile::tempdir().expect("a folder");
    let file = wasm.path().join("skill.wasm");
    fs::write(&file, guest("valet_guest_probe")).expect("written");
    let made = std::process::Command::new(compiler())
        .args(["--declares", &CapabilityKind::ALL.map(CapabilityKind::name).join(",")])
        .stdin(fs::File::open(&file).expect("readable"))
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

#[test]
fn a_sealed_board_runs_code_that_was_made_elsewhere() {
    let bench = empty_bench();
    let car = Arc::new(Car::default());
    let source = CodeSource { cache: bench.cache.path().into(), compiler: None };
    let sealed = SkillHost::new(HostConfig::new(source), services(&car)).expect("a host");
    let carrying = |code| SkillFolder { code: Some(code), ..folder(guest("valet_guest_probe")) };
    let code = code_of_the_probe();
    let of_another_engine = sealed.load(carrying(b"\x7fELF of another".to_vec()));
    assert!(matches!(of_another_engine, Err(HostError::Sealed { .. })), "{of_another_engine:?}");
    let report = sealed.load(carrying(code.clone())).expect("loads");
    assert!(!report.compiled && report.code_bytes == code.len());
    assert!(cached(&bench).is_empty(), "what is carried is not kept twice");
}

#[test]
fn an_import_outside_of_the_contract_is_refused_by_name() {
    let bench = empty_bench();
    let error = bench.host.load(folder(guest("valet_guest_greedy"))).expect_err("refused");
    match error {
        HostError::Contract { why, .. } => assert!(why.contains("wasi:filesystem"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_component_is_refused() {
    let bench = empty_bench();
    let mut cut = guest("valet_guest_probe");
    cut.truncate(cut.len() - 100);
    for bytes in [Vec::new(), b"\0asm\x01\0\0\0".to_vec(), vec![7; 1000]] {
        let error = bench.host.load(folder(bytes)).expect_err("refused");
        assert!(matches!(error, HostError::Contract { .. }), "{error:?}");
    }
    let error = bench.host.load(folder(cut)).expect_err("refused");
    match error {
        HostError::Contract { why, .. } => assert!(why.contains("broken at byte"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_undeclared_capability_is_refused_whoever_compiled_before() {
    let bench = empty_bench();
    let probe = || folder(guest("valet_guest_probe"));
    let without = |kind| {
        let mut probe = probe();
        let all = probe.manifest.capabilities.iter();
        let fewer = all.filter(|capability| capability.kind() != kind).cloned().collect();
        probe.manifest.capabilities = CapabilitySet::new(fewer);
        probe
    };
    let compiled = bench.host.load(without(CapabilityKind::Store)).expect_err("refused");
    match compiled {
        HostError::Contract { why, .. } => {
            assert!(why.contains("imports store ") && why.contains("store = 4096"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert!(!bench.cache.path().join("aot").exists(), "nothing was compiled");
    bench.host.load(probe()).expect("loads, and is in the cache now");
    for (kind, interface) in [
        (CapabilityKind::Store, "store"),
        (CapabilityKind::Alarms, "alarms"),
        (CapabilityKind::Announce, "announce"),
        (CapabilityKind::Location, "location"),
    ] {
        let cached = bench.host.load(without(kind)).expect_err("refused");
        match cached {
            HostError::Import {
                refusal: ImportRefusal::Undeclared { interface: said, .. },
                ..
            } => {
                assert_eq!(said, interface);
            }
            other => panic!("{interface}: {other:?}"),
        }
    }
    for either in [CapabilityKind::VehicleRead, CapabilityKind::VehicleActuate] {
        bench.host.load(without(either)).expect("the other one opens the vehicle's signals too");
    }
}

#[test]
fn an_unloaded_skill_is_unavailable() {
    let bench = empty_bench();
    bench.host.load(folder(guest("valet_guest_probe"))).expect("loads");
    assert!(bench.host.unload(&probe_id()));
    assert!(!bench.host.unload(&probe_id()));
    let result = bench.run(command("count")).result;
    assert!(matches!(result, Err(SkillFault::Unavailable { .. })), "{result:?}");
    assert!(bench.host.stats(&probe_id()).is_err());
}

#[test]
fn the_compiler_and_the_host_have_one_engine() {
    let run = |argument: &str| {
        std::process::Command::new(compiler()).arg(argument).output().expect("it runs")
    };
    let id = run("--engine-id");
    let ours = EngineId::current().hex();
    assert_eq!(String::from_utf8_lossy(&id.stdout).trim(), ours);
    assert_eq!(run("--nonsense").status.code(), Some(2));
    let empty = std::process::Command::new(compiler())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("it runs");
    assert_eq!(empty.status.code(), Some(3));
}
