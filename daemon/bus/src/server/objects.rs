//! The objects that are served: their interfaces, properties and introspection.
//!
//! Must not answer for an object that is not there.

use crate::{Dict, ROOT, contract};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};
use zbus::{OwnedObjectPath, OwnedVariant};

/// Properties by interface.
pub(super) type Interfaces = BTreeMap<String, Dict>;

/// Object managers: only what is below them is listed.
const MANAGERS: [&str; 2] = ["/org/valetd/Assistant1/skill", "/org/valetd/Assistant1/model"];

/// The object manager that lists an object.
pub(super) fn manager_of(path: &str) -> Option<&'static str> {
    MANAGERS
        .into_iter()
        .find(|manager| path.strip_prefix(manager).is_some_and(|rest| rest.starts_with('/')))
}

/// All objects by path.
pub(super) struct Objects {
    objects: BTreeMap<String, BTreeMap<&'static str, Dict>>,
    /// Objects that go when their client goes, and that nobody else may read: client by path.
    owned: BTreeMap<String, String>,
}

impl Objects {
    pub(super) fn new() -> Self {
        Self { objects: BTreeMap::new(), owned: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, path: &str, interfaces: Vec<(&'static str, Dict)>) -> Interfaces {
        let object = self.objects.entry(path.to_owned()).or_default();
        let mut added = Interfaces::new();
        for (name, properties) in interfaces {
            added.insert(name.to_owned(), properties.clone());
            object.insert(name, properties);
        }
        added
    }

    /// Notes that an object goes when `client` goes.
    pub(super) fn belongs(&mut self, path: &str, client: &str) {
        self.owned.insert(path.to_owned(), client.to_owned());
    }

    /// The client an object belongs to; `None` for those that are everybody's.
    pub(super) fn owner(&self, path: &str) -> Option<&str> {
        self.owned.get(path).map(String::as_str)
    }

    /// Removes what belonged to a client that left.
    pub(super) fn remove_of(&mut self, client: &str) {
        let Self { objects, owned } = self;
        owned.retain(|path, owner| {
            let stays = owner != client;
            if !stays {
                objects.remove(path);
            }
            stays
        });
    }

    pub(super) fn remove(&mut self, path: &str) -> Vec<String> {
        self.owned.remove(path);
        let gone = self.objects.remove(path).unwrap_or_default();
        gone.into_keys().map(str::to_owned).collect()
    }

    /// Sets a property; whether it changed. A property of an object that is gone is dropped.
    pub(super) fn set(
        &mut self,
        path: &str,
        interface: &'static str,
        name: &str,
        value: OwnedVariant,
    ) -> bool {
        let Some(properties) = self.objects.get_mut(path).and_then(|o| o.get_mut(interface)) else {
            return false;
        };
        if properties.get(name) == Some(&value) {
            return false;
        }
        properties.insert(name.to_owned(), value);
        true
    }

    /// Whether an object serves an interface.
    pub(super) fn serves(&self, path: &str, interface: &str) -> bool {
        self.objects.get(path).is_some_and(|object| object.contains_key(interface))
    }

    /// The properties of an interface of an object.
    pub(super) fn properties(&self, path: &str, interface: &str) -> Option<&Dict> {
        self.objects.get(path)?.get(interface)
    }

    /// What an object manager lists.
    pub(super) fn managed(&self, manager: &str) -> Option<HashMap<OwnedObjectPath, Interfaces>> {
        if !MANAGERS.contains(&manager) {
            return None;
        }
        let listed = self.objects.iter().filter(|(path, _)| manager_of(path) == Some(manager));
        Some(
            listed
                .filter_map(|(path, interfaces)| {
                    let path = OwnedObjectPath::try_from(path.as_str()).ok()?;
                    Some((
                        path,
                        interfaces.iter().map(|(n, p)| ((*n).to_owned(), p.clone())).collect(),
                    ))
                })
                .collect(),
        )
    }

    /// Introspection of an object, or of a node above one. Requests and sessions are served
    /// when asked for by name, and listed nowhere.
    pub(super) fn introspect(&self, path: &str) -> Option<String> {
        let own = self.objects.get(path);
        let children = self.children(path);
        if own.is_none() && children.is_empty() && !MANAGERS.contains(&path) {
            return None;
        }
        let mut xml = String::from(
            "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n",
        );
        xml.push_str(contract::STANDARD_XML);
        if MANAGERS.contains(&path) {
            xml.push_str(contract::OBJECT_MANAGER_XML);
        }
        for interface in own.into_iter().flat_map(BTreeMap::keys) {
            // Writing to a String cannot fail.
            let _ = writeln!(xml, "  {}", contract::interface_xml(interface));
        }
        for child in children {
            let _ = writeln!(xml, "  <node name=\"{child}\"/>");
        }
        xml.push_str("</node>\n");
        Some(xml)
    }

    fn children(&self, path: &str) -> Vec<String> {
        let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let hidden = [format!("{ROOT}/request"), format!("{ROOT}/session")];
        let mut children: Vec<String> = self
            .objects
            .keys()
            .map(String::as_str)
            .chain(MANAGERS)
            .filter(|object| !hidden.iter().any(|h| object.starts_with(h.as_str())))
            .filter_map(|object| object.strip_prefix(&prefix)?.split('/').next().map(str::to_owned))
            .collect();
        children.sort();
        children.dedup();
        children
    }
}
