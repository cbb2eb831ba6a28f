//! Verdicts on small components written as text, each wrong in one way.

use std::collections::BTreeSet;
use valet_component::{ComponentError, MAX_EXPORTS, MAX_NESTING, check};
use valet_core::{
    capability::CapabilityKind,
    contract::{ImportRefusal, MAX_COMPONENT_BYTES, MAX_IMPORTS},
};

/// A skill that imports what every skill may, its functions made of nothing.
const FINE: &str = r#"
    (import "valet:skill/log@0.1.0" (instance))
    (import "wasi:cli/exit@0.2.6" (instance))
    (core module $m (func (export "f")) (@custom "valet:skill-api" "0.1"))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (export "handle" (func $f))
    (export "on-alarm" (func $f))
    (export "on-message" (func $f))
"#;

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).expect("well-formed text")
}

/// What is said of [`FINE`] with one thing in it replaced.
fn verdict(from: &str, to: &str) -> Result<(), ComponentError> {
    assert!(FINE.contains(from), "{from}");
    judged(&component(&FINE.replacen(from, to, 1)), &[])
}

fn judged(bytes: &[u8], declared: &[CapabilityKind]) -> Result<(), ComponentError> {
    check(bytes, &declared.iter().copied().collect::<BTreeSet<_>>()).map(|_| ())
}

#[test]
fn what_a_skill_is_is_taken() {
    let bytes = component(FINE);
    let read = check(&bytes, &BTreeSet::new()).expect("fine");
    assert_eq!(read.imports, ["valet:skill/log@0.1.0", "wasi:cli/exit@0.2.6"]);
    assert_eq!(read.exports, ["handle", "on-alarm", "on-message"]);
    assert_eq!(read.api, Some("0.1"));
}

