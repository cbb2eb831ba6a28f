//! The part of a manifest that says how the model's files were made from its source.
//!
//! Must not say more than the recipe needs to make the same bytes again.

use serde::{Deserialize, Serialize};

use super::{SourceMember, check_count, check_members, check_name, check_range, invalid};
use crate::error::InferenceError;

const MAX_LOUD_CHANNELS: usize = 64;
const MAX_DIVISOR: u32 = 1024;

/// What was done to the published weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeName {
    /// Only stored in fewer bits.
    Quantize,
    /// Cut to fewer word pieces, and stored in fewer bits.
    Prune,
    /// Taught to a smaller encoder, and stored in fewer bits.
    Distil,
}

/// A channel of the hidden rows that is far larger than the others in every text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoudChannel {
    /// Its number, counted from 0.
    pub channel: usize,
    /// What it is divided by before it is quantized: a power of two, for that rounds nothing.
    pub divide_by: u32,
}

/// How a model's files are made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModelRecipe {
    /// What was done.
    pub name: RecipeName,
    /// Id of the model that it was done to; none where that is the source itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Loud channels, damped where rows are quantized.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loud_channels: Vec<LoudChannel>,
    /// Files that the recipe reads beside the source's, by their paths from the manifest's
    /// folder: the pieces that are kept, or weights that were trained here.
    #[serde(default, rename = "input", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<SourceMember>,
}

impl ModelRecipe {
    pub(super) fn check(&self, dimensions: usize) -> Result<(), InferenceError> {
        if let Some(base) = &self.base {
            check_name("recipe.base", base)?;
        }
        let loud = self.loud_channels.len();
        check_range("the number of recipe.loud-channels", loud, 0, MAX_LOUD_CHANNELS)?;
        for LoudChannel { channel, divide_by } in &self.loud_channels {
            check_range("recipe.loud-channels.channel", *channel, 0, dimensions - 1)?;
            if !divide_by.is_power_of_two() || *divide_by > MAX_DIVISOR {
                return Err(invalid(format!(
                    "recipe.loud-channels.divide-by is {divide_by}, not a power of two up to {MAX_DIVISOR}"
                )));
            }
        }
        if self.inputs.is_empty() {
            return Ok(());
        }
        check_count("recipe.input", self.inputs.len())?;
        check_members("recipe.input.path", &self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::ModelManifest;

    const BASE: &str = include_str!("../../../../models/all-minilm-l6-v2.toml");
    const PRUNED: &str = include_str!("../../../../models/all-minilm-l6-v2-pruned.toml");

    #[test]
    fn a_recipe_comes_back_as_it_was_written() {
        for text in [BASE, PRUNED] {
            let manifest = ModelManifest::parse(text).unwrap();
            assert!(manifest.recipe.is_some());
            assert_eq!(ModelManifest::parse(&manifest.to_text().unwrap()).unwrap(), manifest);
        }
    }

    #[test]
    fn a_manifest_without_a_recipe_is_as_good() {
        let text = BASE.split("[recipe]").next().unwrap();
        assert!(ModelManifest::parse(text).unwrap().recipe.is_none());
    }

    #[test]
    fn a_recipe_out_of_bounds_is_refused_by_key() {
        for (from, to, key) in [
            ("name = \"prune\"", "name = \"guess\"", "guess"),
            ("name = \"prune\"", "name = \"prune\"\ncolour = 1", "colour"),
            ("base = \"", "base = \"../", "recipe.base"),
            ("channel = 63", "channel = 384", "channel"),
            ("divide-by = 4", "divide-by = 3", "divide-by"),
            ("divide-by = 4", "divide-by = 0", "divide-by"),
            ("divide-by = 4", "divide-by = 2048", "divide-by"),
            ("path = \"all-minilm", "path = \"../all-minilm", "recipe.input.path"),
        ] {
            assert!(PRUNED.contains(from), "{from}");
            let said = ModelManifest::parse(&PRUNED.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(said.contains(key), "{to}: {said}");
        }
    }
}
