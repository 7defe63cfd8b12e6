//! Describe calls of an account and region: all pages, at a pace that leaves the API to further clients.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{Credentials, Region, SharedCredentialsProvider};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use flowlogs_describe::write::{PartWriter, keep_name};
use flowlogs_describe::{
    FlowLogDescription, GatewayAttachmentDescription, GatewayDescription, VpcDescription,
};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::aws::WholeAnswers;
use crate::ec2::question::{ATTACHMENTS, FLOW_LOGS, GATEWAYS, INTERFACES, PAGE, VPCS};
use crate::ec2::{FailedLookup, LookupError, convert};

/// Least time between two calls: 9 a second, below half of the 20 a second refilled by AWS into the bucket that an account
/// and region has for each call.
const CALL_INTERVAL: Duration = Duration::from_millis(110);

/// Tries of a page.
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

/// Answers to every question but that for flow logs.
#[derive(Debug)]
pub(super) struct NetworkAnswer {
    pub(super) interfaces: PartWriter,
    pub(super) vpcs: Vec<VpcDescription>,
    pub(super) gateways: Vec<GatewayDescription>,
    pub(super) attachments: Vec<GatewayAttachmentDescription>,
}

/// EC2 of an account and region.
#[derive(Debug)]
pub(super) struct RegionQuestions {
    client: Client,
    /// Earliest time of the next call.
    next_call: Instant,
    deadline: Instant,
}

/// Asks a question page by page; `$take` gets each item.
macro_rules! pages {
    ($self:ident, $action:expr, $question:expr, $items:ident, $take:expr) => {{
        let mut token = None;
        let mut pages = 0;
        loop {
            let question = $question.max_results(PAGE).set_next_token(token);
            let page = $self.page($action, || question.clone().send()).await?;
            page.$items.into_iter().flatten().for_each($take);
            token = page.next_token.filter(|token| !token.is_empty());
            pages += 1;
            if token.is_none() {
                break;
            }
            if pages == MOST_PAGES {
                let reason = LookupError::Other(format!("more than {MOST_PAGES} pages"));
                return Err(failed($action, reason));
            }
        }
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
            FLOW_LOGS,
            client.describe_flow_logs(),
            flow_logs,
            |item| {
                flow_logs.extend(convert::flow_log(item));
            }
        );
        Ok(flow_logs)
    }

    /// Asks for interfaces, VPCs, gateways and attachments.
    pub(super) async fn network(&mut self) -> Result<NetworkAnswer, QuestionEnd> {
        let mut answer = NetworkAnswer {
            interfaces: PartWriter::new(),
            vpcs: Vec::new(),
            gateways: Vec::new(),
            attachments: Vec::new(),
        };
        let client = self.client.clone();
        // Interfaces that AWS services manage have flows as well.
        let interfaces = client
            .describe_network_interfaces()
            .include_managed_resources(true);
        pages!(
            self,
            INTERFACES,
            interfaces.clone(),
            network_interfaces,
            |item| {
                if let Some(mut interface) = convert::interface(item) {
                    answer.interfaces.add(&mut interface);
                }
            }
        );
        pages!(self, VPCS, client.describe_vpcs(), vpcs, |item| {
            answer.vpcs.extend(convert::vpc(item));
        });
        let gateways = client.describe_transit_gateways();
        pages!(self, GATEWAYS, gateways.clone(), transit_gateways, |item| {
            answer.gateways.extend(convert::gateway(item));
        });
        let attachments = client.describe_transit_gateway_attachments();
        pages!(
            self,
            ATTACHMENTS,
            attachments.clone(),
            transit_gateway_attachments,
            |item| {
                answer.attachments.extend(convert::attachment(item));
            }
        );
        let vpc_tags = answer.vpcs.iter_mut().map(|vpc| &mut vpc.tags);
        let gateway_tags = answer.gateways.iter_mut().map(|gateway| &mut gateway.tags);
        let attachment_tags = answer.attachments.iter_mut().map(|one| &mut one.tags);
        vpc_tags
            .chain(gateway_tags)
            .chain(attachment_tags)
            .for_each(keep_name);
        Ok(answer)
    }

    /// Asks for a page, again after a pause where the account is throttled or the answer was lost.
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
                // Credentials are new: a region where the credentials are unknown is not in use by the account.
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
