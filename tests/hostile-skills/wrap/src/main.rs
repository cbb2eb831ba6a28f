//! Wraps each `../modules/<name>.wat` as the contract's world wants it, into `../modules/<name>.wasm`.
//!
//! Must not mend a module: what is wrong with it is what it is for.

use std::{error::Error, fs, path::Path};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(here.join("../../../skills/wit")).map_err(text)?;
    let world = resolve.select_world(&[package], Some("skill")).map_err(text)?;
    for entry in fs::read_dir(here.join("../modules"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let mut module = wat::parse_file(&path)?;
            embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
                .map_err(text)?;
            let encoder = ComponentEncoder::default().module(&module).map_err(text)?;
            fs::write(path.with_extension("wasm"), encoder.validate(true).encode().map_err(text)?)?;
        }
    }
    Ok(())
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
