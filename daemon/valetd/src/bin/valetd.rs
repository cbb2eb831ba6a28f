//! The program `valetd`; all of it is in the library beside, which the build with fail points shares.

fn main() -> std::process::ExitCode {
    valetd::main()
}
