//! HTTP without a proxy, whatever the environment says: everything is on this machine.

use std::time::Duration;

/// An agent that gives every answer to its caller, errors too.
pub fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    config.timeout_global(Some(Duration::from_secs(90))).build().into()
}
