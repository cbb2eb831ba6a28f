//! `announce`: speaking first. Words with control characters are a fault, as everywhere.

use crate::{
    bindings::valet::skill::announce as wit, check, limits::MAX_SPEECH_BYTES, rate::Rated,
    turn::Turn,
};

impl wit::Host for Turn {
    fn say(&mut self, speech: String) -> wasmtime::Result<Result<(), wit::AnnounceError>> {
        self.host_call()?;
        let Some(grant) = self.granter.announce() else {
            return Ok(Err(wit::AnnounceError::NotGranted));
        };
        self.take_announcement()?;
        if speech.len() > MAX_SPEECH_BYTES {
            return Ok(Err(wit::AnnounceError::TooLong));
        }
        let speech = check::speech(speech)
            .map_err(|what| wasmtime::Error::msg(format!("announces {what}")))?;
        if !self.take_rated(Rated::Announcement) {
            return Ok(Err(wit::AnnounceError::Limited));
        }
        if !self.rehearses() {
            self.world.announce(&grant, &speech);
        }
        Ok(Ok(()))
    }
}
