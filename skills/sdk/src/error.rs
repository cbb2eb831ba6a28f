//! From the host's errors to the skill's, so that `?` works: what a skill did not treat
//! itself is its own fault and goes to the log in words.
//!
//! Must not hide an error as an answer.

use crate::{
    SkillError,
    bindings::valet::skill::{
        alarms::AlarmError,
        announce::AnnounceError,
        assets::AssetError,
        location::LocationError,
        store::StoreError,
        vehicle_signals::{BatchError, SignalError},
    },
};

macro_rules! into_skill_error {
    ($($type:ident: $($variant:ident => $words:literal),*;)*) => {
        $(impl From<$type> for SkillError {
            fn from(error: $type) -> Self {
                Self::Internal(match error { $($type::$variant => $words),* }.into())
            }
        })*
    };
}

into_skill_error! {
    SignalError:
        NotGranted => "signal is not granted",
        UnknownSignal => "signal is unknown",
        NoProvider => "nobody provides the signal",
        Failed => "signal failed";
    BatchError:
        TooMany => "more than 32 actuations in a batch",
        NeedsConfirmation => "actuation waits for a confirmation";
    StoreError:
        NotGranted => "store is not granted",
        Full => "store is full",
        BadKey => "store key is not valid",
        Failed => "store failed";
    AssetError:
        UnknownAsset => "asset is unknown",
        TooLong => "asset read is longer than 64 KiB",
        Failed => "asset cannot be read";
    AlarmError:
        NotGranted => "alarms are not granted",
        TooMany => "too many alarms",
        BadName => "alarm name is not valid",
        Failed => "alarms failed";
    AnnounceError:
        NotGranted => "announce is not granted",
        TooLong => "announcement is too long";
    LocationError:
        NotGranted => "location is not granted",
        Unknown => "location is unknown";
}
