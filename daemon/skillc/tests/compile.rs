//! `valet-skillc` as the daemon runs it: shipped skills compile behind its walls, and what is
//! refused is refused with a code and a line of its own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use valet_package::Manifest;

/// Skills are built by a call of their own (see the Makefile).
fn built(below: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join(below);
    assert!(folder.exists(), "{} is not there: run `make skills` first", folder.display());
    folder
}

fn skillc(arguments: &[&str], wasm: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_valet-skillc"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let wasm = wasm.to_vec();
    // It may end before it has read all; then the code tells.
    let fed = std::thread::spawn(move || stdin.write_all(&wasm).is_ok());
    let output = child.wait_with_output().expect("it ends");
    fed.join().expect("no panic");
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn where_memory_ends_the_compiler_goes_first() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_valet-skillc"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // More than a pipe holds: when it is written, the compiler has begun to read.
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&vec![0; 1 << 18]).expect("it reads");
    let adjusted = fs::read_to_string(format!("/proc/{}/oom_score_adj", child.id()));
    assert_eq!(adjusted.expect("it runs").trim(), "1000");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(3), "zeros are no component");
}

#[test]
fn shipped_skills_compile_behind_the_walls() {
    for entry in fs::read_dir(built("skills")).expect("readable") {
        let folder = entry.expect("an entry").path();
        let manifest = fs::read_to_string(folder.join("skill.toml")).expect("a manifest");
        let manifest = Manifest::parse("skill.toml", &manifest).expect("a manifest");
        let kinds = manifest.capabilities.kinds();
        let kinds: Vec<&str> = kinds.into_iter().map(|kind| kind.name()).collect();
        let wasm = fs::read(folder.join("skill.wasm")).expect("a component");
        let output = skillc(&["--verbose", "--declares", &kinds.join(",")], &wasm);
        assert!(output.status.success(), "{}: {}", folder.display(), said(&output));
        assert!(output.stdout.len() > wasm.len(), "{} is code", folder.display());
    }
}

/// Of an ELF file's header: `e_machine`.
fn machine(code: &[u8]) -> u16 {
    assert_eq!(&code[..4], b"\x7fELF");
    u16::from_le_bytes([code[18], code[19]])
}

/// A board's own compiler knows its own kind and bytecode.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_desk_makes_code_for_boards() {
    let timers = fs::read(built("skills/org.valetd.timers/skill.wasm")).expect("a component");
    let declares = ["--declares", "vehicle-read,store,announce,alarms", "--target"];
    let made = |triple: &str| {
        let output = skillc(&[&declares[..], &[triple]].concat(), &timers);
        assert!(output.status.success(), "{triple}: {}", said(&output));
        output.stdout
    };
    let machines =
        ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"].map(|t| machine(&made(t)));
    assert_eq!(machines, [183, 62], "EM_AARCH64, EM_X86_64");
    let bytecode = machine(&made("armv7-unknown-linux-gnueabihf"));
    assert!(!machines.contains(&bytecode), "{bytecode} is of no processor here");
    let ids =
        ["aarch64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf", "x86_64-unknown-linux-gnu"];
    let ids = ids.map(|t| skillc(&["--engine-id", "--target", t], b"").stdout);
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "each has an id of its own");
    assert_eq!(ids[2], skillc(&["--engine-id"], b"").stdout, "this machine is one of them");
}

#[test]
fn what_is_refused_has_a_code_and_one_line() {
    let timers = fs::read(built("skills/org.valetd.timers/skill.wasm")).expect("a component");
    let greedy = fs::read(built("guests/greedy/skill.wasm")).expect("a component");
    let empty = wat::parse_str("(component)").expect("well-formed text");
    for (wasm, declares, says) in [
        (&timers[..], "", "imports vehicle-signals without"),
        (&timers, "vehicle-read,store,announce", "imports alarms without"),
        (&timers[..50_000], "vehicle-read", "broken at byte"),
        (&greedy, "vehicle-read", "wasi:filesystem/types@0.2.6"),
        (&empty, "", "no section valet:skill-api"),
    ] {
        let output = skillc(&["--declares", declares], wasm);
        assert_eq!(output.status.code(), Some(7), "{}", said(&output));
        let line = said(&output);
        assert!(line.starts_with("valet-skillc: ") && line.contains(says), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(output.stdout.is_empty(), "no code");
    }
    for (wasm, says) in [(&b""[..], "no wasm component"), (b"\0asm\x01\0\0\0", "no wasm component")]
    {
        let output = skillc(&[], wasm);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains(says));
    }
}

#[test]
fn what_passes_the_check_and_is_invalid_does_not_compile() {
    let text = r#"(component
        (core module $m (func (export "f")) (@custom "valet:skill-api" "0.1"))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (export "handle" (func $f))
        (export "on-alarm" (func $f))
        (export "on-message" (func $f))
    )"#;
    let fine = wat::parse_str(text).expect("well-formed text");
    assert!(skillc(&[], &fine).status.success());
    // The function returns a value that its type does not have.
    let wrong = text.replace(r#"(func (export "f"))"#, r#"(func (export "f") i32.const 0)"#);
    let output = skillc(&[], &wat::parse_str(wrong).expect("well-formed text"));
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
}

#[test]
fn wrong_arguments_are_refused_with_what_is_known() {
    for arguments in [&["--declares", "root"][..], &["--declares"], &["skill.wasm"]] {
        let output = skillc(arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
    assert!(said(&skillc(&["--declares", "root"], b"")).contains("vehicle-read"));
}
