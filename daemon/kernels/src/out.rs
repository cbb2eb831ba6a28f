//! Where a product goes: rows of channels, written by panels, from one thread or several.
//!
//! Must not be written twice in the same place at a time: each panel belongs to one thread.

use std::marker::PhantomData;
use std::ops::Range;

use crate::lanes::{LANES, Lanes, store_some};

/// Rows of `outputs` channels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out<'a> {
    to: *mut f32,
    rows: usize,
    outputs: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: threads write different panels, as `write` asks.
unsafe impl Sync for Out<'_> {}
// SAFETY: as above.
unsafe impl Send for Out<'_> {}

impl<'a> Out<'a> {
    /// # Panics
    /// When there is other than room for the rows.
    pub(crate) fn new(out: &'a mut [f32], rows: usize, outputs: usize) -> Self {
        assert_eq!(Some(out.len()), rows.checked_mul(outputs), "room for the product");
        Self { to: out.as_mut_ptr(), rows, outputs, borrowed: PhantomData }
    }

    /// Writes the channels of a panel that there are.
    ///
    /// # Safety
    /// Nobody else writes this panel meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn write<V: Lanes>(&self, panel: usize, row: usize, value: V) {
        let channel = panel * LANES;
        assert!(row < self.rows && channel < self.outputs, "row {row}, panel {panel}");
        let there = self.outputs - channel;
        // SAFETY: the place is inside the slice that this was made of, and nobody else writes it.
        unsafe {
            let to = self.to.add(row * self.outputs + channel);
            if there >= LANES { value.store(to) } else { store_some(value, to, there) }
        }
    }
}

/// The panels of a thread, of so many threads: as many as the others have, or one more.
pub(crate) fn share(panels: usize, thread: usize, threads: usize) -> Range<usize> {
    panels * thread / threads..panels * (thread + 1) / threads
}
