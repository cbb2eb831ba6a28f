//! How an encoder is opened: where its packed form is kept, which kernels run it, how much memory it
//! may take.
//!
//! Must not read a configuration; whoever opens an encoder does.

use std::path::Path;

use valet_kernels::Kernels;

use crate::error::InferenceError;

/// How to open an encoder.
#[derive(Debug, Clone, Copy)]
pub struct EncoderOptions<'a> {
    /// Folder for packed models; without one the weights take memory of their own.
    pub cache: Option<&'a Path>,
    /// The kernels that run it.
    pub kernels: Kernels,
    /// Threads that share each product of matrices; with 0 and 1 none is started besides the caller's.
    pub threads: usize,
    /// Most bytes of its own that it may take, besides what is mapped; without one as many as it needs.
    pub memory_limit: Option<u64>,
}

impl Default for EncoderOptions<'_> {
    /// No cache, the best kernels, one thread, no limit.
    fn default() -> Self {
        EncoderOptions { cache: None, kernels: Kernels::best(), threads: 1, memory_limit: None }
    }
}

impl EncoderOptions<'_> {
    /// Whether so much memory is allowed.
    ///
    /// # Errors
    /// [`InferenceError::Memory`].
    pub(super) fn allow(&self, needed: u64) -> Result<(), InferenceError> {
        match self.memory_limit {
            Some(limit) if needed > limit => Err(InferenceError::Memory { needed, limit }),
            _ => Ok(()),
        }
    }
}
