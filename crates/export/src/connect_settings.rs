//! Settings of connections.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::ClientConfig;

use crate::options::SenderOptions;

/// TLS configuration, options and deadline of all connections of [`Collectors`](crate::Collectors).
#[derive(Clone)]
pub(crate) struct ConnectSettings {
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) options: SenderOptions,
    /// Deadline of all waiting, from [`Collectors::set_deadline`](crate::Collectors::set_deadline).
    pub(crate) deadline: Instant,
}

impl ConnectSettings {
    /// Time limit of a connection attempt: the connect timeout, or less if the deadline is before.
    pub(crate) fn connect_timeout(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.options
            .connect_timeout
            .min(left)
            .max(Duration::from_millis(1))
    }
}
