//! How often a skill may reach beyond its sandbox, as numbers.
//!
//! Must not count anything; who runs skills does.

/// Calls a minute by kind; as many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Fetches over HTTP.
    pub http_fetches: u32,
    /// Commands published to the broker.
    pub mqtt_commands: u32,
    /// Calls of peers on D-Bus, reading properties and names among them.
    pub dbus_calls: u32,
    /// Announcements.
    pub announcements: u32,
    /// Alarms set or cancelled.
    pub alarms: u32,
    /// Writes to the store.
    pub store_writes: u32,
}

impl Default for Rates {
    /// More than any person keeps a skill busy with.
    fn default() -> Self {
        Self {
            http_fetches: 60,
            mqtt_commands: 120,
            dbus_calls: 240,
            announcements: 30,
            alarms: 120,
            store_writes: 600,
        }
    }
}
