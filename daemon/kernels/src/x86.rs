//! x86-64: AVX2 with FMA, and AVX-512 with VNNI.
//!
//! Must not be entered without the features; `choice.rs` sees to it.

mod avx2;
mod avx512;

use avx2::Avx2;
use avx512::Avx512Vnni;

use crate::machine::Job;

/// # Safety
/// The processor has AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) unsafe fn with_avx2<J: Job>(job: J) -> J::Output {
    job.run::<Avx2>()
}

/// # Safety
/// The processor has AVX2, FMA, F16C, and AVX-512 F, BW, VL, DQ and VNNI.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(crate) unsafe fn with_avx512_vnni<J: Job>(job: J) -> J::Output {
    job.run::<Avx512Vnni>()
}
