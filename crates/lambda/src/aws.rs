//! Configuration of every AWS client.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::{RuntimeComponentsBuilder, RuntimePlugin, SharedHttpClient};
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;

/// Reads the SDK's configuration from the environment, with short time limits: a look-up that fails is tried again a minute
/// later, and flows must not wait for it.
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

/// HTTP client shared by all AWS clients: a client of its own would read the machine's root certificates again.
fn http_client() -> SharedHttpClient {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest());
    let client = plugin.and_then(|plugin| {
        let components = RuntimeComponentsBuilder::new("https");
        plugin.runtime_components(&components).http_client()
    });
    client.expect("the feature default-https-client is on")
}
