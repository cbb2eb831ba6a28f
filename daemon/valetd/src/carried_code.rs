//! Which of the code counts that a skill carries: for this engine, of this very component, and by the word of a key that may
//! sign code.
//!
//! Must not end a skill for want of it: it is compiled then, or the host says that the board is sealed.

use std::{collections::BTreeMap, path::Path};
use valet_core::intent::SkillId;
use valet_package::{SkillFolder, carried::Carried, code, unpacked::Unpacked};
use valet_skill_host::engine::EngineId;

/// The skill of a package that lies in this folder, with its code where that counts.
pub(crate) fn with_code(unpacked: Unpacked, folder: &Path, counts: bool) -> SkillFolder {
    let Unpacked { mut skill, code, .. } = unpacked;
    if code.is_empty() {
        return skill;
    }
    let for_us = if counts {
        code_for_us(&code, folder, &skill.wasm_sha256)
    } else {
        Err("no key vouches for it that may sign code (may-sign-code in its key file)".to_owned())
    };
    match for_us {
        Ok(bytes) => skill.code = Some(bytes),
        Err(why) => not_used(&skill.manifest.id, &why),
    }
    skill
}

fn not_used(skill: &SkillId, why: &str) {
    log::warn!("the code that {skill} carries is not used: {why}");
}

fn code_for_us(
    carried: &BTreeMap<String, Carried>,
    folder: &Path,
    wasm_sha256: &[u8; 32],
) -> Result<Vec<u8>, String> {
    let engine = EngineId::current().hex();
    let of_us = carried.get(&engine).ok_or_else(|| {
        let others: Vec<&str> = carried.keys().map(String::as_str).collect();
        format!("it is for the engines {}, and this is {engine}", others.join(", "))
    })?;
    let file = of_us.read(folder).map_err(|error| error.to_string())?;
    let code = code::of_file(&file, wasm_sha256).map_err(|why| format!("{} {why}", of_us.path))?;
    Ok(code.to_vec())
}
