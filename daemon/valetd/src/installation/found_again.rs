//! Installed skills of which no row tells any more, found again by their packages.
//!
//! Must not give one anything: what it may touch went with the rows, and nobody has said it again. Must not
//! take a package that nobody vouches for, or that is not whole.

use super::Folders;
use crate::{
    skills::MAX_SKILLS,
    state::{
        State,
        rows::{Installed, Version},
    },
    trust::{Trust, Trusted},
};
use std::path::Path;
use valet_core::{capability::CapabilitySet, intent::SkillId, ports::StoreError};
use valet_package::{
    folder::read_bounded,
    manifest::MAX_PACKED_MANIFEST_BYTES,
    packed::{MANIFEST, PackedManifest},
    unpacked::Unpacked,
};

/// Most versions of a skill that are looked at.
const MAX_VERSIONS: usize = 8;

/// Writes the rows of all skills whose packages lie here and that have none, the newest version of each and the one before
/// it; which skills that were. Where it is cut off, the next start goes on with it.
///
/// # Errors
/// [`StoreError`]; then some may have no row yet, and nothing may be swept.
pub(crate) fn find_again(
    folders: &Folders,
    trust: &Trust,
    state: &State,
) -> Result<Vec<SkillId>, StoreError> {
    let trusted = trust.read(state)?;
    let known = state.installed()?;
    let mut found = Vec::new();
    let all = folders.all().into_iter().filter(|(id, _)| !known.contains_key(id));
    for (id, versions) in all.take(MAX_SKILLS) {
        let mut whole: Vec<Version> = versions
            .iter()
            .take(MAX_VERSIONS)
            .filter_map(|folder| match read(folders, &trusted, &id, folder) {
                Ok(version) => Some(version),
                Err(why) => {
                    log::warn!("{} is not taken again: {why}", folder.display());
                    None
                }
            })
            .collect();
        whole.sort_by_key(|version| std::cmp::Reverse(version.counter));
        let mut whole = whole.into_iter();
        let Some(mut current) = whole.next() else { continue };
        let previous = whole.next();
        // It may be one that somebody, or its own faults, had gone back from.
        current.on_trial = previous.is_some();
        let row = Installed { current, previous };
        state.set_installed(&id, &row, Some(&CapabilitySet::default()))?;
        found.push(id);
    }
    state.note_packages_known()?;
    Ok(found)
}

/// The version that lies in a folder.
fn read(
    folders: &Folders,
    trusted: &Trusted,
    id: &SkillId,
    folder: &Path,
) -> Result<Version, String> {
    let text = |error: valet_package::PackageError| error.to_string();
    let manifest = read_bounded(&folder.join(MANIFEST), MAX_PACKED_MANIFEST_BYTES as u64);
    let manifest = PackedManifest::parse(manifest.map_err(text)?).map_err(text)?;
    let manifest_sha256 = manifest.sha256();
    let unpacked = Unpacked::read(folder, &manifest_sha256).map_err(text)?;
    let vouched = trusted
        .judge_installed(&unpacked.manifest, &unpacked.signatures)
        .map_err(|refusal| refusal.to_string())?;
    let version = Version {
        counter: unpacked.skill.manifest.counter,
        manifest_sha256,
        signer: vouched.signer().map(str::to_owned),
        on_trial: false,
    };
    if unpacked.skill.manifest.id != *id || folders.of(id, &version) != folder {
        return Err("the folder is another one's".to_owned());
    }
    Ok(version)
}
