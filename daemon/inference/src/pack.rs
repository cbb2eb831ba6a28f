//! From a model's own files to a packed model: verified, read, laid out for the kernels, written.
//!
//! Must not be needed at a start where a packed model is there. Holds the graph and one matrix more in
//! memory, never a second copy of all.

use std::io::{self, Cursor, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use valet_kernels::Kernels;

use crate::error::InferenceError;
use crate::manifest::{FileRole, ModelFile, ModelManifest};
use crate::onnx::{self, Array};
use crate::packed::{Doubt, Head, Key, PackedModel, Section, Staged, Stamp, Writer};
use crate::program::{Matrix, Op, Program, Step, Table};
use crate::verified::{fingerprint, read_verified};
use crate::wordpiece::Vocabulary;

/// A model that can be opened: its manifest, the folder of its files, the kernels that will run it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub manifest: &'a ModelManifest,
    pub folder: &'a Path,
    pub kernels: Kernels,
}

/// How a packed model came to be in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packing {
    /// Mapped from a file that was there.
    Cached,
    /// Packed now, and mapped from the new file.
    Packed,
    /// Packed now into memory of our own, because no file could be written.
    InMemory {
        /// Why.
        why: String,
    },
}

impl Source<'_> {
    /// Hash of the hashes of the model's files.
    pub(crate) fn fingerprint(&self) -> Result<String, InferenceError> {
        let [vocabulary, graph] = self.files()?;
        Ok(fingerprint(vocabulary, graph))
    }

    /// The packed model, from `cache` where it is there and right, else made anew and put there.
    ///
    /// # Errors
    /// [`InferenceError`] for a file of the model that is missing, wrong or not usable. A cache
    /// that cannot be written is no error: the model then takes memory of its own.
    pub(crate) fn open(
        &self,
        cache: Option<&Path>,
    ) -> Result<(PackedModel, Head, Packing), InferenceError> {
        let Some(cache) = cache else {
            return self.in_memory("no folder for a cache is given".to_owned());
        };
        let key = self.key()?;
        let place = cache.join(self.file_name());
        if let Ok((model, head)) = PackedModel::open(&place, &key) {
            return Ok((model, head, Packing::Cached));
        }
        match self.write_file(&place, &key) {
            Ok(()) => {}
            Err(PackError::Model(error)) => return Err(error),
            Err(PackError::File(error)) => {
                return self.in_memory(format!("{}: {error}", place.display()));
            }
        }
        match PackedModel::open(&place, &key) {
            Ok((model, head)) => Ok((model, head, Packing::Packed)),
            Err(Doubt(why)) => self.in_memory(format!("{}: {why}", place.display())),
        }
    }

    fn file_name(&self) -> String {
        format!("{}.{}.packed", self.manifest.id, self.kernels.layout())
    }

    fn files(&self) -> Result<[&ModelFile; 2], InferenceError> {
        Ok([self.manifest.file(FileRole::Vocabulary)?, self.manifest.file(FileRole::GraphInt8)?])
    }

    fn path(&self, file: &ModelFile) -> PathBuf {
        self.folder.join(&file.name)
    }

    fn key(&self) -> Result<Key, InferenceError> {
        let stamp = |file: &ModelFile| {
            let path = self.path(file);
            let unreadable = |why: String| InferenceError::Unreadable { path: path.clone(), why };
            let meta = path.metadata().map_err(|error| unreadable(error.to_string()))?;
            if meta.len() != file.size {
                let (expected, found) = (file.size, meta.len());
                return Err(InferenceError::WrongSize { path: path.clone(), expected, found });
            }
            let modified = meta.modified().map_err(|error| unreadable(error.to_string()))?;
            let modified_ns = match modified.duration_since(UNIX_EPOCH) {
                Ok(after) => after.as_nanos().cast_signed(),
                Err(before) => -before.duration().as_nanos().cast_signed(),
            };
            Ok(Stamp { name: file.name.clone(), bytes: meta.len(), modified_ns })
        };
        Ok(Key {
            fingerprint: self.fingerprint()?,
            layout: self.kernels.layout(),
            sources: self.files()?.into_iter().map(stamp).collect::<Result<_, _>>()?,
        })
    }

    fn write_file(&self, place: &Path, key: &Key) -> Result<(), PackError> {
        let (staged, file) = Staged::begin(place).map_err(PackError::File)?;
        let file = self.write(file, key)?;
        staged.place(file).map_err(PackError::File)
    }

    fn in_memory(&self, why: String) -> Result<(PackedModel, Head, Packing), InferenceError> {
        let to = Cursor::new(Vec::new());
        let packed = match self.write(to, &self.key()?) {
            Ok(to) => PackedModel::from_bytes(to.get_ref()),
            Err(PackError::Model(error)) => return Err(error),
            Err(PackError::File(error)) => Err(Doubt::from(error)),
        };
        match packed {
            Ok((model, head)) => Ok((model, head, Packing::InMemory { why })),
            Err(Doubt(why)) => Err(InferenceError::Graph { why }),
        }
    }

    fn write<W: Write + Seek>(&self, to: W, key: &Key) -> Result<W, PackError> {
        let [vocabulary, graph] = self.files()?;
        let pieces = read_verified(&self.path(vocabulary), vocabulary.size, &vocabulary.sha256)?;
        let sorted = Vocabulary::parse(&pieces)?;
        let bytes = read_verified(&self.path(graph), graph.size, &graph.sha256)?;
        let unusable = |why| PackError::Model(InferenceError::Graph { why });
        let graph = onnx::decode(bytes).map_err(unusable)?;
        let program = onnx::program(&graph).map_err(unusable)?;
        program.check(self.manifest.encoder.dimensions).map_err(unusable)?;
        let mut packer =
            Packer { kernels: self.kernels, to: Writer::new(to).map_err(PackError::File)? };
        let program = packer.program(&program)?;
        let head = Head {
            key: key.clone(),
            program,
            pieces: packer.section(&pieces)?,
            sorted_pieces: packer.section(bytemuck::cast_slice(sorted.sorted()))?,
        };
        packer.to.finish(&head).map_err(PackError::File)
    }
}

