//! The configuration of every AWS client.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::{RuntimeComponentsBuilder, RuntimePlugin, SharedHttpClient};
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;

/// From the environment, with short patience, because a look-up that takes longer than the flows are worth is worse than
/// one that is tried again a minute later.
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

/// The SDK's own, one for all clients: each of its own would read the machine's root certificates, some hundred files.
fn http_client() -> SharedHttpClient {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest());
    let client = plugin.and_then(|plugin| {
        let components = RuntimeComponentsBuilder::new("https");
        plugin.runtime_components(&components).http_client()
    });
    client.expect("the feature default-https-client is on")
}
