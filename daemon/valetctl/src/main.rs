//! `valetctl`, the program. Everything is in the library, so that tests and documents use the
//! same parser of arguments.

use std::process::ExitCode;

fn main() -> ExitCode {
    valetctl::run(std::env::args_os())
}
