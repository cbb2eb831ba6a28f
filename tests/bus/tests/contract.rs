//! The contract: what is served, what is documented and what is checked are one thing.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use valet_bus::{ROOT, contract, path};
use valet_bus_tests::Scene;
use zbus_xml::{Annotation, ArgDirection, Interface, Method, Node};

fn interface(xml: &'static str) -> Interface<'static> {
    let node = Node::from_reader(xml.as_bytes()).unwrap();
    assert_eq!(node.interfaces().len(), 1, "one interface a file");
    node.interfaces()[0].to_owned()
}

fn status(annotations: &[(String, String)]) -> Option<&str> {
    annotations
        .iter()
        .find(|(name, _)| name == "org.valetd.Status")
        .map(|(_, value)| value.as_str())
}

fn method_status(method: &Method<'_>) -> Option<String> {
    let all: Vec<_> =
        method.annotations().iter().map(|a| (a.name().to_owned(), a.value().to_owned())).collect();
    status(&all).map(str::to_owned)
}

fn interface_status(interface: &Interface<'_>) -> Option<String> {
    let all: Vec<_> =
        interface.annotations().map(|a| (a.name().to_owned(), a.value().to_owned())).collect();
    status(&all).map(str::to_owned)
}

fn documented(annotations: &[Annotation<'_>]) -> bool {
    annotations
        .iter()
        .any(|a| a.name() == "org.gtk.GDBus.DocString" && !a.value().trim().is_empty())
}

fn arguments(method: &Method<'_>) -> String {
    let inward = |direction: Option<ArgDirection>| direction != Some(ArgDirection::Out);
    method
        .args()
        .iter()
        .filter(|arg| inward(arg.direction()))
        .map(|arg| arg.ty().to_string())
        .collect()
}

#[test]
fn every_member_stands_in_the_xml_with_its_signature() {
    for member in contract::MEMBERS {
        let xml =
            contract::INTERFACES.iter().find(|(name, _)| *name == member.interface).unwrap().1;
        let interface = interface(xml);
        let method = interface
            .methods()
            .find(|method| method.name().as_str() == member.name)
            .unwrap_or_else(|| panic!("{}.{} is not in the XML", member.interface, member.name));
        assert_eq!(arguments(method), member.signature, "{}.{}", member.interface, member.name);
        assert_ne!(method_status(method).as_deref(), Some("planned"), "{} is served", member.name);
    }
}

#[test]
fn every_method_that_the_xml_calls_served_is_a_member() {
    let members: BTreeSet<(&str, &str)> =
        contract::MEMBERS.iter().map(|m| (m.interface, m.name)).collect();
    for (name, xml) in contract::INTERFACES {
        let interface = interface(xml);
        assert_eq!(interface.name().as_str(), *name);
        if interface_status(&interface).as_deref() != Some("served") {
            continue;
        }
        for method in interface.methods().filter(|m| method_status(m).as_deref() != Some("planned"))
        {
            assert!(
                members.contains(&(name, method.name().as_str())),
                "{name}.{} is no member",
                method.name()
            );
        }
    }
}

#[test]
fn client_methods_end_in_options_and_everything_is_documented() {
    for (name, xml) in contract::INTERFACES.iter().filter(|(name, _)| *name != "org.valetd.Agent1")
    {
        let interface = interface(xml);
        for method in interface.methods() {
            assert!(
                arguments(method).ends_with("a{sv}"),
                "{name}.{} has no options",
                method.name()
            );
            assert!(documented(method.annotations()), "{name}.{}", method.name());
        }
        for signal in interface.signals() {
            assert!(documented(signal.annotations()), "{name}.{}", signal.name());
        }
        for property in interface.properties() {
            assert!(documented(property.annotations()), "{name}.{}", property.name());
        }
    }
}

#[tokio::test]
async fn served_introspection_is_the_contract_word_for_word() {
    let scene = Scene::set().await;
    let introspect = async |object: &str| -> String {
        let proxy = zbus::fdo::IntrospectableProxy::builder(&scene.client)
            .destination(valet_bus::BUS_NAME)
            .path(object.to_owned())
            .build()
            .await
            .unwrap();
        proxy.introspect().await.unwrap()
    };
    let root = introspect(ROOT).await;
    for name in [
        "Assistant1",
        "Diagnostics1",
        "Models1",
        "Privacy1",
        "Simulator1",
        "Skills1",
        "Vehicle1",
        "Voice1",
    ] {
        let xml = contract::interface_xml(&format!("org.valetd.{name}"));
        assert!(!xml.is_empty() && root.contains(xml), "{name} is not served as documented");
    }
    let skill = introspect(&path::skill("org.valetd.climate")).await;
    assert!(skill.contains(contract::interface_xml("org.valetd.Skill1")));
    let session = scene.assistant.open_session(valet_testkit::none()).await.unwrap();
    assert!(
        introspect(session.as_str()).await.contains(contract::interface_xml("org.valetd.Session1"))
    );
    let root = introspect(ROOT).await;
    assert!(!root.contains("<node name=\"session"), "sessions are listed nowhere");
}

#[tokio::test]
async fn every_documented_property_has_a_value_of_its_type() {
    let scene = Scene::set().await;
    let session = scene.assistant.open_session(valet_testkit::none()).await.unwrap();
    for (object, name) in [
        (ROOT.to_owned(), "org.valetd.Assistant1"),
        (ROOT.to_owned(), "org.valetd.Privacy1"),
        (path::skill("org.valetd.timers"), "org.valetd.Skill1"),
        (session.to_string(), "org.valetd.Session1"),
    ] {
        let proxy = zbus::fdo::PropertiesProxy::builder(&scene.client)
            .destination(valet_bus::BUS_NAME)
            .path(object)
            .build()
            .await
            .unwrap();
        let values =
            proxy.get_all(zbus::names::InterfaceName::try_from(name).unwrap()).await.unwrap();
        let xml = contract::INTERFACES.iter().find(|(known, _)| *known == name).unwrap().1;
        for property in interface(xml).properties() {
            let value = values
                .get(property.name().as_str())
                .unwrap_or_else(|| panic!("{name}.{} has no value", property.name()));
            assert_eq!(value.value_signature(), property.ty(), "{name}.{}", property.name());
        }
    }
}

#[tokio::test]
async fn what_is_not_served_is_an_unknown_method() {
    let scene = Scene::set().await;
    let call = scene
        .client
        .call_method(
            Some(valet_bus::BUS_NAME),
            ROOT,
            Some("org.valetd.Voice1"),
            "Whisper",
            &(true, valet_testkit::none()),
        )
        .await;
    assert_eq!(valet_testkit::error_name(&call), "org.freedesktop.DBus.Error.UnknownMethod");
    let call = scene
        .client
        .call_method(
            Some(valet_bus::BUS_NAME),
            ROOT,
            Some("org.freedesktop.DBus.Properties"),
            "Set",
            &("org.valetd.Privacy1", "StoreHistory", zbus::Variant::from(true)),
        )
        .await;
    assert_eq!(valet_testkit::error_name(&call), "org.freedesktop.DBus.Error.PropertyReadOnly");
}
