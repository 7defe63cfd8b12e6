//! The HTTP client of every AWS client: the SDK's own, but nobody waits for the root certificates.
//!
//! The SDK reads those of the machine, some hundred files, when a client is built, which is before Lambda is asked for
//! the first event. Here they are read by a thread meanwhile; the first question to AWS waits for what is left of that.

use std::thread;

use aws_config::BehaviorVersion;
use aws_sdk_ec2::config::{
    ConfigBag, HttpClient, RuntimeComponents, RuntimeComponentsBuilder, RuntimePlugin,
    SharedHttpClient,
};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};

/// An HTTP client whose preparation is nobody's wait.
#[derive(Debug)]
struct Prepared(SharedHttpClient);

/// The SDK's HTTP client, prepared beside everything else.
pub(crate) fn client() -> impl HttpClient + 'static {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest());
    let client = plugin.and_then(|plugin| {
        let components = RuntimeComponentsBuilder::new("https");
        plugin.runtime_components(&components).http_client()
    });
    Prepared(client.expect("the feature default-https-client is on"))
}

impl HttpClient for Prepared {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    /// The SDK's place for what takes long, called by each client that is built.
    fn validate_base_client_config(
        &self,
        _: &RuntimeComponentsBuilder,
        _: &ConfigBag,
    ) -> Result<(), BoxError> {
        let client = self.0.clone();
        let prepare = move || {
            let components = RuntimeComponentsBuilder::new("https");
            client.validate_base_client_config(&components, &ConfigBag::base())
        };
        // Without a thread the first question reads them.
        let _ = thread::Builder::new().spawn(prepare);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use aws_config::Region;

    use super::*;

    /// How long a test waits for what must come.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// Takes until it is told to go on, and then says whether it was.
    #[derive(Debug)]
    struct Slow {
        go_on: Mutex<Receiver<()>>,
        done: Mutex<Sender<bool>>,
    }

    impl HttpClient for Slow {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            unreachable!("nothing is asked")
        }

        fn validate_base_client_config(
            &self,
            _: &RuntimeComponentsBuilder,
            _: &ConfigBag,
        ) -> Result<(), BoxError> {
            let told = self.go_on.lock().expect("no panic").recv_timeout(PATIENCE);
            self.done.lock().expect("no panic").send(told.is_ok())?;
            Ok(())
        }
    }

    #[test]
    fn a_client_is_built_while_the_certificates_are_still_being_read() {
        let (tell, go_on) = channel();
        let (done, is_done) = channel();
        let slow = Slow {
            go_on: Mutex::new(go_on),
            done: Mutex::new(done),
        };
        let config = aws_sdk_ec2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .http_client(Prepared(SharedHttpClient::new(slow)));
        let _client = aws_sdk_ec2::Client::from_conf(config.build());
        let _ = tell.send(());
        assert_eq!(is_done.recv_timeout(PATIENCE), Ok(true));
    }
}
