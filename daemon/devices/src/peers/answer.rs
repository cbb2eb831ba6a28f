//! The body of an answer, whatever it is made of: nothing, one value or several.
//!
//! Must not look into it.

use serde::{Deserialize as _, Deserializer, de::DeserializeSeed};
use zbus::{
    OwnedStructure, Signature,
    wire::{DynamicDeserialize, DynamicType},
};

/// The values of an answer; `None` where it holds none.
pub(super) struct Answer(pub(super) Option<OwnedStructure>);

type StructureSeed = <OwnedStructure as DynamicDeserialize<'static>>::Deserializer;

/// Knows what comes.
pub(super) struct AnswerSeed(Option<StructureSeed>);

impl DynamicType for AnswerSeed {
    fn signature(&self) -> Signature {
        self.0.as_ref().map_or(Signature::Unit, DynamicType::signature)
    }
}

impl<'de> DeserializeSeed<'de> for AnswerSeed {
    type Value = Answer;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Answer, D::Error> {
        match self.0 {
            None => <()>::deserialize(deserializer).map(|()| Answer(None)),
            Some(seed) => seed.deserialize(deserializer).map(|values| Answer(Some(values))),
        }
    }
}

impl DynamicType for Answer {
    fn signature(&self) -> Signature {
        self.0.as_ref().map_or(Signature::Unit, DynamicType::signature)
    }
}

impl DynamicDeserialize<'_> for Answer {
    type Deserializer = AnswerSeed;

    fn deserializer_for_signature(signature: &Signature) -> zbus::wire::Result<AnswerSeed> {
        Ok(AnswerSeed(match signature {
            Signature::Unit => None,
            other => Some(OwnedStructure::deserializer_for_signature(other)?),
        }))
    }
}
