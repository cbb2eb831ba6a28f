//! Signatures over a packed manifest: minisign's prehashed form (Ed25519 over BLAKE2b-512), each with a signed comment.
//!
//! Every signature has one form of bytes only, so that nothing in a package can be changed without being noticed.
//! Must not decide whom to trust.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXUPPER};

/// Longest signature file, bytes.
pub const MAX_SIGNATURE_BYTES: u64 = 1024;
/// Longest signed comment, bytes.
pub const MAX_COMMENT_BYTES: usize = 256;
/// The first line, which nothing signs: always this one.
const FIRST_LINE: &str = "untrusted comment: signature of a valet skill";
/// How the third line begins.
const COMMENT: &str = "trusted comment: ";
/// The algorithm of prehashed signatures, and of those over the bytes themselves.
const PREHASHED: [u8; 2] = *b"ED";
const LEGACY: [u8; 2] = *b"Ed";

/// Why a signature or a key is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not the form of a signature or key.
    #[error("it is no {what}: {why}")]
    Form {
        /// A signature, a key, a key's number.
        what: &'static str,
        /// What was expected and what came.
        why: String,
    },
    /// Signed over the bytes themselves.
    #[error(
        "it is a signature of the old form; sign again with `valetctl skill sign` or `minisign -SH`"
    )]
    Legacy,
    /// The signature was made with another key.
    #[error("it was made with the key {found}, expected {expected}")]
    OtherKey {
        /// The key at hand.
        expected: KeyId,
        /// The key that it names.
        found: KeyId,
    },
    /// It is not the signature of these bytes.
    #[error("it is not the signature of this manifest: one of the two was changed")]
    Wrong,
}

fn form(what: &'static str, why: impl Into<String>) -> SignatureError {
    SignatureError::Form { what, why: why.into() }
}

/// The number of a key, as minisign writes it: sixteen hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXUPPER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let bytes = HEXUPPER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            form("key's number", format!("expected 16 digits of 0-9 A-F, found {text:?}"))
        })
    }
}

impl KeyId {
    /// Of the bytes in a key or signature, which lie the other way round.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut id: [u8; 8] = bytes.try_into().ok()?;
        id.reverse();
        Some(Self(id))
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    key: minisign_verify::PublicKey,
}

impl PublicKey {
    /// Of the base64 line of a `minisign.pub` file.
    ///
    /// # Errors
    /// [`SignatureError::Form`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let bad = |why: &str| form("key", why);
        let bytes = BASE64
            .decode(text.as_bytes())
            .map_err(|error| bad(&format!("expected a line of base64: {error}")))?;
        if bytes.len() != 42 || bytes[..2] != LEGACY {
            return Err(bad("expected the 56 characters of a minisign key, which begin with RW"));
        }
        let id = KeyId::of(&bytes[2..10]).ok_or_else(|| bad("expected eight bytes of number"))?;
        let key = minisign_verify::PublicKey::from_base64(text)
            .map_err(|error| bad(&error.to_string()))?;
        Ok(Self { id, key })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether `signature` is this key's over `message`, and so is its comment.
    ///
    /// # Errors
    /// [`SignatureError::OtherKey`] and [`SignatureError::Wrong`].
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        if self.id != signature.id {
            return Err(SignatureError::OtherKey { expected: self.id, found: signature.id });
        }
        self.key.verify(message, &signature.inner, false).map_err(|_| SignatureError::Wrong)
    }
}

/// A signature in its one form.
#[derive(Clone)]
pub struct Signature {
    id: KeyId,
    inner: minisign_verify::Signature,
    text: String,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("id", &self.id).field("comment", &self.comment()).finish()
    }
}

