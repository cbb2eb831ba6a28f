//! Symmetric int8: `value = quantized * scale`, `scale = largest / 127`, or as much larger as the kernels' bound on
//! the weights of a word wants.
//!
//! Must be exact and the same everywhere: one division and one rounding a value.

use valet_inference::{WORD_BOUND, fullest_word};

use crate::safetensors::Tensor;

fn scale_of(values: impl Iterator<Item = f32>) -> f32 {
    let largest = values.fold(0.0f32, |largest, value| largest.max(value.abs()));
    // A row of zeros keeps scale 1, for 0 / 1 = 0.
    if largest == 0.0 { 1.0 } else { largest / 127.0 }
}

fn quantized(value: f32, scale: f32) -> i8 {
    // `as` saturates; the quotient is within ±127 but for its last bit.
    (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8
}

/// Quantizes each row of a matrix with a scale of its own.
pub(crate) fn quantize_rows(matrix: &Tensor) -> (Vec<i8>, Vec<f32>) {
    let width = matrix.shape[1];
    let mut values = Vec::with_capacity(matrix.values.len());
    let mut scales = Vec::with_capacity(matrix.shape[0]);
    for row in matrix.values.chunks_exact(width) {
        let scale = scale_of(row.iter().copied());
        values.extend(row.iter().map(|value| quantized(*value, scale)));
        scales.push(scale);
    }
    (values, scales)
}

/// Quantizes each column (output channel) of a matrix with a scale of its own, such that no word of it is
/// fuller than the kernels' [`WORD_BOUND`].
pub(crate) fn quantize_columns(matrix: &Tensor) -> (Vec<i8>, Vec<f32>) {
    let width = matrix.shape[1];
    let mut values = vec![0; matrix.values.len()];
    let mut scales = Vec::with_capacity(width);
    for number in 0..width {
        let column: Vec<f32> = matrix.values.iter().skip(number).step_by(width).copied().collect();
        let (quantized, scale) = quantize_column(&column);
        values
            .iter_mut()
            .skip(number)
            .step_by(width)
            .zip(quantized)
            .for_each(|(to, value)| *to = value);
        scales.push(scale);
    }
    (values, scales)
}

/// How much larger the next scale is that is tried.
const LARGER: f32 = 1.0 + 1.0 / 512.0;

/// Quantizes a column with the first scale, from `largest / 127` upwards, with which all of its words fit.
fn quantize_column(column: &[f32]) -> (Vec<i8>, f32) {
    let mut scale = scale_of(column.iter().copied());
    loop {
        let values: Vec<i8> = column.iter().map(|value| quantized(*value, scale)).collect();
        let (_, sum) = fullest_word(&values);
        if sum <= WORD_BOUND.into() {
            return (values, scale);
        }
        // Eight roundings move a sum by four at most: no scale below this one can fit.
        let least = sum.saturating_sub(4) as f32 / f32::from(WORD_BOUND + 4);
        scale *= least.max(LARGER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrix() -> impl Strategy<Value = Tensor> {
        (1usize..40, 1usize..6).prop_flat_map(|(rows, columns)| {
            proptest::collection::vec(-1e3f32..1e3, rows * columns)
                .prop_map(move |values| Tensor { shape: vec![rows, columns], values })
        })
    }

    proptest! {
        #[test]
        fn each_value_comes_back_within_half_a_step(matrix in matrix()) {
            let width = matrix.shape[1];
            let (by_row, row_scales) = quantize_rows(&matrix);
            let (by_column, column_scales) = quantize_columns(&matrix);
            for (index, value) in matrix.values.iter().enumerate() {
                let scale = row_scales[index / width];
                prop_assert!((f32::from(by_row[index]) * scale - value).abs() <= scale * 0.501);
                let scale = column_scales[index % width];
                prop_assert!((f32::from(by_column[index]) * scale - value).abs() <= scale * 0.501);
            }
        }
    }

    proptest! {
        #[test]
        fn no_word_of_a_column_is_past_the_bound(matrix in matrix()) {
            let (values, _) = quantize_columns(&matrix);
            let width = matrix.shape[1];
            for column in 0..width {
                let column: Vec<i8> = values.iter().skip(column).step_by(width).copied().collect();
                prop_assert!(fullest_word(&column).1 <= WORD_BOUND.into(), "{column:?}");
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let zeros = Tensor { shape: vec![2, 2], values: vec![0.0; 4] };
        assert_eq!(quantize_rows(&zeros), (vec![0; 4], vec![1.0; 2]));
        assert_eq!(quantize_columns(&zeros), (vec![0; 4], vec![1.0; 2]));
    }
}
