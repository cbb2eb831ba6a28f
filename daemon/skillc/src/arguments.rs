//! The command line of `valet-skillc`, which is called by a program.
//!
//! Must not guess: what is unknown is refused.

use std::collections::BTreeSet;
use valet_core::capability::CapabilityKind;
use valet_skill_host::engine::Target;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    Compile,
    Walls,
    EngineId,
    Version,
    Help,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) job: Job,
    /// Kinds of capabilities that the skill's manifest declares.
    pub(crate) declared: BTreeSet<CapabilityKind>,
    /// What the code is for.
    pub(crate) target: Target,
    pub(crate) verbose: bool,
}

/// An argument that makes no sense here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error(
        "argument {got:?} is unknown, expected --declares, --target, --verbose, --walls, --engine-id, --version or --help"
    )]
    Unknown { got: String },
    #[error("--declares has no value, expected kinds of capabilities, such as store,alarms")]
    NoKinds,
    #[error("--declares has the unknown kind {got:?}, expected some of {}", CapabilityKind::ALL.map(CapabilityKind::name).join(", "))]
    UnknownKind { got: String },
    #[error("--target has no value, expected a triple such as aarch64-unknown-linux-gnu")]
    NoTarget,
    #[error(
        "--target is {got:?}, expected the triple of a Linux on aarch64, armv7 or x86_64, such as aarch64-unknown-linux-gnu"
    )]
    UnknownTarget { got: String },
}

impl Arguments {
    /// Reads a command line without the program's name.
    ///
    /// # Errors
    /// [`ArgumentError`].
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, ArgumentError> {
        let mut parsed = Self {
            job: Job::Compile,
            declared: BTreeSet::new(),
            target: Target::current(),
            verbose: false,
        };
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            parsed.job = match argument.as_str() {
                "--declares" => {
                    parsed.declared = kinds(&rest.next().ok_or(ArgumentError::NoKinds)?)?;
                    continue;
                }
                "--target" => {
                    let triple = rest.next().ok_or(ArgumentError::NoTarget)?;
                    let unknown = || ArgumentError::UnknownTarget { got: cut(&triple) };
                    parsed.target = Target::of_triple(&triple).ok_or_else(unknown)?;
                    continue;
                }
                "--verbose" => {
                    parsed.verbose = true;
                    continue;
                }
                "--walls" => Job::Walls,
                "--engine-id" => Job::EngineId,
                "--version" => Job::Version,
                "--help" => Job::Help,
                unknown => return Err(ArgumentError::Unknown { got: cut(unknown) }),
            };
        }
        Ok(parsed)
    }
}

fn kinds(list: &str) -> Result<BTreeSet<CapabilityKind>, ArgumentError> {
    let names = list.split(',').filter(|name| !name.is_empty());
    names
        .map(|name| {
            CapabilityKind::from_name(name)
                .ok_or_else(|| ArgumentError::UnknownKind { got: cut(name) })
        })
        .collect()
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, ArgumentError> {
        Arguments::parse(line.split(' ').filter(|a| !a.is_empty()).map(str::to_owned).collect())
    }

    #[test]
    fn nothing_is_declared_unless_it_is_said() {
        assert!(parse("").expect("fine").declared.is_empty());
        let none = Arguments::parse(vec!["--declares".into(), String::new()]);
        assert!(
            none.expect("what the daemon says of a skill that declares nothing")
                .declared
                .is_empty()
        );
        let some = parse("--verbose --declares store,vehicle-read").expect("fine");
        assert_eq!(some.declared, [CapabilityKind::Store, CapabilityKind::VehicleRead].into());
        assert!(some.verbose && some.job == Job::Compile);
    }

    #[test]
    fn the_code_is_for_this_machine_unless_another_is_named() {
        assert_eq!(parse("").expect("fine").target, Target::current());
        for (triple, target) in [
            ("aarch64-unknown-linux-gnu", Target::Aarch64),
            ("aarch64-poky-linux", Target::Aarch64),
            ("x86_64-unknown-linux-musl", Target::X86_64),
            ("armv7-unknown-linux-gnueabihf", Target::Pulley32),
            ("arm-poky-linux-gnueabi", Target::Pulley32),
        ] {
            assert_eq!(
                parse(&format!("--target {triple}")).map(|a| a.target),
                Ok(target),
                "{triple}"
            );
        }
        assert_eq!(parse("--target"), Err(ArgumentError::NoTarget));
        for triple in ["aarch64", "aarch64-apple-darwin", "riscv64gc-unknown-linux-gnu", "linux"] {
            let unknown = ArgumentError::UnknownTarget { got: triple.into() };
            assert_eq!(parse(&format!("--target {triple}")), Err(unknown));
        }
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for bad in ["--declare store", "skill.wasm", "--walls now"] {
            assert!(matches!(parse(bad), Err(ArgumentError::Unknown { .. })), "{bad}");
        }
        assert_eq!(parse("--declares"), Err(ArgumentError::NoKinds));
        let root = ArgumentError::UnknownKind { got: "root".into() };
        assert_eq!(parse("--declares store,root"), Err(root));
    }
}
