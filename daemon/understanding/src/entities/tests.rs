//! Verdicts on the recognisers.

use super::*;

#[test]
fn placeholder_table_is_filled_below() {
    assert!(!named::examples(Kind::Zone).is_empty());
}
