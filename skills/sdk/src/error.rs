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
        dbus_peer::PeerError,
        http::HttpError,
        location::LocationError,
        mqtt::MqttError,
        store::StoreError,
        vehicle_signals::{BatchError, SignalError},
        vocabulary::VocabularyError,
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
        Failed => "store failed",
        Limited => "store is written too often";
    AssetError:
        UnknownAsset => "asset is unknown",
        TooLong => "asset read is longer than 64 KiB",
        Failed => "asset cannot be read";
    AlarmError:
        NotGranted => "alarms are not granted",
        TooMany => "too many alarms",
        BadName => "alarm name is not valid",
        Failed => "alarms failed",
        Limited => "alarms are set too often";
    AnnounceError:
        NotGranted => "announce is not granted",
        TooLong => "announcement is too long",
        Limited => "announced too often";
    LocationError:
        NotGranted => "location is not granted",
        Unknown => "location is unknown";
    HttpError:
        NotGranted => "fetch is not granted",
        NotAvailable => "network is off",
        BadRequest => "request is not valid",
        Refused => "address is refused",
        Unreachable => "server cannot be reached",
        TimedOut => "server is too slow",
        TooLong => "response is longer than allowed",
        Limited => "fetched too often",
        Failed => "server does not speak HTTP";
    MqttError:
        NotGranted => "topic is not granted",
        NotAvailable => "no broker is there",
        NotConnected => "broker is not connected",
        BadTopic => "topic is not valid",
        TooLong => "payload is too long",
        Limited => "published too often",
        Failed => "broker failed";
    PeerError:
        NotGranted => "peer is not granted",
        NotAvailable => "peers cannot be called here",
        NoPeer => "peer is not there",
        BadValue => "argument is not valid",
        Refused => "peer refused",
        TimedOut => "peer is too slow",
        Limited => "peers are called too often";
    VocabularyError:
        UnknownEntity => "entity is not listed",
        TooMany => "more than 256 values",
        BadValue => "value is not valid";
}
