//! Unanswered questions: five reasons, each counted every time and logged once.

use std::collections::HashSet;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::log::one_line;

/// An unanswered question of an AWS API.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{action}: {reason}")]
pub struct FailedLookup {
    /// Action of the AWS API, with the service, as in a policy.
    pub action: &'static str,
    /// Reason of the failure.
    pub reason: LookupError,
}

/// Reason why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
pub enum LookupError {
    /// The role may not, or a policy forbids the action.
    #[error("not allowed ({0}); the function's role needs this action")]
    Denied(String),
    /// The account asked too much.
    #[error("throttled ({0}); it is tried again later")]
    Throttled(String),
    /// No answer in time.
    #[error(
        "no answer in time; is there a route to the AWS APIs (NAT or endpoints, and port 443 in the security group)?"
    )]
    TimedOut,
    /// No connection, or no credentials to sign with.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl LookupError {
    /// Classifies an error of the SDK.
    pub(crate) fn of<E>(error: &SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        match error {
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::TimedOut,
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
                Self::Unreachable(one_line(&causes(error)))
            }
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or_default();
                match code {
                    "UnauthorizedOperation"
                    | "AccessDenied"
                    | "AccessDeniedException"
                    | "AuthFailure"
                    | "OptInRequired" => Self::Denied(code.to_owned()),
                    "RequestLimitExceeded" | "Throttling" | "ThrottlingException" => {
                        Self::Throttled(code.to_owned())
                    }
                    _ => {
                        let message = service.err().message().unwrap_or("no message");
                        Self::Other(one_line(&format_args!("{code}: {message}")))
                    }
                }
            }
            _ => Self::Other(one_line(&causes(error))),
        }
    }

    fn kind(&self) -> std::mem::Discriminant<Self> {
        std::mem::discriminant(self)
    }
}

/// Text of an error and its causes, the outermost first; the SDK's debug form would print structures.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        // Some errors repeat the words of the cause.
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}

/// Counts of the unanswered questions of an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnansweredCounts {
    /// Questions for flow logs.
    pub flow_logs: u64,
    /// Questions for interfaces, VPCs, transit gateways and attachments.
    pub names: u64,
}

/// Counts unanswered questions, and logs each reason of each action once.
#[derive(Debug, Default)]
pub(super) struct LookupTally {
    errors: UnansweredCounts,
    said: HashSet<(&'static str, std::mem::Discriminant<LookupError>)>,
}

impl LookupTally {
    /// Counts a question, and logs a new reason.
    pub(super) fn count(&mut self, failed: &FailedLookup) {
        match failed.action {
            super::question::FLOW_LOGS => self.errors.flow_logs += 1,
            _ => self.errors.names += 1,
        }
        if self.said.insert((failed.action, failed.reason.kind())) {
            tracing::warn!(
                "{failed}; flows are exported with what is known, and this is said once"
            );
        }
    }

    pub(super) fn take_errors(&mut self) -> UnansweredCounts {
        std::mem::take(&mut self.errors)
    }
}

/// Takes every item of a paginator, page by page, until the deadline.
pub(super) async fn gather<T, E>(
    action: &'static str,
    deadline: Instant,
    mut next: impl AsyncFnMut() -> Option<Result<T, SdkError<E>>>,
    mut take: impl FnMut(T),
) -> Result<(), FailedLookup>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    while let Some(item) = answered(action, deadline, async { next().await.transpose() }).await? {
        take(item);
    }
    Ok(())
}

/// Waits for an answer until the deadline.
pub(crate) async fn answered<T, E>(
    action: &'static str,
    deadline: Instant,
    answer: impl Future<Output = Result<T, SdkError<E>>>,
) -> Result<T, FailedLookup>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let reason = match timeout_at(deadline, answer).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => LookupError::of(&error),
        Err(_) => LookupError::TimedOut,
    };
    Err(FailedLookup { action, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::captured::CapturedLog;

    #[test]
    fn a_reason_is_counted_each_time_and_said_once_for_each_action() {
        let mut tally = LookupTally::default();
        let failed = |action, code: &str| FailedLookup {
            action,
            reason: LookupError::Denied(code.to_owned()),
        };
        let (log, _guard) = CapturedLog::begin();
        tally.count(&failed("ec2:DescribeFlowLogs", "AuthFailure"));
        tally.count(&failed("ec2:DescribeFlowLogs", "UnauthorizedOperation"));
        tally.count(&failed("ec2:DescribeVpcs", "UnauthorizedOperation"));
        let lines = log.take();
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert_eq!(
            tally.take_errors(),
            UnansweredCounts {
                flow_logs: 2,
                names: 1
            }
        );
        assert_eq!(tally.take_errors(), UnansweredCounts::default());
    }
}
