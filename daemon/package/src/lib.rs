//! Skill packages: the manifest, the sentences, the tests file, a skill's folder, and the package made of it.
//! Every byte here is foreign; everything is bounded and an unknown key is refused.
//!
//! Must not run, compile or trust anything: it says what a package holds, not whether it may.

pub mod archive;
pub mod carried;
pub mod code;
pub mod error;
pub mod folder;
pub mod manifest;
pub mod pack;
pub mod packed;
pub mod sample;
pub mod sentences;
pub mod settings;
pub mod signature;
pub mod source;
pub mod strict;
pub mod template;
pub mod tests_file;
pub mod unpacked;

pub use error::PackageError;
pub use folder::SkillFolder;
pub use manifest::Manifest;
pub use packed::Package;
pub use sentences::Sentences;
