//! Verdicts on the engine.
