//! The f32 graph on tract's own kernels: the reference that int8 is held against.
//!
//! Must not be used on a board.

use std::sync::Arc;

use prost::Message;
use prost::bytes::Bytes;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{
    Framework, InferenceModelExt, IntoRunnable, IntoTensor, RunnableModel, TValue, TractResult,
    TypedFact, TypedOp, tensor1, tvec,
};

use crate::guard::guarded;

/// A graph for one text of any length.
#[derive(Debug)]
pub(super) struct F32Graph {
    plan: Arc<RunnableModel<TypedFact, Box<dyn TypedOp>>>,
    bytes: u64,
}

impl F32Graph {
    /// Parses and optimises a verified file.
    ///
    /// # Errors
    /// What tract says.
    pub(super) fn load(file: Vec<u8>) -> Result<Self, String> {
        let bytes = file.len() as u64;
        let plan = guarded(|| {
            let model = ModelProto::decode(Bytes::from(file))?;
            let graph = tract_onnx::onnx().model_for_proto_model(&model)?;
            drop(model);
            graph.into_optimized()?.into_runnable()
        })?;
        Ok(F32Graph { plan, bytes })
    }

    /// The row of the text and the rows of its tokens.
    ///
    /// # Errors
    /// What tract says.
    pub(super) fn run(&self, ids: &[u32]) -> TractResult<[TValue; 2]> {
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let outputs = self.plan.run(tvec!(tensor1(&ids).into_tensor().into()))?;
        let count = outputs.len();
        <[TValue; 2]>::try_from(outputs.into_vec()).map_err(|_| {
            tract_onnx::tract_core::internal::format_err!("{count} outputs where 2 are expected")
        })
    }

    /// Bytes of its weights.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
