//! Why a question was not answered: five reasons, each counted every time and logged once.

use std::collections::HashSet;
use std::fmt;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::LookupErrors;

/// A question that was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{action}: {reason}")]
pub struct Trouble {
    /// The action of the AWS API, with its service, as a policy names it.
    pub action: &'static str,
    /// Why it was not answered.
    pub reason: Reason,
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
pub enum Reason {
    /// The role may not, or a policy forbids it.
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

impl Reason {
    /// Sorts an error of the SDK.
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

/// An error and what caused it, from the outside to the inside. The SDK's own way to show them adds the structures.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        // Some repeat their cause in their own words.
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}

/// Text of others, as one line of bounded length.
pub(crate) fn one_line(text: &impl fmt::Display) -> String {
    let text = text.to_string();
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(300)
        .collect()
}

/// Counts troubles, and says each reason of each action once.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    errors: LookupErrors,
    said: HashSet<(&'static str, std::mem::Discriminant<Reason>)>,
}

impl Troubles {
    /// Counts one. Whether it was said as well, because its reason is new.
    pub(super) fn count(&mut self, trouble: &Trouble) -> bool {
        match trouble.action {
            super::formats::ACTION => self.errors.formats += 1,
            _ => self.errors.names += 1,
        }
        let new = self.said.insert((trouble.action, trouble.reason.kind()));
        if new {
            tracing::warn!(
                "{trouble}; flows are exported with what is known, and this is said once"
            );
        }
        new
    }

    pub(super) fn take_errors(&mut self) -> LookupErrors {
        std::mem::take(&mut self.errors)
    }
}

/// Takes everything that a paginator has, page by page, until the deadline.
pub(super) async fn gather<T, E>(
    action: &'static str,
    deadline: Instant,
    mut next: impl AsyncFnMut() -> Option<Result<T, SdkError<E>>>,
    mut take: impl FnMut(T),
) -> Result<(), Trouble>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    loop {
        match timeout_at(deadline, next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(item))) => take(item),
            Ok(Some(Err(error))) => {
                return Err(Trouble {
                    action,
                    reason: Reason::of(&error),
                });
            }
            Err(_) => {
                return Err(Trouble {
                    action,
                    reason: Reason::TimedOut,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_counted_each_time_and_said_once_for_each_action() {
        let mut troubles = Troubles::default();
        let trouble = |action, code: &str| Trouble {
            action,
            reason: Reason::Denied(code.to_owned()),
        };
        assert!(troubles.count(&trouble("ec2:DescribeFlowLogs", "AuthFailure")));
        assert!(!troubles.count(&trouble("ec2:DescribeFlowLogs", "UnauthorizedOperation")));
        assert!(troubles.count(&trouble("ec2:DescribeVpcs", "UnauthorizedOperation")));
        assert_eq!(
            troubles.take_errors(),
            LookupErrors {
                formats: 2,
                names: 1
            }
        );
        assert_eq!(troubles.take_errors(), LookupErrors::default());
    }

    #[test]
    fn words_of_others_are_cut_to_one_line() {
        let text = one_line(&format!("a\n b\t{}", "x".repeat(1_000)));
        assert!(text.starts_with("a b x") && text.len() == 300, "{text}");
    }
}
