//! The tensors that an ONNX file brings, as bytes of a known kind and shape.
//!
//! Must not copy them, and must not trust that a shape and a length agree.

use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, TensorProto};

/// A tensor of a file: raw little-endian bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Array<'a> {
    /// As many as kind and shape want.
    pub bytes: &'a [u8],
}

impl Array<'_> {
    /// The values of a tensor of floats.
    pub(crate) fn f32s(&self) -> Vec<f32> {
        self.bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
    }
}

/// The tensors of a graph by name.
pub(crate) struct Tensors<'a>(HashMap<&'a str, &'a TensorProto>);

impl<'a> Tensors<'a> {
    /// All tensors of a graph.
    ///
    /// # Errors
    /// When two have one name.
    pub(crate) fn new(graph: &'a GraphProto) -> Result<Self, String> {
        let mut all = HashMap::with_capacity(graph.initializer.len());
        for tensor in &graph.initializer {
            if all.insert(tensor.name.as_str(), tensor).is_some() {
                return Err(format!("the tensor {:?} is there twice", tensor.name));
            }
        }
        Ok(Tensors(all))
    }

    fn tensor(&self, name: &str) -> Result<&'a TensorProto, String> {
        let found = self.0.get(name).copied();
        found.ok_or_else(|| format!("the tensor {name:?} is missing"))
    }

    /// The lengths of a tensor's axes, each within 1 to 2³¹.
    pub(crate) fn shape(&self, name: &str) -> Result<Vec<usize>, String> {
        let tensor = self.tensor(name)?;
        let sizes = tensor.dims.iter().map(|size| usize::try_from(*size).ok());
        let sizes: Option<Vec<usize>> = sizes.collect();
        sizes
            .filter(|sizes| {
                sizes.len() <= 2 && sizes.iter().all(|size| (1..=1 << 31).contains(size))
            })
            .ok_or_else(|| format!("the tensor {name:?} has the shape {:?}", tensor.dims))
    }

    /// A tensor of floats, all finite, of this shape.
    pub(crate) fn floats(&self, name: &str, shape: &[usize]) -> Result<Array<'a>, String> {
        let array = self.array(name, DataType::Float, shape)?;
        if array.f32s().iter().all(|value| value.is_finite()) {
            Ok(array)
        } else {
            Err(format!("the tensor {name:?} holds a value that is not finite"))
        }
    }

    /// A tensor of bytes of this shape.
    pub(crate) fn int8s(&self, name: &str, shape: &[usize]) -> Result<Array<'a>, String> {
        self.array(name, DataType::Int8, shape)
    }

    fn array(&self, name: &str, kind: DataType, shape: &[usize]) -> Result<Array<'a>, String> {
        let tensor = self.tensor(name)?;
        let width = if kind == DataType::Float { 4 } else { 1 };
        let bytes = shape.iter().try_fold(width, |bytes: usize, size| bytes.checked_mul(*size));
        let found = self.shape(name)?;
        let inside = tensor.data_location.unwrap_or(0) == DataLocation::Default as i32;
        if tensor.data_type != kind as i32 || found != shape || !inside {
            return Err(format!(
                "the tensor {name:?} is of type {} and shape {found:?} where {kind:?} {shape:?} in the file is expected",
                tensor.data_type
            ));
        }
        if Some(tensor.raw_data.len()) != bytes {
            return Err(format!(
                "the tensor {name:?} has {} bytes where {shape:?} wants {bytes:?}",
                tensor.raw_data.len()
            ));
        }
        Ok(Array { bytes: &tensor.raw_data })
    }
}
