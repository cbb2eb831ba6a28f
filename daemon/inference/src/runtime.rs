//! Runs a packed model on tract: its program becomes a graph of our own operations, one plan for
//! texts of any length and for any number of them.
//!
//! tract orders the steps, frees what is no longer read and owns what flows between them; the
//! work is done by the kernels, on weights that stay in the map. Must not read files.

mod chain;
mod op;
mod scratch;
mod weights;

use std::sync::{Arc, Mutex, PoisonError};

use tract_onnx::prelude::{
    IntoRunnable, IntoTensor, RunnableModel, TValue, TractResult, TypedFact, TypedModel, TypedOp,
    tensor1, tvec,
};
use tract_onnx::tract_core::internal::{
    DatumExt as _, OutletId, SpecialOps as _, ToDim as _, format_err,
};

use crate::packed::{Head, PackedModel, Section};
use crate::program::{Program, Value};
use chain::chains;
use op::ChainOp;
pub(crate) use scratch::Scratch;

/// A program that is ready to run.
#[derive(Debug)]
pub(crate) struct Runtime {
    plan: Arc<RunnableModel<TypedFact, Box<dyn TypedOp>>>,
    model: Arc<PackedModel>,
    scratch: Arc<Mutex<Scratch>>,
    /// Positions that the model has rows for.
    positions: usize,
    /// Pieces that it has rows for.
    pieces: usize,
    /// Bytes that a token takes while it is run.
    token_bytes: u64,
}

/// What came out for some texts.
#[derive(Debug)]
pub(crate) struct Rows {
    /// A row a text.
    pub sentences: TValue,
    /// A row a token, text after text.
    pub tokens: TValue,
}

impl Runtime {
    /// Checks the program against the packed file and makes a plan of it that works in `scratch`.
    ///
    /// # Errors
    /// Words that name the step that does not fit.
    pub(crate) fn new(
        model: PackedModel,
        program: Program<Section>,
        dimensions: usize,
        scratch: Scratch,
    ) -> Result<Self, String> {
        program.check(dimensions)?;
        let (positions, pieces) = (program.positions(), program.pieces());
        // Two neighbouring steps' rows of floats live at once, and the quantized ones between them.
        let token_bytes = 10 * program.widest_pair() as u64;
        let (model, scratch) = (Arc::new(model), Arc::new(Mutex::new(scratch)));
        let plan = plan(program, &model, &scratch).map_err(|error| format!("{error:#}"))?;
        Ok(Runtime { plan, model, scratch, positions, pieces, token_bytes })
    }

    /// Most tokens of a text.
    pub(crate) fn positions(&self) -> usize {
        self.positions
    }

    /// Pieces that the model has rows for.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Bytes that so many tokens take while they are run together, about.
    pub(crate) fn room_bytes(&self, tokens: usize) -> u64 {
        self.token_bytes * tokens as u64
    }

    /// The file it runs from.
    pub(crate) fn model(&self) -> &PackedModel {
        &self.model
    }

    /// Lets go of the room of the last batch and of what is mapped.
    pub(crate) fn rest(&self) {
        // Of a run that panicked the room holds nothing that the next one reads.
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).rest();
        self.model.rest();
    }

    /// Runs texts together: `ids` one after the other, `lengths` how many each has, none of them 0.
    ///
    /// # Errors
    /// What tract or a kernel says.
    pub(crate) fn run(&self, ids: &[i64], lengths: &[i64]) -> TractResult<Rows> {
        let inputs = tvec!(
            TValue::from(tensor1(ids).into_tensor()),
            TValue::from(tensor1(lengths).into_tensor())
        );
        let mut outputs = self.plan.run(inputs)?;
        let (tokens, sentences) = (outputs.pop(), outputs.pop());
        match (sentences, tokens) {
            (Some(sentences), Some(tokens)) => Ok(Rows { sentences, tokens }),
            _ => tract_onnx::tract_core::internal::bail!("the plan has not two outputs"),
        }
    }
}

fn plan(
    program: Program<Section>,
    model: &Arc<PackedModel>,
    scratch: &Arc<Mutex<Scratch>>,
) -> TractResult<Arc<RunnableModel<TypedFact, Box<dyn TypedOp>>>> {
    let mut graph = TypedModel::default();
    let [tokens, texts] = ["tokens", "texts"].map(|name| graph.symbols.sym(name).to_dim());
    let ids = graph.add_source("ids", i64::fact([tokens.clone()]))?;
    let lengths = graph.add_source("lengths", i64::fact([texts.clone()]))?;
    let (sentence, token_rows) = (program.sentence, program.tokens);
    let widths = program.widths();
    // Where the value of each step comes out; inside of a chain nowhere.
    let mut outlets: Vec<Option<OutletId>> = vec![None; program.steps.len()];
    let of = |value: Value, outlets: &[Option<OutletId>]| match value {
        Value::Ids => Ok(ids),
        Value::Step(index) => outlets[index]
            .ok_or_else(|| format_err!("the value of step {index} is inside of a chain")),
    };
    for chain in chains(program) {
        let outer = chain.outer.iter().map(|value| of(*value, &outlets));
        let mut inputs = outer.collect::<TractResult<Vec<OutletId>>>()?;
        inputs.push(lengths);
        // A name once for each chain, whatever the graph's names are.
        let (last, name) = (chain.last, format!("to step {}", chain.last));
        let rows = if chain.gives_texts() { texts.clone() } else { tokens.clone() };
        let op = ChainOp::new(chain, model, scratch, rows, widths[last])?;
        outlets[last] = graph.wire_node(name, op, &inputs)?.first().copied();
    }
    let outputs = [of(sentence, &outlets)?, of(token_rows, &outlets)?];
    graph.select_output_outlets(&outputs)?;
    graph.into_runnable()
}

/// Opens what a head says: see [`Runtime::new`].
impl Head {
    /// The program, and the vocabulary's text and order.
    pub(crate) fn into_parts(self) -> (Program<Section>, [Section; 2]) {
        (self.program, [self.pieces, self.sorted_pieces])
    }
}
