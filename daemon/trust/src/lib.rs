//! Whose skills may run here: keys with what they may sign, what was revoked, and the verdict on a package.
//!
//! Keys are files of the image and of the integrator; nothing over the bus adds one. Whatever is doubtful is refused: a key file
//! with a fault is no key, a clock that nobody vouches for proves nothing. Must not read packages (`valet-package` does)
//! nor ask people.

mod clock;
mod key_file;
mod revoked;
mod store;
mod verdict;

pub use clock::Clock;
pub use key_file::{Namespace, TrustedKey};
pub use revoked::{MAX_LIST_BYTES, Revoked};
pub use store::{Fault, LIST, LIST_SIGNATURE, NEXT_LIST_SIGNATURE, TrustStore};
pub use verdict::{Refusal, Signer, Verdict, class_of};
