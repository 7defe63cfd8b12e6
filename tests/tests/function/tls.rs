//! TLS: mutual authentication from a secret, and certificates that are not good.

use rustls::ALL_VERSIONS;

use crate::aws::Moto;
use crate::collector::Collector;
use crate::decode::Record;
use crate::payload::{event, lines};
use crate::runtime::Function;
use flowlogs_testing::certificates::{
    Authority, CertificateParams, Identity, date_time_ymd, server,
};

/// No line of a private key may be printed.
fn assert_silent_about(function: &Function, identity: &Identity) {
    let printed = function.output() + &function.errors();
    assert!(!printed.contains("PRIVATE KEY"), "{printed}");
    for line in identity
        .key
        .lines()
        .filter(|line| !line.starts_with("-----"))
    {
        assert!(!printed.contains(line), "a line of the key was printed");
    }
}

#[test]
fn mutual_authentication_takes_its_certificates_from_a_secret() {
    let Some(aws) = Moto::start() else { return };
    let authority = Authority::new();
    let identity = authority.issue("exporter");
    let collector = Collector::with_tls(server(
        &authority.issue("localhost"),
        Some(&authority),
        ALL_VERSIONS,
    ));
    let secret = serde_json::json!({"ca": authority.pem(), "certificate": identity.certificate, "key": identity.key});
    let create = r#"print(json.dumps(secrets.create_secret(Name="collector-tls", SecretString=sys.argv[2])["ARN"]))"#;
    let arn = aws.run(create, &[&secret.to_string()]);
    let arn = arn.as_str().expect("an ARN");
    let variables = |id| {
        [
            ("COLLECTOR", collector.url()),
            ("AWS_ENDPOINT_URL", aws.endpoint.clone()),
            ("TLS_SECRET_ID", id),
        ]
    };
    let given = variables(arn.to_owned());
    let Some(function) = Function::start(&given) else {
        return;
    };
    for round in 0..2 {
        let summary = function.invoke(&event("flows", &lines(round * 500, 500)));
        let summary = summary.unwrap_or_else(|failure| panic!("{failure:?}"));
        assert_eq!(summary["FlowsExported"], 500, "{summary}");
    }
    assert_eq!(collector.flows(1_000).len(), 1_000);
    assert_eq!(collector.connections().len(), 1, "the session is kept");
    assert_silent_about(&function, &identity);

    let given = variables("no-such-secret".to_owned());
    let function = Function::start(&given).expect("as before");
    let failure = function
        .invoke(&event("flows", &lines(0, 1)))
        .expect_err("no secret");
    assert_eq!(failure.error_type, "SecretUnreadable");
    assert!(
        failure.message.contains("TLS_SECRET_ID") && failure.message.contains("ResourceNotFound"),
        "{}",
        failure.message
    );
}

/// An interface with a name, and a secret.
const NETWORK: &str = r#"
secrets.create_secret(Name="ca", SecretString=sys.argv[2])
vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
eni = ec2.create_network_interface(SubnetId=subnet, TagSpecifications=tag("network-interface", "web-1"))
print(json.dumps(eni["NetworkInterface"]["NetworkInterfaceId"]))
"#;

#[test]
fn a_secret_that_is_mended_is_read_again() {
    let Some(aws) = Moto::start() else { return };
    let authority = Authority::new();
    let collector = Collector::with_tls(server(&authority.issue("localhost"), None, ALL_VERSIONS));
    let secret = |authority: &Authority| serde_json::json!({"ca": authority.pem()}).to_string();
    let eni = aws.run(NETWORK, &[&secret(&Authority::new())]);
    let eni = eni.as_str().expect("an id");
    let variables = [
        ("COLLECTOR", collector.url()),
        ("AWS_ENDPOINT_URL", aws.endpoint.clone()),
        ("TLS_SECRET_ID", "ca".to_owned()),
    ];
    let Some(function) = Function::start(&variables) else {
        return;
    };
    let flows = lines(0, 3)
        .iter()
        .map(|line| line.replace("eni-0a0a0a0a0a0a0a0a0", eni))
        .collect::<Vec<_>>();
    let payload = event("flows", &flows);
    let failure = function.invoke(&payload).expect_err("another authority");
    assert_eq!(
        failure.error_type, "CollectorUnreachable",
        "{}",
        failure.message
    );
    let update = r#"print(json.dumps(secrets.put_secret_value(SecretId="ca", SecretString=sys.argv[2])["ARN"]))"#;
    aws.run(update, &[&secret(&authority)]);
    let summary = function.invoke(&payload).expect("the right authority");
    assert_eq!(summary["FlowsExported"], 3, "{summary}");
    assert_eq!(collector.flows(3).len(), 3);
    let named = |record: &Record| record.fields.values().any(|value| value.contains("web-1"));
    assert!(
        collector.records().iter().any(named),
        "what was looked up before stays known"
    );
}

#[test]
fn a_certificate_that_is_expired_of_another_name_or_not_trusted_fails_with_a_line_that_says_which()
{
    let authority = Authority::new();
    let mut expired = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    (expired.not_before, expired.not_after) =
        (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let identity = authority.issue("exporter");
    for (shown, words) in [
        (authority.issue_with(expired), "expired"),
        (authority.issue("elsewhere.example.com"), "localhost"),
        (Authority::new().issue("localhost"), "trust"),
    ] {
        let collector = Collector::with_tls(server(&shown, None, ALL_VERSIONS));
        let (url, ca) = (collector.url(), authority.pem());
        let Some(function) = Function::start(&[
            ("COLLECTOR", url.as_str()),
            ("INVENTORY", "off"),
            ("AWS_ENDPOINT_URL", &crate::aws::ec2_that_refuses()),
            ("TLS_CA", &ca),
            ("TLS_CERTIFICATE", &identity.certificate),
            ("TLS_KEY", &identity.key),
        ]) else {
            return;
        };
        let failure = function
            .invoke(&event("flows", &lines(0, 10)))
            .expect_err("it is not verified");
        assert_eq!(failure.error_type, "CollectorUnreachable");
        let (named, reason) = failure.message.split_at(url.len());
        assert!(
            named == url && reason.contains(words) && !reason.contains('\n'),
            "{words}: {}",
            failure.message
        );
        assert!(collector.records().is_empty());
        assert!(
            function.output().contains(words),
            "it is in the log: {}",
            function.output()
        );
        assert_silent_about(&function, &identity);
    }
}

#[test]
fn a_missing_certificate_of_the_function_fails_the_invocation() {
    let authority = Authority::new();
    let collector = Collector::with_tls(server(
        &authority.issue("localhost"),
        Some(&authority),
        ALL_VERSIONS,
    ));
    let (url, ca) = (collector.url(), authority.pem());
    let Some(function) = Function::start(&[
        ("COLLECTOR", url.as_str()),
        ("INVENTORY", "off"),
        ("TLS_CA", &ca),
        ("AWS_ENDPOINT_URL", &crate::aws::ec2_that_refuses()),
    ]) else {
        return;
    };
    let failure = function
        .invoke(&event("flows", &lines(0, 10)))
        .expect_err("no certificate");
    assert_eq!(failure.error_type, "CollectorUnreachable");
    assert!(
        failure.message.contains("certificate"),
        "{}",
        failure.message
    );
}
