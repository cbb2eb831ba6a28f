//! An index of places of any bytes is looked up in, or found corrupt, within its bound of reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use valet_fuzz::Changes;

#[allow(dead_code)]
#[path = "../../../skills/navigation/src"]
mod navigation {
    pub mod fold;
    pub mod geo;
    pub mod index;
    pub mod search;
}
use navigation::{fold, geo, geo::Point, index, index::Index, search};

/// The index in memory; it counts its reads.
struct Bytes<'a>(&'a [u8], Cell<u32>);

impl index::Source for &Bytes<'_> {
    fn read_at(&self, offset: u64, length: u32) -> Option<Vec<u8>> {
        self.1.set(self.1.get() + 1);
        let rest = self.0.get(usize::try_from(offset).ok()?..)?;
        Some(rest[..rest.len().min(length as usize)].to_vec())
    }
}

/// An index with six places in it, one with enough points to be looked for in rings.
const SMALL: &[u8] = include_bytes!("../seeds/fuzz_places/small.idx");

/// Asks an index all there is to ask; how many look-ups found something.
fn ask(bytes: &[u8]) -> usize {
    let mut found = 0;
    let here = Point::read("60.17, 24.94");
    for said in ["helsingfors", "paris texas", "kappeli in helsinki", "mannerheimintje", "st"] {
        let source = Bytes(bytes, Cell::new(0));
        let Ok(mut index) = Index::open(&source) else { return found };
        match search::find(&mut index, said, here) {
            Ok(search::Found::One(place)) => {
                let _ = index.region_name(&place);
                found += 1;
            }
            Ok(search::Found::Several(places)) => assert!((2..=4).contains(&places.len())),
            _ => {}
        }
        assert!(source.1.get() <= index::MAX_READS);
    }
    for (name, most_m) in [("town", 1e9), ("street", 5e3), ("cafe", 5e4)] {
        let source = Bytes(bytes, Cell::new(0));
        let Ok(mut index) = Index::open(&source) else { return found };
        let (Some(category), Some(here)) = (index.category(name), here) else { continue };
        if let Ok(near) = index.nearest(category, here, 3, most_m) {
            assert!(near.len() <= 3 && near.is_sorted_by(|a, b| a.distance_m <= b.distance_m));
            found += near.len();
        }
        assert!(source.1.get() <= index::MAX_READS);
    }
    found
}

fuzz_target!(|parts: (Changes, &[u8])| {
    let (changes, bytes) = parts;
    ask(bytes);
    let found = ask(&changes.applied_to(SMALL));
    assert!(found > 5 || !changes.is_empty(), "the whole index answers, found {found}");
});