/// What ended a packing: the model, or the place it was to be written to.
enum PackError {
    Model(InferenceError),
    File(io::Error),
}

impl From<InferenceError> for PackError {
    fn from(error: InferenceError) -> Self {
        PackError::Model(error)
    }
}

/// The weights of a matrix, written, and what its sums begin with.
struct Weights {
    section: Section,
    starts: Vec<i32>,
}

struct Packer<W: Write + Seek> {
    kernels: Kernels,
    to: Writer<W>,
}

impl<W: Write + Seek> Packer<W> {
    fn program(&mut self, from: &Program<Array<'_>>) -> Result<Program<Section>, PackError> {
        // All weights first, in the order they are used in: a product asks for what follows its own.
        let weights = from.steps.iter().map(|step| match &step.op {
            Op::Linear(matrix) => self.weights(matrix, &step.name).map(Some),
            _ => Ok(None),
        });
        let weights = weights.collect::<Result<Vec<_>, PackError>>()?;
        let steps = from.steps.iter().zip(weights).map(|(step, weights)| {
            let op = match (&step.op, weights) {
                (Op::Linear(matrix), Some(weights)) => Op::Linear(self.matrix(matrix, weights)?),
                (op, _) => self.op(op, &step.name)?,
            };
            Ok(Step { name: step.name.clone(), inputs: step.inputs.clone(), op })
        });
        let steps: Result<Vec<_>, PackError> = steps.collect();
        Ok(Program { steps: steps?, sentence: from.sentence, tokens: from.tokens })
    }

    fn op(&mut self, op: &Op<Array<'_>>, name: &str) -> Result<Op<Section>, PackError> {
        Ok(match op {
            Op::Embed(Table { pieces, positions, width, rows, scales, position_rows }) => {
                Op::Embed(Table {
                    pieces: *pieces,
                    positions: *positions,
                    width: *width,
                    rows: self.section(rows.bytes)?,
                    scales: self.section(scales.bytes)?,
                    position_rows: self.section(position_rows.bytes)?,
                })
            }
            Op::Norm { width, weight, bias, epsilon } => Op::Norm {
                width: *width,
                weight: self.section(weight.bytes)?,
                bias: self.section(bias.bytes)?,
                epsilon: *epsilon,
            },
            Op::Linear(matrix) => {
                let weights = self.weights(matrix, name)?;
                Op::Linear(self.matrix(matrix, weights)?)
            }
            Op::Attend { heads } => Op::Attend { heads: *heads },
            Op::Mean => Op::Mean,
        })
    }

    fn weights(&mut self, from: &Matrix<Array<'_>>, name: &str) -> Result<Weights, PackError> {
        let Matrix { inputs, outputs, .. } = *from;
        let mut channels = vec![0i8; inputs * outputs];
        for (input, row) in from.weights.bytes.chunks_exact(outputs).enumerate() {
            for (output, weight) in row.iter().enumerate() {
                channels[output * inputs + input] = weight.cast_signed();
            }
        }
        let packed = self.kernels.pack_int8(&channels, inputs, outputs).map_err(|error| {
            PackError::Model(InferenceError::Graph { why: format!("the step {name:?}: {error}") })
        })?;
        let section = self.section(bytemuck::cast_slice(&packed.weights))?;
        Ok(Weights { section, starts: packed.starts })
    }

    fn matrix(
        &mut self,
        from: &Matrix<Array<'_>>,
        Weights { section, starts }: Weights,
    ) -> Result<Matrix<Section>, PackError> {
        Ok(Matrix {
            inputs: from.inputs,
            outputs: from.outputs,
            damping: from.damping.map(|damping| self.section(damping.bytes)).transpose()?,
            weights: section,
            starts: Some(self.section(bytemuck::cast_slice(&starts))?),
            scales: self.channels(from.scales, from.outputs)?,
            bias: self.channels(from.bias, from.outputs)?,
            gelu: from.gelu,
        })
    }

    /// A float a channel, with zeros up to a multiple of sixteen.
    fn channels(&mut self, from: Array<'_>, outputs: usize) -> Result<Section, PackError> {
        let mut bytes = from.bytes.to_vec();
        bytes.resize(outputs.next_multiple_of(16) * 4, 0);
        self.section(&bytes)
    }

    fn section(&mut self, bytes: &[u8]) -> Result<Section, PackError> {
        self.to.section(bytes).map_err(PackError::File)
    }
}
