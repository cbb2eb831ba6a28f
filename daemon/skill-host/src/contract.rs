//! Reads the version of the contract that a component says it was built for, from the
//! custom section that the SDK puts into its core module.
//!
//! Must not decode anything else: it walks section headers, each bounded by the bytes
//! that are there, and never recurses. `valet-component` reads far more, where
//! components are compiled and not in the daemon; a fuzz target holds that both find the same version.

use valet_core::contract::API_SECTION;

const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const COMPONENT_HEADER: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
const MODULE_HEADER: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

/// Sections of a module or component: `(id, content)`; ends at the first broken header.
struct Sections<'a>(&'a [u8]);

impl<'a> Iterator for Sections<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&id, rest) = self.0.split_first()?;
        let (length, rest) = read_u32(rest)?;
        let (content, rest) = rest.split_at_checked(length as usize)?;
        self.0 = rest;
        Some((id, content))
    }
}

/// An unsigned LEB128 of at most 32 bits.
fn read_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u64;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, &bytes[i + 1..]));
        }
    }
    None
}

/// Whether the bytes begin like a component.
#[must_use]
pub fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(&COMPONENT_HEADER)
}

/// The version in the component's section [`API_SECTION`]; `None` when it carries none.
#[must_use]
pub fn api_version(component: &[u8]) -> Option<&str> {
    let sections = component.strip_prefix(&COMPONENT_HEADER)?;
    Sections(sections)
        .filter(|(id, _)| *id == CORE_MODULE)
        .filter_map(|(_, module)| module.strip_prefix(&MODULE_HEADER))
        .flat_map(Sections)
        .filter(|(id, _)| *id == CUSTOM)
        .find_map(|(_, section)| {
            let (length, rest) = read_u32(section)?;
            let (name, content) = rest.split_at_checked(length as usize)?;
            (name == API_SECTION.as_bytes()).then(|| std::str::from_utf8(content).ok())?
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        [&[id, length], content].concat()
    }

    fn component(version: &[u8]) -> Vec<u8> {
        let name = API_SECTION.as_bytes();
        let custom = [&[15], name, version].concat();
        let module = [&MODULE_HEADER[..], &section(1, &[0]), &section(0, &custom)].concat();
        [&COMPONENT_HEADER[..], &section(7, &[1, 2, 3]), &section(1, &module)].concat()
    }

    #[test]
    fn the_version_is_found_and_anything_cut_short_is_not() {
        let whole = component(b"0.1");
        assert_eq!(api_version(&whole), Some("0.1"));
        for length in 0..whole.len() {
            assert_eq!(api_version(&whole[..length]), None, "{length}");
        }
        assert_eq!(api_version(&component(b"\xff")), None);
        assert_eq!(api_version(b"\0asm\x01\0\0\0"), None);
    }

    #[test]
    fn a_length_of_more_than_32_bits_is_refused() {
        assert_eq!(read_u32(&[0xff, 0xff, 0xff, 0xff, 0x7f]), None);
        assert_eq!(read_u32(&[0xff; 9]), None);
        assert_eq!(read_u32(&[0x80, 0x01, 7]), Some((128, &[7][..])));
    }
}
