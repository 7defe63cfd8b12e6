//! Messages of SQS, in an event of Lambda.

use std::borrow::Cow;

use serde::Deserialize;

/// Message of a queue, acknowledged or returned as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage<C> {
    /// Message id, the id in a partial batch response.
    pub id: String,
    /// `SentTimestamp`: arrival in the queue, in milliseconds since 1970.
    pub sent: Option<u64>,
    /// `ApproximateReceiveCount`: 1 at the first delivery.
    pub receive_count: Option<u32>,
    /// Content of the message.
    pub content: C,
}

impl<C> QueueMessage<C> {
    pub(crate) fn new(
        id: Option<Cow<'_, str>>,
        attributes: Option<QueueAttributes<'_>>,
        content: C,
    ) -> Self {
        let attributes = attributes.unwrap_or_default();
        Self {
            id: id.unwrap_or_default().into_owned(),
            sent: attributes.sent(),
            receive_count: attributes.receive_count(),
            content,
        }
    }
}

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
    fn sent(&self) -> Option<u64> {
        self.sent_timestamp.as_deref()?.parse().ok()
    }

    fn receive_count(&self) -> Option<u32> {
        self.approximate_receive_count.as_deref()?.parse().ok()
    }
}
