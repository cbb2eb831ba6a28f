//! Verdicts on the generated references: each is what its source says today.

use valet_house_tests::{check_document, contract, files, text, wit};

fn sources(below: &str, ending: &str) -> Vec<(String, String)> {
    let found = files(below, ending);
    assert!(!found.is_empty(), "no {ending} below {below}");
    found.into_iter().map(|name| (name.clone(), text(&name))).collect()
}

#[test]
fn the_bus_reference_is_what_the_interfaces_say() {
    let made = contract::reference(&sources("daemon/bus/interfaces", ".xml")).expect("well-formed");
    check_document("docs/dbus.md", &made);
}

#[test]
fn the_skill_reference_is_what_the_contract_says() {
    let made = wit::reference(&sources("skills/wit", ".wit")).expect("well-formed");
    check_document("docs/skill-reference.md", &made);
}

#[test]
fn every_member_of_the_bus_is_documented() {
    for (name, source) in sources("daemon/bus/interfaces", ".xml") {
        let node = contract::parse(&source).unwrap_or_else(|why| panic!("{name}: {why}"));
        for interface in node.all("interface") {
            assert!(name.ends_with(&format!("{}.xml", interface.attribute("name"))), "{name}");
            let members = interface.children.iter().filter(|c| c.name != "annotation");
            for member in members.chain([interface]) {
                let words = member.note("org.gtk.GDBus.DocString");
                assert!(!words.is_empty(), "{name}: {} has no words", member.attribute("name"));
            }
        }
    }
}

#[test]
fn all_parts_of_the_contract_are_one_package() {
    let packages: Vec<String> = sources("skills/wit", ".wit")
        .iter()
        .map(|(name, text)| wit::parse(text).unwrap_or_else(|why| panic!("{name}: {why}")).0)
        .collect();
    assert!(packages.iter().all(|package| package == "valet:skill@0.1.0"), "{packages:?}");
}

#[test]
fn xml_that_is_not_well_formed_is_refused() {
    for bad in ["<a>", "<a></b>", "<a", "<a b=c/>", "</a>", "<a/><b/>", "<!-- x"] {
        assert!(contract::parse(bad).is_err(), "{bad}");
    }
    let fine = contract::parse("<?xml?><a b='1 &lt; \"2\"'><!-- > --><c/></a>").expect("fine");
    assert_eq!(fine.attribute("b"), "1 < \"2\"");
    assert_eq!(fine.children.len(), 1);
}

#[test]
fn a_published_version_of_the_contract_stays_as_it_is() {
    use sha2::{Digest, Sha256};
    let promised = text("tests/contract/since-v0.1.0/wit.sha256");
    let now: String = sources("skills/wit", ".wit")
        .iter()
        .map(|(name, text)| {
            let hash: String = Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect();
            format!("{hash}  {name}\n")
        })
        .collect();
    assert_eq!(now, promised, "0.1.0 is published: what is new is a new version beside it");
}
