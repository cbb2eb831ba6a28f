//! Key files, lists of what is revoked, signatures and keys of any bytes: read or refused, and a signature
//! that is read comes back as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valet_package::signature::{PublicKey, Signature};
use valet_trust::{Revoked, TrustedKey};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signature) = Signature::parse(bytes) {
        assert_eq!(signature.text().as_bytes(), bytes);
    }
    if let Ok(signature) = Signature::adopt(bytes) {
        assert!(Signature::parse(signature.text().as_bytes()).is_ok());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = PublicKey::parse(text) {
        assert_eq!(key.id().to_string().parse(), Ok(key.id()));
    }
    if let Ok(key) = TrustedKey::parse("key.toml", text) {
        assert!(!key.namespaces.is_empty());
    }
    if let Ok(list) = Revoked::parse("revoked.toml", text) {
        assert!(list.serial > 0);
    }
});