#[test]
fn files_sockets_and_whatever_else_is_not_of_the_contract_are_refused_by_name() {
    for name in [
        "wasi:filesystem/types@0.2.6",
        "wasi:filesystem/preopens@0.2.6",
        "wasi:sockets/tcp@0.2.6",
        "wasi:sockets/udp@0.2.6",
        "wasi:http/outgoing-handler@0.2.6",
        "example:other/thing@1.0.0",
    ] {
        match verdict("wasi:cli/exit@0.2.6", name) {
            Err(ComponentError::Import(ImportRefusal::Foreign { name: said })) => {
                assert_eq!(said, name);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn functions_components_and_resources_are_no_way_around_interfaces() {
    let exit = r#"(import "wasi:cli/exit@0.2.6" (instance))"#;
    for import in [
        r#"(import "f" (func))"#,
        r#"(import "c" (component))"#,
        r#"(import "m" (core module))"#,
        r#"(import "r" (type (sub resource)))"#,
        r#"(import "url=<https://example.org/a.wasm>" (component))"#,
    ] {
        let error = verdict(exit, import).expect_err(import);
        let foreign = matches!(error, ComponentError::Import(ImportRefusal::Foreign { .. }));
        assert!(foreign, "{import}: {error}");
    }
    let named = r#"(type $t string) (import "words" (type (eq $t)))"#;
    assert_eq!(verdict(exit, named), Ok(()), "a name for a type that is known brings nothing");
}

#[test]
fn what_a_nested_component_imports_is_its_parents_business() {
    let nested =
        r#"(component (import "wasi:filesystem/types@0.2.6" (instance))) (export "handle" "#;
    assert_eq!(verdict(r#"(export "handle" "#, nested), Ok(()));
}

#[test]
fn a_name_that_stands_for_another_interface_is_refused() {
    let store = r#"(implements "valet:skill/store@0.1.0")"#;
    let import = format!(r#"(import "valet:skill/clock@0.1.0" {store} (instance))"#);
    let error = judged(&component(&import), &CapabilityKind::ALL).expect_err("refused");
    let options =
        matches!(&error, ComponentError::Broken { why, .. } if why.contains("has options"));
    assert!(options, "{error}");
}

#[test]
fn another_version_of_the_contract_is_refused() {
    let error = verdict("valet:skill/log@0.1.0", "valet:skill/log@0.2.0").expect_err("refused");
    assert!(matches!(error, ComponentError::Import(ImportRefusal::Version { .. })), "{error}");
    let error = verdict("wasi:cli/exit@0.2.6", "wasi:cli/exit@0.3.0").expect_err("refused");
    assert!(matches!(error, ComponentError::Import(ImportRefusal::Version { .. })), "{error}");
    let said = verdict(r#""valet:skill-api" "0.1""#, r#""valet:skill-api" "0.2""#);
    assert_eq!(said, Err(ComponentError::Version { got: "0.2".into() }));
    let said = verdict(r#""valet:skill-api" "0.1""#, r#""another" "0.1""#);
    assert_eq!(said, Err(ComponentError::NoVersion));
}

#[test]
fn a_version_in_another_place_or_twice_is_refused() {
    let section = r#"(@custom "valet:skill-api" "0.1")"#;
    let twice = format!("{section} {section}");
    assert_eq!(verdict(section, &twice), Err(ComponentError::TwoVersions));
    let outside = FINE.replacen(section, "", 1) + section;
    assert_eq!(judged(&component(&outside), &[]), Err(ComponentError::NoVersion));
    let nested = FINE.replacen(section, "", 1) + &format!("(component (core module {section}))");
    assert_eq!(judged(&component(&nested), &[]), Err(ComponentError::NoVersion));
    let error = verdict(r#""valet:skill-api" "0.1""#, r#""valet:skill-api" "\ff""#);
    assert!(matches!(error, Err(ComponentError::Broken { .. })), "{error:?}");
}

#[test]
fn start_up_code_is_refused_wherever_it_is() {
    for to in [
        r#"(core module $m (func $s) (start $s) (func (export "f"))"#,
        r#"(core module (func $s) (start $s)) (core module $m (func (export "f"))"#,
        r#"(component (core module (func $s) (start $s))) (core module $m (func (export "f"))"#,
    ] {
        let error = verdict(r#"(core module $m (func (export "f"))"#, to).expect_err(to);
        assert!(matches!(error, ComponentError::StartsUp { .. }), "{to}: {error}");
        assert!(error.to_string().contains("start-up code (a module's start function"), "{error}");
    }
    // A component's own start section, of which the text form knows nothing any more:
    // function 0, no arguments, no results.
    let bytes = [&component(FINE)[..], &[9, 3, 0, 0, 0]].concat();
    let error = judged(&bytes, &[]).expect_err("refused");
    assert!(error.to_string().contains("a component's start section"), "{error}");
}

#[test]
fn a_capability_that_is_not_declared_is_named_with_its_line() {
    for (interface, kinds, line) in [
        (
            "vehicle-signals",
            &[CapabilityKind::VehicleRead, CapabilityKind::VehicleActuate][..],
            "vehicle-read = [",
        ),
        ("mqtt", &[CapabilityKind::MqttPublish, CapabilityKind::MqttSubscribe], "mqtt-publish = ["),
        ("http", &[CapabilityKind::Http], "http = ["),
        ("dbus-peer", &[CapabilityKind::DbusCall], "dbus-call = ["),
        ("store", &[CapabilityKind::Store], "store = "),
        ("alarms", &[CapabilityKind::Alarms], "alarms = "),
        ("announce", &[CapabilityKind::Announce], "announce = true"),
        ("location", &[CapabilityKind::Location], "location = true"),
    ] {
        let import = format!("valet:skill/{interface}@0.1.0");
        let bytes = component(&FINE.replacen("valet:skill/log@0.1.0", &import, 1));
        for kind in CapabilityKind::ALL {
            let verdict = judged(&bytes, &[kind]);
            assert_eq!(verdict.is_ok(), kinds.contains(&kind), "{interface}: {verdict:?}");
        }
        let words = judged(&bytes, &[]).expect_err("undeclared").to_string();
        assert!(
            words.contains(&format!("imports {interface} ")) && words.contains(line),
            "{words}"
        );
    }
}

#[test]
fn a_function_that_is_missing_is_named() {
    for name in ["handle", "on-alarm", "on-message"] {
        let said = verdict(&format!(r#"(export "{name}" (func $f))"#), "");
        assert_eq!(said, Err(ComponentError::MissingExport { name }));
    }
}

#[test]
fn deep_nesting_is_refused_at_the_first_level_too_many() {
    let nested = |levels: usize| {
        let text = FINE.to_owned() + &"(component ".repeat(levels) + &")".repeat(levels);
        judged(&component(&text), &[])
    };
    assert_eq!(nested(MAX_NESTING - 1), Ok(()));
    assert!(matches!(nested(MAX_NESTING), Err(ComponentError::TooDeep { .. })));
    // As deep as bytes allow: each level claims all that follows.
    let mut deep = Vec::new();
    for _ in 0..2000 {
        let mut level = b"\0asm\x0d\0\x01\0".to_vec();
        if !deep.is_empty() {
            level.push(4);
            let mut length = deep.len();
            while length >= 128 {
                level.push(length as u8 | 128);
                length >>= 7;
            }
            level.push(length as u8);
        }
        deep = [level, deep].concat();
    }
    assert!(matches!(judged(&deep, &[]), Err(ComponentError::TooDeep { .. })));
    // Types nest in themselves without being components; they are not read.
    let types =
        [b"\0asm\x0d\0\x01\0\x07\x80\x80\x04\x01", &[0x41, 1, 1].repeat(21845)[..]].concat();
    assert_eq!(judged(&types[..], &[]), Err(ComponentError::NoVersion));
}

#[test]
fn more_than_is_ever_needed_is_refused() {
    let import = |n: usize| format!("(import \"valet:skill/log@0.1.{n}\" (instance))");
    let many: String = (1..MAX_IMPORTS - 1).map(import).collect();
    assert_eq!(judged(&component(&(many.clone() + FINE)), &[]), Ok(()));
    let error = judged(&component(&(many + &import(999) + FINE)), &[]);
    assert!(matches!(error, Err(ComponentError::TooMany { what: "imports", .. })), "{error:?}");
    let export = |n: usize| format!("(export \"f{n}\" (func $f))");
    let many: String = (0..MAX_EXPORTS - 1).map(export).collect();
    let error = judged(&component(&(FINE.to_owned() + &many)), &[]);
    assert!(matches!(error, Err(ComponentError::TooMany { what: "exports", .. })), "{error:?}");
    let large = vec![0; MAX_COMPONENT_BYTES as usize + 1];
    assert!(matches!(judged(&large, &[]), Err(ComponentError::TooLarge { .. })));
}

#[test]
fn what_is_cut_anywhere_is_refused() {
    let whole = component(FINE);
    // The text form puts names for people at the end, without which it is whole.
    let names = whole.windows(14).position(|at| at == b"component-name").expect("they are there");
    let whole = &whole[..names - 3];
    assert_eq!(judged(whole, &[]), Ok(()));
    let mut kinds = BTreeSet::new();
    for length in 0..whole.len() {
        kinds.insert(match judged(&whole[..length], &[]).expect_err("cut") {
            ComponentError::NotComponent => "no component",
            ComponentError::Broken { .. } => "broken",
            // Cut between two sections: what should have followed is missing.
            ComponentError::NoVersion => "no version",
            ComponentError::MissingExport { .. } => "no export",
            other => panic!("{length}: {other:?}"),
        });
    }
    assert_eq!(kinds.len(), 4, "each kind was met: {kinds:?}");
}

#[test]
fn a_section_that_holds_another_kind_than_it_says_is_refused() {
    let module = wat::parse_str(r#"(module (@custom "valet:skill-api" "0.1"))"#).expect("a module");
    let inner = component("");
    for (section, content) in [(4, &module), (1, &inner)] {
        let length = u8::try_from(content.len()).expect("short");
        let bytes = [b"\0asm\x0d\0\x01\0", &[section, length][..], content].concat();
        match judged(&bytes, &[]) {
            Err(ComponentError::Broken { offset, .. }) => assert_eq!(offset, 10),
            other => panic!("{section}: {other:?}"),
        }
    }
}

#[test]
fn a_module_that_goes_on_behind_the_end_is_refused() {
    let module = wat::parse_str(r#"(module (@custom "valet:skill-api" "0.1"))"#).expect("a module");
    let length = u8::try_from(module.len()).expect("short");
    for more in [1, 20] {
        let bytes = [b"\0asm\x0d\0\x01\0", &[1, length + more][..], &module].concat();
        let error = judged(&bytes, &[]).expect_err("cut");
        assert!(matches!(error, ComponentError::Broken { offset: 10, .. }), "{error}");
    }
}

#[test]
fn what_is_no_component_is_refused() {
    let module = wat::parse_str("(module)").expect("well-formed text");
    for bytes in [&b""[..], b"\0asm", &module, b"#!/bin/sh\n", &[0xff; 100]] {
        assert_eq!(judged(bytes, &[]), Err(ComponentError::NotComponent));
    }
}

#[test]
fn foreign_names_are_quoted_short_and_without_control_characters() {
    let name = format!("\u{1b}[2J{}", "x".repeat(5000));
    // By hand, for the text form refuses such a name.
    let mut import = vec![1, 0];
    import.extend([name.len() as u8 | 128, (name.len() >> 7) as u8]);
    import.extend(name.as_bytes());
    import.extend([5, 0]);
    let mut bytes = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\x00\x0a".to_vec();
    bytes.extend([import.len() as u8 | 128, (import.len() >> 7) as u8]);
    bytes.extend(import);
    let api = component(r#"(core module (@custom "valet:skill-api" "0.1"))"#);
    bytes.extend(&api[8..]);
    let words = judged(&bytes, &[]).expect_err("foreign").to_string();
    assert!(words.len() < 400 && !words.contains('\u{1b}'), "{words}");
    assert!(words.contains("[2Jxxx"), "{words}");
}
