//! What a component that is about to be loaded imports, judged by what its manifest declares.
//!
//! Code in the cache is found by the component's hash alone, and whoever had it compiled may have
//! declared more. So it is asked here, of the code itself, each time it is loaded; what the
//! compiler found wrong before is only found earlier. Must not link or instantiate.

use std::collections::BTreeSet;
use valet_core::{
    capability::CapabilityKind,
    contract::{ImportRefusal, judge_import},
};
use wasmtime::{
    Engine,
    component::{
        Component,
        types::{ComponentExtern, ComponentItem},
    },
};

/// Whether a skill that declares these kinds may import what this component does.
///
/// # Errors
/// The first [`ImportRefusal`].
pub(crate) fn judge(
    component: &Component,
    engine: &Engine,
    declared: &BTreeSet<CapabilityKind>,
) -> Result<(), ImportRefusal> {
    let component = component.component_type();
    component.imports(engine).try_for_each(|(name, import)| match import {
        // Another interface could stand behind the name.
        ComponentExtern { implements: Some(_), .. }
        | ComponentExtern { external_id: Some(_), .. } => {
            Err(ImportRefusal::Foreign { name: name.chars().take(80).collect() })
        }
        // A name for a type that is known brings nothing with it.
        ComponentExtern { ty: ComponentItem::Type(_), .. } => Ok(()),
        ComponentExtern { .. } => judge_import(name, declared),
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};
    use valet_core::contract::{API, FLOOR, FLOOR_API, INTERFACES};

    /// What the world of a file imports.
    fn imported(file: &str) -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(path).expect("readable");
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("import "));
        lines.map(|line| line.trim_end_matches(';').to_owned()).collect()
    }

    #[test]
    fn the_table_of_the_contract_is_what_the_host_links() {
        let mut world = imported("../../skills/wit/world.wit");
        // The world uses it without importing it by itself.
        world.insert("types".into());
        let table: BTreeSet<String> = INTERFACES.iter().map(|i| i.name.to_owned()).collect();
        assert_eq!(world, table);
        let types = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../skills/wit/types.wit");
        let package = format!("package valet:skill@{API}.");
        assert!(fs::read_to_string(types).expect("readable").contains(&package), "{package}");
    }

    #[test]
    fn the_table_of_the_floor_is_what_the_host_links() {
        let links = imported("wit/floor.wit");
        let table: BTreeSet<String> =
            links.iter().filter_map(|link| Some(link.split_once('@')?.0.to_owned())).collect();
        assert_eq!(table, FLOOR.map(str::to_owned).into());
        let series = format!("@{FLOOR_API}.");
        assert!(links.iter().all(|link| link.contains(&series)), "{links:?}");
    }
}
