//! Emulated AWS APIs: moto, filled by boto3; and an EC2 of our own, for answers that moto cannot give.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

use flowlogs_tests::process::Process;
use flowlogs_tests::{cases, tool};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::runtime::{free_tcp_port, wait_for_interpreter};
use flowlogs_testing::http;

/// Beginning of every script: clients of the emulator, and tags with a name.
const CLIENTS: &str = r#"
import boto3, json, sys
client = lambda service: boto3.client(service, endpoint_url=sys.argv[1], region_name="eu-central-1",
                                      aws_access_key_id="test", aws_secret_access_key="test")
ec2, logs, secrets = client("ec2"), client("logs"), client("secretsmanager")
tag = lambda kind, name: [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]
"#;

/// `moto_server`, for as long as this lives.
pub(crate) struct Moto {
    _process: Process,
    pub(crate) endpoint: String,
    _directory: TempDir,
}

impl Moto {
    /// Starts moto; `None` if moto is not installed.
    pub(crate) fn start() -> Option<Self> {
        let program = tool::find("moto_server")?;
        let (port, directory) = (free_tcp_port(), TempDir::new().expect("a directory"));
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let mut process = Process::start(command, directory.path().join("log"));
        wait_for_interpreter(&mut process, port);
        Some(Self {
            _process: process,
            endpoint: format!("http://127.0.0.1:{port}"),
            _directory: directory,
        })
    }

    /// Runs a script with the clients `ec2`, `logs`, `secrets` and arguments; the output is JSON.
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> Value {
        // The interpreter that moto is installed for.
        let python = tool::find("moto_server")
            .expect("it runs")
            .with_file_name("python3");
        let output = Command::new(python)
            .args(["-c", &format!("{CLIENTS}{script}"), &self.endpoint])
            .args(arguments)
            .output()
            .expect("python3 is there with moto");
        let errors = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
    }
}

/// Answers of an EC2 of our own.
#[derive(Debug)]
enum Answers {
    Refusal,
    /// Everything in an inventory, for any question.
    Inventory(Value),
}

/// An EC2 API that knows `events/inventory.json`.
pub(crate) fn ec2_with_inventory() -> String {
    let text = std::fs::read(cases::inventory()).expect("the inventory");
    ec2_with(serde_json::from_slice(&text).expect("JSON"))
}

/// An EC2 API that knows this, in the JSON of the AWS CLI.
pub(crate) fn ec2_with(inventory: Value) -> String {
    serve(Answers::Inventory(inventory), AskedServices::default())
}

/// Services of AWS for which requests were signed; of a request without a signature, its path.
pub(crate) type AskedServices = Arc<Mutex<BTreeSet<String>>>;

/// An EC2 API of an account without anything, in the place of every service, and the services that were asked for there.
pub(crate) fn ec2_that_records() -> (String, AskedServices) {
    let asked = AskedServices::default();
    let empty = json!({"FlowLogs": [], "NetworkInterfaces": [], "Vpcs": [], "TransitGateways": [],
        "TransitGatewayAttachments": []});
    let endpoint = serve(Answers::Inventory(empty), Arc::clone(&asked));
    (endpoint, asked)
}

/// An EC2 API that refuses every question, as for a role without the action.
pub(crate) fn ec2_that_refuses() -> String {
    serve(Answers::Refusal, AskedServices::default())
}

/// URL of a port where nobody listens.
pub(crate) fn ec2_out_of_reach() -> String {
    format!("http://127.0.0.1:{}", free_tcp_port())
}

fn serve(answers: Answers, asked: AskedServices) -> String {
    let address = http::serve(move |request, stream| {
        let service = request.service().unwrap_or(&request.target).to_owned();
        asked.lock().expect("no panic while locked").insert(service);
        let mut parameters = request.body.split('&');
        let action = parameters.find_map(|pair| pair.strip_prefix("Action="))?;
        match &answers {
            Answers::Refusal => http::xml(
                stream,
                403,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>for a test</Message></Error></Errors></Response>",
            ),
            Answers::Inventory(inventory) => http::xml(stream, 200, &described(action, inventory)),
        }
    });
    format!("http://{address}")
}

/// A whole key of the inventory, as the EC2 API writes it.
pub(crate) fn described(action: &str, inventory: &Value) -> String {
    let key = action.strip_prefix("Describe").unwrap_or_default();
    let items = xml(key, &inventory[key]);
    format!("<{action}Response>{items}</{action}Response>")
}

/// A page of items under a key of the AWS CLI, as the EC2 API writes the answer to an action.
pub(crate) fn described_page(action: &str, items: &[Value], next: Option<&str>) -> String {
    let key = action.strip_prefix("Describe").unwrap_or_default();
    let items = xml(key, &Value::Array(items.to_vec()));
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>"));
    let next = next.unwrap_or_default();
    format!("<{action}Response>{items}{next}</{action}Response>")
}

/// The AWS CLI's JSON as XML: `SubnetId` is `subnetId`, and lists have further names.
fn xml(key: &str, value: &Value) -> String {
    let name = match key {
        "NetworkInterfaces" => "networkInterfaceSet".to_owned(),
        "Vpcs" => "vpcSet".to_owned(),
        "TransitGateways" => "transitGatewaySet".to_owned(),
        "FlowLogs" => "flowLogSet".to_owned(),
        "PrivateIpAddresses" => "privateIpAddressesSet".to_owned(),
        "Ipv6Addresses" => "ipv6AddressesSet".to_owned(),
        "Tags" => "tagSet".to_owned(),
        other => other[..1].to_ascii_lowercase() + &other[1..],
    };
    let content = match value {
        Value::Array(items) => items
            .iter()
            .map(|item| format!("<item>{}</item>", members(item)))
            .collect(),
        Value::Object(_) => members(value),
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;"),
        other => other.to_string(),
    };
    format!("<{name}>{content}</{name}>")
}

fn members(value: &Value) -> String {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| xml(key, value))
        .collect()
}
