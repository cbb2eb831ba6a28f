//! `assets`: read-only files of the package, in pages; no path leads anywhere, a name is
//! looked up among the files that were opened when the skill was loaded.

use crate::{bindings::valet::skill::assets as wit, limits::MAX_ASSET_READ_BYTES, turn::Turn};
use std::{io, os::unix::fs::FileExt};
use valet_package::folder::Asset;

/// Reads until the page is full or the file ends.
fn read_page(asset: &Asset, offset: u64, length: u32) -> io::Result<Vec<u8>> {
    let left = asset.bytes.saturating_sub(offset).min(length.into());
    let mut page = vec![0; usize::try_from(left).unwrap_or(0)];
    let mut filled = 0;
    while filled < page.len() {
        match asset.file.read_at(&mut page[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    page.truncate(filled);
    Ok(page)
}

impl wit::Host for Turn {
    fn size(&mut self, path: String) -> wasmtime::Result<Result<u64, wit::AssetError>> {
        self.host_call()?;
        Ok(self.assets.get(&path).map(|a| a.bytes).ok_or(wit::AssetError::UnknownAsset))
    }

    fn read_at(
        &mut self,
        path: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::AssetError>> {
        self.host_call()?;
        if length > MAX_ASSET_READ_BYTES {
            return Ok(Err(wit::AssetError::TooLong));
        }
        let Some(asset) = self.assets.get(&path) else {
            return Ok(Err(wit::AssetError::UnknownAsset));
        };
        Ok(read_page(asset, offset, length).map_err(|e| {
            log::warn!("an asset of {} cannot be read: {e}", self.skill);
            wit::AssetError::Failed
        }))
    }
}
