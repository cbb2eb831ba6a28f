//! Reads F32 tensors out of a safetensors file: an 8-byte little-endian header
//! length, a JSON header, the raw values.
//!
//! Must not trust the header: every offset is checked against the bytes there are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{RecipeError, weights_fault};

/// Longest JSON header that is parsed; the real one has 11 KB.
const MAX_HEADER_BYTES: u64 = 1 << 20;

#[derive(Deserialize, Serialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// A tensor of 32-bit floats, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    /// Length of each axis, outermost first.
    pub(crate) shape: Vec<usize>,
    /// The product of `shape` values.
    pub(crate) values: Vec<f32>,
}

/// The tensors of a file by name.
pub(crate) struct Weights<'a> {
    entries: BTreeMap<String, Entry>,
    data: &'a [u8],
}

impl<'a> Weights<'a> {
    /// Parses the header; values are read when they are asked for.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, RecipeError> {
        let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(weights_fault("the file is shorter than 8 bytes"));
        };
        let claimed = u64::from_le_bytes(*length);
        let length = usize::try_from(claimed.min(MAX_HEADER_BYTES + 1)).unwrap_or(usize::MAX);
        if claimed > MAX_HEADER_BYTES || length > rest.len() {
            return Err(weights_fault(format!(
                "the header claims {claimed} bytes where at most {} are possible",
                MAX_HEADER_BYTES.min(rest.len() as u64)
            )));
        }
        let (header, data) = rest.split_at(length);
        let mut header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header)
            .map_err(|error| weights_fault(format!("the header is not JSON: {error}")))?;
        header.remove("__metadata__");
        let entries = header
            .into_iter()
            .map(|(name, value)| match serde_json::from_value(value) {
                Ok(entry) => Ok((name, entry)),
                Err(error) => Err(weights_fault(format!("the entry of {name}: {error}"))),
            })
            .collect::<Result<_, _>>()?;
        Ok(Weights { entries, data })
    }

    /// Names and shapes of the tensors that can be read.
    pub(crate) fn floats(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let floats = self.entries.iter().filter(|(_, entry)| entry.dtype == "F32");
        floats.map(|(name, entry)| (name.as_str(), entry.shape.as_slice()))
    }

    /// The tensor `name`, which must have `shape`.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, RecipeError> {
        let fault = |why: String| weights_fault(format!("{name}: {why}"));
        let entry = self.entries.get(name).ok_or_else(|| fault("no such tensor".to_owned()))?;
        if entry.dtype != "F32" || entry.shape != shape {
            return Err(fault(format!(
                "found {} {:?} where F32 {shape:?} is expected",
                entry.dtype, entry.shape
            )));
        }
        let [start, end] = entry.data_offsets;
        let raw = self
            .data
            .get(start..end)
            .ok_or_else(|| fault(format!("bytes {start}..{end} lie outside the file")))?;
        let expected = shape.iter().product::<usize>() * size_of::<f32>();
        if raw.len() != expected {
            return Err(fault(format!("{} bytes where {expected} are expected", raw.len())));
        }
        let (values, _) = raw.as_chunks::<4>();
        let values: Vec<f32> = values.iter().map(|four| f32::from_le_bytes(*four)).collect();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(fault("a value is not finite".to_owned()));
        }
        Ok(Tensor { shape: shape.to_vec(), values })
    }
}

/// A file of these tensors, in the order of their names.
pub(crate) fn written(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, RecipeError> {
    let mut header = BTreeMap::new();
    let mut end = 0;
    for (name, Tensor { shape, values }) in tensors {
        let start = end;
        end += values.len() * size_of::<f32>();
        let entry =
            Entry { dtype: "F32".to_owned(), shape: shape.clone(), data_offsets: [start, end] };
        header.insert(name, entry);
    }
    let mut header = serde_json::to_vec(&header)
        .map_err(|error| weights_fault(format!("the header cannot be written: {error}")))?;
    // The values begin at a multiple of eight; the format pads with spaces.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(&header);
    for tensor in tensors.values() {
        file.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn first_value(bytes: &[u8]) -> Result<Tensor, RecipeError> {
        Weights::parse(bytes)?.tensor("a", &[1])
    }

    #[test]
    fn a_tensor_is_read_by_name_and_shape() {
        let bytes = file(
            r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            &1.5f32.to_le_bytes(),
        );
        assert_eq!(first_value(&bytes).unwrap().values, [1.5]);
        assert!(Weights::parse(&bytes).unwrap().tensor("a", &[1, 1]).is_err());
        assert!(Weights::parse(&bytes).unwrap().tensor("b", &[1]).is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let tensor = |values: &[f32]| Tensor { shape: vec![values.len()], values: values.to_vec() };
        let tensors = BTreeMap::from([
            ("b".to_owned(), tensor(&[1.0])),
            ("a".to_owned(), tensor(&[2.0, 3.0])),
        ]);
        let file = written(&tensors).unwrap();
        let weights = Weights::parse(&file).unwrap();
        assert_eq!(weights.floats().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(weights.tensor("a", &[2]).unwrap(), tensors["a"]);
        assert_eq!(weights.tensor("b", &[1]).unwrap(), tensors["b"]);
    }

    #[test]
    fn offsets_outside_the_file_and_values_not_finite_are_refused() {
        let entry = |offsets: &str| {
            format!(r#"{{"a":{{"dtype":"F32","shape":[1],"data_offsets":{offsets}}}}}"#)
        };
        for offsets in ["[0,5]", "[4,0]", "[1,5]", "[0,0]", "[18446744073709551615,3]"] {
            assert!(first_value(&file(&entry(offsets), &[0; 4])).is_err(), "{offsets}");
        }
        assert!(first_value(&file(&entry("[0,4]"), &f32::NAN.to_le_bytes())).is_err());
    }

    #[test]
    fn a_header_longer_than_the_file_is_refused() {
        assert!(Weights::parse(&u64::MAX.to_le_bytes()).is_err());
        assert!(Weights::parse(&[9, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']).is_err());
        assert!(Weights::parse(b"").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(header in "[ -~]{0,80}", data in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(weights) = Weights::parse(&file(&header, &data)) {
                let _ = weights.tensor("a", &[1]);
            }
            let _ = Weights::parse(&data).map(|weights| weights.tensor("a", &[1]));
        }
    }
}
