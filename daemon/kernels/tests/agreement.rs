//! The one suite that every kernel of every processor passes: the same bits as plain Rust, for
//! shapes that are no multiple of anything, and for zeros, subnormal and huge values.
//!
//! Plain Rust itself is held against arithmetic that anybody can read. Runs on whatever
//! processor there is; under an emulator on those that there are not.

use proptest::collection::vec;
use proptest::prelude::*;
use valet_kernels::{
    Activation, AttentionScratch, Int8Matrix, Int8Parts, Int8Rows, Int8Table, Kernels, Linear,
    LinearInput, LinearRates, NormWeights, WORD_BOUND, fullest_word,
};

fn scalar() -> Kernels {
    Kernels::named("scalar").expect("plain Rust runs everywhere")
}

/// All kernels but plain Rust.
fn others() -> Vec<Kernels> {
    Kernels::all().into_iter().filter(|kernels| *kernels != scalar()).collect()
}

/// Ordinary values mostly, and those at the edges of floats.
fn float() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -4.0f32..4.0,
        1 => Just(0.0f32),
        1 => Just(-0.0f32),
        1 => prop_oneof![Just(1e-40f32), Just(-3e-42), Just(f32::MIN_POSITIVE)],
        1 => prop_oneof![Just(1e12f32), Just(-1e12), Just(127.0), Just(-126.5), Just(0.5)],
    ]
}

