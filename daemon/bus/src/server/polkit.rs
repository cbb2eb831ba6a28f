//! Asking polkit, where it runs, for a right that no rule gives.
//!
//! Must not take silence or an error for a yes.

use std::collections::HashMap;
use std::time::Duration;

use zbus::Variant;

use super::Face;
use crate::{BusError, ErrorName, access::Right};

const SERVICE: &str = "org.freedesktop.PolicyKit1";
const OBJECT: &str = "/org/freedesktop/PolicyKit1/Authority";
const AUTHORITY: &str = "org.freedesktop.PolicyKit1.Authority";
/// polkit may ask a person, with its agent.
const ALLOW_USER_INTERACTION: u32 = 1;
/// Longest wait for its answer; a person may have to type.
const LIMIT: Duration = Duration::from_secs(120);

impl Face {
    /// Asks polkit whether a client holds a right; with `interactive` a person may be asked.
    ///
    /// # Errors
    /// `NotAuthorized` for a no, where polkit does not run, and where it does not answer.
    pub async fn ask_polkit(
        &self,
        client: &str,
        right: Right,
        interactive: bool,
    ) -> Result<(), BusError> {
        let no = |why: &str| {
            let name = right.name();
            let why = format!("it needs the right {name}: {why}");
            Err(BusError::new(ErrorName::NotAuthorized, why))
        };
        let table = "see the access table of the configuration";
        let Some(action) = right.polkit_action() else { return no(table) };
        let subject = ("system-bus-name", HashMap::from([("name", Variant::from(client))]));
        let flags = if interactive { ALLOW_USER_INTERACTION } else { 0 };
        let body = (subject, action, HashMap::<&str, &str>::new(), flags, "");
        let call = self.connection.call_method(
            Some(SERVICE),
            OBJECT,
            Some(AUTHORITY),
            "CheckAuthorization",
            &body,
        );
        let answer = match tokio::time::timeout(LIMIT, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                log::debug!("polkit is not there or does not answer: {error}");
                return no(table);
            }
            Err(_) => return no("polkit did not answer in time"),
        };
        match answer.body().deserialize::<(bool, bool, HashMap<String, String>)>() {
            Ok((true, ..)) => Ok(()),
            Ok((false, true, _)) if !interactive => {
                no("polkit would ask a person; allow it to with the call's interactive flag")
            }
            Ok((false, ..)) => no(&format!("polkit says no to {action}")),
            Err(error) => no(&format!("polkit answered something else: {error}")),
        }
    }
}
