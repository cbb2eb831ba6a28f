//! The contract as the server uses it: which members exist, their signatures, the right each
//! needs, and the XML that is served for introspection.
//!
//! A test holds this table against `interfaces/*.xml`, so that neither can drift.

use crate::access::Right;

/// One method of an interface that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its interface.
    pub interface: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Signature of the arguments, without parentheses.
    pub signature: &'static str,
    /// The right that a caller needs before the call is looked at; what it does may need others,
    /// which depend on what stands in it.
    pub right: Right,
}

const fn member(
    interface: &'static str,
    name: &'static str,
    signature: &'static str,
    right: Right,
) -> Member {
    Member { interface, name, signature, right }
}

const ASSISTANT: &str = "org.valetd.Assistant1";
const REQUEST: &str = "org.valetd.Request1";
const SESSION: &str = "org.valetd.Session1";
const SKILL: &str = "org.valetd.Skill1";
const SKILLS: &str = "org.valetd.Skills1";
const MODELS: &str = "org.valetd.Models1";
const SIMULATOR: &str = "org.valetd.Simulator1";
const DIAGNOSTICS: &str = "org.valetd.Diagnostics1";
const PRIVACY: &str = "org.valetd.Privacy1";
const VOICE: &str = "org.valetd.Voice1";

/// Every method that is served. What stands in the XML beyond this is planned, and a call to
/// it is answered with `UnknownMethod`.
pub const MEMBERS: &[Member] = &[
    member(ASSISTANT, "Ask", "sa{sv}", Right::Ask),
    member(ASSISTANT, "Submit", "sa{sv}", Right::Ask),
    member(ASSISTANT, "Parse", "sa{sv}", Right::Ask),
    member(ASSISTANT, "ParseBatch", "asa{sv}", Right::Ask),
    member(ASSISTANT, "OpenSession", "a{sv}", Right::Ask),
    member(ASSISTANT, "Stop", "a{sv}", Right::Ask),
    member(ASSISTANT, "Undo", "a{sv}", Right::Ask),
    member(ASSISTANT, "RegisterAgent", "oasa{sv}", Right::Ask),
    member(ASSISTANT, "UnregisterAgent", "oa{sv}", Right::Ask),
    member(ASSISTANT, "Observe", "a{sv}", Right::Ask),
    member(ASSISTANT, "Unobserve", "a{sv}", Right::Ask),
    member(ASSISTANT, "SetVocabulary", "sa(sas)a{sv}", Right::Control),
    member(ASSISTANT, "ClearVocabulary", "sa{sv}", Right::Control),
    member(ASSISTANT, "Suggest", "a{sv}", Right::Ask),
    member(REQUEST, "Cancel", "a{sv}", Right::Ask),
    member(SESSION, "Say", "sa{sv}", Right::Ask),
    member(SESSION, "SetContext", "a{sv}", Right::Ask),
    member(SESSION, "Reset", "a{sv}", Right::Ask),
    member(SESSION, "Close", "a{sv}", Right::Ask),
    member(VOICE, "SetListening", "ba{sv}", Right::Ask),
    member(VOICE, "Partial", "sa{sv}", Right::Ask),
    member(VOICE, "Transcript", "asada{sv}", Right::Ask),
    member(VOICE, "SpeechStarted", "sa{sv}", Right::Ask),
    member(VOICE, "SpeechFinished", "sa{sv}", Right::Ask),
    member("org.valetd.Vehicle1", "Read", "asa{sv}", Right::Observe),
    member(SIMULATOR, "Set", "sva{sv}", Right::Control),
    member(SIMULATOR, "SetFault", "ssa{sv}", Right::Control),
    member(SIMULATOR, "Drive", "sa{sv}", Right::Control),
    member(SIMULATOR, "Reset", "a{sv}", Right::Control),
    member(DIAGNOSTICS, "Trace", "sa{sv}", Right::Observe),
    member(DIAGNOSTICS, "Stats", "a{sv}", Right::Observe),
    member(PRIVACY, "History", "a{sv}", Right::Control),
    member(PRIVACY, "Forget", "a{sv}", Right::Control),
    member(SKILL, "Enable", "a{sv}", Right::Control),
    member(SKILL, "Disable", "a{sv}", Right::Control),
    member(SKILL, "SetSettings", "a{sv}a{sv}", Right::Control),
    member(SKILL, "Grant", "asa{sv}", Right::Ask),
    member(SKILL, "Revoke", "asa{sv}", Right::Ask),
    member(SKILLS, "Inspect", "ha{sv}", Right::Control),
    member(SKILLS, "Install", "hayasa{sv}", Right::Ask),
    member(SKILLS, "Remove", "sa{sv}", Right::Ask),
    member(SKILLS, "Rollback", "sa{sv}", Right::Ask),
    member(MODELS, "Verify", "sa{sv}", Right::ManageModels),
    member(MODELS, "Activate", "sa{sv}", Right::ManageModels),
    member(MODELS, "Rollback", "sa{sv}", Right::ManageModels),
];

