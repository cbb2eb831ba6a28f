//! Holds no code. Its manifest asks for the features of a few shared dependencies, so that
//! `cargo build`, `cargo test` and `cargo … -p <crate>` all resolve them alike and tract and
//! wasmtime are compiled once, not once a selection of packages.
//!
//! Must not grow code or be named by any source file.
