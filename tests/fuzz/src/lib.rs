//! What several fuzz targets need: the shipped skills, parsed once.
//!
//! Must not catch panics; a panic is what is looked for.

use std::sync::LazyLock;
use valet_package::{Manifest, Sentences};

/// A skill with one intent of everything, and its sentences.
pub static CLIMATE: LazyLock<(Manifest, Sentences)> = LazyLock::new(|| {
    skill(
        include_str!("../../../skills/climate/skill.toml"),
        include_str!("../../../skills/climate/sentences/en.toml"),
    )
});

/// A skill whose intents want durations, times, dates and names.
pub static TIMERS: LazyLock<(Manifest, Sentences)> = LazyLock::new(|| {
    skill(
        include_str!("../../../skills/timers/skill.toml"),
        include_str!("../../../skills/timers/sentences/en.toml"),
    )
});

/// A skill whose intents want free text and distances.
pub static NAVIGATION: LazyLock<(Manifest, Sentences)> = LazyLock::new(|| {
    skill(
        include_str!("../../../skills/navigation/skill.toml"),
        include_str!("../../../skills/navigation/sentences/en.toml"),
    )
});

fn skill(manifest: &str, sentences: &str) -> (Manifest, Sentences) {
    let manifest = Manifest::parse("skill.toml", manifest).expect("the shipped manifest is right");
    let sentences = Sentences::parse("en.toml", sentences, &manifest);
    (manifest, sentences.expect("the shipped sentences are right"))
}
