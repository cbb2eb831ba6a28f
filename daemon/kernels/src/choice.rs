//! Which kernels run: found out once, at run time, or named by the configuration.
//!
//! Must not hand out kernels that the processor cannot run: a [`Kernels`] is the proof that
//! it can, and the only way to any of them.

use crate::error::KernelError;
use crate::int8::WORD_BOUND;
use crate::machine::{Job, Machine, RowForm};
use crate::scalar::Scalar;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Isa {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(target_arch = "aarch64")]
    Dotprod,
    #[cfg(target_arch = "aarch64")]
    I8mm,
}

/// Kernels for one instruction set of this processor.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kernels(Isa);

impl std::fmt::Debug for Kernels {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Kernels({})", self.name())
    }
}

impl Kernels {
    /// The name that stands for the fastest.
    pub const AUTO: &'static str = "auto";
    /// The names of all kernels of all processors.
    pub const NAMES: [&'static str; 6] =
        ["scalar", "avx2", "avx512-vnni", "neon", "dotprod", "i8mm"];

    /// The fastest that this processor runs.
    #[must_use]
    pub fn best() -> Self {
        Self::all().last().copied().unwrap_or(Self(Isa::Scalar))
    }

    /// All that this processor runs, the slowest first; plain Rust runs everywhere.
    #[must_use]
    pub fn all() -> Vec<Self> {
        #[allow(unused_mut, reason = "some processors have no others")]
        let mut all = vec![Self(Isa::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c");
            if avx2 {
                all.push(Self(Isa::Avx2));
            }
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vnni");
            if avx2 && wide {
                all.push(Self(Isa::Avx512Vnni));
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            use std::arch::is_aarch64_feature_detected;
            if is_aarch64_feature_detected!("neon") {
                all.push(Self(Isa::Neon));
                if is_aarch64_feature_detected!("dotprod") {
                    all.push(Self(Isa::Dotprod));
                    if is_aarch64_feature_detected!("i8mm") {
                        all.push(Self(Isa::I8mm));
                    }
                }
            }
        }
        all
    }

    /// The kernels with this name, one of [`Self::NAMES`] or [`Self::AUTO`].
    ///
    /// # Errors
    /// [`KernelError::Unknown`] when this processor does not run them; it says which it runs.
    pub fn named(name: &str) -> Result<Self, KernelError> {
        if name == Self::AUTO {
            return Ok(Self::best());
        }
        let all = Self::all();
        all.iter().find(|kernels| kernels.name() == name).copied().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|kernels| kernels.name()).collect();
            KernelError::Unknown { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Their name, as [`Self::named`] takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Isa::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => "avx512-vnni",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => "neon",
            #[cfg(target_arch = "aarch64")]
            Isa::Dotprod => "dotprod",
            #[cfg(target_arch = "aarch64")]
            Isa::I8mm => "i8mm",
        }
    }

    /// Names how matrices are packed for these kernels, and how their weights are bounded; two with the
    /// same name may share a file.
    #[must_use]
    pub fn layout(self) -> String {
        let form = if self.row_form() == RowForm::ShiftedBytes { "-shifted" } else { "" };
        format!("int8-panel16-word{WORD_BOUND}-group{}{form}", self.int8_group())
    }

    pub(crate) fn row_form(self) -> RowForm {
        self.run(Form)
    }

    pub(crate) fn int8_group(self) -> usize {
        self.run(Group)
    }

    /// Compiles `job` for these kernels and runs it.
    #[inline]
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
            Isa::Scalar => job.run::<Scalar>(),
            // SAFETY: `all` made this value, after it found the features.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { crate::x86::with_avx2(job) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => unsafe { crate::x86::with_avx512_vnni(job) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { crate::aarch64::with_neon(job) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Isa::Dotprod => unsafe { crate::aarch64::with_dotprod(job) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Isa::I8mm => unsafe { crate::aarch64::with_i8mm(job) },
        }
    }
}

struct Form;

impl Job for Form {
    type Output = RowForm;

    fn run<M: Machine>(self) -> RowForm {
        M::FORM
    }
}

struct Group;

impl Job for Group {
    type Output = usize;

    fn run<M: Machine>(self) -> usize {
        M::GROUP
    }
}
