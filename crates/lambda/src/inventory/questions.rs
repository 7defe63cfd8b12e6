//! Describe calls of an account and region: all pages, at a pace that leaves the API to further clients.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{Credentials, Region, SharedCredentialsProvider};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use flowlogs_describe::FlowLogDescription;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::survey::{NetworkSurvey, PagePosition, SurveyQuestion};
use crate::aws::WholeAnswers;
use crate::ec2::question::{ATTACHMENTS, FLOW_LOGS, GATEWAYS, INTERFACES, PAGE, VPCS};
use crate::ec2::{FailedLookup, LookupError, convert};

/// Least time between two calls: 9 a second, below half of the 20 a second refilled by AWS into the bucket that an account
/// and region has for each call.
const CALL_INTERVAL: Duration = Duration::from_millis(110);

/// Most tries of a page.
const TRIES: u32 = 3;

/// Pause after a first throttled try, doubled after each further try.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Most pages of an answer; 1,000 pages are a million interfaces.
const MOST_PAGES: usize = 1_000;

/// Reason why an account and region has no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum QuestionEnd {
    /// The time of the invocation was over.
    OutOfTime,
    /// The account does not use the region.
    RegionNotEnabled,
    /// A question failed.
    Failed(FailedLookup),
}

impl QuestionEnd {
    /// The next round can go on where this one stopped.
    pub(super) fn may_go_on(&self) -> bool {
        match self {
            Self::OutOfTime => true,
            Self::RegionNotEnabled => false,
            Self::Failed(failure) => !matches!(
                failure.reason,
                LookupError::Denied(_) | LookupError::Other(_)
            ),
        }
    }

    /// EC2 refused the question itself: the token of a page, for example, may have expired.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Failed(failure) if matches!(failure.reason, LookupError::Other(_)))
    }
}

/// EC2 of an account and region.
#[derive(Debug)]
pub(super) struct RegionQuestions {
    client: Client,
    /// Earliest time of the next call.
    next_call: Instant,
    deadline: Instant,
}

/// Asks a question page by page from a position on, and leaves the position at the first page of the next question; `$take`
/// gets each item.
macro_rules! pages {
    ($self:ident, $position:expr, $action:expr, $question:expr, $items:ident, $take:expr) => {{
        let position: &mut PagePosition = $position;
        loop {
            if position.pages == MOST_PAGES {
                let reason = LookupError::Other(format!("more than {MOST_PAGES} pages"));
                return Err(failed($action, reason));
            }
            let question = $question
                .max_results(PAGE)
                .set_next_token(position.token.clone());
            let page = $self.page($action, || question.clone().send()).await?;
            page.$items.into_iter().flatten().for_each($take);
            position.token = page.next_token.filter(|token| !token.is_empty());
            position.pages += 1;
            if position.token.is_none() {
                break;
            }
        }
        *position = PagePosition::default();
    }};
}

