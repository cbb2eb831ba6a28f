//! Names of the index: which records answer to a key, exactly or nearly.
//!
//! Must not rank them; `search` does.

use super::{Index, IndexError, Reader, Source};
use crate::fold::is_near;

/// Set in an entry's rank for an alternate name.
const ALTERNATE: u8 = 0x80;
/// Most hits of a look-up.
const MAX_HITS: usize = 200;
/// Most names pages that a look-up for near names reads.
const MAX_NEAR_PAGES: u32 = 10;

/// A name that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The place's record.
    pub(crate) at: u32,
    /// How well known the place is.
    pub(crate) rank: u8,
    /// Whether the name is not its usual one.
    pub(crate) is_alternate: bool,
}

impl<S: Source> Index<S> {
    /// Places called exactly so.
    pub(crate) fn exact(&mut self, key: &str) -> Result<Vec<Hit>, IndexError> {
        let mut hits = Vec::new();
        self.scan(key, u32::MAX, |name, hit| {
            if name == key.as_bytes() {
                hits.push(hit);
            }
            name <= key.as_bytes() && hits.len() < MAX_HITS
        })?;
        Ok(hits)
    }

    /// Places whose name begins so, best known first, at most `most`.
    pub(crate) fn beginning(&mut self, key: &str, most: usize) -> Result<Vec<Hit>, IndexError> {
        let mut hits = Vec::new();
        self.scan(key, MAX_NEAR_PAGES, |name, hit| {
            let begins = name.starts_with(key.as_bytes());
            if begins {
                hits.push(hit);
            }
            begins || name < key.as_bytes()
        })?;
        hits.sort_by_key(|hit| (hit.is_alternate, core::cmp::Reverse(hit.rank)));
        hits.truncate(most);
        Ok(hits)
    }

    /// Places whose name differs by at most `slips` letters behind the first three.
    pub(crate) fn near(&mut self, key: &str, slips: usize) -> Result<Vec<Hit>, IndexError> {
        let Some(start) = key.get(..3) else { return Ok(Vec::new()) };
        let mut hits = Vec::new();
        self.scan(start, MAX_NEAR_PAGES, |name, hit| {
            let text = core::str::from_utf8(name).unwrap_or_default();
            if text.starts_with(start) && is_near(text, key, slips) {
                hits.push(hit);
            }
            (text.starts_with(start) || text < start) && hits.len() < MAX_HITS
        })?;
        hits.sort_by_key(|hit| (hit.is_alternate, core::cmp::Reverse(hit.rank)));
        hits.truncate(8);
        Ok(hits)
    }

    /// Visits names from the page on that may hold `from`, until the visitor says false.
    fn scan(
        &mut self,
        from: &str,
        most_pages: u32,
        mut visit: impl FnMut(&[u8], Hit) -> bool,
    ) -> Result<(), IndexError> {
        let section = self.names;
        let pages = section.length / super::PAGE;
        let first = self.first_names_page(from)?;
        let mut name = Vec::new();
        for number in first..pages.min(first.saturating_add(most_pages)) {
            let mut reader = Reader::new(self.page(section, number)?);
            for _ in 0..reader.u16()? {
                let shared = usize::from(reader.u8()?);
                let own = reader.short()?;
                if shared > name.len() {
                    return Err(IndexError::Corrupt);
                }
                name.truncate(shared);
                name.extend_from_slice(own);
                let (at, flags) = (reader.u24()?, reader.u8()?);
                let hit =
                    Hit { at, rank: flags & !ALTERNATE, is_alternate: flags & ALTERNATE != 0 };
                if !visit(&name, hit) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The last page whose first name lies before the key, for a name may go over two pages.
    fn first_names_page(&mut self, key: &str) -> Result<u32, IndexError> {
        if self.names_firsts.is_empty() {
            let table = self.table(self.names_directory)?;
            let mut reader = Reader::new(&table);
            for _ in 0..self.names.length / super::PAGE {
                self.names_firsts.push(reader.short()?.to_vec());
            }
        }
        let before = self.names_firsts.partition_point(|first| first.as_slice() < key.as_bytes());
        u32::try_from(before.saturating_sub(1)).map_err(|_| IndexError::Corrupt)
    }
}
