//! A command that never ends.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;

hostile!(|_| loop {
    std::hint::black_box(());
});
