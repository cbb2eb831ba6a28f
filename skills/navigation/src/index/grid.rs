//! The grid of the index: the nearest places of a category.
//!
//! Must not look across the 180th meridian: there are no cells beyond it.

use super::{Category, Index, IndexError, PAGE, Reader, Source, read_point};
use crate::geo::{DEGREE_M, Point};

/// Categories of at most that many pages are read as a whole.
const WHOLE_PAGES: u32 = 4;
/// Cells to each side of the first look; it doubles.
const FIRST_RING: i64 = 1;
/// Largest ring.
const LAST_RING: i64 = 64;

/// A point of a category, nearest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near {
    /// The place's record.
    pub(crate) at: u32,
    /// Where it is.
    pub(crate) point: Point,
    /// How far, metres, great circle.
    pub(crate) distance_m: f64,
}

impl<S: Source> Index<S> {
    /// The nearest points of a category within `most_m`, at most `count`, nearest first. With many
    /// points it looks in growing rings; when its reads are used up, what it found so far.
    pub(crate) fn nearest(
        &mut self,
        category: u8,
        here: Point,
        count: usize,
        most_m: f64,
    ) -> Result<Vec<Near>, IndexError> {
        let category =
            self.categories.get(usize::from(category)).cloned().ok_or(IndexError::Corrupt)?;
        if category.pages <= WHOLE_PAGES {
            let mut found = Vec::new();
            for number in 0..category.pages {
                self.collect(category.first_page + number, here, &mut found)?;
            }
            return Ok(sorted(found, count, most_m));
        }
        let cell_m = cell_m(&category, here);
        let (mut ring, mut found) = (FIRST_RING, Vec::new());
        loop {
            match self.ring(&category, here, ring) {
                Ok(all) => found = all,
                Err(IndexError::TooManyReads) if !found.is_empty() => break,
                Err(error) => return Err(error),
            }
            #[allow(clippy::cast_precision_loss)]
            let sure_m = cell_m * ring as f64;
            let sure = found.iter().filter(|near| near.distance_m <= sure_m).count();
            if sure >= count || sure_m > most_m || ring >= LAST_RING {
                break;
            }
            ring *= 2;
        }
        Ok(sorted(found, count, most_m))
    }

    /// All points of a category, however many reads it takes: what the rings are held to.
    #[cfg(test)]
    pub(crate) fn every(&mut self, category: u8, here: Point) -> Vec<Near> {
        let category = self.categories[usize::from(category)].clone();
        let mut found = Vec::new();
        for number in 0..category.pages {
            self.reads = 0;
            self.collect(category.first_page + number, here, &mut found).expect("a page");
        }
        found
    }

    /// Points of all cells at most `ring` cells away.
    fn ring(
        &mut self,
        category: &Category,
        here: Point,
        ring: i64,
    ) -> Result<Vec<Near>, IndexError> {
        let columns = 36_000_000 / i64::from(category.cell);
        let (row, column) = cell_of(category, here);
        let mut pages = Vec::new();
        for row in (row - ring).max(0)..=row + ring {
            let first = row * columns + (column - ring).max(0);
            let last = row * columns + (column + ring).min(columns - 1);
            pages.extend(self.grid_pages(category, first, last)?);
        }
        pages.sort_unstable();
        pages.dedup();
        let mut found = Vec::new();
        for page in pages {
            self.collect(page, here, &mut found)?;
        }
        Ok(found)
    }

    /// Pages of a category that may hold cells `first` to `last`.
    fn grid_pages(
        &mut self,
        category: &Category,
        first: i64,
        last: i64,
    ) -> Result<core::ops::Range<u32>, IndexError> {
        if self.grid_firsts.is_empty() {
            let table = self.table(self.grid_directory)?;
            let mut reader = Reader::new(&table);
            for _ in 0..self.grid.length / PAGE {
                self.grid_firsts.push(i64::from(reader.u32()?));
            }
        }
        let whole = category.first_page as usize..(category.first_page + category.pages) as usize;
        let firsts = self.grid_firsts.get(whole).ok_or(IndexError::Corrupt)?;
        // A cell may go over two pages: begin one before the first that starts at it.
        let from = firsts.partition_point(|cell| *cell < first).saturating_sub(1);
        let to = firsts.partition_point(|cell| *cell <= last);
        let number = |place: usize| u32::try_from(place).map_err(|_| IndexError::Corrupt);
        Ok(category.first_page + number(from)?..category.first_page + number(to)?)
    }

    fn collect(
        &mut self,
        number: u32,
        here: Point,
        found: &mut Vec<Near>,
    ) -> Result<(), IndexError> {
        let section = self.grid;
        let mut reader = Reader::new(self.page(section, number)?);
        for _ in 0..reader.u16()? {
            let point = read_point(&mut reader)?;
            let at = reader.u32()?;
            found.push(Near { at, point, distance_m: here.distance_m(point) });
        }
        Ok(())
    }
}

fn sorted(mut found: Vec<Near>, count: usize, most_m: f64) -> Vec<Near> {
    found.retain(|near| near.distance_m <= most_m);
    found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
    let mut seen = Vec::new();
    found.retain(|near| {
        let is_new = !seen.contains(&near.at) && seen.len() < count;
        if is_new {
            seen.push(near.at);
        }
        is_new
    });
    found
}

/// Row and column of a point's cell.
#[allow(clippy::cast_possible_truncation)]
fn cell_of(category: &Category, here: Point) -> (i64, i64) {
    let cell = f64::from(category.cell);
    let row = ((here.latitude + 90.0) * 1e5 / cell).floor() as i64;
    let column = ((here.longitude + 180.0) * 1e5 / cell).floor() as i64;
    (row, column)
}

/// The shorter side of a cell, metres.
fn cell_m(category: &Category, here: Point) -> f64 {
    let degrees = f64::from(category.cell) / 1e5;
    degrees * DEGREE_M * here.latitude.to_radians().cos().clamp(0.05, 1.0)
}
