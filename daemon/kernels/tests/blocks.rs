//! Products with the block formats of GGUF files: plain Rust against the definition of each format
//! in double precision, and the same bits from all other kernels.
//!
//! Blocks are random bytes with finite scales, as a file might have them. Must not take
//! the definitions from the crate: they are written here a second time.

use proptest::prelude::*;
use valet_kernels::{BlockFormat, BlockMatrix, BlockRows, Kernels};

fn scalar() -> Kernels {
    Kernels::named("scalar").expect("plain Rust runs everywhere")
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Numbers that look random (Steele and others 2014, `SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A finite half float: mostly an ordinary one, sometimes any.
    fn half(&mut self) -> [u8; 2] {
        let exponent = if self.below(8) == 0 { self.below(31) } else { 5 + self.below(8) };
        (((self.below(2) << 15) | (exponent << 10) | self.below(1024)) as u16).to_le_bytes()
    }

    /// An input: mostly an ordinary one, sometimes zero or huge or tiny.
    fn float(&mut self) -> f32 {
        let ordinary = (self.below(8001) as f32 - 4000.0) / 1000.0;
        match self.below(40) {
            0 => 0.0,
            1 => ordinary * 1e6,
            2 => ordinary * 1e-38,
            _ => ordinary,
        }
    }

    /// Blocks of a matrix as a file has them.
    fn matrix(&mut self, format: BlockFormat, inputs: usize, outputs: usize) -> Vec<u8> {
        let blocks = inputs / format.block_width() * outputs;
        let mut bytes = Vec::new();
        for _ in 0..blocks {
            let mut block = vec![0; format.block_bytes()];
            block.fill_with(|| self.next() as u8);
            for at in half_places(format) {
                block[*at..at + 2].copy_from_slice(&self.half());
            }
            if self.below(16) == 0 {
                block.fill(0);
            }
            bytes.extend(block);
        }
        bytes
    }
}

/// Where the half floats of a block are.
fn half_places(format: BlockFormat) -> &'static [usize] {
    match format {
        BlockFormat::F16 | BlockFormat::Q8_0 | BlockFormat::Q4_0 => &[0],
        BlockFormat::Q4_1 | BlockFormat::Q4K => &[0, 2],
        BlockFormat::Q6K => &[208],
    }
}

fn half(bytes: &[u8]) -> f64 {
    let bits = u16::from_le_bytes([bytes[0], bytes[1]]);
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// The weights of a block by the format's definition: each as `a - b`, for what rounds is both.
fn weights(format: BlockFormat, block: &[u8]) -> Vec<(f64, f64)> {
    let nibble = |byte: u8, high: bool| f64::from(if high { byte >> 4 } else { byte & 15 });
    match format {
        BlockFormat::F16 => vec![(half(block), 0.0)],
        BlockFormat::Q8_0 => {
            let d = half(block);
            block[2..].iter().map(|q| (d * f64::from(q.cast_signed()), 0.0)).collect()
        }
        BlockFormat::Q4_0 => {
            let d = half(block);
            (0..32).map(|i| (d * (nibble(block[2 + i % 16], i >= 16) - 8.0), 0.0)).collect()
        }
        BlockFormat::Q4_1 => {
            let (d, m) = (half(block), half(&block[2..]));
            (0..32).map(|i| (d * nibble(block[4 + i % 16], i >= 16), -m)).collect()
        }
        BlockFormat::Q4K => (0..256)
            .map(|i| {
                let (part, packed) = (i / 32, &block[4..16]);
                let (scale, minimum) = if part < 4 {
                    (packed[part] & 63, packed[part + 4] & 63)
                } else {
                    (
                        (packed[part + 4] & 15) | (packed[part - 4] >> 6 << 4),
                        (packed[part + 4] >> 4) | (packed[part] >> 6 << 4),
                    )
                };
                let q = nibble(block[16 + part / 2 * 32 + i % 32], part % 2 == 1);
                let (d, dmin) = (half(block), half(&block[2..]));
                (d * f64::from(scale) * q, dmin * f64::from(minimum))
            })
            .collect(),
        BlockFormat::Q6K => (0..256)
            .map(|i| {
                let (part, quarter, l) = (i / 128, i % 128 / 32, i % 32);
                let low = nibble(block[64 * part + 32 * (quarter % 2) + l], quarter >= 2);
                let high = block[128 + 32 * part + l] >> (2 * quarter) & 3;
                let scale = f64::from(block[192 + i / 16].cast_signed());
                (half(&block[208..]) * scale * (low + 16.0 * f64::from(high) - 32.0), 0.0)
            })
            .collect(),
    }
}

/// A product as it is asked for.
#[derive(Debug, Clone)]
struct Case {
    format: BlockFormat,
    inputs: usize,
    outputs: usize,
    count: usize,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let format = proptest::sample::select(BlockFormat::ALL.to_vec());
    (format, 1usize..7, 1usize..50, 1usize..=17, any::<u64>()).prop_map(
        |(format, blocks, outputs, count, seed)| {
            let inputs = match format.block_width() {
                1 => blocks * 11,
                32 => blocks * 32,
                width => blocks.div_ceil(3) * width,
            };
            Case { format, inputs, outputs, count, seed }
        },
    )
}

/// The blocks and the rows of a case.
fn contents(case: &Case) -> (Vec<u8>, Vec<f32>) {
    let mut random = Random(case.seed);
    let source = random.matrix(case.format, case.inputs, case.outputs);
    let mut rows: Vec<f32> = (0..case.count * case.inputs).map(|_| random.float()).collect();
    let empty = random.below(2 * case.count as u64) as usize;
    if empty < case.count {
        rows[empty * case.inputs..][..case.inputs].fill(0.0);
    }
    (source, rows)
}

fn product(case: &Case, kernels: Kernels, source: &[u8], rows: &BlockRows) -> Vec<f32> {
    let Case { format, inputs, outputs, .. } = *case;
    let packed = format.pack(source, inputs, outputs).expect("packs");
    let matrix = BlockMatrix::new(format, inputs, outputs, &packed).expect("fits");
    let mut out = vec![f32::NAN; rows.count() * outputs];
    kernels.block_product(rows, &matrix, &mut out);
    out
}

fn filled(case: &Case, kernels: Kernels, values: &[f32]) -> BlockRows {
    let mut rows = BlockRows::new();
    rows.fill(kernels, values, case.inputs, case.format);
    rows
}

proptest! {
    #[test]
    fn products_follow_the_definitions_of_the_formats(case in case()) {
        let (source, values) = contents(&case);
        let rows = filled(&case, scalar(), &values);
        let found = product(&case, scalar(), &source, &rows);
        let of_a_row = case.inputs / case.format.block_width() * case.format.block_bytes();
        for (channel, blocks) in source.chunks(of_a_row).enumerate() {
            let weights: Vec<(f64, f64)> = blocks
                .chunks(case.format.block_bytes())
                .flat_map(|block| weights(case.format, block))
                .collect();
            for row in 0..case.count {
                let (mut sum, mut size) = (0.0, 0.0);
                for (input, (a, b)) in weights.iter().enumerate() {
                    let value = f64::from(rows.value(row, input));
                    sum += (a - b) * value;
                    size += (a.abs() + b.abs()) * value.abs();
                }
                let off = (f64::from(found[row * case.outputs + channel]) - sum).abs();
                prop_assert!(off <= size * 2e-6 + 1e-30, "row {row}, channel {channel}: {off}");
            }
        }
    }

    #[test]
    fn products_are_the_same_everywhere(case in case()) {
        let (source, values) = contents(&case);
        let truth = product(&case, scalar(), &source, &filled(&case, scalar(), &values));
        for kernels in Kernels::all() {
            let found = product(&case, kernels, &source, &filled(&case, kernels, &values));
            prop_assert_eq!(bits(&found), bits(&truth), "{:?}", kernels);
        }
    }

    #[test]
    fn any_bytes_at_all_are_multiplied_without_a_fault(case in case()) {
        let mut random = Random(case.seed);
        let bytes = case.format.source_bytes(case.inputs, case.outputs).expect("a shape");
        let source: Vec<u8> = (0..bytes).map(|_| random.next() as u8).collect();
        let values: Vec<f32> =
            (0..case.count * case.inputs).map(|_| f32::from_bits(random.next() as u32)).collect();
        for kernels in Kernels::all() {
            let found = product(&case, kernels, &source, &filled(&case, kernels, &values));
            prop_assert_eq!(found.len(), case.count * case.outputs);
        }
    }

    #[test]
    fn inputs_are_quantized_to_half_a_step_of_their_block(case in case()) {
        let (_, values) = contents(&case);
        let rows = filled(&case, scalar(), &values);
        for (place, value) in values.iter().enumerate() {
            let (row, column) = (place / case.inputs, place % case.inputs);
            let block = column / 32 * 32;
            let block = &values[row * case.inputs..][..case.inputs][block..];
            let largest = block.iter().take(32).fold(0.0f32, |most, value| most.max(value.abs()));
            let off = (rows.value(row, column) - value).abs();
            let allowed = if case.format == BlockFormat::F16 { 0.0 } else { largest / 253.9 };
            prop_assert!(off <= allowed.max(1e-30), "{off} off {value}, of {largest}");
        }
    }
}

/// A matrix whose blocks are all the same.
fn uniform(format: BlockFormat, block: &[u8], blocks: usize) -> Vec<f32> {
    let inputs = blocks * format.block_width();
    let case = Case { format, inputs, outputs: 16, count: 3, seed: 0 };
    let source = block.repeat(blocks * 16);
    // -1 is what nothing is added to by mistake: every product has the same sign.
    let values = vec![-1.0f32; 3 * inputs];
    let truth = product(&case, scalar(), &source, &filled(&case, scalar(), &values));
    for kernels in Kernels::all() {
        let found = product(&case, kernels, &source, &filled(&case, kernels, &values));
        assert_eq!(bits(&found), bits(&truth), "{kernels:?} with {format}");
    }
    truth
}

#[test]
fn the_largest_weights_there_can_be_are_exact() {
    let one = 0x3C00u16.to_le_bytes();
    let mut lowest = [0x80u8; 34];
    lowest[..2].copy_from_slice(&one);
    assert_eq!(uniform(BlockFormat::Q8_0, &lowest, 4)[0], 128.0 * 4.0 * 32.0);
    let mut most = [0xFF; 20];
    most[..2].copy_from_slice(&one);
    most[2..4].copy_from_slice(&one);
    assert_eq!(uniform(BlockFormat::Q4_1, &most, 4)[0], -16.0 * 4.0 * 32.0);
    let mut sixes = [0u8; 210];
    sixes[192..208].fill(0x80);
    sixes[208..].copy_from_slice(&one);
    assert_eq!(uniform(BlockFormat::Q6K, &sixes, 2)[0], -32.0 * 128.0 * 512.0);
}

#[test]
fn formats_are_known_by_the_numbers_of_gguf_files() {
    for format in BlockFormat::ALL {
        assert_eq!(BlockFormat::from_gguf(format.gguf()), Some(format), "{format}");
    }
    for other in [0, 6, 7, 9, 10, 11, 13, 15, u32::MAX] {
        assert_eq!(BlockFormat::from_gguf(other), None);
    }
}

#[test]
fn bytes_that_do_not_fit_a_shape_are_an_error() {
    let odd = [(0, 4), (4, 0), (31, 4), (33, 4), (usize::MAX, 4), (32, usize::MAX)];
    for format in BlockFormat::ALL {
        for (inputs, outputs) in odd {
            if format == BlockFormat::F16 && inputs < 40 && (1..9).contains(&outputs) && inputs > 0
            {
                continue;
            }
            assert!(format.pack(&[0; 64], inputs, outputs).is_err(), "{format} {inputs} {outputs}");
            assert!(BlockMatrix::new(format, inputs, outputs, &[0; 64]).is_err(), "{format}");
        }
        let width = format.block_width();
        let packed = format.pack(&vec![0; 5 * format.block_bytes()], width, 5).expect("packs");
        assert!(BlockMatrix::new(format, width, 5, &packed).is_ok());
        for length in [0, packed.len() - 1] {
            assert!(BlockMatrix::new(format, width, 5, &packed[..length]).is_err(), "{format}");
        }
        let short = format.pack(&vec![0; 5 * format.block_bytes() - 1], width, 5);
        assert!(short.expect_err("a byte is missing").to_string().contains("expected"));
    }
}

#[test]
fn the_kernels_that_are_expected_here_are_those_that_were_tested() {
    // Set where the processor is known, so that a suite that ran on less does not pass unseen.
    if let Ok(expected) = std::env::var("VALET_EXPECTED_KERNELS") {
        let found: Vec<&str> = Kernels::all().iter().map(|kernels| kernels.name()).collect();
        assert_eq!(found.join(" "), expected);
    }
}
