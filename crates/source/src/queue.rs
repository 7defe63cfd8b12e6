//! Attributes of a message of SQS, in an event of Lambda.

use std::borrow::Cow;

use serde::Deserialize;

/// Attributes of a message.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueAttributes<'a> {
    #[serde(borrow)]
    sent_timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    approximate_receive_count: Option<Cow<'a, str>>,
}

impl QueueAttributes<'_> {
    /// Arrival in the queue, in milliseconds since 1970.
    pub(crate) fn sent(&self) -> Option<u64> {
        self.sent_timestamp.as_deref()?.parse().ok()
    }

    /// Number of the delivery, from 1.
    pub(crate) fn receive_count(&self) -> Option<u32> {
        self.approximate_receive_count.as_deref()?.parse().ok()
    }
}
