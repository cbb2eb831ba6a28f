//! Skill packages: the manifest, the sentences, the tests file, and reading a skill's folder.
//! Every byte here is foreign; everything is bounded and an unknown key is refused.
//!
//! Must not run, compile or trust anything: it says what a package holds, not whether it may.

pub mod error;
pub mod folder;
pub mod manifest;
pub mod sample;
pub mod sentences;
pub mod settings;
pub mod strict;
pub mod template;
pub mod tests_file;

pub use error::PackageError;
pub use folder::SkillFolder;
pub use manifest::Manifest;
pub use sentences::Sentences;
