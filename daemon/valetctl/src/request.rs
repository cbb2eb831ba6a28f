//! A call that makes a request: followed from its first step to its end.
//!
//! Must not print anything; whoever asked does.

use crate::{CtlError, link::Link, value};
use futures_util::StreamExt as _;
use serde_json::Value;
use valet_bus::proxies::{FinishedStream, ProgressStream, RequestProxy};
use zbus::fdo::NameOwnerChangedStream;

/// A request that is followed.
pub(crate) struct Followed<'l> {
    link: &'l Link,
    token: String,
    // Dropped with its streams; they are its own.
    _request: RequestProxy<'static>,
    progress: ProgressStream,
    finished: FinishedStream,
    owners: NameOwnerChangedStream,
}

impl<'l> Followed<'l> {
    /// Listens, before the call is made: signals come to the request's path from the reply on.
    ///
    /// # Errors
    /// The bus'.
    pub(crate) async fn listen(link: &'l Link, purpose: &str) -> Result<Self, CtlError> {
        let token = format!("{purpose}{}", std::process::id());
        let request = link.request(&token).await?;
        let wrong = |e| link.error(e);
        let progress = request.receive_progress().await.map_err(wrong)?;
        let finished = request.receive_finished().await.map_err(wrong)?;
        let owners = link.owners().await?;
        Ok(Self { link, token, _request: request, progress, finished, owners })
    }

    /// What the call has to give as its `handle-token`.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Waits for its end: the code, and what came of it with the code among its keys. `step` is told of each step.
    ///
    /// # Errors
    /// The bus', and what `step` says.
    pub(crate) async fn follow(
        mut self,
        mut step: impl FnMut(&str, &Value) -> Result<(), CtlError>,
    ) -> Result<(u32, Value), CtlError> {
        let wrong = |e| self.link.error(e);
        loop {
            tokio::select! {
                biased;
                Some(at) = self.progress.next() => {
                    let at = at.args().map_err(wrong)?;
                    step(&at.state, &value::object(&at.details))?;
                }
                Some(end) = self.finished.next() => {
                    let end = end.args().map_err(wrong)?;
                    let mut result = value::object(&end.result);
                    if let Value::Object(keys) = &mut result {
                        keys.insert("code".to_owned(), Value::from(end.code));
                    }
                    return Ok((end.code, result));
                }
                _ = self.owners.next() => {
                    return Err(CtlError::Lost { why: "it left the bus before the end".to_owned() });
                }
            }
        }
    }
}
