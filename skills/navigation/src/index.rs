//! Reads the index of places, page by page, within a bounded number of reads.
//!
//! Must not know where the bytes come from (see [`Source`]) nor what is meant by a name; `search`
//! does. The recipe (`recipe/layout.py`) writes it. Layout, little-endian, pages of 4 KiB:
//!
//! - header: `VPLACES1`, page bytes, places, names (`u32` each), then offset and length (`u32`) of
//!   the sections, which begin at page bounds: categories, regions, name directory, grid directory,
//!   names, grid, records;
//! - categories: count (`u8`), then each: name (`u8` length), first grid page, pages, points, cell
//!   size in 1e-5 degrees (`u32` each);
//! - regions: count (`u16`), then each: parent (`u8`, 255 = none), name (`u8` length), count of
//!   folded names (`u8`), those (`u8` length each). Countries first, then states, numbered anew;
//! - name directory: the first key of each names page (`u8` length);
//! - grid directory: the first cell of each grid page (`u32`);
//! - names page: count (`u16`), then sorted, front-coded entries: shared bytes, own bytes (`u8`
//!   each), own bytes, record (3 bytes), rank with the high bit set for an alternate name;
//! - grid page: count (`u16`), then latitude, longitude (1e-5 degrees), record (`i32` each), by cell;
//! - record: category, country, state, rank (`u8` each), latitude, longitude (`i32`), name, detail
//!   (`u8` length each). None crosses a page.

mod bytes;
mod grid;
mod names;

use crate::geo::Point;
use bytes::Reader;
pub(crate) use names::Hit;
use std::collections::BTreeMap;

/// Bytes of a page.
pub(crate) const PAGE: u32 = 4096;
/// Most reads of a look-up.
pub(crate) const MAX_READS: u32 = 32;
/// Longest section that is read whole, bytes.
const MAX_TABLE_BYTES: u32 = 64 * 1024;
/// No country or state.
pub(crate) const NO_REGION: u8 = 255;
/// Category of towns.
pub(crate) const TOWN: u8 = 0;
/// Category of streets.
pub(crate) const STREET: u8 = 1;
/// Category of addresses.
pub(crate) const ADDRESS: u8 = 2;

/// Why the index gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexError {
    /// The bytes could not be read.
    Unreadable,
    /// They are not what the layout says.
    Corrupt,
    /// More than [`MAX_READS`] reads.
    TooManyReads,
}

/// Where the bytes come from.
pub(crate) trait Source {
    /// At most `length` bytes from `offset`; shorter at the end.
    fn read_at(&self, offset: u64, length: u32) -> Option<Vec<u8>>;
}

/// One place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Its record.
    pub(crate) at: u32,
    /// What it is called.
    pub(crate) name: String,
    /// Street and number; may be empty.
    pub(crate) detail: String,
    /// Number of its category.
    pub(crate) category: u8,
    /// Number of its country.
    pub(crate) country: u8,
    /// Number of its state.
    pub(crate) state: u8,
    /// How well known; for towns five times the binary logarithm of the population.
    pub(crate) rank: u8,
    /// Where it is.
    pub(crate) point: Point,
}

#[derive(Debug, Clone, Copy, Default)]
struct Section {
    offset: u32,
    length: u32,
}

#[derive(Debug, Clone)]
struct Category {
    name: String,
    first_page: u32,
    pages: u32,
    cell: u32,
}

/// A country or a state.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    /// The country of a state.
    parent: u8,
    /// As it is said.
    pub(crate) name: String,
    /// Folded names.
    keys: Vec<String>,
}

/// The index, opened.
pub(crate) struct Index<S> {
    source: S,
    pages: BTreeMap<u32, Vec<u8>>,
    reads: u32,
    categories: Vec<Category>,
    regions: Vec<Region>,
    names_firsts: Vec<Vec<u8>>,
    grid_firsts: Vec<i64>,
    names: Section,
    names_directory: Section,
    grid: Section,
    grid_directory: Section,
    records: Section,
}

impl<S: Source> Index<S> {
    /// Opens an index: three reads.
    pub(crate) fn open(source: S) -> Result<Self, IndexError> {
        let mut index = Self {
            source,
            pages: BTreeMap::new(),
            reads: 0,
            categories: Vec::new(),
            regions: Vec::new(),
            names_firsts: Vec::new(),
            grid_firsts: Vec::new(),
            names: Section::default(),
            names_directory: Section::default(),
            grid: Section::default(),
            grid_directory: Section::default(),
            records: Section::default(),
        };
        let header = index.read(0, PAGE)?;
        let mut reader = Reader::new(&header);
        if reader.take(8)? != b"VPLACES1" || reader.u32()? != PAGE {
            return Err(IndexError::Corrupt);
        }
        reader.take(8)?;
        let mut section =
            || Ok::<_, IndexError>(Section { offset: reader.u32()?, length: reader.u32()? });
        let (categories, regions) = (section()?, section()?);
        index.names_directory = section()?;
        index.grid_directory = section()?;
        index.names = section()?;
        index.grid = section()?;
        index.records = section()?;
        index.categories = read_categories(&index.table(categories)?)?;
        index.regions = read_regions(&index.table(regions)?)?;
        Ok(index)
    }

    /// How many reads it took so far.
    #[cfg(test)]
    pub(crate) fn reads(&self) -> u32 {
        self.reads
    }

