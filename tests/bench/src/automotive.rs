//! Placeholder until written.
use clap::Args;
#[derive(Debug, Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_: &Arguments) -> anyhow::Result<crate::figures::Report> { anyhow::bail!("not yet") }