impl Signature {
    /// Of the bytes of a file of a package.
    ///
    /// # Errors
    /// [`SignatureError`]: anything but the one form of a signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let signature = Self::adopt(bytes)?;
        if signature.text.as_bytes() != bytes {
            let why = format!("expected the first line {FIRST_LINE:?} and four lines in all");
            return Err(form("signature", why));
        }
        Ok(signature)
    }

    /// Of the bytes of any file that minisign wrote, brought into the one form.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn adopt(bytes: &[u8]) -> Result<Self, SignatureError> {
        let bad = |why: &str| form("signature", why);
        if bytes.len() as u64 > MAX_SIGNATURE_BYTES {
            return Err(bad(&format!("{} bytes, expected at most 1024", bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad("expected UTF-8"))?;
        let lines: Vec<&str> = text.lines().collect();
        let [_, signature, comment, global] = lines[..] else {
            return Err(bad(&format!("expected four lines, found {}", lines.len())));
        };
        let id = key_of(signature)?;
        if comment.len() > COMMENT.len() + MAX_COMMENT_BYTES
            || comment.chars().any(char::is_control)
        {
            return Err(bad("expected a comment of at most 256 bytes without control characters"));
        }
        let decoded = BASE64.decode(global.as_bytes());
        if decoded.ok().is_none_or(|bytes| bytes.len() != 64) {
            return Err(bad("expected 64 bytes of base64 in the fourth line"));
        }
        let text = format!("{FIRST_LINE}\n{signature}\n{comment}\n{global}\n");
        let inner =
            minisign_verify::Signature::decode(&text).map_err(|error| bad(&error.to_string()))?;
        Ok(Self { id, inner, text })
    }

    /// Number of the key that it was made with.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the signer said with it; signed.
    #[must_use]
    pub fn comment(&self) -> &str {
        self.inner.trusted_comment()
    }

    /// Its one form.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The key that the second line names.
fn key_of(line: &str) -> Result<KeyId, SignatureError> {
    let bad = |why: String| form("signature", why);
    let bytes = BASE64.decode(line.as_bytes());
    let bytes = bytes.map_err(|error| bad(format!("its second line is no base64: {error}")))?;
    if bytes.len() != 74 {
        return Err(bad(format!("expected 74 bytes in its second line, found {}", bytes.len())));
    }
    match bytes[..2].try_into() {
        Ok(PREHASHED) => {
            KeyId::of(&bytes[2..10]).ok_or_else(|| bad("expected the number of a key".to_owned()))
        }
        Ok(LEGACY) => Err(SignatureError::Legacy),
        _ => Err(bad("expected the algorithm ED".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minisign::KeyPair;

    const MESSAGE: &[u8] = b"schema = 1\n";

    fn pair() -> (KeyPair, PublicKey) {
        let pair = KeyPair::generate_unencrypted_keypair().expect("a pair of keys");
        let key = PublicKey::parse(&pair.pk.to_base64()).expect("a key");
        (pair, key)
    }

    fn sign(pair: &KeyPair, message: &[u8]) -> Vec<u8> {
        let signed = minisign::sign(Some(&pair.pk), &pair.sk, message, Some("lamp 1"), None);
        let file = signed.expect("a signature").into_string();
        Signature::adopt(file.as_bytes()).expect("adopted").text().as_bytes().to_vec()
    }

    #[test]
    fn what_minisign_signed_is_verified_and_nothing_else() {
        let ((pair, key), (_, other)) = (pair(), pair());
        let bytes = sign(&pair, MESSAGE);
        let signature = Signature::parse(&bytes).expect("a signature");
        assert_eq!(key.verify(MESSAGE, &signature), Ok(()));
        assert_eq!(signature.comment(), "lamp 1");
        assert_eq!(key.verify(b"schema = 2\n", &signature), Err(SignatureError::Wrong));
        let refused = other.verify(MESSAGE, &signature);
        assert!(matches!(refused, Err(SignatureError::OtherKey { .. })), "{refused:?}");
    }

    #[test]
    fn a_flipped_bit_anywhere_and_a_cut_at_any_byte_are_refused() {
        let (pair, key) = pair();
        let whole = sign(&pair, MESSAGE);
        let holds = |bytes: &[u8]| {
            Signature::parse(bytes).is_ok_and(|signature| key.verify(MESSAGE, &signature).is_ok())
        };
        assert!(holds(&whole));
        for at in 0..whole.len() {
            assert!(!holds(&whole[..at]), "cut at {at}");
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                assert!(!holds(&bytes), "byte {at}, bit {bit}");
            }
        }
        assert!(!holds(&[&whole[..], b"\n"].concat()));
    }

    #[test]
    fn other_forms_are_refused_with_what_was_expected() {
        let (pair, key) = pair();
        let text = String::from_utf8(sign(&pair, MESSAGE)).expect("text");
        let line = text.lines().nth(1).expect("a second line");
        let mut bytes = BASE64.decode(line.as_bytes()).expect("base64");
        bytes[..2].copy_from_slice(&LEGACY);
        let legacy = text.replace(line, &BASE64.encode(&bytes));
        assert_eq!(Signature::parse(legacy.as_bytes()).err(), Some(SignatureError::Legacy));
        let long = text.replace("lamp 1", &"l".repeat(MAX_COMMENT_BYTES + 1));
        assert!(Signature::parse(long.as_bytes()).is_err());
        assert!(Signature::parse(&[b'a'; 2000]).is_err());
        let id = key.id().to_string();
        assert_eq!(id.parse::<KeyId>(), Ok(key.id()));
        assert!(id.to_lowercase().parse::<KeyId>().is_err() || !id.contains(char::is_alphabetic));
        assert!(PublicKey::parse("RWQ").is_err());
    }
}