    fn read(&mut self, offset: u32, length: u32) -> Result<Vec<u8>, IndexError> {
        if self.reads >= MAX_READS {
            return Err(IndexError::TooManyReads);
        }
        self.reads += 1;
        self.source.read_at(offset.into(), length).ok_or(IndexError::Unreadable)
    }

    /// A small section as a whole.
    fn table(&mut self, section: Section) -> Result<Vec<u8>, IndexError> {
        if section.length > MAX_TABLE_BYTES {
            return Err(IndexError::Corrupt);
        }
        self.read(section.offset, section.length)
    }

    /// A page of a section, kept once it was read.
    fn page(&mut self, section: Section, number: u32) -> Result<&[u8], IndexError> {
        let inside = number.checked_mul(PAGE).ok_or(IndexError::Corrupt)?;
        if inside >= section.length {
            return Err(IndexError::Corrupt);
        }
        let offset = section.offset.checked_add(inside).ok_or(IndexError::Corrupt)?;
        if !self.pages.contains_key(&offset) {
            let bytes = self.read(offset, PAGE)?;
            self.pages.insert(offset, bytes);
        }
        self.pages.get(&offset).map(Vec::as_slice).ok_or(IndexError::Corrupt)
    }

    /// The place of a record.
    pub(crate) fn place(&mut self, at: u32) -> Result<Place, IndexError> {
        let records = self.records;
        let start = usize::try_from(at % PAGE).map_err(|_| IndexError::Corrupt)?;
        let page = self.page(records, at / PAGE)?;
        read_record(at, page.get(start..).ok_or(IndexError::Corrupt)?)
    }

    /// The number of a category by name.
    pub(crate) fn category(&self, name: &str) -> Option<u8> {
        let place = self.categories.iter().position(|category| category.name == name)?;
        u8::try_from(place).ok()
    }

    fn countries(&self) -> usize {
        self.regions.iter().take_while(|region| region.parent == NO_REGION).count()
    }

    /// The state of a place, else its country, as it is said.
    pub(crate) fn region_name(&self, place: &Place) -> Option<&str> {
        let state = usize::from(place.state) + self.countries();
        let number = if place.state == NO_REGION { usize::from(place.country) } else { state };
        self.regions.get(number).map(|region| region.name.as_str())
    }

    /// Whether a folded name is that of a country or state; then whether a place lies there.
    pub(crate) fn region_filter(&self, key: &str) -> Option<impl Fn(&Place) -> bool + use<S>> {
        let number = self.regions.iter().position(|region| region.keys.iter().any(|k| k == key))?;
        let countries = self.countries();
        Some(move |place: &Place| {
            if number < countries {
                usize::from(place.country) == number
            } else {
                place.state != NO_REGION && usize::from(place.state) + countries == number
            }
        })
    }
}

fn read_categories(bytes: &[u8]) -> Result<Vec<Category>, IndexError> {
    let mut reader = Reader::new(bytes);
    let count = reader.u8()?;
    (0..count)
        .map(|_| {
            let name = reader.text()?;
            let (first_page, pages) = (reader.u32()?, reader.u32()?);
            reader.u32()?;
            let cell = reader.u32()?;
            if cell == 0 || first_page.checked_add(pages).is_none() {
                return Err(IndexError::Corrupt);
            }
            Ok(Category { name, first_page, pages, cell })
        })
        .collect()
}

fn read_regions(bytes: &[u8]) -> Result<Vec<Region>, IndexError> {
    let mut reader = Reader::new(bytes);
    let count = reader.u16()?;
    (0..count)
        .map(|_| {
            let (parent, name) = (reader.u8()?, reader.text()?);
            let keys = reader.u8()?;
            let keys = (0..keys).map(|_| reader.text()).collect::<Result<_, _>>()?;
            Ok(Region { parent, name, keys })
        })
        .collect()
}

fn read_record(at: u32, bytes: &[u8]) -> Result<Place, IndexError> {
    let mut reader = Reader::new(bytes);
    let (category, country, state, rank) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
    let point = read_point(&mut reader)?;
    let (name, detail) = (reader.text()?, reader.text()?);
    if name.is_empty() {
        return Err(IndexError::Corrupt);
    }
    Ok(Place { at, name, detail, category, country, state, rank, point })
}

fn read_point(reader: &mut Reader<'_>) -> Result<Point, IndexError> {
    let (latitude, longitude) = (f64::from(reader.i32()?), f64::from(reader.i32()?));
    Point::new(latitude / 1e5, longitude / 1e5).ok_or(IndexError::Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(first_page: u32, pages: u32, cell: u32) -> Vec<u8> {
        let numbers = [first_page, pages, 0, cell].map(u32::to_le_bytes).concat();
        [&[1, 4], b"cafe".as_slice(), &numbers].concat()
    }

    #[test]
    fn a_category_that_no_grid_can_have_is_corrupt() {
        assert!(read_categories(&table(0, 9, 1_000)).is_ok());
        for (first_page, pages, cell) in [(0, 9, 0), (u32::MAX, 1, 1_000), (1, u32::MAX, 1_000)] {
            let error = read_categories(&table(first_page, pages, cell)).err();
            assert_eq!(error, Some(IndexError::Corrupt), "{first_page} {pages} {cell}");
        }
    }
}
