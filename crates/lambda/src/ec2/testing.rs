//! An EC2 API for tests: real HTTP, answers by a closure. It can do what moto cannot: pages, refusals, silence.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region};

use flowlogs_core::network::Inventory;
use flowlogs_testing::http;
use tokio::time::Instant;

use super::Ec2;

/// Question of a client.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) action: String,
    parameters: HashMap<String, String>,
}

impl Request {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The values of the only filter.
    pub(crate) fn values(&self) -> Vec<&str> {
        (1..)
            .map_while(|number| self.parameter(&format!("Filter.1.Value.{number}")))
            .collect()
    }
}

/// Answer of the server.
pub(crate) enum Reply {
    /// The members of a response, as XML.
    Members(String),
    /// An error of this code, with status 4xx.
    Error(&'static str),
    /// A set whose answer ends in the middle of an item.
    Cut(&'static str),
    /// An answer without end.
    Endless,
    /// Nothing for as long as a test lasts.
    Silence,
}

/// A server on a port of its own, until the test ends.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let address =
            http::serve(move |request, stream| reply(&request.body, stream, &log, &answer));
        Self { address, requests }
    }

    /// Look-ups that ask this server.
    pub(crate) fn lookups(&self) -> Ec2 {
        lookups(self.address)
    }

    /// The actions that were asked, in order.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.action)
            .collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic while locked").clone()
    }
}

/// Look-ups that ask whatever is at this address, without retries, and wait for half a second.
pub(crate) fn lookups(address: SocketAddr) -> Ec2 {
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .interceptor(crate::aws::WholeAnswers)
        .build();
    let mut ec2 = Ec2::with_client(aws_sdk_ec2::Client::from_conf(config));
    ec2.budget = Duration::from_millis(500);
    ec2
}

fn reply(
    body: &str,
    stream: &TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: &impl Fn(&Request) -> Reply,
) -> Option<()> {
    let parameters: HashMap<_, _> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let request = Request {
        action: parameters.get("Action")?.clone(),
        parameters,
    };
    log.lock()
        .expect("no panic while locked")
        .push(request.clone());
    let (status, body) = match answer(&request) {
        Reply::Members(members) => (
            200,
            format!("<{0}Response>{members}</{0}Response>", request.action),
        ),
        Reply::Cut(set) => {
            let action = &request.action;
            (
                200,
                format!("<{action}Response><{set}><item><vpcId>vpc-1</vpcId>"),
            )
        }
        Reply::Error(code) => {
            let error = format!("<Error><Code>{code}</Code><Message>for a test</Message></Error>");
            (
                403,
                format!("<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"),
            )
        }
        Reply::Endless => return http::endless(stream, 200, "content-type: text/xml\r\n"),
        Reply::Silence => {
            thread::sleep(Duration::from_secs(60));
            return None;
        }
    };
    http::xml(stream, status, &body)
}

/// A set of items, and the token of the next page.
pub(crate) fn page(set: &str, items: &[String], next: Option<&str>) -> Reply {
    let items: String = items
        .iter()
        .map(|item| format!("<item>{item}</item>"))
        .collect();
    let next = next
        .map(|token| format!("<nextToken>{token}</nextToken>"))
        .unwrap_or_default();
    Reply::Members(format!("<{set}>{items}</{set}>{next}"))
}

/// Members of an item.
pub(crate) fn members(members: &[(&str, &str)]) -> String {
    members
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect()
}

impl Ec2 {
    /// Asks every due question for records of this destination, as the functions do for each payload or object.
    pub(crate) async fn refresh(&mut self, destination: &str, now: Instant) -> Option<Inventory> {
        let flow_logs = self.refresh_flow_logs(now).await;
        self.refresh_names(destination, now).await.or(flow_logs)
    }
}
