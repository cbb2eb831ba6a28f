//! `valetctl skill` as an author and an integrator use it, on files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const MANIFEST: &str = r#"schema = 1
[skill]
id = "org.example.lamp"
version = "1.2.0"
counter = 3
api = "0.1"
name = { en = "Lamp" }
license = "Apache-2.0"
[intents.set-light]
description = "Set the light"
class = "comfort"
"#;

/// The smallest component that is a skill, with something besides.
fn component(besides: &str) -> Vec<u8> {
    let text = format!(
        r#"(component {besides}
            (core module $m (func (export "f")) (@custom "valet:skill-api" "0.1"))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (export "handle" (func $f))
            (export "on-alarm" (func $f))
            (export "on-message" (func $f)))"#
    );
    wat::parse_str(text).expect("well-formed text")
}

fn valetctl(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_valetctl");
    Command::new(program).args(arguments).current_dir(folder).output().expect("valetctl runs")
}

fn fine(folder: &Path, arguments: &[&str]) -> String {
    let output = valetctl(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A folder with a skill, a key, and a folder of key files that trusts it for this namespace.
fn desk(namespace: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect(name);
    for name in ["lamp", "lamp/sentences", "trust"] {
        fs::create_dir(folder.path().join(name)).expect(name);
    }
    write("lamp/skill.toml", MANIFEST);
    fs::write(folder.path().join("lamp/skill.wasm"), component("")).expect("skill.wasm");
    write("lamp/sentences/en.toml", "[intents.set-light]\ntemplates = [\"set the light\"]\n");
    fine(folder.path(), &["skill", "key", "author", "--no-password"]);
    let public = fs::read_to_string(folder.path().join("author.pub")).expect("a public key");
    let key = public.lines().nth(1).expect("its second line");
    write(
        "trust/author.toml",
        &format!(
            "schema = 1\nname = \"Author\"\nkey = \"{key}\"\nnamespaces = [\"{namespace}\"]\nhighest-class = \"comfort\"\n"
        ),
    );
    folder
}

#[test]
fn a_skill_is_packed_signed_and_verified() {
    let desk = desk("org.example.**");
    let at = desk.path();
    fine(at, &["skill", "pack", "lamp"]);
    let unsigned =
        valetctl(at, &["skill", "verify", "org.example.lamp-1.2.0.valet", "--trust", "trust"]);
    assert_eq!(unsigned.status.code(), Some(1), "{unsigned:?}");
    fine(at, &["skill", "sign", "org.example.lamp-1.2.0.valet", "--key", "author.key"]);
    let said = fine(at, &["skill", "verify", "org.example.lamp-1.2.0.valet", "--trust", "trust"]);
    assert!(said.contains("signed by Author"), "{said}");
    let shown = fine(at, &["--json", "skill", "inspect", "org.example.lamp-1.2.0.valet"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["id"], "org.example.lamp");
    assert_eq!(shown["intents"]["set-light"], "comfort");
    assert_eq!(fs::read_dir(at).expect("a folder").count(), 5, "nothing half is left");
}

#[test]
fn a_signature_made_elsewhere_is_added() {
    let desk = desk("org.example.**");
    let at = desk.path();
    fine(at, &["skill", "pack", "lamp", "-o", "a.valet"]);
    let bytes = fs::read(at.join("a.valet")).expect("a package");
    let package = valet_package::Package::open(&bytes[..]).expect("a package");
    let secret = fs::read_to_string(at.join("author.key")).expect("a key");
    let secret = minisign::SecretKeyBox::from_string(&secret).expect("a key");
    let secret = secret.into_unencrypted_secret_key().expect("a key");
    let signed = minisign::sign(None, &secret, &package.manifest.bytes[..], Some("by hand"), None);
    fs::write(at.join("a.minisig"), signed.expect("signed").into_string()).expect("written");
    fine(at, &["skill", "sign", "a.valet", "--signature", "a.minisig"]);
    let said = fine(at, &["skill", "verify", "a.valet", "--trust", "trust"]);
    assert!(said.contains("by hand"), "{said}");
}

#[test]
fn what_is_refused_is_refused_with_the_reason_and_left_as_it_was() {
    let desk = desk("com.other.**");
    let at = desk.path();
    fine(at, &["skill", "pack", "lamp", "-o", "a.valet"]);
    fine(at, &["skill", "sign", "a.valet", "--key", "author.key"]);
    let refused = valetctl(at, &["skill", "verify", "a.valet", "--trust", "trust"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(said.contains("may not sign org.example.lamp"), "{said}");
    let mut bytes = fs::read(at.join("a.valet")).expect("a package");
    let last = bytes.len() - 2000;
    bytes[last] ^= 1;
    fs::write(at.join("b.valet"), &bytes).expect("written");
    for arguments in [["skill", "verify", "b.valet"], ["skill", "inspect", "b.valet"]] {
        let refused = valetctl(at, &arguments);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("b.valet is refused"));
    }
    let refused = valetctl(at, &["skill", "sign", "lamp/skill.toml", "--key", "author.key"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(fs::read_to_string(at.join("lamp/skill.toml")).expect("there"), MANIFEST);
    let again = valetctl(at, &["skill", "key", "author", "--no-password"]);
    assert_eq!(again.status.code(), Some(1), "a key is not written over: {again:?}");
    let nowhere = valetctl(at, &["skill", "verify", "a.valet", "--trust", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(5), "a folder that is not there is said: {nowhere:?}");
    fine(at, &["skill", "key", "org.example", "--no-password"]);
    assert!(at.join("org.example.key").exists() && at.join("org.example.pub").exists());
}

#[test]
fn a_component_that_no_device_would_take_is_refused_at_the_desk() {
    let desk = desk("org.example.**");
    let at = desk.path();
    for (besides, says) in [
        (
            r#"(import "valet:skill/store@0.1.0" (instance))"#,
            "imports store without the capability for it; add to [capabilities] in skill.toml: store = ",
        ),
        (r#"(import "wasi:sockets/tcp@0.2.6" (instance))"#, "wasi:sockets/tcp@0.2.6"),
        ("(core module (func $s) (start $s))", "start-up code"),
    ] {
        fs::write(at.join("lamp/skill.wasm"), component(besides)).expect("written");
        for verb in ["check", "pack"] {
            let refused = valetctl(at, &["skill", verb, "lamp"]);
            assert_eq!(refused.status.code(), Some(1), "{refused:?}");
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(said.contains("lamp/skill.wasm is refused: the component "), "{said}");
            assert!(said.contains(says), "{said}");
        }
        assert!(!at.join("org.example.lamp-1.2.0.valet").exists(), "nothing is packed");
    }
    let manifest = format!("{MANIFEST}[capabilities]\nstore = 4096\n");
    fs::write(at.join("lamp/skill.toml"), manifest).expect("written");
    let store = component(r#"(import "valet:skill/store@0.1.0" (instance))"#);
    fs::write(at.join("lamp/skill.wasm"), store).expect("written");
    for verb in ["check", "pack"] {
        fine(at, &["skill", verb, "lamp"]);
    }
    // What is not built yet can be checked all the same.
    fs::remove_file(at.join("lamp/skill.wasm")).expect("it was there");
    assert!(fine(at, &["skill", "check", "lamp"]).contains("not built yet"));
}

#[test]
fn keys_and_lists_are_added_shown_and_taken_back() {
    let desk = desk("org.example.**");
    let at = desk.path();
    fn in_own<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
        [&["trust", "--folder", "own"], arguments].concat()
    }
    let add = ["add", "author.pub", "--name", "Author", "--namespace", "org.example.**"];
    let refused = |arguments: &[&str], why: &str| {
        let output = valetctl(at, &in_own(arguments));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(why), "{arguments:?}: {said}");
    };
    refused(&[&add[..], &["--not-after", "soon"]].concat(), "not-after is \"soon\"");
    refused(&["add", "author.key", "--name", "A", "--namespace", "**"], "key");
    assert!(!at.join("own").exists(), "nothing was written");
    fine(at, &in_own(&[&add[..], &["--may-revoke", "--not-after", "2099-12-31"]].concat()));
    refused(&add, "is trusted already");
    let shown = fine(at, &["--json", "trust", "--folder", "own"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let key = shown["keys"][0]["key"].as_str().expect("a number").to_owned();
    assert_eq!(shown["keys"][0]["namespaces"][0], "org.example.**");
    fine(at, &["skill", "pack", "lamp", "-o", "a.valet"]);
    fine(at, &["skill", "sign", "a.valet", "--key", "author.key"]);
    fine(at, &["skill", "verify", "a.valet", "--trust", "own"]);
    let list = |serial: u32| {
        let skills = "[[skills]]\nid = \"org.example.lamp\"\nup-to-counter = 3\n";
        fs::write(at.join("l.toml"), format!("schema = 1\nserial = {serial}\n{skills}"))
            .expect("l");
    };
    list(7);
    refused(&["revoke", "l.toml"], "l.toml.minisig");
    fine(at, &in_own(&["sign-list", "l.toml", "--key", "author.key"]));
    fine(at, &in_own(&["revoke", "l.toml"]));
    let revoked = valetctl(at, &["skill", "verify", "a.valet", "--trust", "own"]);
    assert!(String::from_utf8_lossy(&revoked.stdout).contains("revoked"), "{revoked:?}");
    refused(&["revoke", "l.toml"], "no newer");
    list(8);
    refused(&["revoke", "l.toml"], "l.toml");
    let shown = fine(at, &["--json", "trust", "--folder", "own"]);
    assert!(shown.contains("\"list\":7") || shown.contains("\"list\": 7"), "{shown}");
    refused(&["remove", "0123456789ABCDEF"], "no file in own");
    fine(at, &in_own(&["remove", &key]));
    assert!(fs::read_dir(at.join("own")).expect("it").count() == 2, "the list and its signature");
}
