//! A component from a core module in text, for guests that no compiler makes.
//!
//! Must not mend a module: what is wrong with it is what it is for.

use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Wraps a module as the contract's world wants it.
///
/// # Panics
/// When the module does not export what the world does.
#[must_use]
pub fn component(text: &str) -> Vec<u8> {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../skills/wit");
    let encode = || -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let mut module = wat::parse_str(text)?;
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(&wit).map_err(|error| error.to_string())?;
        let world =
            resolve.select_world(&[package], Some("skill")).map_err(|error| error.to_string())?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
            .map_err(|error| error.to_string())?;
        let encoder = ComponentEncoder::default().module(&module).map_err(|e| e.to_string())?;
        let mut encoder = encoder.validate(true);
        Ok(encoder.encode().map_err(|error| format!("{error:#}"))?)
    };
    encode().unwrap_or_else(|error| panic!("{error}"))
}