fn int8() -> impl Strategy<Value = i8> {
    prop_oneof![6 => -64i8..=64, 1 => Just(64i8), 1 => Just(-64i8), 1 => Just(0i8)]
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A product as it is asked for.
#[derive(Debug, Clone)]
struct Case {
    inputs: usize,
    outputs: usize,
    rows: Vec<f32>,
    damping: Option<Vec<f32>>,
    weights: Vec<i8>,
    scales: Vec<f32>,
    bias: Vec<f32>,
}

fn case() -> impl Strategy<Value = Case> {
    (1usize..150, 1usize..70, 1usize..20).prop_flat_map(|(inputs, outputs, rows)| {
        (
            vec(float(), rows * inputs),
            proptest::option::of(vec(0.25f32..2.0, inputs)),
            vec(int8(), inputs * outputs),
            vec(1e-4f32..0.1, outputs),
            vec(-2.0f32..2.0, outputs),
        )
            .prop_map(move |(rows, damping, mut weights, scales, bias)| {
                weights.chunks_mut(inputs).for_each(bound_words);
                (rows, damping, weights, scales, bias)
            })
            .prop_map(move |(rows, damping, weights, scales, bias)| Case {
                inputs,
                outputs,
                rows,
                damping,
                weights,
                scales,
                bias,
            })
    })
}

/// Makes a channel's weights smaller until no word is past the bound.
fn bound_words(channel: &mut [i8]) {
    while fullest_word(channel).1 > WORD_BOUND.into() {
        let (first, _) = fullest_word(channel);
        let end = channel.len().min(first + 16);
        channel[first..end].iter_mut().for_each(|weight| *weight -= weight.signum());
    }
}

fn padded(values: &[f32]) -> Vec<f32> {
    let mut padded = values.to_vec();
    padded.resize(values.len().next_multiple_of(16), 0.0);
    padded
}

impl Case {
    fn quantized(&self, kernels: Kernels) -> Int8Rows {
        let mut rows = Int8Rows::new(kernels);
        rows.quantize(&self.rows, self.inputs, self.damping.as_deref());
        rows
    }

    fn product(&self, kernels: Kernels, activation: Activation) -> Vec<f32> {
        let packed = kernels.pack_int8(&self.weights, self.inputs, self.outputs).expect("packs");
        let (scales, bias) = (padded(&self.scales), padded(&self.bias));
        let parts = Int8Parts {
            weights: &packed.weights,
            starts: &packed.starts,
            scales: &scales,
            bias: &bias,
        };
        let matrix = Int8Matrix::new(self.inputs, self.outputs, parts).expect("fits");
        let rows = self.quantized(kernels);
        let mut out = vec![f32::NAN; rows.count() * self.outputs];
        kernels.int8_product(&rows, &matrix, activation, &mut out);
        out
    }
}

proptest! {
    #[test]
    fn quantized_rows_are_the_same_everywhere_and_within_half_a_step(case in case()) {
        let truth = case.quantized(scalar());
        for row in 0..truth.count() {
            let scale = truth.scales()[row];
            for column in 0..case.inputs {
                let damping = case.damping.as_ref().map_or(1.0, |damping| damping[column]);
                let expected = case.rows[row * case.inputs + column] * damping;
                let found = f32::from(truth.value(row, column)) * scale;
                let step = scale.max(1e-30);
                prop_assert!((found - expected).abs() <= step * 0.5001, "{found} for {expected}");
            }
        }
        for kernels in others() {
            let rows = case.quantized(kernels);
            prop_assert_eq!(bits(rows.scales()), bits(truth.scales()));
            for row in 0..truth.count() {
                for column in 0..case.inputs {
                    let same = rows.value(row, column) == truth.value(row, column);
                    prop_assert!(same, "{kernels:?} row {row} column {column}");
                }
            }
        }
    }

    #[test]
    fn int8_products_are_exact_and_the_same_everywhere(case in case()) {
        let truth = case.product(scalar(), Activation::None);
        let rows = case.quantized(scalar());
        for row in 0..rows.count() {
            for channel in 0..case.outputs {
                let weights = &case.weights[channel * case.inputs..][..case.inputs];
                let sum: i32 = weights
                    .iter()
                    .enumerate()
                    .map(|(input, weight)| i32::from(*weight) * i32::from(rows.value(row, input)))
                    .sum();
                let scale = case.scales[channel] * rows.scales()[row];
                let expected = (sum as f32).mul_add(scale, case.bias[channel]);
                prop_assert_eq!(truth[row * case.outputs + channel].to_bits(), expected.to_bits());
            }
        }
        for kernels in others() {
            let found = case.product(kernels, Activation::None);
            prop_assert_eq!(bits(&found), bits(&truth), "{:?}", kernels);
            let (found, truth) =
                (case.product(kernels, Activation::Gelu), case.product(scalar(), Activation::Gelu));
            prop_assert_eq!(bits(&found), bits(&truth), "{:?} with GELU", kernels);
        }
    }

    #[test]
    fn norms_are_the_same_everywhere(
        (width, rows, residual) in (1usize..100).prop_flat_map(|width| (
            Just(width),
            vec(float(), width * 3),
            proptest::option::of(vec(float(), width * 3)),
        )),
        epsilon in 1e-12f32..1e-5,
    ) {
        let weight: Vec<f32> = (0..width).map(|column| 0.5 + column as f32 / 50.0).collect();
        let bias: Vec<f32> = (0..width).map(|column| column as f32 / 30.0 - 1.0).collect();
        let layer = |kernels: Kernels| {
            let mut rows = rows.clone();
            let norm = NormWeights { weight: &weight, bias: &bias, epsilon };
            kernels.layer_norm(&mut rows, residual.as_deref(), norm);
            bits(&rows)
        };
        let rms = |kernels: Kernels| {
            let mut rows = rows.clone();
            kernels.rms_norm(&mut rows, &weight, epsilon);
            bits(&rows)
        };
        for kernels in others() {
            prop_assert_eq!(layer(kernels), layer(scalar()), "{:?} layer norm", kernels);
            prop_assert_eq!(rms(kernels), rms(scalar()), "{:?} RMS norm", kernels);
        }
    }

    #[test]
    fn layers_that_learn_are_the_same_everywhere_and_follow_the_definition(
        (outputs, inputs, rows, changes) in (0usize..40, 0usize..40, 0usize..10).prop_flat_map(
            |(outputs, inputs, rows)| (
                Just(outputs),
                Just(inputs),
                vec(vec(-4.0f32..4.0, inputs), rows),
                vec(-4.0f32..4.0, rows * outputs),
            ),
        ),
        sparse in vec(vec((0u32..7, -2.0f32..2.0), 0..6), 10),
    ) {
        let given: Vec<LinearInput<'_>> =
            rows.iter().zip(&sparse).map(|(dense, sparse)| LinearInput { dense, sparse }).collect();
        // Two steps, so that the second learns on weights; the sixth feature is the last that there is.
        let learn = |kernels: Kernels| {
            let mut layer = Linear::zeros(outputs, inputs, 6);
            let rates = LinearRates { dense: 0.5, sparse: 2.0 };
            let width = layer.width();
            let mut padded = vec![0.0; rows.len() * width];
            for (row, padded) in padded.chunks_exact_mut(width.max(1)).enumerate() {
                padded[..outputs].copy_from_slice(&changes[row * outputs..][..outputs]);
            }
            let mut out = vec![0.0; rows.len() * width];
            for _ in 0..2 {
                kernels.linear_step((&mut layer, rates), &given, &padded);
                kernels.linear(&layer, &given, &mut out);
            }
            (layer, out)
        };
        let (layer, out) = learn(scalar());
        for kernels in others() {
            let (other, others_out) = learn(kernels);
            let all = |layer: &Linear| layer.parts().map(bits);
            prop_assert_eq!(all(&other), all(&layer), "{:?}", kernels);
            prop_assert_eq!(bits(&others_out), bits(&out), "{:?}", kernels);
        }
        // By definition an output is the sum over all inputs that were learnt from of twice their change times the
        // likeness of the two inputs, each part of it by its rate.
        let likeness = |a: &LinearInput<'_>, b: &LinearInput<'_>| -> f64 {
            let dense = a.dense.iter().zip(b.dense).map(|(a, b)| 0.5 * f64::from(a * b));
            let pairs = a.sparse.iter().flat_map(|(f, v)| b.sparse.iter().map(move |(g, w)| (f, g, v * w)));
            let sparse = pairs.filter(|(f, g, _)| f == g && **f < 6).map(|(.., product)| 2.0 * f64::from(product));
            dense.chain(sparse).sum()
        };
        for (row, input) in given.iter().enumerate() {
            for output in 0..outputs {
                let terms = given.iter().enumerate();
                let expected: f64 = terms
                    .map(|(at, other)| 2.0 * f64::from(changes[at * outputs + output]) * likeness(input, other))
                    .sum();
                let found = f64::from(out[row * layer.width() + output]);
                prop_assert!((found - expected).abs() < 0.05, "{} for {}", found, expected);
            }
        }
        prop_assert_eq!(Linear::of(outputs, inputs, layer.parts().map(<[f32]>::to_vec)), Some(layer));
    }

    #[test]
    fn inner_products_are_the_same_everywhere(
        (vector, rows) in (0usize..70, 0usize..10)
            .prop_flat_map(|(width, rows)| (vec(float(), width), vec(float(), rows * width))),
    ) {
        let count = rows.len().checked_div(vector.len()).unwrap_or(3);
        let dots = |kernels: Kernels| {
            let mut out = vec![1.0; count];
            kernels.dots(&rows, &vector, &mut out);
            out
        };
        let truth = dots(scalar());
        for kernels in others() {
            prop_assert_eq!(bits(&dots(kernels)), bits(&truth), "{:?}", kernels);
        }
        for (row, found) in truth.iter().enumerate() {
            let terms = rows[row * vector.len()..].iter().zip(&vector).map(|(a, b)| f64::from(*a) * f64::from(*b));
            let (sum, size) = terms.fold((0.0, 1e-30), |(sum, size), term| (sum + term, size + term.abs()));
            prop_assert!((f64::from(*found) - sum).abs() <= 1e-5 * size, "{} for {}", found, sum);
        }
    }

    #[test]
    fn functions_of_values_are_the_same_everywhere(values in vec(float(), 0..70)) {
        let functions: [fn(Kernels, &mut [f32]); 3] =
            [|k, v| k.gelu(v), |k, v| k.silu(v), |k, v| k.softmax(v)];
        for function in functions {
            let apply = |kernels: Kernels| {
                let mut values = values.clone();
                function(kernels, &mut values);
                bits(&values)
            };
            for kernels in others() {
                prop_assert_eq!(apply(kernels), apply(scalar()), "{:?}", kernels);
            }
        }
    }

    #[test]
    fn attention_is_the_same_everywhere_and_stays_within_a_text(
        (joined, lengths, heads, width) in (vec(0usize..9, 1..4), 1usize..4, 1usize..40)
            .prop_filter("some rows", |(lengths, ..)| lengths.iter().sum::<usize>() > 0)
            .prop_flat_map(|(lengths, heads, head)| {
                let (rows, width) = (lengths.iter().sum::<usize>(), heads * head);
                (vec(-3.0f32..3.0, rows * 3 * width), Just(lengths), Just(heads), Just(width))
            }),
    ) {
        let attend = |kernels: Kernels, joined: &[f32], lengths: &[usize]| {
            let mut out = vec![f32::NAN; joined.len() / 3];
            let mut scratch = AttentionScratch::default();
            kernels.attention(joined, lengths, heads, &mut scratch, &mut out);
            bits(&out)
        };
        let truth = attend(scalar(), &joined, &lengths);
        for kernels in others() {
            prop_assert_eq!(&attend(kernels, &joined, &lengths), &truth, "{:?}", kernels);
        }
        let (mut first, mut alone) = (0, Vec::new());
        for length in lengths.iter().filter(|length| **length > 0) {
            let part = &joined[first * 3 * width..][..length * 3 * width];
            alone.extend(attend(scalar(), part, &[*length]));
            first += length;
        }
        prop_assert_eq!(alone, truth, "texts together are as each by itself");
    }

    #[test]
    fn tables_and_means_are_the_same_everywhere(
        (width, table, ids) in (1usize..50).prop_flat_map(|width| (
            Just(width),
            vec(int8(), width * 7),
            vec(0i64..7, 1..10),
        )),
    ) {
        let scales: Vec<f32> = (0..7).map(|row| 0.01 + row as f32 / 100.0).collect();
        let positions: Vec<f32> = (0..10 * width).map(|place| place as f32 / 90.0).collect();
        let embed = |kernels: Kernels| {
            let mut out = vec![f32::NAN; ids.len() * width];
            let table = Int8Table { rows: &table, scales: &scales, positions: &positions, width };
            kernels.embed(&ids, &table, &mut out).expect("all are in the table");
            let mut mean = vec![f32::NAN; width];
            kernels.mean_of_rows(&out, &mut mean);
            (bits(&out), bits(&mean))
        };
        for kernels in others() {
            prop_assert_eq!(embed(kernels), embed(scalar()), "{:?}", kernels);
        }
    }
}

#[test]
fn the_largest_sums_there_can_be_are_exact() {
    // Full words: of one sign, of both, and with all in two weights.
    let channels: [[i8; 16]; 4] = [
        [16; 16],
        [-16; 16],
        [32, -32, 32, -32, -32, 32, -32, 32, 32, -32, 32, -32, -32, 32, -32, 32],
        [127, -127, -1, 1, 0, 0, -127, 127, 1, -1, 0, 0, 0, 0, 0, 0],
    ];
    let inputs = 4096;
    let weights = channels.iter().flat_map(|sixteen| sixteen.repeat(inputs / 16)).collect();
    // What each channel is largest with, and its opposite.
    let of_signs = |sixteen: &[i8; 16], sign: f32| {
        sixteen.map(|weight| if weight < 0 { -sign } else { sign }).repeat(inputs / 16)
    };
    let rows = channels.iter().flat_map(|sixteen| [1.0, -1.0].map(|sign| of_signs(sixteen, sign)));
    let case = Case {
        inputs,
        outputs: channels.len(),
        rows: rows.flatten().collect(),
        damping: None,
        weights,
        scales: vec![1.0; channels.len()],
        bias: vec![0.0; channels.len()],
    };
    for kernels in Kernels::all() {
        let rows = case.quantized(kernels);
        let found = case.product(kernels, Activation::None);
        for (place, found) in found.into_iter().enumerate() {
            let (row, channel) = (place / channels.len(), place % channels.len());
            let value = |input| i64::from(rows.value(row, input));
            let weight = |input: usize| i64::from(channels[channel][input % 16]);
            let sum: i64 = (0..inputs).map(|input| value(input) * weight(input)).sum();
            let expected = sum as f32 * rows.scales()[row];
            assert_eq!(found, expected, "{kernels:?}, row {row}, channel {channel}");
        }
    }
}

#[test]
fn attention_weighs_values_by_softmax_of_products() {
    // One head of width 1, two tokens: scores are q·k, in plain numbers.
    let joined = [0.5f32, 2.0, 10.0, -1.0, 4.0, 20.0];
    let mut out = [0.0; 2];
    let mut scratch = AttentionScratch::default();
    Kernels::best().attention(&joined, &[2], 1, &mut scratch, &mut out);
    for (query, found) in [0.5f64, -1.0].into_iter().zip(out) {
        let (a, b) = ((query * 2.0).exp(), (query * 4.0).exp());
        let expected = (10.0 * a + 20.0 * b) / (a + b);
        assert!((f64::from(found) - expected).abs() < 1e-5, "{found} for {expected}");
    }
}

#[test]
fn kernels_are_known_by_their_names() {
    for kernels in Kernels::all() {
        assert_eq!(Kernels::named(kernels.name()), Ok(kernels));
        assert!(Kernels::NAMES.contains(&kernels.name()));
    }
    assert_eq!(Kernels::named("auto"), Ok(Kernels::best()));
    let said = Kernels::named("sparc").expect_err("no such kernels").to_string();
    assert!(said.contains("sparc") && said.contains("scalar"), "{said}");
}

#[test]
fn a_weight_or_a_shape_that_does_not_fit_is_an_error() {
    let kernels = Kernels::best();
    // Inputs 16, 17 and 20 of the second channel meet in one word; 18 is in another, -128 has another sign.
    let mut weights = [0; 48];
    for (input, weight) in [(16, 100), (17, 20), (18, 127), (19, 1), (20, 8), (21, -128)] {
        weights[24 + input] = weight;
    }
    assert!(kernels.pack_int8(&weights, 24, 2).is_ok());
    weights[24 + 20] = 9;
    let said = kernels.pack_int8(&weights, 24, 2).expect_err("too large").to_string();
    assert!(said.contains("channel 1") && said.contains("from 16 to 31"), "{said}");
    assert!(kernels.pack_int8(&[0; 3], 2, 2).is_err());
    assert!(kernels.pack_int8(&[], 0, 0).is_err());
    let packed = kernels.pack_int8(&[1; 4], 2, 2).expect("packs");
    let floats = [0.0; 16];
    let parts = Int8Parts {
        weights: &packed.weights,
        starts: &packed.starts,
        scales: &floats,
        bias: &floats,
    };
    assert!(Int8Matrix::new(2, 2, parts).is_ok());
    for (inputs, outputs) in [(0, 2), (2, 0), (17, 2), (2, 17), (usize::MAX, usize::MAX)] {
        assert!(Int8Matrix::new(inputs, outputs, parts).is_err(), "{inputs} x {outputs}");
    }
    let table = Int8Table { rows: &[1; 4], scales: &[1.0; 2], positions: &floats, width: 2 };
    let mut out = [0.0; 2];
    for id in [-1, 2, i64::MAX] {
        assert!(kernels.embed(&[id], &table, &mut out).is_err(), "{id}");
    }
}
