//! A file of code that a skill carries: which component it was made of, and then the code.
//!
//! Must not know what code is. The component's hash stands in front because code is made apart: without it a skill that was
//! built anew would go on its way with the code of the old one.

use sha2::{Digest, Sha256};

/// How such a file begins.
const MAGIC: &[u8; 8] = b"VALETMC1";

/// A file of this code, which was made of this component.
#[must_use]
pub fn to_file(component: &[u8], code: &[u8]) -> Vec<u8> {
    [&MAGIC[..], &Sha256::digest(component)[..], code].concat()
}

/// The code in a file, where it was made of the component with this hash.
///
/// # Errors
/// What was expected and what came.
pub fn of_file<'a>(file: &'a [u8], component_sha256: &[u8; 32]) -> Result<&'a [u8], String> {
    let rest = file.strip_prefix(MAGIC);
    let Some((of, code)) = rest.and_then(|rest| rest.split_first_chunk::<32>()) else {
        return Err("is no file of code, as `valetctl skill compile` makes it".to_owned());
    };
    if of != component_sha256 {
        let why = "was made of another skill.wasm than this one; make it again with `valetctl skill compile`";
        return Err(why.to_owned());
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comes_back_for_its_own_component_only() {
        let file = to_file(b"component", b"code");
        let ours: [u8; 32] = Sha256::digest(b"component").into();
        assert_eq!(of_file(&file, &ours), Ok(&b"code"[..]));
        let other = of_file(&file, &Sha256::digest(b"another").into()).expect_err("not of it");
        assert!(other.contains("another skill.wasm"), "{other}");
        for end in 0..40 {
            assert!(of_file(&file[..end], &ours).is_err(), "cut at {end}");
        }
        assert!(of_file(b"VALETAOT", &ours).is_err());
    }
}
