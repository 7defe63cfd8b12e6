//! Configuration of every AWS client.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_sdk_ec2::config::{
    ConfigBag, Intercept, RuntimeComponents, RuntimeComponentsBuilder, RuntimePlugin,
    SharedHttpClient,
};
use aws_sdk_ec2::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use http_body_util::Limited;

/// Most octets of an answer of EC2. A page of 1,000 interfaces with many addresses and tags has some 5 MB.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// Most octets of every other answer but the body of an object, which the reader bounds: a secret with its JSON (64 KiB
/// before escapes), credentials, a page of accounts, the receipt of a written object, an error in words.
const SMALL_ANSWER: usize = 512 * 1024;

/// Interceptor that refuses answers without end: the SDK holds an answer whole, but for the body of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundedAnswers {
    /// Most octets of a success; `None` for a stream, bounded by the reader.
    success: Option<usize>,
    /// Most octets of an error.
    error: usize,
}

impl BoundedAnswers {
    /// Answers of EC2.
    const LARGE: Self = Self {
        success: Some(LARGEST_ANSWER),
        error: SMALL_ANSWER,
    };

    /// Answers of Secrets Manager, STS and Organizations, and of S3 to a written object.
    pub(crate) const SMALL: Self = Self {
        success: Some(SMALL_ANSWER),
        error: SMALL_ANSWER,
    };

    /// Objects of S3.
    pub(crate) const STREAM: Self = Self {
        success: None,
        error: SMALL_ANSWER,
    };

    fn apply(self, context: &mut BeforeDeserializationInterceptorContextMut<'_>) {
        let response = context.response_mut();
        let bound = match response.status().is_success() {
            true => self.success,
            false => Some(self.error),
        };
        let Some(bound) = bound else { return };
        let unbounded = std::mem::replace(response.body_mut(), SdkBody::taken());
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(unbounded, bound));
    }
}

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.apply(context);
        Ok(())
    }
}

/// Patience of a client with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestPatience {
    /// Longest time to connect.
    pub(crate) connect: Duration,
    /// Longest time to the beginning of an answer, in one attempt.
    pub(crate) answer: Duration,
    /// Attempts in all.
    pub(crate) attempts: u32,
}

/// Returns a client of S3 that reads objects as streams.
pub(crate) fn s3_client(aws: &SdkConfig, patience: RequestPatience) -> aws_sdk_s3::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(patience.connect)
        .operation_attempt_timeout(patience.answer)
        .build();
    let config = aws_sdk_s3::config::Builder::from(aws)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(patience.attempts))
        .interceptor(BoundedAnswers::STREAM)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// Interceptor that refuses endless and cut answers of EC2: the SDK's reader of XML takes the items before a cut for all
/// items.
#[derive(Debug)]
pub(crate) struct WholeAnswers;

impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        BoundedAnswers::LARGE.apply(context);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        match response.body().bytes() {
            Some(octets) if response.status().is_success() && !is_whole(octets) => {
                Err("the answer was cut".into())
            }
            _ => Ok(()),
        }
    }
}

/// The XML of an answer ends with the end of the root element, `</DescribeVpcsResponse>`.
fn is_whole(answer: &[u8]) -> bool {
    answer.trim_ascii_end().ends_with(b"Response>")
}

/// Reads the SDK's configuration from the environment, with short time limits: a look-up that fails is tried again a minute
/// later, and flows must not wait.
pub(crate) async fn sdk_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .load()
        .await
}

/// HTTP client shared by all AWS clients: a separate client would read the machine's root certificates again.
fn http_client() -> SharedHttpClient {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest());
    let client = plugin.and_then(|plugin| {
        let components = RuntimeComponentsBuilder::new("https");
        plugin.runtime_components(&components).http_client()
    });
    client.expect("the feature default-https-client is on")
}
