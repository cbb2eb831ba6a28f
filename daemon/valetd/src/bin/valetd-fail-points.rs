//! The daemon in the build that tests end at chosen instants; see `instant`.

fn main() -> std::process::ExitCode {
    valetd::main()
}
