//! What an encoder computes, step by step: the few operations that the runtime has kernels for,
//! each with its weights, whatever holds them.
//!
//! A step's rows are `[tokens, width]`; the tokens of several texts lie one after the other. Must not know
//! where weights lie or how they are run.

use serde::{Deserialize, Serialize};

/// Most steps of a program; a deep encoder has a few hundred.
pub(crate) const MAX_STEPS: usize = 4096;
/// Most values in a row: bounds every product of shapes below.
pub(crate) const MAX_WIDTH: usize = 1 << 14;

/// A value of a program: the piece numbers, or what a step gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Value {
    /// The piece numbers of all texts.
    Ids,
    /// The result of the step with this index.
    Step(usize),
}

/// One operation; `W` is what stands for weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step<W> {
    /// The name it has in the graph, for messages.
    pub name: String,
    /// What it reads.
    pub inputs: Vec<Value>,
    /// What it does.
    pub op: Op<W>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op<W> {
    /// Piece numbers to rows of `width`, with the row of the position added.
    Embed(Table<W>),
    /// Layer norm of the rows; with a second input that is added before.
    Norm {
        /// Values in a row.
        width: usize,
        /// f32 `[width]`.
        weight: W,
        /// f32 `[width]`.
        bias: W,
        /// Added to the variance.
        epsilon: f32,
    },
    /// Rows times a matrix.
    Linear(Matrix<W>),
    /// Attention within each text over joined rows of queries, keys and values.
    Attend {
        /// Heads; they divide the width.
        heads: usize,
    },
    /// The mean of the rows of each text: a row a text.
    Mean,
}

/// An int8 table of embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table<W> {
    /// Pieces it has a row for.
    pub pieces: usize,
    /// Positions it has a row for.
    pub positions: usize,
    /// Values in a row.
    pub width: usize,
    /// int8 `[pieces, width]`.
    pub rows: W,
    /// f32 `[pieces]`.
    pub scales: W,
    /// f32 `[positions, width]`.
    pub position_rows: W,
}

/// An int8 matrix with what goes around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Matrix<W> {
    /// Values in a row that goes in.
    pub inputs: usize,
    /// Values in a row that comes out.
    pub outputs: usize,
    /// f32 `[inputs]`: multiplied with each row before it is quantized.
    pub damping: Option<W>,
    /// int8: `[inputs, outputs]` in a graph, panels in a packed file.
    pub weights: W,
    /// i32 a channel, rounded up to sixteen; only in a packed file.
    pub starts: Option<W>,
    /// f32 a channel: `[outputs]` in a graph, rounded up to sixteen in a packed file.
    pub scales: W,
    /// As the scales.
    pub bias: W,
    /// Whether GELU is applied.
    pub gelu: bool,
}

/// A whole encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Program<W> {
    /// In an order in which each reads only what is before it.
    pub steps: Vec<Step<W>>,
    /// A row a text.
    pub sentence: Value,
    /// A row a token.
    pub tokens: Value,
}

/// What rows a value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Ids,
    Tokens(usize),
    Texts(usize),
}

impl<W> Program<W> {
    /// Sees that each step reads what is there and fits it, and that `sentence` and `tokens` have
    /// rows of `dimensions`. What passes here cannot make a kernel panic.
    ///
    /// # Errors
    /// Words that name the step, with what was expected and what came.
    pub(crate) fn check(&self, dimensions: usize) -> Result<(), String> {
        if self.steps.len() > MAX_STEPS {
            return Err(format!("{} steps where at most {MAX_STEPS} are run", self.steps.len()));
        }
        let mut all: Vec<Rows> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let rows = step.rows(&all).map_err(|why| format!("the step {:?}: {why}", step.name))?;
            all.push(rows);
        }
        let of = |value: Value| rows_of(value, &all);
        match (of(self.sentence)?, of(self.tokens)?) {
            (Rows::Texts(a), Rows::Tokens(b)) if a == dimensions && b == dimensions => Ok(()),
            (sentence, tokens) => Err(format!(
                "it gives {sentence:?} and {tokens:?} where Texts and Tokens of [{dimensions}] are expected"
            )),
        }
    }

    /// The most values that a token has going into a matrix and coming out of it, together.
    pub(crate) fn widest_pair(&self) -> usize {
        let pairs = self.steps.iter().filter_map(|step| match &step.op {
            Op::Linear(matrix) => Some(matrix.inputs + matrix.outputs),
            _ => None,
        });
        pairs.max().unwrap_or(0)
    }

    /// Values in a row of each step of a checked program.
    pub(crate) fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let read = match step.inputs.first() {
                Some(Value::Step(index)) => widths.get(*index).copied().unwrap_or(0),
                _ => 0,
            };
            widths.push(match &step.op {
                Op::Embed(table) => table.width,
                Op::Norm { width, .. } => *width,
                Op::Linear(matrix) => matrix.outputs,
                Op::Attend { .. } => read / 3,
                Op::Mean => read,
            });
        }
        widths
    }

    /// The positions that the program has rows for: no text may have more tokens.
    pub(crate) fn positions(&self) -> usize {
        let tables = self.steps.iter().filter_map(|step| match &step.op {
            Op::Embed(table) => Some(table.positions),
            _ => None,
        });
        tables.min().unwrap_or(0)
    }

    /// The pieces that the program has rows for.
    pub(crate) fn pieces(&self) -> usize {
        let tables = self.steps.iter().filter_map(|step| match &step.op {
            Op::Embed(table) => Some(table.pieces),
            _ => None,
        });
        tables.min().unwrap_or(0)
    }
}

