//! Calls home as any program would.
//!
//! Must not be shipped.

use valet_hostile_guests::hostile;
use valet_skill_sdk::prelude::*;

hostile!(|_| {
    let home = std::net::TcpStream::connect("192.0.2.1:80");
    Ok(Outcome::answer(format!("{}", home.is_ok())))
});
