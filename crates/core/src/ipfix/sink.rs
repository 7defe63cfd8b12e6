//! Seam between the exporting process and the transports: finished messages leave core through a [`MessageSink`].

/// Kind of a message, for transports with a rule for each kind.
///
/// Over UDP a collector that decodes on several threads may read a flow before a template sent just before the flow. A
/// sender therefore pauses after [`NewTemplates`](Self::NewTemplates).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Templates, some never sent in this session.
    NewTemplates,
    /// Templates sent in this session before: a repetition over UDP (RFC 7011 §8.4).
    TemplatesAgain,
    /// Options data: names, domains, statistics.
    Options,
    /// Flow records.
    Flows,
}

/// Result of sending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The message is on its way.
    Sent,
    /// The message could not be sent, and the work goes on (UDP): the records count as not sent.
    NotSent,
    /// The session takes no part in this batch: the session is unchanged.
    Skipped,
}

/// Receiver of finished messages.
///
/// Closures are sinks. This closure collects the octets of an IPFIX File:
///
/// ```
/// use flowlogs_core::{MessageKind, MessageSink, SendOutcome};
///
/// let mut file = Vec::new();
/// let mut sink = |_session: usize, _kind: MessageKind, message: &[u8]| {
///     file.extend_from_slice(message);
///     Ok::<_, std::io::Error>(SendOutcome::Sent)
/// };
/// sink.send(0, MessageKind::Flows, b"a message")?;
/// assert_eq!(file, b"a message");
/// # Ok::<_, std::io::Error>(())
/// ```
pub trait MessageSink {
    /// Reason why the work cannot go on.
    type Error;

    /// Takes a complete IPFIX message for a transport session, in order.
    ///
    /// # Errors
    ///
    /// An error ends the batch; the caller rolls back and decides whether to try again.
    fn send(
        &mut self,
        session: usize,
        kind: MessageKind,
        message: &[u8],
    ) -> Result<SendOutcome, Self::Error>;
}

impl<E, F: FnMut(usize, MessageKind, &[u8]) -> Result<SendOutcome, E>> MessageSink for F {
    type Error = E;

    fn send(
        &mut self,
        session: usize,
        kind: MessageKind,
        message: &[u8],
    ) -> Result<SendOutcome, E> {
        self(session, kind, message)
    }
}
