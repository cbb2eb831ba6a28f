//! Which steps of a program run as one operation of tract: those whose results nobody but the next step reads.
//!
//! What flows between the steps of a chain stays in scratch room, is never zeroed and never allocated.
//! Must not change what a program computes.

use crate::packed::Section;
use crate::program::{Op, Program, Step, Value};

/// Where a step of a chain finds what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// What the step before it gave.
    Previous,
    /// This input of the chain.
    Outer(usize),
}

/// A step of a chain.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The step itself; its own inputs are those of the program.
    pub step: Step<Section>,
    /// Its inputs, in the same order.
    pub inputs: Vec<Input>,
}

/// Steps that run one after the other.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// At least one.
    pub links: Vec<Link>,
    /// The values of the program that it reads, in the order of [`Input::Outer`].
    pub outer: Vec<Value>,
    /// Index of its last step: what the chain gives is that step's value.
    pub last: usize,
}

/// Cuts a checked program into chains.
pub(super) fn chains(program: Program<Section>) -> Vec<Chain> {
    let readers = readers(&program);
    let mut chains: Vec<Chain> = Vec::new();
    for (index, step) in program.steps.into_iter().enumerate() {
        let previous = index.checked_sub(1).map(Value::Step);
        let goes_on = previous.is_some()
            && step.inputs.first().copied() == previous
            && readers.get(index.wrapping_sub(1)) == Some(&1);
        if !goes_on {
            chains.push(Chain { links: Vec::new(), outer: Vec::new(), last: index });
        }
        if let Some(chain) = chains.last_mut() {
            chain.add(index, step, previous.filter(|_| goes_on));
        }
    }
    chains
}

impl Chain {
    fn add(&mut self, index: usize, step: Step<Section>, previous: Option<Value>) {
        let inputs = step.inputs.iter().map(|value| {
            if Some(*value) == previous {
                return Input::Previous;
            }
            let known = self.outer.iter().position(|outer| outer == value);
            Input::Outer(known.unwrap_or_else(|| {
                self.outer.push(*value);
                self.outer.len() - 1
            }))
        });
        let inputs = inputs.collect();
        self.links.push(Link { step, inputs });
        self.last = index;
    }

    /// Whether it gives a row a text, not a row a token.
    pub(super) fn gives_texts(&self) -> bool {
        self.links.last().is_some_and(|link| link.step.op == Op::Mean)
    }
}

/// How many steps and outputs read each step's value.
fn readers(program: &Program<Section>) -> Vec<usize> {
    let mut readers = vec![0; program.steps.len()];
    let read = program.steps.iter().flat_map(|step| &step.inputs);
    for value in read.chain([&program.sentence, &program.tokens]) {
        if let Value::Step(index) = value {
            readers[*index] += 1;
        }
    }
    readers
}
