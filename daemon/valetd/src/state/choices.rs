//! Which model of each kind is to serve, and which one served before: one row a kind, so that a
//! switch is on disk whole or not at all.
//!
//! Must not know whether a model is there.

use super::{
    MODELS, State,
    rows::{self, ModelChoice},
};
use valet_core::ports::StoreError;

impl State {
    /// What was chosen for a kind of models; `None` where nothing was, or the row makes no sense.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    pub(crate) fn model_choice(&self, kind: &str) -> Result<Option<ModelChoice>, StoreError> {
        Ok(self.read_one(MODELS, kind)?.and_then(|bytes| rows::read_choice(&bytes)))
    }

    /// Notes what was chosen for a kind of models; on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::Failed`]; then the choice before still stands.
    pub(crate) fn choose_model(&self, kind: &str, choice: &ModelChoice) -> Result<(), StoreError> {
        self.change(|tables| tables.put(MODELS, kind, &rows::write_choice(choice)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_of_a_model_is_there_after_reopening_and_each_kind_has_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let choice = ModelChoice { active: "new".into(), previous: Some("old".into()) };
        let state = State::open(folder.path()).expect("opens").state;
        assert_eq!(state.model_choice("encoder").expect("reads"), None);
        state.choose_model("encoder", &choice).expect("written");
        drop(state);
        let again = State::open(folder.path()).expect("opens").state;
        assert_eq!(again.model_choice("encoder").expect("reads"), Some(choice));
        assert_eq!(again.model_choice("other").expect("reads"), None);
    }
}
