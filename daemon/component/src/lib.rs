//! What a component says of itself before anything of it is compiled: what it imports and exports,
//! which version of the contract it is for, whether it runs code when it starts; and whether a
//! skill may be like that.
//!
//! Must not compile, run or trust anything, and must not come into the daemon: foreign bytes are
//! parsed as a whole behind the compiler's walls only, and the host judges the imports of what was
//! compiled by the same table, `valet_core::contract`.

mod error;
mod reader;

pub use error::ComponentError;

use std::collections::BTreeSet;
use valet_core::{
    capability::CapabilityKind,
    contract::{self, API, EXPORTS},
};

/// Deepest nesting of components and modules; what `wasm32-wasip2` makes has 2.
pub const MAX_NESTING: usize = 8;
/// Most exports of a component.
pub const MAX_EXPORTS: usize = 64;

/// What a component says of itself; nothing of it is judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component<'a> {
    /// Everything it imports, such as `valet:skill/store@0.1.0`, but names for types.
    pub imports: Vec<&'a str>,
    /// Everything it exports.
    pub exports: Vec<&'a str>,
    /// The version of the contract in its section `valet:skill-api`.
    pub api: Option<&'a str>,
    /// Where it starts something by itself, if it does.
    pub start_up: Option<StartUp>,
}

/// Code that runs before any export is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartUp {
    /// What starts it.
    pub what: &'static str,
    /// Its place in the file, bytes.
    pub offset: usize,
}

impl<'a> Component<'a> {
    /// Reads a component's bytes: at most
    /// [`MAX_COMPONENT_BYTES`](valet_core::contract::MAX_COMPONENT_BYTES),
    /// [`MAX_NESTING`], [`MAX_IMPORTS`](valet_core::contract::MAX_IMPORTS), [`MAX_EXPORTS`]. It takes
    /// time in proportion to the bytes, and next to no memory. That it is read does not mean that it
    /// is valid: the compiler says that.
    ///
    /// # Errors
    /// [`ComponentError::TooLarge`], [`ComponentError::NotComponent`], [`ComponentError::Broken`],
    /// [`ComponentError::TooDeep`], [`ComponentError::TooMany`], [`ComponentError::TwoVersions`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, ComponentError> {
        reader::read(bytes)
    }

    /// Whether a skill that declares these kinds of capabilities may be such a component.
    ///
    /// # Errors
    /// [`ComponentError::NoVersion`], [`ComponentError::Version`], [`ComponentError::StartsUp`],
    /// [`ComponentError::Import`], [`ComponentError::MissingExport`]: the first that is wrong.
    pub fn judge(&self, declared: &BTreeSet<CapabilityKind>) -> Result<(), ComponentError> {
        match self.api {
            Some(API) => {}
            Some(got) => return Err(ComponentError::Version { got: error::cut(got) }),
            None => return Err(ComponentError::NoVersion),
        }
        for import in &self.imports {
            contract::judge_import(import, declared)?;
        }
        if let Some(StartUp { what, offset }) = self.start_up {
            return Err(ComponentError::StartsUp { what, offset });
        }
        match EXPORTS.into_iter().find(|name| !self.exports.contains(name)) {
            Some(name) => Err(ComponentError::MissingExport { name }),
            None => Ok(()),
        }
    }
}

/// Reads and judges in one.
///
/// # Errors
/// [`ComponentError`].
pub fn check<'a>(
    bytes: &'a [u8],
    declared: &BTreeSet<CapabilityKind>,
) -> Result<Component<'a>, ComponentError> {
    let component = Component::read(bytes)?;
    component.judge(declared)?;
    Ok(component)
}
