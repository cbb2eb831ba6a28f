//! A component of any bytes, and changes of a shipped skill where one is built: it is read or
//! refused; what is read has the version that the daemon's small reader finds; what is valid is
//! readable, with the imports that wasm's own validator sees.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{Arbitrary as _, Unstructured},
    fuzz_target,
};
use std::{collections::BTreeSet, sync::LazyLock};
use valet_component::{Component, ComponentError, MAX_EXPORTS};
use valet_core::{
    capability::CapabilityKind,
    contract::{FLOOR, INTERFACES, MAX_IMPORTS},
};
use valet_fuzz::Changes;
use wasmparser::Validator;

#[allow(dead_code)]
#[path = "../../../daemon/skill-host/src"]
mod skill_host {
    pub mod contract;
}
use skill_host::contract::{api_version, is_component};

/// Skills are built by `make skills`; without them bytes of any kind are tried alone.
static SKILL: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let skills = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/skills");
    std::fs::read(format!("{skills}/org.valetd.media/skill.wasm")).ok()
});

/// Longest component that is validated as well.
const MAX_VALIDATED_BYTES: usize = 8 << 10;

fn all() -> BTreeSet<CapabilityKind> {
    CapabilityKind::ALL.into()
}

fn is_known(import: &str) -> bool {
    let path = import.split('@').next().unwrap_or_default();
    FLOOR.contains(&path)
        || INTERFACES.iter().any(|interface| path == format!("valet:skill/{}", interface.name))
}

fn try_out(bytes: &[u8]) -> Result<Component<'_>, ComponentError> {
    let component = Component::read(bytes)?;
    assert!(is_component(bytes), "read, and no component");
    assert_eq!(component.api, api_version(bytes), "two readers, two versions");
    assert!(component.imports.len() <= MAX_IMPORTS && component.exports.len() <= MAX_EXPORTS);
    if component.judge(&all()).is_ok() {
        assert!(component.imports.iter().all(|import| is_known(import)), "a foreign import");
        assert_eq!(component.start_up, None);
    }
    if component.judge(&BTreeSet::new()).is_ok() {
        assert_eq!(component.judge(&all()), Ok(()), "who declares more may less");
    }
    Ok(component)
}

/// What the validator takes is read, and nothing that it imports is overlooked.
fn compare(bytes: &[u8], read: &Result<Component<'_>, ComponentError>) {
    let Ok(types) = Validator::new().validate_all(bytes) else { return };
    let component = match read {
        Ok(component) => component,
        Err(ComponentError::Broken { why, .. }) => {
            // The validator takes a file that ends between two sections of a module in it.
            let stricter = ["has options", "is no text", "a section up to byte"];
            let ours = stricter.iter().any(|words| why.contains(words));
            assert!(ours || !is_component(bytes), "valid, and broken: {why}");
            return;
        }
        Err(_) => return,
    };
    for import in &component.imports {
        assert!(types.component_item_for_import(import).is_some(), "imports no {import}");
    }
    let contract =
        INTERFACES.iter().map(|interface| format!("valet:skill/{}@0.1.0", interface.name));
    let wasi = FLOOR.iter().map(|floor| format!("{floor}@0.2.6"));
    let foreign = ["wasi:filesystem/types@0.2.6", "wasi:sockets/tcp@0.2.6"].map(str::to_owned);
    for name in contract.chain(wasi).chain(foreign) {
        let seen = component.imports.contains(&name.as_str());
        assert_eq!(types.component_item_for_import(&name).is_some(), seen, "{name}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let read = try_out(bytes);
    if bytes.len() <= MAX_VALIDATED_BYTES {
        compare(bytes, &read);
    }
    if let (Some(skill), Ok(changes)) = (&*SKILL, Changes::arbitrary(&mut Unstructured::new(bytes)))
    {
        let changed = changes.applied_to(skill);
        let read = try_out(&changed);
        assert!(changed != *skill || read.is_ok_and(|read| read.judge(&all()).is_ok()));
    }
});
