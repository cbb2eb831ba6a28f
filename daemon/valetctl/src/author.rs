//! `valetctl skill new|build|embed|compile|test|dev`: the way of an author, from nothing to a skill that keeps its promises.
//!
//! Must not touch a device: whatever is tried here runs in a daemon of its own, on a bus of its own.

mod build;
mod compile;
mod dev;
mod embed;
mod private;
mod project;
mod trial;

use crate::{CtlError, Verdict, args::AuthorAction, screen::Screen};

pub(crate) use build::has_wasm_target;

/// Runs one of them.
///
/// # Errors
/// [`CtlError::Package`], [`CtlError::File`], [`CtlError::Build`], [`CtlError::Private`]; the terminal's.
pub(crate) async fn run(screen: &mut Screen, action: AuthorAction) -> Result<Verdict, CtlError> {
    match action {
        AuthorAction::New { folder, id } => project::make(screen, &folder, id),
        AuthorAction::Build { folder } => build::run(screen, &folder),
        AuthorAction::Embed { folder, models } => embed::run(screen, &folder, models.as_deref()),
        AuthorAction::Compile { folder, target } => compile::run(screen, &folder, &target),
        AuthorAction::Test(arguments) => trial::run(screen, &arguments).await,
        AuthorAction::Dev(arguments) => dev::run(screen, &arguments).await,
    }
}