/// The XML of each interface.
pub const INTERFACES: &[(&str, &str)] = &[
    ("org.valetd.Agent1", include_str!("../interfaces/org.valetd.Agent1.xml")),
    (ASSISTANT, include_str!("../interfaces/org.valetd.Assistant1.xml")),
    (DIAGNOSTICS, include_str!("../interfaces/org.valetd.Diagnostics1.xml")),
    ("org.valetd.Model1", include_str!("../interfaces/org.valetd.Model1.xml")),
    (MODELS, include_str!("../interfaces/org.valetd.Models1.xml")),
    (PRIVACY, include_str!("../interfaces/org.valetd.Privacy1.xml")),
    (REQUEST, include_str!("../interfaces/org.valetd.Request1.xml")),
    (SESSION, include_str!("../interfaces/org.valetd.Session1.xml")),
    (SIMULATOR, include_str!("../interfaces/org.valetd.Simulator1.xml")),
    (SKILL, include_str!("../interfaces/org.valetd.Skill1.xml")),
    (SKILLS, include_str!("../interfaces/org.valetd.Skills1.xml")),
    ("org.valetd.Vehicle1", include_str!("../interfaces/org.valetd.Vehicle1.xml")),
    (VOICE, include_str!("../interfaces/org.valetd.Voice1.xml")),
];

/// The member of a call.
#[must_use]
pub fn find(interface: &str, name: &str) -> Option<&'static Member> {
    MEMBERS.iter().find(|m| m.interface == interface && m.name == name)
}

/// The `<interface>` element of an interface, documentation included.
#[must_use]
pub fn interface_xml(interface: &str) -> &'static str {
    let xml = INTERFACES.iter().find(|(name, _)| *name == interface).map_or("", |(_, xml)| *xml);
    match (xml.find("<interface"), xml.find("</interface>")) {
        (Some(start), Some(end)) => &xml[start..end + "</interface>".len()],
        _ => "",
    }
}

/// The interfaces of D-Bus itself that every object has.
pub const STANDARD_XML: &str = r#"  <interface name="org.freedesktop.DBus.Peer">
    <method name="Ping"/>
    <method name="GetMachineId"><arg name="machine_uuid" type="s" direction="out"/></method>
  </interface>
  <interface name="org.freedesktop.DBus.Introspectable">
    <method name="Introspect"><arg name="xml_data" type="s" direction="out"/></method>
  </interface>
  <interface name="org.freedesktop.DBus.Properties">
    <method name="Get">
      <arg name="interface_name" type="s" direction="in"/>
      <arg name="property_name" type="s" direction="in"/>
      <arg name="value" type="v" direction="out"/>
    </method>
    <method name="GetAll">
      <arg name="interface_name" type="s" direction="in"/>
      <arg name="properties" type="a{sv}" direction="out"/>
    </method>
    <method name="Set">
      <arg name="interface_name" type="s" direction="in"/>
      <arg name="property_name" type="s" direction="in"/>
      <arg name="value" type="v" direction="in"/>
    </method>
    <signal name="PropertiesChanged">
      <arg name="interface_name" type="s"/>
      <arg name="changed_properties" type="a{sv}"/>
      <arg name="invalidated_properties" type="as"/>
    </signal>
  </interface>
"#;

/// The object manager of the skills, and that of the models.
pub const OBJECT_MANAGER_XML: &str = r#"  <interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects">
      <arg name="objects" type="a{oa{sa{sv}}}" direction="out"/>
    </method>
    <signal name="InterfacesAdded">
      <arg name="object" type="o"/>
      <arg name="interfaces" type="a{sa{sv}}"/>
    </signal>
    <signal name="InterfacesRemoved">
      <arg name="object" type="o"/>
      <arg name="interfaces" type="as"/>
    </signal>
  </interface>
"#;
