//! Which of the code counts that a skill carries: for this engine, of this very component, and by the word of a key that may
//! sign code.
//!
//! Must not end a skill for want of it: it is compiled then, or the host says that the board is sealed.

use std::path::Path;
use valet_package::{SkillFolder, carried::Carried, code, unpacked::Unpacked};
use valet_skill_host::engine::EngineId;

/// The skill of a package that lies in this folder, with its code where that `counts`, by whoever vouches for it; and what is
/// wrong with code that would.
pub(crate) fn with_code(
    unpacked: Unpacked,
    folder: &Path,
    counts: Result<bool, String>,
) -> (SkillFolder, Option<String>) {
    let Unpacked { mut skill, code, .. } = unpacked;
    let mut damage = None;
    if code.is_empty() {
        return (skill, damage);
    }
    let (id, engine) = (&skill.manifest.id, EngineId::current().hex());
    match (counts, code.get(&engine)) {
        (Err(why), _) => log::info!("the code that {id} carries is not used: {why}"),
        (Ok(false), _) => log::info!(
            "the code that {id} carries is not used: no key vouches for it that may sign code (may-sign-code)"
        ),
        (Ok(true), None) => {
            log::info!("the code that {id} carries is not used: none is for the engine {engine}")
        }
        (Ok(true), Some(of_us)) => match read(of_us, folder, &skill.wasm_sha256) {
            Ok(code) => skill.code = Some(code),
            Err(why) => {
                log::warn!("the code that {id} carries is not used: {why}");
                damage = Some(why);
            }
        },
    }
    (skill, damage)
}

fn read(carried: &Carried, folder: &Path, wasm_sha256: &[u8; 32]) -> Result<Vec<u8>, String> {
    let mut file = carried.read(folder).map_err(|error| error.to_string())?;
    let code = code::of_file(&file, wasm_sha256);
    let bytes = code.map_err(|why| format!("{} {why}", carried.path))?.len();
    // What stands in front goes; a copy would be as large as the code.
    file.drain(..file.len() - bytes);
    Ok(file)
}
