//! One walk over the sections of a component and of all that lies within.
//!
//! Must not read types, code or data: those parts nest in themselves, and a verdict needs none of
//! them. Nothing here recurses.

use crate::{Component, ComponentError, MAX_EXPORTS, MAX_NESTING, StartUp, error::cut};
use std::ops::Range;
use valet_core::contract::{API_SECTION, MAX_COMPONENT_BYTES, MAX_IMPORTS};
use wasmparser::{
    ComponentExportSectionReader, ComponentExternName, ComponentImportSectionReader,
    ComponentTypeRef, CustomSectionReader, Encoding, Parser, Payload, TypeBounds,
};

pub(crate) fn read(bytes: &[u8]) -> Result<Component<'_>, ComponentError> {
    if bytes.len() as u64 > MAX_COMPONENT_BYTES {
        return Err(ComponentError::TooLarge { bytes: bytes.len() });
    }
    if !Parser::is_component(bytes) {
        return Err(ComponentError::NotComponent);
    }
    let found = Component { imports: Vec::new(), exports: Vec::new(), api: None, start_up: None };
    let (inside, next) = (Vec::new(), Encoding::Component);
    let mut walk = Walk { bytes: bytes.len(), inside, next, found };
    for payload in Parser::new(0).parse_all(bytes) {
        walk.take(payload?)?;
    }
    Ok(walk.found)
}

impl From<wasmparser::Error> for ComponentError {
    fn from(error: wasmparser::Error) -> Self {
        Self::Broken { offset: error.offset(), why: cut(error.message()) }
    }
}

/// Where the walk is, and what it has found.
struct Walk<'a> {
    /// The file's length.
    bytes: usize,
    /// What the current section lies in, the outermost first.
    inside: Vec<Encoding>,
    /// What the section that was entered last says it holds.
    next: Encoding,
    found: Component<'a>,
}

impl<'a> Walk<'a> {
    fn take(&mut self, payload: Payload<'a>) -> Result<(), ComponentError> {
        let outermost = self.inside.len() == 1;
        match payload {
            Payload::Version { encoding, range, .. } => self.enter(encoding, range.start)?,
            Payload::ModuleSection { unchecked_range, .. } => {
                self.announce(Encoding::Module, unchecked_range)?;
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                self.announce(Encoding::Component, unchecked_range)?;
            }
            Payload::End(_) => {
                self.inside.pop();
            }
            Payload::ComponentImportSection(section) if outermost => self.import(section)?,
            Payload::ComponentExportSection(section) if outermost => self.export(section)?,
            Payload::CustomSection(section) => self.custom(&section)?,
            Payload::StartSection { range, .. } => {
                self.starts("a module's start function", range.start);
            }
            Payload::ComponentStartSection { range, .. } => {
                self.starts("a component's start section", range.start);
            }
            Payload::UnknownSection { id, range, .. } => {
                let why = format!("section {id} is unknown");
                return Err(ComponentError::Broken { offset: range.start, why });
            }
            _ => {}
        }
        Ok(())
    }

    /// A section that holds a whole module or component. The parser, and the validator
    /// over it, do not look whether all of it is there: cut between two sections of what it holds, it
    /// would seem whole.
    fn announce(&mut self, next: Encoding, range: Range<usize>) -> Result<(), ComponentError> {
        if range.end > self.bytes {
            let why = format!("a section up to byte {} and a file of {}", range.end, self.bytes);
            return Err(ComponentError::Broken { offset: range.start, why });
        }
        self.next = next;
        Ok(())
    }

    fn enter(&mut self, encoding: Encoding, offset: usize) -> Result<(), ComponentError> {
        if self.inside.len() == MAX_NESTING {
            return Err(ComponentError::TooDeep { offset, limit: MAX_NESTING });
        }
        // The parser goes by the header; what goes by the section would see something else.
        if encoding != self.next {
            let why = "a module where a component was said to be, or the other way round".into();
            return Err(ComponentError::Broken { offset, why });
        }
        self.inside.push(encoding);
        Ok(())
    }

    fn starts(&mut self, what: &'static str, offset: usize) {
        self.found.start_up.get_or_insert(StartUp { what, offset });
    }

    fn import(&mut self, section: ComponentImportSectionReader<'a>) -> Result<(), ComponentError> {
        for import in section.into_iter_with_offsets() {
            let (offset, import) = import?;
            let name = plain_name(import.name, offset)?;
            // A name for a type that is defined in full brings nothing with it; a new type, a
            // resource, does.
            if matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                continue;
            }
            room("imports", self.found.imports.len(), MAX_IMPORTS)?;
            self.found.imports.push(name);
        }
        Ok(())
    }

    fn export(&mut self, section: ComponentExportSectionReader<'a>) -> Result<(), ComponentError> {
        for export in section.into_iter_with_offsets() {
            let (offset, export) = export?;
            room("exports", self.found.exports.len(), MAX_EXPORTS)?;
            self.found.exports.push(plain_name(export.name, offset)?);
        }
        Ok(())
    }

    /// The version counts where the SDK puts it: in a module right within the component.
    fn custom(&mut self, section: &CustomSectionReader<'a>) -> Result<(), ComponentError> {
        let in_place = self.inside == [Encoding::Component, Encoding::Module];
        if !in_place || section.name() != API_SECTION {
            return Ok(());
        }
        if self.found.api.is_some() {
            return Err(ComponentError::TwoVersions);
        }
        let version = std::str::from_utf8(section.data()).map_err(|_| ComponentError::Broken {
            offset: section.data_offset(),
            why: format!("section {API_SECTION} is no text"),
        })?;
        self.found.api = Some(version);
        Ok(())
    }
}

fn room(what: &'static str, count: usize, limit: usize) -> Result<(), ComponentError> {
    if count < limit {
        return Ok(());
    }
    Err(ComponentError::TooMany { what, count: count + 1, limit })
}

/// A name that is all there is to say of an import: with what may come along ("implements …"),
/// another interface could stand behind it than the one that is named.
fn plain_name<'a>(name: ComponentExternName<'a>, offset: usize) -> Result<&'a str, ComponentError> {
    match name {
        ComponentExternName { name, implements: None, version_suffix: None, external_id: None } => {
            Ok(name)
        }
        ComponentExternName { name, .. } => {
            let why = format!("{:?} has options, expected a name alone", cut(name));
            Err(ComponentError::Broken { offset, why })
        }
    }
}