fn rows_of(value: Value, all: &[Rows]) -> Result<Rows, String> {
    match value {
        Value::Ids => Ok(Rows::Ids),
        Value::Step(index) => {
            all.get(index).copied().ok_or_else(|| format!("step {index} is read before it is run"))
        }
    }
}

impl<W> Step<W> {
    fn rows(&self, all: &[Rows]) -> Result<Rows, String> {
        let inputs =
            self.inputs.iter().map(|input| rows_of(*input, all)).collect::<Result<Vec<_>, _>>()?;
        let expects = |what: String| format!("it reads {inputs:?} where {what} is expected");
        match (&self.op, inputs.as_slice()) {
            (Op::Embed(table), [Rows::Ids]) => {
                within(&[table.width], MAX_WIDTH)?;
                within(&[table.pieces, table.positions], 1 << 20)?;
                Ok(Rows::Tokens(table.width))
            }
            (Op::Embed(_), _) => Err(expects("Ids".into())),
            (Op::Norm { epsilon, .. }, _) if !(*epsilon >= 0.0 && epsilon.is_finite()) => {
                Err(format!("epsilon is {epsilon}"))
            }
            (Op::Norm { width, .. }, [Rows::Tokens(a)]) if a == width => Ok(Rows::Tokens(*a)),
            (Op::Norm { width, .. }, [Rows::Tokens(a), Rows::Tokens(b)])
                if a == width && b == width =>
            {
                Ok(Rows::Tokens(*a))
            }
            (Op::Norm { width, .. }, _) => Err(expects(format!("one or two Tokens({width})"))),
            (Op::Linear(matrix), [Rows::Tokens(width)]) if *width == matrix.inputs => {
                within(&[matrix.inputs, matrix.outputs], MAX_WIDTH)?;
                Ok(Rows::Tokens(matrix.outputs))
            }
            (Op::Linear(matrix), _) => Err(expects(format!("Tokens({})", matrix.inputs))),
            (Op::Attend { heads }, [Rows::Tokens(joined)])
                if *heads > 0 && joined.is_multiple_of(3 * heads) =>
            {
                Ok(Rows::Tokens(joined / 3))
            }
            (Op::Attend { heads }, _) => {
                Err(expects(format!("Tokens of three parts for {heads} heads")))
            }
            (Op::Mean, [Rows::Tokens(width)]) => Ok(Rows::Texts(*width)),
            (Op::Mean, _) => Err(expects("Tokens".into())),
        }
    }
}

fn within(sizes: &[usize], most: usize) -> Result<(), String> {
    match sizes.iter().find(|size| !(1..=most).contains(*size)) {
        None => Ok(()),
        Some(size) => Err(format!("a size of {size} where 1 to {most} is expected")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(inputs: &[Value], op: Op<()>) -> Step<()> {
        Step { name: "it".to_owned(), inputs: inputs.to_vec(), op }
    }

    fn embed(width: usize) -> Step<()> {
        let table =
            Table { pieces: 9, positions: 8, width, rows: (), scales: (), position_rows: () };
        step(&[Value::Ids], Op::Embed(table))
    }

    fn linear(input: Value, inputs: usize, outputs: usize) -> Step<()> {
        let matrix = Matrix {
            inputs,
            outputs,
            damping: None,
            weights: (),
            starts: None,
            scales: (),
            bias: (),
            gelu: false,
        };
        step(&[input], Op::Linear(matrix))
    }

    fn small() -> Program<()> {
        let steps = vec![
            embed(4),
            linear(Value::Step(0), 4, 12),
            step(&[Value::Step(1)], Op::Attend { heads: 2 }),
            step(
                &[Value::Step(2), Value::Step(0)],
                Op::Norm { width: 4, weight: (), bias: (), epsilon: 1e-12 },
            ),
            step(&[Value::Step(3)], Op::Mean),
        ];
        Program { steps, sentence: Value::Step(4), tokens: Value::Step(3) }
    }

    #[test]
    fn a_program_whose_steps_fit_passes() {
        small().check(4).expect("fits");
        assert_eq!((small().positions(), small().pieces()), (8, 9));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |change: &dyn Fn(&mut Program<()>), says: &str| {
            let mut program = small();
            change(&mut program);
            let why = program.check(4).expect_err("does not fit");
            assert!(why.contains(says), "{why}");
        };
        refused(&|p| p.steps[1] = linear(Value::Step(0), 5, 12), "Tokens(5)");
        refused(&|p| p.steps[1] = linear(Value::Step(7), 4, 12), "before it is run");
        refused(&|p| p.steps[1] = linear(Value::Step(0), 4, usize::MAX), "a size of");
        refused(&|p| p.steps[2].op = Op::Attend { heads: 5 }, "5 heads");
        refused(&|p| p.steps[2].op = Op::Attend { heads: 0 }, "0 heads");
        refused(&|p| p.steps[0] = embed(0), "a size of 0");
        refused(&|p| p.sentence = Value::Step(3), "Texts");
        refused(&|p| p.tokens = Value::Ids, "Ids");
        refused(
            &|p| p.steps[3].op = Op::Norm { width: 4, weight: (), bias: (), epsilon: f32::NAN },
            "epsilon",
        );
        assert!(small().check(5).is_err());
    }
}
