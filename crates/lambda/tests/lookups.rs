//! The look-ups against an emulated AWS over real HTTP: boto3 creates, the function reads.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::Credentials;
use flowlogs_core::network::{Destination, Inventory};
use flowlogs_lambda::{ec2, secret};
use flowlogs_testing::tools;

/// Creates resources, and prints a line with the ids chosen by AWS.
const NETWORK: &str = r#"
import boto3, json, sys
client = lambda service: boto3.client(service, endpoint_url=sys.argv[1], region_name="eu-central-1",
                                      aws_access_key_id="test", aws_secret_access_key="test")
ec2 = client("ec2")
tag = lambda kind, name: [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]
vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tag("vpc", "prod"))["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
eni = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.1.1.10", Description="front end",
    TagSpecifications=tag("network-interface", "web"))["NetworkInterface"]["NetworkInterfaceId"]
gateway = ec2.create_transit_gateway(TagSpecifications=tag("transit-gateway", "core"))["TransitGateway"]["TransitGatewayId"]
attachment = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])
role = client("iam").create_role(RoleName="flow", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
client("logs").create_log_group(logGroupName="flows")
to_group = {"LogDestinationType": "cloud-watch-logs", "DeliverLogsPermissionArn": role}
group_arn = "arn:aws:logs:eu-central-1:123456789012:log-group:flows:*"
ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogGroupName="flows",
                     LogFormat="${version} ${bytes}", **to_group)
ec2.create_flow_logs(ResourceIds=[gateway], ResourceType="TransitGateway", LogDestination=group_arn,
                     LogFormat="${version} ${tgw-id}", **to_group)
client("secretsmanager").create_secret(Name="tls", SecretString='{"ca": "PEM of the CA"}')
attachment = attachment["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
print(json.dumps([vpc, eni, gateway, attachment]))
"#;

/// An emulated AWS, for as long as this lives.
struct Emulator {
    process: Child,
    endpoint: String,
}

impl Emulator {
    /// `None` where moto is not installed, unless the tools are required.
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let mut command = Command::new("moto_server");
        command
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = match command.spawn() {
            Ok(process) => process,
            Err(error) => {
                assert!(!tools::is_required(), "moto_server: {error}");
                eprintln!("skipped: moto_server: {error}; scripts/setup installs it into .venv");
                return None;
            }
        };
        let emulator = Self {
            process,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < patience, "moto_server does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        Some(emulator)
    }

    /// Creates the network and returns its ids.
    fn fill(&self) -> Vec<String> {
        let mut python = Command::new("python3");
        python
            .args(["-c", NETWORK, &self.endpoint])
            .stdout(Stdio::piped());
        let mut python = python.spawn().expect("python3 is there with moto");
        let mut line = String::new();
        BufReader::new(python.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("text");
        assert!(python.wait().expect("it ran").success());
        serde_json::from_str(&line).expect("a list of ids")
    }

    async fn config(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .load()
            .await
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // A process that was not waited for would stay as a zombie.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn formats_names_and_certificates_are_read_as_they_were_created() {
    let Some(aws) = Emulator::start() else { return };
    let ids = aws.fill();
    let [vpc, eni, gateway, attachment] = [0, 1, 2, 3].map(|number| ids[number].as_bytes());
    let config = aws.config().await;

    let mut lookups = ec2::Ec2::new(&config);
    let now = tokio::time::Instant::now();
    let flow_logs = lookups.refresh_flow_logs(now).await;
    let changed = lookups.refresh_names("flows", now).await.or(flow_logs);
    let inventory: Inventory = changed.expect("something new");
    assert_eq!(lookups.take_errors(), ec2::UnansweredCounts::default());

    let group = Destination::log_group("flows");
    let formats: Vec<_> = inventory.formats_for(Some(&group)).collect();
    assert_eq!(formats, ["${version} ${bytes}", "${version} ${tgw-id}"]);
    let interface = inventory.interface(eni).expect("the interface");
    assert_eq!(
        (interface.name(), interface.description()),
        (Some("web"), Some("front end"))
    );
    assert_eq!(
        interface.addresses().collect::<Vec<_>>(),
        ["10.1.1.10"
            .parse::<flowlogs_core::Address>()
            .expect("an address")]
    );
    assert_eq!(
        inventory.vpc(vpc).and_then(|vpc| vpc.name.as_deref()),
        Some("prod")
    );
    assert_eq!(
        inventory
            .gateway(gateway)
            .and_then(|gateway| gateway.name.as_deref()),
        Some("core")
    );
    let attached = inventory
        .attachment(attachment)
        .and_then(|attachment| attachment.resource.as_deref());
    assert_eq!(attached.map(str::as_bytes), Some(vpc));

    let tls = secret::read(&config, "tls").await.expect("the secret");
    assert_eq!(tls.ca_pem.as_deref(), Some("PEM of the CA"));
    let error = secret::read(&config, "no such secret")
        .await
        .expect_err("nothing of this name")
        .to_string();
    assert!(
        error.starts_with("secretsmanager:GetSecretValue: ResourceNotFoundException"),
        "{error}"
    );
}
