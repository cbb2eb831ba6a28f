//! Looks places up in the index that the recipe makes (`recipe/build_places.py`).

use super::*;
use crate::index::MAX_READS;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

struct Asset(&'static str);

impl Source for Asset {
    fn read_at(&self, offset: u64, length: u32) -> Option<Vec<u8>> {
        let mut file = File::open(self.0).ok()?;
        file.seek(SeekFrom::Start(offset)).ok()?;
        let mut bytes = Vec::new();
        file.take(length.into()).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

fn open() -> Index<Asset> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/places.idx");
    Index::open(Asset(path)).expect("the index: make it with recipe/build_places.py")
}

fn helsinki() -> Point {
    Point::new(60.1699, 24.9384).expect("a point")
}

fn look_up(said: &str) -> (Found, u32) {
    let mut index = open();
    let found = find(&mut index, said, Some(helsinki())).expect("a look-up");
    assert!(index.reads() <= MAX_READS, "{said}: {} reads", index.reads());
    (found, index.reads())
}

fn label(place: &Place) -> String {
    let index = open();
    format!("{}, {}", place.name, index.region_name(place).unwrap_or("?"))
}

fn assert_finds(said: &str, expected: &str) {
    match look_up(said).0 {
        Found::One(place) => assert_eq!(label(&place), expected, "{said}"),
        other => panic!("{said}: {other:?}"),
    }
}

#[test]
fn the_obvious_place_is_taken() {
    for (said, expected) in [
        ("Helsinki", "Helsinki, Finland"),
        ("helsingfors", "Helsinki, Finland"),
        ("paris", "Paris, France"),
        ("Turku", "Turku, Finland"),
        ("Espoo", "Espoo, Finland"),
        ("new york", "New York City, New York"),
        ("munich", "Munich, Germany"),
        ("cologne", "Köln, Germany"),
        ("Saint Petersburg", "Saint Petersburg, Russia"),
        ("Mannerheimintie", "Mannerheimintie, Finland"),
        ("the Ateneum", "Ateneum, Finland"),
    ] {
        assert_finds(said, expected);
    }
}

#[test]
fn a_region_or_town_says_which() {
    assert_finds("paris texas", "Paris, Texas");
    assert_finds("Paris, Texas", "Paris, Texas");
    assert_finds("paris in france", "Paris, France");
    assert_finds("london ontario", "London, Ontario");
    assert_finds("cambridge england", "Cambridge, England");
    assert_finds("mannerheimintie helsinki", "Mannerheimintie, Finland");
}

#[test]
fn a_slip_or_a_beginning_is_forgiven() {
    assert_finds("helsinky", "Helsinki, Finland");
    assert_finds("stokholm", "Stockholm, Sweden");
    assert_finds("manerheimintie", "Mannerheimintie, Finland");
}

#[test]
fn several_of_a_size_are_a_choice() {
    match look_up("springfield").0 {
        Found::Several(places) => assert!((2..=4).contains(&places.len()), "{places:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    for said in ["xyzzyplugh", "", "my grandmother", "qqqq wwww"] {
        assert_eq!(look_up(said).0, Found::Nothing, "{said}");
    }
}

#[test]
fn a_look_up_takes_few_reads() {
    // `look_up` holds each to the bound; the usual ones take far fewer.
    for said in ["san", "s", "santa maria de la nada", "saint", "new", "the old town of nowhere"] {
        look_up(said);
    }
    for said in ["paris", "springfield", "stokholm", "paris texas"] {
        let (_, reads) = look_up(said);
        assert!(reads <= 10, "{said}: {reads} reads");
    }
}

#[test]
fn the_nearest_are_sorted_and_near() {
    for category in ["cafe", "pizza-place", "pharmacy", "street", "town"] {
        let mut index = open();
        let number = index.category(category).expect("a category");
        let found = index.nearest(number, helsinki(), 3, 50_000.0).expect("points");
        assert!(index.reads() <= 12, "{category}: {} reads", index.reads());
        assert_eq!(found.len(), 3, "{category}");
        assert!(found.is_sorted_by(|a, b| a.distance_m <= b.distance_m), "{category}");
        assert!(found[0].distance_m < 15_000.0, "{category}: {found:?}");
        let place = index.place(found[0].at).expect("a place");
        assert!(!place.name.is_empty(), "{category}");
    }
}

#[test]
fn rings_find_what_a_whole_scan_finds() {
    let index = open();
    let number = index.category("town").expect("a category");
    for (latitude, longitude) in [(60.17, 24.94), (-33.9, 151.2), (0.0, -25.0), (78.2, 15.6)] {
        let here = Point::new(latitude, longitude).expect("a point");
        let found = open().nearest(number, here, 1, 300_000.0).expect("points");
        let all = open().every(number, here);
        let nearest = all.iter().filter(|near| near.distance_m <= 300_000.0);
        let nearest = nearest.min_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
        assert_eq!(found.first().map(|near| near.at), nearest.map(|near| near.at), "{here:?}");
    }
    assert_eq!(index.category("moon-base"), None);
}

#[test]
fn a_bad_record_is_corrupt_not_a_crash() {
    let mut index = open();
    for at in [u32::MAX, 1 << 23, 5] {
        let _ = index.place(at).map(|place| assert!(!place.name.is_empty()));
    }
    assert_eq!(index.place(u32::MAX).err(), Some(IndexError::Corrupt));
}
