//! The daemon.

fn main() -> std::process::ExitCode {
    valetd::main()
}
