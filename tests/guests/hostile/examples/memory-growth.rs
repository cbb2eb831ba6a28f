//! Takes all the memory there is.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;

hostile!(|_| {
    let mut all = Vec::new();
    loop {
        all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
});
