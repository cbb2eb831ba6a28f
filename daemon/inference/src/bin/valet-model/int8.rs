//! Symmetric int8: `value = quantized * scale`, `scale = largest / 127`, or as much larger as the kernels' bound on
//! pairs of weights wants.
//!
//! Must be exact and the same everywhere: one division and one rounding a value.

use valet_inference::PAIR_BOUND;

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

/// Quantizes each column (output channel) of a matrix with a scale of its own, such that no two neighbouring
/// values of a column are larger together than the kernels' [`PAIR_BOUND`].
pub(crate) fn quantize_columns(matrix: &Tensor) -> (Vec<i8>, Vec<f32>) {
    let width = matrix.shape[1];
    let column = |column: usize| matrix.values.iter().skip(column).step_by(width).copied();
    let scales: Vec<f32> =
        (0..width).map(|number| scale_of(column(number)).max(pair_scale(column(number)))).collect();
    let values = matrix
        .values
        .chunks_exact(width)
        .flat_map(|row| row.iter().zip(&scales))
        .map(|(value, scale)| quantized(*value, *scale))
        .collect();
    (values, scales)
}

/// The least scale with which each pair of neighbours fits the bound, rounding included: two roundings add
/// at most one.
fn pair_scale(column: impl Iterator<Item = f32>) -> f32 {
    let mut largest = 0.0f32;
    let mut column = column.map(f32::abs);
    while let Some(first) = column.next() {
        largest = largest.max(first + column.next().unwrap_or(0.0));
    }
    largest / f32::from(PAIR_BOUND - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrix() -> impl Strategy<Value = Tensor> {
        (1usize..6, 1usize..6).prop_flat_map(|(rows, columns)| {
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
        fn no_pair_of_a_column_is_past_the_bound(matrix in matrix()) {
            let (values, _) = quantize_columns(&matrix);
            let width = matrix.shape[1];
            let rows: Vec<&[i8]> = values.chunks_exact(width).collect();
            for pair in rows.chunks(2) {
                for column in 0..width {
                    let sum: u32 = pair.iter().map(|row| u32::from(row[column].unsigned_abs())).sum();
                    prop_assert!(sum <= PAIR_BOUND.into(), "{sum}");
                }
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