impl RegionQuestions {
    pub(super) fn new(
        aws: &SdkConfig,
        credentials: Credentials,
        region: &str,
        deadline: Instant,
    ) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(20))
            .build();
        // The SDK's own tries would not keep the pace.
        let config = aws_sdk_ec2::config::Builder::from(aws)
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .interceptor(WholeAnswers)
            .build();
        Self {
            client: Client::from_conf(config),
            next_call: Instant::now(),
            deadline,
        }
    }

    /// Asks for the flow logs.
    pub(super) async fn flow_logs(&mut self) -> Result<Vec<FlowLogDescription>, QuestionEnd> {
        let mut flow_logs = Vec::new();
        let client = self.client.clone();
        pages!(
            self,
            &mut PagePosition::default(),
            FLOW_LOGS,
            client.describe_flow_logs(),
            flow_logs,
            |item| {
                flow_logs.extend(convert::flow_log(item));
            }
        );
        Ok(flow_logs)
    }

    /// Asks for interfaces, VPCs, gateways and attachments, from where the survey stopped. Without a whole answer the survey
    /// has the pages that came.
    pub(super) async fn network(&mut self, survey: &mut NetworkSurvey) -> Result<(), QuestionEnd> {
        let client = self.client.clone();
        let position = &mut survey.position;
        loop {
            match survey.question {
                SurveyQuestion::Interfaces => pages!(
                    self,
                    position,
                    INTERFACES,
                    // Interfaces that AWS services manage have flows as well.
                    client
                        .describe_network_interfaces()
                        .include_managed_resources(true),
                    network_interfaces,
                    |item| {
                        if let Some(mut interface) = convert::interface(item) {
                            survey.interfaces.add(&mut interface);
                        }
                    }
                ),
                SurveyQuestion::Vpcs => {
                    pages!(self, position, VPCS, client.describe_vpcs(), vpcs, |item| {
                        survey.vpcs.extend(convert::vpc(item));
                    });
                }
                SurveyQuestion::Gateways => {
                    pages!(
                        self,
                        position,
                        GATEWAYS,
                        client.describe_transit_gateways(),
                        transit_gateways,
                        |item| {
                            survey.gateways.extend(convert::gateway(item));
                        }
                    );
                }
                SurveyQuestion::Attachments => pages!(
                    self,
                    position,
                    ATTACHMENTS,
                    client.describe_transit_gateway_attachments(),
                    transit_gateway_attachments,
                    |item| {
                        survey.attachments.extend(convert::attachment(item));
                    }
                ),
                SurveyQuestion::Nothing => return Ok(()),
            }
            survey.question = survey.question.next();
        }
    }

    /// Asks for a page, at most [`TRIES`] times, with pauses between the tries; a denied question is not asked again.
    async fn page<T, E, F>(
        &mut self,
        action: &'static str,
        ask: impl Fn() -> F,
    ) -> Result<T, QuestionEnd>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let (mut tries, mut pause) = (0, FIRST_PAUSE);
        loop {
            if self.next_call >= self.deadline {
                return Err(QuestionEnd::OutOfTime);
            }
            sleep_until(self.next_call).await;
            self.next_call = Instant::now() + CALL_INTERVAL;
            let reason = match timeout_at(self.deadline, ask()).await {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(error)) => LookupError::of(&error),
                Err(_) => return Err(QuestionEnd::OutOfTime),
            };
            tries += 1;
            let may_pass = match reason {
                // Credentials that other regions accept: a region that does not know them is not in use by the account.
                LookupError::Denied(code) if is_of_region(&code) => {
                    return Err(QuestionEnd::RegionNotEnabled);
                }
                LookupError::Denied(_) => false,
                _ => true,
            };
            if !may_pass || tries == TRIES {
                return Err(failed(action, reason));
            }
            self.next_call = Instant::now() + pause;
            pause *= 2;
        }
    }
}

/// Codes of EC2's refusal of credentials valid in another region.
fn is_of_region(code: &str) -> bool {
    matches!(code, "AuthFailure" | "OptInRequired")
}

fn failed(action: &'static str, reason: LookupError) -> QuestionEnd {
    QuestionEnd::Failed(FailedLookup { action, reason })
}

/// Sentence about a failure, for the manifest and the log.
pub(super) fn sentence(failure: &FailedLookup) -> String {
    match &failure.reason {
        LookupError::Denied(code) if failure.action.starts_with("sts:") => format!(
            "{}: not allowed ({code}); is template-member.yaml deployed there, with this function's role and external id?",
            failure.action
        ),
        LookupError::Denied(code) => format!(
            "{}: not allowed ({code}); the role of template-member.yaml needs this action, and no policy may forbid it",
            failure.action
        ),
        LookupError::Throttled(code) => {
            format!(
                "{}: throttled ({code}); it is asked again in the next round",
                failure.action
            )
        }
        _ => failure.to_string(),
    }
}
