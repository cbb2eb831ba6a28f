//! Work on several threads gives the same bits as on one, and a thread's panic is the caller's.
//!
//! Must not measure time, nor need as many processors as there are threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use valet_kernels::{
    Activation, BlockFormat, BlockMatrix, BlockRows, Int8Matrix, Int8Parts, Int8Rows, Kernels, Pool,
};

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at * 37 % 101) as f32 / 25.0 - 2.0).collect()
}

#[test]
fn block_products_on_a_pool_have_the_same_bits() {
    let (inputs, outputs, kernels) = (256, 70, Kernels::best());
    for format in BlockFormat::ALL {
        let bytes = format.source_bytes(inputs, outputs).expect("a shape");
        let source: Vec<u8> = (0..bytes).map(|at| (at * 37 % 59) as u8).collect();
        let packed = format.pack(&source, inputs, outputs).expect("packs");
        let matrix = BlockMatrix::new(format, inputs, outputs, &packed).expect("fits");
        let mut rows = BlockRows::new();
        rows.fill(kernels, &values(5 * inputs), inputs, format);
        let mut truth = vec![f32::NAN; 5 * outputs];
        kernels.block_product(&rows, &matrix, &mut truth);
        for threads in [0, 1, 2, 3, 7] {
            let mut pool = Pool::new(threads).expect("threads");
            let mut found = vec![f32::NAN; 5 * outputs];
            kernels.block_product_on(&mut pool, &rows, &matrix, &mut found);
            assert_eq!(bits(&found), bits(&truth), "{format} on {threads}");
        }
    }
}

#[test]
fn int8_products_on_a_pool_have_the_same_bits() {
    let (inputs, outputs, kernels) = (50, 70, Kernels::best());
    let weights: Vec<i8> = (0..inputs * outputs).map(|at| (at * 31 % 63) as i8 - 31).collect();
    let packed = kernels.pack_int8(&weights, inputs, outputs).expect("packs");
    let floats = vec![0.5; outputs.next_multiple_of(16)];
    let parts = Int8Parts {
        weights: &packed.weights,
        starts: &packed.starts,
        scales: &floats,
        bias: &floats,
    };
    let matrix = Int8Matrix::new(inputs, outputs, parts).expect("fits");
    let mut rows = Int8Rows::new(kernels);
    rows.quantize(&values(3 * inputs), inputs, None);
    let mut truth = vec![f32::NAN; 3 * outputs];
    kernels.int8_product(&rows, &matrix, Activation::Gelu, &mut truth);
    let mut pool = Pool::new(2).expect("threads");
    for _ in 0..100 {
        let mut found = vec![f32::NAN; 3 * outputs];
        kernels.int8_product_on(&mut pool, &rows, &matrix, Activation::Gelu, &mut found);
        assert_eq!(bits(&found), bits(&truth));
    }
}

#[test]
fn each_thread_is_called_once_also_after_it_slept() {
    let mut pool = Pool::new(3).expect("threads");
    let calls: [AtomicUsize; 3] = Default::default();
    for round in 1..=300 {
        pool.run(&|thread| {
            calls[thread].fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::Relaxed)), [round; 3]);
        if round % 100 == 0 {
            // Longer than they spin: the next work finds them asleep.
            let begun = std::time::Instant::now();
            while begun.elapsed() < 3 * valet_kernels::SPIN {
                std::thread::yield_now();
            }
        }
    }
}

#[test]
fn a_panic_on_any_thread_is_the_callers_and_the_pool_goes_on() {
    let mut pool = Pool::new(2).expect("threads");
    for number in 0..2 {
        let work = |thread: usize| assert!(thread != number, "thread {thread} fails");
        let payload = catch_unwind(AssertUnwindSafe(|| pool.run(&work))).expect_err("panics");
        let said = payload.downcast_ref::<String>().expect("with a message");
        assert_eq!(*said, format!("thread {number} fails"));
        pool.run(&|_| {});
    }
}

#[test]
fn a_pool_of_one_is_the_calling_thread() {
    for threads in [0, 1] {
        let mut pool = Pool::new(threads).expect("threads");
        assert_eq!(pool.threads(), 1);
        let caller = std::thread::current().id();
        pool.run(&|_| assert_eq!(std::thread::current().id(), caller));
    }
}
